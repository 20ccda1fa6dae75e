"""What groups were told: the log, and one message as it went out."""

from __future__ import annotations

import django_tables2 as tables
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.core.filters import NotificationFilter
from apps.core.models import Notification, NotificationDelivery
from apps.core.notifications.access import groups_visible, notifications_visible
from apps.core.notifications.rendering import render
from apps.core.tables import NUMBER, SHORT, OceanTable
from apps.core.views.pages import PageRequest, render_page
from apps.core.views.tables import TablePage

PARTS = {"notification": "core/notification/_notification.html"}


class NotificationTable(OceanTable):
    region = "notifications"
    live = "notifications"
    caption = gettext_lazy("Notifications")
    empty_template = "core/notification/_nothing_told.html"

    created_at = tables.TemplateColumn(
        "{% load ocean %}{% ago record.created_at %}", verbose_name=gettext_lazy("time"), attrs=SHORT
    )
    group = tables.Column(
        accessor="group__name",
        linkify=lambda record: record.group.get_absolute_url(),
        verbose_name=gettext_lazy("group"),
    )
    subject = tables.TemplateColumn(
        template_name="core/notification/_subject.html", verbose_name=gettext_lazy("subject"), orderable=False
    )
    events = tables.Column(verbose_name=pgettext_lazy("number", "events"), attrs=NUMBER)
    deliveries = tables.TemplateColumn(
        template_name="core/notification/_deliveries.html",
        verbose_name=gettext_lazy("delivered"),
        orderable=False,
    )


class NotificationList(TablePage):
    table_class = NotificationTable
    filterset_class = NotificationFilter
    template_name = "core/notification/log.html"
    toolbar = ("search", "group", "severity")

    def get_queryset(self) -> QuerySet[Notification]:
        return with_deliveries(notifications_visible(self.request.user))

    def choices(self) -> dict[str, list[tuple[str, str]]]:
        return {"group": [(group.name, group.name) for group in groups_visible(self.request.user)]}


def notification(request: PageRequest, notification_id: int) -> HttpResponse:
    found = get_object_or_404(with_deliveries(notifications_visible(request.user)), pk=notification_id)
    context = {"notification": found, "message": render(found)}
    return render_page(request, "core/notification/notification.html", context, parts=PARTS)


def with_deliveries(told: QuerySet[Notification]) -> QuerySet[Notification]:
    return told.prefetch_related(
        Prefetch("deliveries", NotificationDelivery.objects.select_related("channel"))
    )
