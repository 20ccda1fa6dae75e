"""A job's history."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.models import TranslatedLine
from apps.jobs.models.job import Job


class JobEvent(TranslatedLine):
    """A line of a job's history: what people asked for and what the scheduler reported.

    `key` makes writing it twice harmless (an event may come twice, or by the stream and by the snapshot).
    """

    class Level(models.TextChoices):
        INFO = "info", _("info")
        WARNING = "warning", _("warning")
        ERROR = "error", _("error")

    INSTANCE_FAILED: ClassVar = "instance_failed"
    ENDED_KEY: ClassVar = "ended:"
    """`kind`, and the beginning of `key`, of a line that tells of an instance's bad end; its id follows."""

    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, db_index=False, related_name="events", verbose_name=_("job")
    )
    at = models.DateTimeField(_("time"), default=timezone.now)
    level = models.CharField(_("level"), max_length=8, choices=Level.choices, default=Level.INFO)
    kind = models.CharField(_("kind"), max_length=32)
    key = models.CharField(_("key"), max_length=600)
    operation = models.ForeignKey(
        "core.Operation", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("operation")
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("who")
    )

    class Meta:
        verbose_name = _("job event")
        verbose_name_plural = _("job events")
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["job", "key"], name="job_event_once")]
        indexes = [
            models.Index(fields=["job", "-at", "-id"], name="job_event_order"),
            models.Index(fields=["at"], name="job_event_at"),
        ]

    def __str__(self) -> str:
        return self.rendered

    @property
    def ended_task(self) -> str:
        """The task id of the instance whose end this line tells; empty for all other lines."""
        return self.key.removeprefix(self.ENDED_KEY) if self.kind == self.INSTANCE_FAILED else ""
