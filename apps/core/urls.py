from __future__ import annotations

from django.urls import path

from apps.core.views import (
    audit,
    drift,
    notification_channels,
    notification_groups,
    notifications,
    operations,
    search,
)
from apps.core.views.live import live

app_name = "core"
GROUP = "notifications/groups/<slug:name>/"
urlpatterns = [
    path("live/", live, name="live"),
    path("operations/", operations.OperationList.as_view(), name="operations"),
    path("operations/<int:operation_id>/", operations.operation, name="operation"),
    path("operations/<int:operation_id>/cancel/", operations.cancel, name="operation_cancel"),
    path("operations/<int:operation_id>/tell/<slug:control>/", operations.tell, name="operation_tell"),
    path("search/", search.search, name="search"),
    path("notifications/", notification_groups.GroupList.as_view(), name="notification_groups"),
    path("notifications/new/", notification_groups.new, name="notification_group_new"),
    path("notifications/log/", notifications.NotificationList.as_view(), name="notifications"),
    path("notifications/log/<int:notification_id>/", notifications.notification, name="notification"),
    path(GROUP, notification_groups.group, name="notification_group"),
    path(f"{GROUP}delete/", notification_groups.delete, name="notification_group_delete"),
    path(f"{GROUP}members/", notification_groups.member, name="notification_member"),
    path(
        f"{GROUP}members/<int:user_id>/remove/",
        notification_groups.member_end,
        name="notification_member_remove",
    ),
    path(f"{GROUP}channels/new/<slug:kind>/", notification_channels.new, name="notification_channel_new"),
    path(f"{GROUP}channels/<int:channel_id>/", notification_channels.edit, name="notification_channel"),
    path(
        f"{GROUP}channels/<int:channel_id>/delete/",
        notification_channels.delete,
        name="notification_channel_delete",
    ),
    path(
        f"{GROUP}channels/<int:channel_id>/test/",
        notification_channels.test,
        name="notification_channel_test",
    ),
    path("drift/", drift.DriftList.as_view(), name="drift"),
    path("drift/<int:drift_id>/fix/", drift.fix, name="drift_fix"),
    path("audit/", audit.AuditList.as_view(), name="audit"),
]
