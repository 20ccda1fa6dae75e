"""Operations and their log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models.cluster import Cluster
from apps.core.models.lines import TranslatedLine, render_line

MAX_REASON = 300
"""Characters of what a person says about why."""


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

    is_new = False
    """Whether this process has only just written it: nothing can have been said of it, and nobody waits behind it."""
    prepared: Any = None
    """What its kind read for its next step together with others (see `kinds.Together`); never stored."""

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

    @cached_property
    def said(self) -> list[OperationLog]:
        """Lines of its log that are written with what its step comes to."""
        return []

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
