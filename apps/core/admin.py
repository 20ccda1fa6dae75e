"""Clusters, operations, the audit trail and signs of life, for SREs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from apps.accounts.rights import Right, require
from apps.core.admin_site import ReadOnlyAdmin, ReadOnlyInline, SreAdmin, person_of
from apps.core.clusters import ClusterFields, cluster_save
from apps.core.errors import InvalidInput, NotNow
from apps.core.forms import LinesField
from apps.core.models import (
    AuditEntry,
    Cluster,
    ClusterWatch,
    Drift,
    Heartbeat,
    Notification,
    NotificationChannel,
    NotificationDelivery,
    NotificationGroup,
    Operation,
    OperationLog,
)
from apps.core.operations.controls import operation_control
from apps.core.operations.kinds import Control
from apps.core.operations.services import operation_cancel
from apps.core.serializers import checked
from engines.metrics.prometheus import LABEL, QUERIES

PASSWORDS = ("password", "metrics_password")
_QUERY = "query_"


def _password(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Left empty, it stays as it is."),
    )


def _query(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 100, "spellcheck": "false"}),
    )


class ClusterForm(forms.ModelForm):  # type: ignore[type-arg] # generic only in the stubs
    """A cluster by the same rules as an entry of OCEAN_CLUSTERS; its passwords are written and never shown."""

    marathon = LinesField(label=_("Marathon addresses"), help_text=_("One on each line."))
    mesos = LinesField(label=_("Mesos addresses"), help_text=_("One on each line."))
    chronos = LinesField(label=_("Chronos addresses"), help_text=_("One on each line."), required=False)
    password = _password(_("password"))
    metrics_password = _password(_("monitoring's password or token"))
    query_cpu = _query(_("Average CPU usage (%)"))
    query_memory = _query(_("Average memory usage (%)"))
    query_qps = _query(_("Requests a second"))
    query_latency = _query(_("Latency (ms)"))

    class Meta:
        model = Cluster
        fields = [
            "name", "idc", "environment", "username", "metrics", "metrics_url", "metrics_username", "metrics_label",
            "enabled",
        ]  # fmt: skip
        help_texts = {"metrics_label": _("Which label of the series holds the task's id; usually task_id.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("marathon", "mesos", "chronos"):
            self.initial[name] = getattr(self.instance, f"{name}_urls")
        self.fields["metrics_label"].required = False
        for metric, query in {**QUERIES, **self.instance.metrics_queries}.items():
            self.initial[_QUERY + metric] = query

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                checked(ClusterFields(data=self.asked(), partial=self.instance.pk is not None))
            except InvalidInput as exc:
                for error in exc.errors:
                    name = error.field.partition("[")[0].replace("metrics_queries.", _QUERY)
                    self.add_error(name or None, error.detail)
        return cleaned

    def asked(self) -> dict[str, Any]:
        """What the form asks for, as ClusterFields takes it."""
        fields = dict(self.cleaned_data)
        for name in PASSWORDS:
            if not fields.get(name):
                fields.pop(name, None)
        fields["metrics_label"] = fields["metrics_label"] or LABEL
        typed = {metric: fields.pop(_QUERY + metric) for metric in QUERIES}
        fields["metrics_queries"] = {
            metric: query for metric, query in typed.items() if query and query != QUERIES[metric]
        }
        return fields


@admin.register(Cluster)
class ClusterAdmin(SreAdmin):
    form = ClusterForm
    fieldsets = [
        (None, {"fields": [
            "name", "idc", "environment", "enabled", "marathon", "mesos", "chronos", "username", "password",
        ]}),
        (_("Monitoring"), {"fields": ["metrics", "metrics_url", "metrics_username", "metrics_password"]}),
        (_("Prometheus' label and expressions"), {
            "classes": ["collapse"],
            "description": _(
                "The usual ones suit cAdvisor. $label is the label below, $match the selector of the tasks in "
                "question, $window a range of four scrapes. Left empty, an expression is the usual one again."
            ),
            "fields": ["metrics_label", *(_QUERY + metric for metric in QUERIES)],
        }),
    ]  # fmt: skip
    list_display = ["name", "idc", "environment", "enabled", "connected", "synced_at", "error"]
    list_filter = ["enabled", "idc", "environment"]
    list_select_related = ["watch"]
    search_fields = ["name", "idc", "environment"]

    def get_readonly_fields(self, request: HttpRequest, obj: Cluster | None = None) -> list[str]:
        return ["name"] if obj else []  # it is part of the jobs' names

    def save_model(self, request: HttpRequest, obj: Cluster, form: Any, change: bool) -> None:
        # The form has written its values into `obj`; the service compares with what is stored.
        stored = Cluster.objects.get(pk=obj.pk) if change else Cluster()
        obj.pk = cluster_save(cluster=stored, fields=form.asked(), by=person_of(request)).pk

    @admin.display(description=_("event stream open"), boolean=True)
    def connected(self, cluster: Cluster) -> bool | None:
        return cluster.watch.connected if hasattr(cluster, "watch") else None

    @admin.display(description=_("mirror last known to be true"), ordering="watch__synced_at")
    def synced_at(self, cluster: Cluster) -> Any:
        return cluster.watch.synced_at if hasattr(cluster, "watch") else None

    @admin.display(description=_("error"))
    def error(self, cluster: Cluster) -> str:
        return cluster.watch.error if hasattr(cluster, "watch") else ""


@admin.register(ClusterWatch)
class ClusterWatchAdmin(ReadOnlyAdmin):
    list_display = [
        "cluster",
        "connected",
        "heartbeat_at",
        "synced_at",
        "engine_version",
        "error_since",
        "error",
    ]
    list_filter = ["connected"]
    list_select_related = ["cluster"]
    search_fields = ["cluster__name", "error"]


@admin.register(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["name", "at"]
    search_fields = ["name"]


class OperationLogInline(ReadOnlyInline):
    model = OperationLog
    fields = ["at", "level", "rendered"]
    readonly_fields = ["at", "level", "rendered"]

    @admin.display(description=_("text"))
    def rendered(self, line: OperationLog) -> str:
        return line.rendered


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    """Only its own steps move an operation; here one can ask for its end."""

    list_display = ["id", "kind", "target", "state", "progress", "requested_by", "created_at", "finished_at"]
    list_filter = ["state", "kind", "cluster"]
    list_select_related = ["requested_by"]
    search_fields = ["target", "idempotency_key", "deployment_id"]
    date_hierarchy = "created_at"
    fields = [
        "kind", "target", "product_line", "cluster", "requested_by", "state", "progress", "message_text", "error_text",
        "parameters", "memory", "deployment_id", "idempotency_key", "attempts", "lease_owner", "lease_expires_at",
        "wake_at", "deadline_at", "cancel_requested_at", "created_at", "started_at", "finished_at",
    ]  # fmt: skip
    actions = ["cancel", "pause", "resume"]
    inlines = [OperationLogInline]

    @admin.action(description=_("Ask for the end of the selected operations"), permissions=["view"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Operation]) -> None:
        count = 0
        for operation in queryset.select_related("product_line"):
            require(request.user, Right.CHANGE, operation.product_line)
            count += operation_cancel(operation, by=person_of(request))
        text = ngettext(
            "Asked for the end of %(count)s operation.", "Asked for the end of %(count)s operations.", count
        )
        messages.success(request, text % {"count": count})

    @admin.action(description=_("Pause the selected operations"), permissions=["view"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Operation]) -> None:
        self._tell(request, queryset, "pause")

    @admin.action(description=_("Resume the selected operations"), permissions=["view"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Operation]) -> None:
        self._tell(request, queryset, "resume")

    def _tell(self, request: HttpRequest, queryset: QuerySet[Operation], control: Control) -> None:
        told = 0
        for operation in queryset.select_related("product_line"):
            try:
                operation_control(operation, control, by=person_of(request))
                told += 1
            except NotNow as exc:
                messages.error(request, str(exc))
        text = ngettext("%(count)s operation was told.", "%(count)s operations were told.", told)
        messages.success(request, text % {"count": told})

    @admin.display(description=_("message"))
    def message_text(self, operation: Operation) -> str:
        return operation.message_text

    @admin.display(description=_("error"))
    def error_text(self, operation: Operation) -> str:
        return operation.error_text


@admin.register(Drift)
class DriftAdmin(ReadOnlyAdmin):
    """What to do about it is on its own page, where a service does it."""

    list_display = ["since", "kind", "cluster", "object", "ignored_at"]
    list_filter = ["kind", "cluster"]
    list_select_related = ["cluster"]
    search_fields = ["object"]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor", "action", "object", "product_line"]
    list_filter = ["action"]
    list_select_related = ["actor", "product_line"]
    search_fields = ["object", "action", "actor__username"]
    date_hierarchy = "at"


@admin.register(NotificationGroup)
class NotificationGroupAdmin(ReadOnlyAdmin):
    """Groups and channels are changed on their own pages, where what is secret stays so."""

    list_display = ["name", "title", "product_line", "merge_s", "enabled"]
    list_filter = ["enabled"]
    list_select_related = ["product_line"]
    search_fields = ["name", "title"]


@admin.register(NotificationChannel)
class NotificationChannelAdmin(ReadOnlyAdmin):
    list_display = ["name", "group", "kind", "from_severity", "enabled", "sent_at", "failed_at", "error"]
    list_filter = ["kind", "enabled"]
    list_select_related = ["group"]
    search_fields = ["name", "group__name", "error"]
    exclude = ["config"]


class NotificationDeliveryInline(ReadOnlyInline):
    model = NotificationDelivery
    fields = ["channel", "state", "attempts", "reached", "error", "wake_at", "finished_at"]


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["id", "created_at", "group", "subject", "severity", "events", "released_at"]
    list_filter = ["severity"]
    list_select_related = ["group"]
    search_fields = ["key", "group__name"]
    date_hierarchy = "created_at"
    inlines = [NotificationDeliveryInline]

    @admin.display(description=_("subject"))
    def subject(self, notification: Notification) -> str:
        return notification.subject


@admin.register(NotificationDelivery)
class NotificationDeliveryAdmin(ReadOnlyAdmin):
    list_display = ["id", "notification", "channel", "state", "attempts", "wake_at", "finished_at", "error"]
    list_filter = ["state"]
    list_select_related = ["notification", "channel"]
    search_fields = ["error", "channel__name"]
