"""What every app shares: clusters, operations and their log, the audit trail, heartbeats."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from apps.core.crypto import EncryptedTextField

MAX_REASON = 300
"""Characters of what a person says about why."""


class Cluster(models.Model):
    """One Marathon + Mesos + Chronos, in one IDC, for one environment. Several addresses are several masters."""

    name = models.SlugField(_("name"), max_length=63, unique=True)
    idc = models.SlugField(_("data centre"), max_length=32, db_index=True)
    environment = models.SlugField(_("environment"), max_length=63)
    marathon_urls = models.JSONField(_("Marathon addresses"), default=list)
    mesos_urls = models.JSONField(_("Mesos addresses"), default=list)
    chronos_urls = models.JSONField(_("Chronos addresses"), default=list, blank=True)
    username = models.CharField(_("user name"), max_length=150, blank=True)
    password = EncryptedTextField(_("password"), blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("cluster")
        verbose_name_plural = _("clusters")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ClusterWatch(models.Model):
    """How the mirror of one cluster is doing. Written by its watcher only, every few seconds."""

    ALIVE_WITHIN = timedelta(seconds=15)

    cluster = models.OneToOneField(
        Cluster, on_delete=models.CASCADE, related_name="watch", primary_key=True, verbose_name=_("cluster")
    )
    heartbeat_at = models.DateTimeField(_("watcher's last sign of life"), null=True)
    synced_at = models.DateTimeField(_("mirror last known to be true"), null=True)
    connected = models.BooleanField(_("event stream open"), default=False)
    engine_version = models.CharField(_("engine version"), max_length=64, blank=True)
    error = models.TextField(_("error"), blank=True)
    error_since = models.DateTimeField(_("error since"), null=True)

    class Meta:
        verbose_name = _("cluster watch")
        verbose_name_plural = _("cluster watches")
        ordering = ["cluster_id"]

    def __str__(self) -> str:
        return str(self.cluster)

    @property
    def is_alive(self) -> bool:
        """Whether a watcher reported lately (it may still be cut off from its engine: see `error`)."""
        return self.heartbeat_at is not None and timezone.now() - self.heartbeat_at < self.ALIVE_WITHIN


class Heartbeat(models.Model):
    """A process's last sign of life, by name (`worker`). The web process reads it for /healthz."""

    name = models.CharField(_("name"), max_length=63, primary_key=True)
    at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("heartbeat")
        verbose_name_plural = _("heartbeats")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TranslatedLine(models.Model):
    """A sentence for people, kept as its English source and values, so that each reader gets their language."""

    text = models.CharField(max_length=500, blank=True)
    values = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True

    @property
    def rendered(self) -> str:
        return render_line(self.text, self.values)


def render_line(text: str, values: Mapping[str, Any]) -> str:
    """The stored sentence in the active language. `text` was marked with `gettext_noop` where it was written.

    A value may be a sentence of its own (`{"text", "values"}`), a list of them, or a `{"moment": ISO 8601}`, which is
    said in the active time zone.
    """
    if not text:
        return ""
    translated = gettext(text)
    try:
        return (
            (translated % {name: _render_value(value) for name, value in values.items()})
            if values
            else translated
        )
    except (KeyError, ValueError, TypeError):
        # A sentence stored by an older release: better shown raw than a broken page.
        return text


def _render_value(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(str(_render_value(item)) for item in value)
    if isinstance(value, Mapping) and "text" in value:
        return render_line(value["text"], value.get("values", {}))
    if isinstance(value, Mapping) and "moment" in value:
        moment = datetime.fromisoformat(value["moment"])
        return date_format(timezone.localtime(moment), "Y-m-d H:i O")
    return value


class OperationQuerySet(models.QuerySet["Operation"]):
    def active(self) -> OperationQuerySet:
        """Those that still hold their target."""
        return self.filter(state__in=Operation.ACTIVE_STATES, after__isnull=True)

    def next_in_line(self) -> OperationQuerySet:
        """Those that wait to take over from the one that holds their target."""
        return self.filter(state=Operation.State.QUEUED, after__isnull=False)

    def claimable(self, *, now: datetime) -> OperationQuerySet:
        """Those that a worker may take: due, or left behind by a worker that died."""
        return self.filter(
            Q(state__in=[Operation.State.QUEUED, Operation.State.WAITING])
            & (Q(wake_at__isnull=True) | Q(wake_at__lte=now))
            | Q(state=Operation.State.RUNNING, lease_expires_at__lt=now),
            after__isnull=True,
        )


class Operation(models.Model):
    """An intent that leaves the database, from the click to its end: progress bar, history and audit trail in one.

    Written in the transaction of the intent; only `apps.core.operations` moves it. See docs/architecture.md.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        WAITING = "waiting", _("waiting")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    ACTIVE_STATES = (State.QUEUED, State.RUNNING, State.WAITING)

    kind = models.CharField(_("kind"), max_length=63)
    target_type = models.CharField(_("target type"), max_length=63)
    target_id = models.BigIntegerField(_("target id"))
    target = models.CharField(_("target"), max_length=400)
    product_line = models.ForeignKey(
        "accounts.ProductLine",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("product line"),
    )
    cluster = models.ForeignKey(
        Cluster, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("cluster")
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    parameters = models.JSONField(_("parameters"), default=dict)
    memory = models.JSONField(
        pgettext_lazy("operation", "memory"),
        default=dict,
        help_text=_("What the steps wrote down for those that follow."),
    )

    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.QUEUED)
    progress = models.PositiveSmallIntegerField(_("progress (%)"), default=0)
    message = models.CharField(_("message"), max_length=500, blank=True)
    message_values = models.JSONField(default=dict, blank=True)
    error = models.TextField(_("error"), blank=True)
    error_values = models.JSONField(default=dict, blank=True)
    deployment_id = models.CharField(_("deployment"), max_length=64, blank=True, db_index=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=255, blank=True)
    reason = models.CharField(
        _("reason"), max_length=MAX_REASON, blank=True, help_text=_("Why, in the words of who asked.")
    )

    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    lease_owner = models.CharField(_("lease owner"), max_length=255, blank=True)
    lease_expires_at = models.DateTimeField(_("lease expires"), null=True)
    wake_at = models.DateTimeField(_("look again at"), null=True)
    deadline_at = models.DateTimeField(_("deadline"), null=True)
    cancel_requested_at = models.DateTimeField(_("cancel requested"), null=True)
    cancel_key = models.CharField(max_length=255, blank=True, editable=False)
    paused_at = models.DateTimeField(_("paused"), null=True)
    went_on_at = models.DateTimeField(_("told to go on"), null=True)
    after = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        related_name="successors",
        verbose_name=_("waits to take over from"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = OperationQuerySet.as_manager()

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["target_type", "target_id"],
                condition=Q(state__in=["queued", "running", "waiting"], after__isnull=True),
                name="operation_one_active_per_target",
            ),
            models.UniqueConstraint(
                fields=["target_type", "target_id"],
                condition=Q(state="queued", after__isnull=False),
                name="operation_one_next_per_target",
            ),
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="operation_idempotency_key_once",
            ),
            models.CheckConstraint(condition=Q(progress__lte=100), name="operation_progress_percent"),
        ]
        indexes = [
            models.Index(
                F("wake_at").asc(nulls_first=True),
                name="operation_due",
                condition=Q(state__in=["queued", "running", "waiting"]),
            ),
            models.Index(fields=["product_line", "-id"], name="operation_by_line"),
            models.Index(fields=["requested_by", "-id"], name="operation_by_person"),
            models.Index(fields=["target_type", "target_id", "-id"], name="operation_by_target"),
            models.Index(fields=["state", "-id"], name="operation_by_state"),
            models.Index(fields=["kind", "-id"], name="operation_by_kind"),
            models.Index(fields=["finished_at"], name="operation_finished"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind} {self.target}"

    def get_absolute_url(self) -> str:
        return reverse("core:operation", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE_STATES

    @property
    def message_text(self) -> str:
        return render_line(self.message, self.message_values)

    @property
    def error_text(self) -> str:
        return render_line(self.error, self.error_values)


class OperationLog(TranslatedLine):
    """A line of an operation's log."""

    class Level(models.TextChoices):
        INFO = "info", _("info")
        WARNING = "warning", _("warning")
        ERROR = "error", _("error")

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField(_("time"), default=timezone.now)
    level = models.CharField(_("level"), max_length=8, choices=Level.choices, default=Level.INFO)

    class Meta:
        verbose_name = _("operation log line")
        verbose_name_plural = _("operation log")
        ordering = ["id"]
        indexes = [models.Index(fields=["operation", "id"], name="operation_log_order")]

    def __str__(self) -> str:
        return self.rendered


class AuditEntry(models.Model):
    """Who changed what inside the database: members, tokens, secrets, versions. Changes outside it are Operations."""

    at = models.DateTimeField(_("time"), default=timezone.now)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("who")
    )
    action = models.CharField(_("action"), max_length=63)
    object = models.CharField(_("object"), max_length=400)
    product_line = models.ForeignKey(
        "accounts.ProductLine",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("product line"),
    )
    detail = models.JSONField(_("detail"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-id"]
        indexes = [models.Index(fields=["product_line", "-id"], name="audit_by_line")]

    def __str__(self) -> str:
        return f"{self.action} {self.object}"
