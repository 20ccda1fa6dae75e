"""What the mirror keeps of what runs."""

from __future__ import annotations

import re
from typing import ClassVar

from django.db import models
from django.db.models import F, Func, Value
from django.db.models.functions import Collate
from django.utils.translation import gettext_lazy as _

from apps.jobs.models.job import Job, Slot


class SideWorkload(models.Model):
    """The mirror of the workload that a canary or blue-green publish runs beside a job's own; it is here for as long
    as the scheduler has it. The job's counts are those of both together."""

    job = models.OneToOneField(
        Job, on_delete=models.CASCADE, related_name="side", primary_key=True, verbose_name=_("job")
    )
    seen_at = models.DateTimeField(_("last seen on the scheduler"))
    config_changed_at = models.DateTimeField(_("definition changed"))
    version = models.PositiveIntegerField(_("version"), null=True)
    wanted = models.PositiveIntegerField(_("instances wanted"), default=0)
    running = models.PositiveIntegerField(_("running"), default=0)
    healthy = models.PositiveIntegerField(_("healthy"), default=0)
    staging = models.PositiveIntegerField(_("staging"), default=0)

    class Meta:
        verbose_name = _("workload beside a job")
        verbose_name_plural = _("workloads beside jobs")
        ordering = ["job"]

    def __str__(self) -> str:
        return f"{self.job_id} v{self.version} beside"


class DefinitionStamp(models.Model):
    """Which of our versions the engine's definition was at a moment. An instance started from the engine's stamp T
    runs the version of the newest row of its slot with `changed_at <= T`."""

    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, db_index=False, related_name="stamps", verbose_name=_("job")
    )
    slot = models.CharField(_("slot"), max_length=8, choices=Slot.choices, default=Slot.MAIN)
    changed_at = models.DateTimeField(_("definition changed"))
    version = models.PositiveIntegerField(_("version"), null=True)

    class Meta:
        verbose_name = _("definition stamp")
        verbose_name_plural = _("definition stamps")
        ordering = ["job", "-changed_at"]
        constraints = [
            models.UniqueConstraint(fields=["job", "slot", "changed_at"], name="definition_stamp_once")
        ]

    def __str__(self) -> str:
        return f"{self.job_id} {self.changed_at:%Y-%m-%dT%H:%M:%S} v{self.version}"


_JOBS_PART = r"^[^.]*[.](instance-|marathon-)?"
"""Of a task id, which begins with the job's path: `xiaomi_…_web.instance-<uuid>._app.1`, `xiaomi_…_web.<uuid>`."""

TASK_UNIT = Collate(
    Func(
        F("task_id"),
        Value(_JOBS_PART),
        Value(""),
        function="regexp_replace",
        output_field=models.CharField(),
    ),
    "C",
)
"""`task_unit` in the database. In the order of bytes, so that an index finds beginnings whatever the locale."""


def task_unit(task_id: str) -> str:
    """What is the instance's own in a task id: people paste its UUID, and a list has no room for more."""
    return re.sub(_JOBS_PART, "", task_id)


class Instance(models.Model):
    """One Mesos task of a job, mirrored. It exists here for as long as the scheduler lists it."""

    class State(models.TextChoices):
        STAGING = "staging", _("staging")
        STARTING = "starting", _("starting")
        RUNNING = "running", _("running")
        KILLING = "killing", _("being ended")
        UNREACHABLE = "unreachable", _("unreachable")
        FAILED = "failed", _("failed")
        FINISHED = "finished", _("finished")
        KILLED = "killed", _("ended")
        UNKNOWN = "unknown", _("unknown")

    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, db_index=False, related_name="instances", verbose_name=_("job")
    )
    task_id = models.CharField(_("task id"), max_length=500)
    slot = models.CharField(_("slot"), max_length=8, choices=Slot.choices, default=Slot.MAIN)
    host = models.CharField(_("host"), max_length=253, blank=True)
    ip = models.CharField(_("IP"), max_length=64, blank=True)
    ports = models.JSONField(_("ports"), default=list)
    state = models.CharField(_("state"), max_length=16, choices=State.choices)
    healthy = models.BooleanField(_("healthy"), null=True)
    version = models.PositiveIntegerField(_("version"), null=True)
    engine_version = models.DateTimeField(_("engine version"), null=True)
    staged_at = models.DateTimeField(_("staged"), null=True)
    started_at = models.DateTimeField(_("started"), null=True)
    restarts = models.PositiveIntegerField(_("restarts"), default=0)
    message = models.TextField(_("last message"), blank=True)

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        ordering = ["job", "id"]
        constraints = [models.UniqueConstraint(fields=["job", "task_id"], name="instance_once")]
        indexes = [
            models.Index(fields=["host"], name="instance_by_host"),
            models.Index(fields=["ip"], opclasses=["varchar_pattern_ops"], name="instance_by_ip"),
            models.Index(TASK_UNIT, name="instance_by_unit"),
        ]

    MIRRORED: ClassVar[tuple[str, ...]] = (
        "host", "ip", "ports", "state", "healthy", "version", "engine_version",
        "staged_at", "started_at", "restarts", "message",
    )  # fmt: skip

    def __str__(self) -> str:
        return self.task_id


class GoneInstance(models.Model):
    """An instance that the scheduler lists no more. Its host keeps its folder for a while, with what it wrote: so it
    is kept here for as long, to be found again."""

    KEPT_DAYS: ClassVar = 7
    """How long a Mesos agent keeps a folder at most, unless told otherwise (`--gc_delay`, a week)."""

    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, db_index=False, related_name="gone_instances", verbose_name=_("job")
    )
    task_id = models.CharField(_("task id"), max_length=500)
    host = models.CharField(_("host"), max_length=253, blank=True)
    version = models.PositiveIntegerField(_("version"), null=True)
    started_at = models.DateTimeField(_("started"), null=True)
    gone_at = models.DateTimeField(_("gone"))

    class Meta:
        verbose_name = _("gone instance")
        verbose_name_plural = _("gone instances")
        ordering = ["-gone_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["job", "task_id"], name="gone_instance_once")]
        indexes = [
            models.Index(fields=["job", "-gone_at", "-id"], name="gone_instance_order"),
            models.Index(fields=["gone_at"], name="gone_instance_at"),
        ]

    def __str__(self) -> str:
        return self.task_id
