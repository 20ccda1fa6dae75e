from __future__ import annotations

from django.urls import path

from apps.core.views import audit, operations, search
from apps.core.views.live import live

app_name = "core"
urlpatterns = [
    path("live/", live, name="live"),
    path("operations/", operations.OperationList.as_view(), name="operations"),
    path("operations/<int:operation_id>/", operations.operation, name="operation"),
    path("operations/<int:operation_id>/cancel/", operations.cancel, name="operation_cancel"),
    path("operations/<int:operation_id>/tell/<slug:control>/", operations.tell, name="operation_tell"),
    path("search/", search.search, name="search"),
    path("audit/", audit.AuditList.as_view(), name="audit"),
]
