"""What a job's scaling follows, and what holds it for a while."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import MAX_REASON
from apps.elastic.falcon.signing import new_key
from apps.jobs.models import Job


class ScalingPolicy(models.Model):
    """How a job's number of instances follows its metrics; a job has one at most.

    `metrics` is a list of what the API takes, one entry for each metric (`apps.elastic.policies`):
    `{"metric": "cpu", "mode": "threshold", "out": {"samples": 3, "above": 80}, "in": {"samples": 3, "below": 60}}` or
    `{"metric": "qps", "mode": "target", "target": 65}`. `version` counts its saves. `callback_key` stands in the
    address that Falcon calls; whoever draws another revokes the address (`apps.elastic.falcon.signing`).
    """

    class Shrinking(models.TextChoices):
        STEPS = "steps", _("goes on in allowed steps")
        ASK = "ask", _("waits for the approval")

    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="scaling", verbose_name=_("job"))
    enabled = models.BooleanField(_("enabled"), default=True)
    min = models.PositiveIntegerField(_("min instances"), default=1)
    max = models.PositiveIntegerField(_("max instances"))
    step = models.PositiveIntegerField(pgettext_lazy("scaling", "step"), default=1)
    metrics = models.JSONField(_("metrics"), default=list)
    predict = models.BooleanField(_("predict"), default=False)
    advise_only = models.BooleanField(
        _("advise only"), default=False, help_text=_("Decides and writes down, but changes nothing.")
    )
    cooldown_s = models.PositiveIntegerField(_("cool-down (s)"), default=0)
    window_s = models.PositiveIntegerField(
        _("look-back before scaling in (s)"),
        default=600,
        help_text=_("It scales in only to the most that was wanted in this time."),
    )
    shrink_instances = models.PositiveIntegerField(
        _("instances that one step in takes at most"),
        default=10,
        help_text=_("More needs a person's approval."),
    )
    shrink_percent = models.PositiveSmallIntegerField(
        _("percent that one step in takes at most"),
        default=30,
        help_text=_("More needs a person's approval."),
    )
    shrinking = models.CharField(
        _("what a larger step in does meanwhile"), max_length=8, choices=Shrinking.choices, default="steps"
    )
    notify = models.JSONField(_("notification groups"), default=list, blank=True)

    paused_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    paused_reason = models.CharField(_("reason of the pause"), max_length=MAX_REASON, blank=True)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("paused by"),
    )

    callback_key = models.CharField(
        _("key in the callback's address"), max_length=32, default=new_key, blank=True
    )
    version = models.PositiveIntegerField(_("version"), default=1)
    updated_at = models.DateTimeField(_("changed"), default=timezone.now)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("changed by"),
    )

    class Meta:
        verbose_name = _("scaling policy")
        verbose_name_plural = _("scaling policies")
        ordering = ["job"]
        constraints = [
            models.CheckConstraint(condition=Q(min__gte=1, max__gte=F("min")), name="scaling_min_to_max"),
            models.CheckConstraint(condition=Q(step__gte=1), name="scaling_step_positive"),
            models.CheckConstraint(
                condition=Q(shrink_instances__gte=1, shrink_percent__gte=1, shrink_percent__lte=100),
                name="scaling_shrinks_some",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.min}–{self.max}"

    @property
    def callback_is_old(self) -> bool:
        """Whether its Falcon still calls by the key from before, which counts until then."""
        entry = getattr(self, "falcon", None)
        return entry is not None and entry.callback_key not in (None, self.callback_key)

    def is_paused(self, *, now: datetime) -> bool:
        """Whether this job's scaling rests; it goes on by itself when the time has come."""
        return self.paused_until is not None and self.paused_until > now


class ScalingPause(models.Model):
    """Every job's scaling rests until a time; the one row is there once somebody asked for that."""

    ALL: ClassVar = 1

    until = models.DateTimeField(pgettext_lazy("scaling", "until"))
    reason = models.CharField(_("reason"), max_length=MAX_REASON, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("pause of all scaling")
        verbose_name_plural = _("pauses of all scaling")
        ordering = ["id"]
        constraints = [models.CheckConstraint(condition=Q(id=1), name="scaling_pause_once")]

    def __str__(self) -> str:
        return f"{self.until:%Y-%m-%dT%H:%M:%S}"
