"""When a job has how many instances, what became of each of those times, and what holds now."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.models import Cluster, TranslatedLine
from apps.elastic.schedules.calendar import Recurrence, recurrence
from apps.jobs.models import Job

START_FORMAT = "%Y-%m-%dT%H:%M"


class ScheduleKind(models.TextChoices):
    """What a schedule says of the number of instances."""

    FLOOR = "floor", _("at least")
    EXACT = "exact", _("exactly")


class ScalingSchedule(models.Model):
    """A row of the slide's form: from `start` on, each `interval` again, the job has so many instances.

    `start` is what the clock of `time_zone` shows, kept as text, since it is no moment until that zone's rules are
    applied; `interval` an ISO 8601 duration, empty for once. `next_at` is the next slot that has not been dealt with:
    Ocean's calendar is the authority, Chronos rings.
    """

    class Misfire(models.TextChoices):
        MAKE_UP = "make_up", _("make up for it")
        SKIP = "skip", _("skip it")

    class Chronos(models.TextChoices):
        """What Chronos was last seen to hold of it."""

        PENDING = "pending", pgettext_lazy("schedule", "not there yet")
        THERE = "there", pgettext_lazy("schedule", "set up")
        FAILING = "failing", pgettext_lazy("schedule", "fails to call")
        REFUSED = "refused", pgettext_lazy("schedule", "refused")
        AWAY = "away", pgettext_lazy("schedule", "Chronos is away")

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="schedules", verbose_name=_("job"))
    start = models.CharField(_("start"), max_length=16)
    time_zone = models.CharField(_("time zone"), max_length=63)
    interval = models.CharField(_("interval"), max_length=32, blank=True)
    instances = models.PositiveIntegerField(_("instances"))
    kind = models.CharField(
        pgettext_lazy("schedule", "kind"),
        max_length=8,
        choices=ScheduleKind.choices,
        default=ScheduleKind.FLOOR,
    )
    misfire = models.CharField(
        _("when it was missed"), max_length=8, choices=Misfire.choices, default=Misfire.MAKE_UP
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    note = models.CharField(_("note"), max_length=300, blank=True)

    next_at = models.DateTimeField(_("next time"), null=True, editable=False)
    last_at = models.DateTimeField(_("last time"), null=True, editable=False)
    chronos = models.CharField(
        pgettext_lazy("schedule", "on Chronos"),
        max_length=8,
        choices=Chronos.choices,
        default=Chronos.PENDING,
    )
    chronos_error = models.CharField(_("Chronos' words"), max_length=500, blank=True)
    token_generation = models.PositiveIntegerField(default=1, editable=False)

    created_at = models.DateTimeField(_("created"), default=timezone.now)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("created by"),
    )

    class Meta:
        verbose_name = _("scaling schedule")
        verbose_name_plural = _("scaling schedules")
        ordering = ["job", "start", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "start", "time_zone", "interval"], name="schedule_slots_once"
            ),
        ]
        indexes = [
            models.Index(fields=["next_at"], name="schedule_due", condition=Q(next_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.start} {self.time_zone} {self.interval} {self.get_kind_display()} {self.instances}"

    @property
    def rule(self) -> Recurrence:
        """When its slots are."""
        return recurrence(datetime.strptime(self.start, START_FORMAT), self.time_zone, self.interval)  # noqa: DTZ007 - a clock's face

    def next_slot(self, *, now: datetime) -> datetime | None:
        """The first slot after now that has not been dealt with; None while it is disabled."""
        if not self.enabled:
            return None
        return self.rule.next_after(max(now, self.last_at) if self.last_at else now)


class ScheduleRun(TranslatedLine):
    """What became of one slot. `text` says why where there is more to say than its state does."""

    class State(models.TextChoices):
        RUNG = "rung", pgettext_lazy("schedule run", "comes in a moment")
        APPLIED = "applied", pgettext_lazy("schedule run", "done")
        WAITING = "waiting", pgettext_lazy("schedule run", "waits for the job")
        SUPERSEDED = "superseded", pgettext_lazy("schedule run", "overridden")
        SKIPPED = "skipped", pgettext_lazy("schedule run", "skipped")
        FAILED = "failed", pgettext_lazy("schedule run", "failed")

    class Trigger(models.TextChoices):
        CHRONOS = "chronos", "Chronos"
        OCEAN = "ocean", _("Ocean, as Chronos had not rung")

    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, related_name="schedule_runs", verbose_name=_("job")
    )
    schedule = models.ForeignKey(
        ScalingSchedule,
        on_delete=models.SET_NULL,
        null=True,
        related_name="runs",
        verbose_name=_("schedule"),
    )
    due_at = models.DateTimeField(_("due"))
    at = models.DateTimeField(_("time"), default=timezone.now)
    state = models.CharField(_("state"), max_length=12, choices=State.choices)
    trigger = models.CharField(_("triggered by"), max_length=8, choices=Trigger.choices)
    rung_by = models.ForeignKey(
        ScalingSchedule,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("rung by"),
        help_text=_("The schedule whose Chronos job called first for this moment."),
    )
    instances = models.PositiveIntegerField(_("instances"))
    kind = models.CharField(pgettext_lazy("schedule", "kind"), max_length=8, choices=ScheduleKind.choices)
    missed = models.PositiveIntegerField(_("earlier slots missed with it"), default=0)
    operation = models.ForeignKey(
        "core.Operation", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("operation")
    )

    class Meta:
        verbose_name = _("run of a schedule")
        verbose_name_plural = _("runs of schedules")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "due_at"], name="schedule_slot_once"),
        ]
        indexes = [
            models.Index(fields=["job", "-id"], name="schedule_run_order"),
            models.Index(fields=["at"], name="schedule_run_age"),
            models.Index(fields=["id"], name="schedule_run_waiting", condition=Q(state="waiting")),
            models.Index(fields=["due_at"], name="schedule_run_rung", condition=Q(state="rung")),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} {self.due_at:%Y-%m-%dT%H:%M:%SZ} {self.get_state_display()}"


class ScheduleBound(models.Model):
    """What the job's last slot said, which holds until its next one."""

    job = models.OneToOneField(
        Job,
        on_delete=models.CASCADE,
        related_name="schedule_bound",
        primary_key=True,
        verbose_name=_("job"),
    )
    schedule = models.ForeignKey(
        ScalingSchedule, on_delete=models.CASCADE, related_name="+", verbose_name=_("schedule")
    )
    kind = models.CharField(pgettext_lazy("schedule", "kind"), max_length=8, choices=ScheduleKind.choices)
    instances = models.PositiveIntegerField(_("instances"))
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("what a schedule holds")
        verbose_name_plural = _("what schedules hold")
        ordering = ["job"]

    def __str__(self) -> str:
        return f"{self.job_id} {self.get_kind_display()} {self.instances}"


class ChronosLook(models.Model):
    """When Ocean last compared a cluster's Chronos with its schedules, and what came of it."""

    cluster = models.OneToOneField(
        Cluster, on_delete=models.CASCADE, related_name="+", primary_key=True, verbose_name=_("cluster")
    )
    at = models.DateTimeField(_("time"), null=True)
    error = models.TextField(_("error"), blank=True)
    error_since = models.DateTimeField(_("error since"), null=True)

    class Meta:
        verbose_name = _("look at a Chronos")
        verbose_name_plural = _("looks at Chronos")
        ordering = ["cluster"]

    def __str__(self) -> str:
        return str(self.cluster_id)
