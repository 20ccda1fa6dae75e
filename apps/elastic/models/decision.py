"""What the control loop decided, and what it remembers."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.elastic.models.policy import ScalingPolicy
from apps.jobs.models import Job

BLIND = ("no_samples", "no_source", "source_away", "stale")
"""Verdicts that say that the loop cannot see the job."""


class ScalingDecision(models.Model):
    """One decision, taken or not, with the numbers that it was made from. The same one again is not another row: `at`
    is the first time, `last_at` the newest, `count` how often.

    `verdict` is a code of `apps.elastic.planning`; `values` what its sentence says (`apps.elastic.words`). `wishes` is
    what each metric wanted by itself, `inputs` the newest value of each, `clamps` the codes of what limited it.
    """

    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, related_name="scaling_decisions", verbose_name=_("job")
    )
    at = models.DateTimeField(_("time"), default=timezone.now)
    last_at = models.DateTimeField(_("last time"), default=timezone.now)
    count = models.PositiveIntegerField(_("times"), default=1)
    verdict = models.CharField(_("verdict"), max_length=40)
    values = models.JSONField(_("values"), default=dict)
    instances = models.PositiveIntegerField(_("instances before"))
    wanted = models.PositiveIntegerField(_("instances decided"))
    running = models.PositiveIntegerField(_("running"), default=0)
    healthy = models.PositiveIntegerField(_("healthy"), default=0)
    inputs = models.JSONField(_("metrics' values"), default=dict)
    wishes = models.JSONField(_("metrics' wishes"), default=dict)
    clamps = models.JSONField(_("limits"), default=list)
    acted = models.BooleanField(_("acted"), default=False)
    operation = models.ForeignKey(
        "core.Operation", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("operation")
    )

    class Meta:
        verbose_name = _("scaling decision")
        verbose_name_plural = _("scaling decisions")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["job", "-id"], name="scaling_decision_order"),
            models.Index(fields=["last_at"], name="scaling_decision_age"),
            # What the dashboard counts: few rows of many.
            models.Index(fields=["at"], name="scaling_decision_acts", condition=Q(acted=True)),
            models.Index(fields=["last_at"], name="scaling_decision_blind", condition=Q(verdict__in=BLIND)),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.at:%Y-%m-%dT%H:%M:%S} {self.verdict} {self.instances} → {self.wanted}"


class ScalingState(models.Model):
    """How the loop stands with a job: its memory as of `saved_at` (`apps.elastic.planning.Memory`), what it asks a
    person to approve, and what somebody approved. Written in bulk, after what it did and once a minute."""

    policy = models.OneToOneField(
        ScalingPolicy,
        on_delete=models.CASCADE,
        related_name="state",
        primary_key=True,
        verbose_name=_("policy"),
    )
    memory = models.JSONField(_("memory"), default=dict)
    saved_at = models.DateTimeField(_("saved"), default=timezone.now)
    proposed = models.PositiveIntegerField(_("instances proposed"), null=True)
    proposed_at = models.DateTimeField(_("proposed"), null=True)
    approved = models.PositiveIntegerField(_("instances approved"), null=True)
    approved_at = models.DateTimeField(_("approved"), null=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("approved by"),
    )

    class Meta:
        verbose_name = _("state of a scaling")
        verbose_name_plural = _("states of scalings")
        ordering = ["policy"]
        indexes = [
            models.Index(
                fields=["proposed_at"], name="scaling_state_proposes", condition=Q(proposed__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.saved_at:%Y-%m-%dT%H:%M:%S}"
