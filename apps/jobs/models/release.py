"""Several jobs changed as one."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import MAX_REASON, TranslatedLine
from apps.jobs.models.job import Job


class Release(models.Model):
    """One action on several jobs, in the order of their dependencies. An operation (`release.run`, or `release.undo`
    afterwards) carries it out; `state` is what came of the last one."""

    class Action(models.TextChoices):
        PUBLISH = "publish", _("publish")
        RESTART = "restart", _("restart")
        STOP = "stop", _("stop")
        START = "start", _("start")

    class OnFailure(models.TextChoices):
        UNDO = "undo", _("all go back to what ran before")
        LEAVE = "leave", _("what is done stays")

    class State(models.TextChoices):
        RUNNING = "running", pgettext_lazy("release", "under way")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        UNDONE = "undone", _("undone")
        CANCELLED = "cancelled", _("cancelled")

    action = models.CharField(_("action"), max_length=16, choices=Action.choices)
    on_failure = models.CharField(
        _("if one fails"), max_length=8, choices=OnFailure.choices, default=OnFailure.UNDO
    )
    parallel = models.PositiveSmallIntegerField(_("at once, at most"))
    reason = models.CharField(_("reason"), max_length=MAX_REASON, blank=True)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.RUNNING)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("requested by")
    )
    operation = models.ForeignKey(
        "core.Operation", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("operation")
    )
    asked = models.JSONField(default=dict, editable=False)
    idempotency_key = models.CharField(max_length=255, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("release")
        verbose_name_plural = _("releases")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="release_idempotency_key_once",
            ),
            models.CheckConstraint(condition=models.Q(parallel__gte=1), name="release_parallel_one"),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="release_by_state"),
            models.Index(fields=["finished_at"], name="release_finished"),
        ]

    def __str__(self) -> str:
        return f"release.{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("jobs:release", args=[self.pk])


class ReleaseItem(TranslatedLine):
    """One job of a release. `after` are the positions of those that it has to wait for; what ran before is written
    down in the transaction that begins it. The sentence says what happened to it last."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("release", "not begun")
        RUNNING = "running", pgettext_lazy("release", "under way")
        DONE = "done", pgettext_lazy("release", "done")
        FAILED = "failed", _("failed")
        SKIPPED = "skipped", pgettext_lazy("release", "left as it was")
        UNDOING = "undoing", pgettext_lazy("release", "going back")
        UNDONE = "undone", pgettext_lazy("release", "back as before")
        KEPT = "kept", pgettext_lazy("release", "stays")
        STUCK = "stuck", pgettext_lazy("release", "could not go back")

    SETTLED: ClassVar = (State.DONE, State.FAILED, State.SKIPPED, State.UNDONE, State.KEPT, State.STUCK)

    release = models.ForeignKey(
        Release, on_delete=models.CASCADE, related_name="items", verbose_name=_("release")
    )
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="+", verbose_name=_("job"))
    position = models.PositiveSmallIntegerField(_("position"))
    stage = models.PositiveSmallIntegerField(_("stage"))
    after = models.JSONField(_("after"), default=list)
    version = models.PositiveIntegerField(_("version"), null=True)
    strategy = models.JSONField(_("strategy"), null=True)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.WAITING)
    previous_version = models.PositiveIntegerField(_("version before"), null=True)
    previous_wanted = models.PositiveIntegerField(_("instances before"), null=True)
    busy_since = models.DateTimeField(_("held up by another operation since"), null=True)
    operation = models.ForeignKey(
        "core.Operation", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("operation")
    )
    undo_operation = models.ForeignKey(
        "core.Operation",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("operation that goes back"),
    )

    class Meta:
        verbose_name = _("job of a release")
        verbose_name_plural = _("jobs of a release")
        ordering = ["release", "position"]
        constraints = [
            models.UniqueConstraint(fields=["release", "job"], name="release_item_job_once"),
            models.UniqueConstraint(fields=["release", "position"], name="release_item_position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.release_id}.{self.position}"

    @property
    def progress(self) -> int:
        """0–100: how far the operation that works on it is."""
        if self.state in self.SETTLED:
            return 100
        current = self.undo_operation if self.state == self.State.UNDOING else self.operation
        return current.progress if current is not None else 0
