"""A scaling that reverts itself."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.jobs.models.job import Job


class ScaleExpiry(models.Model):
    """The job has `during` instances until `at`, then `instances` again. The row is there while that is pending."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="expiry", verbose_name=_("job"))
    at = models.DateTimeField(_("expires"), db_index=True)
    during = models.PositiveIntegerField(_("instances until then"))
    instances = models.PositiveIntegerField(pgettext_lazy("after an expiry", "instances afterwards"))
    operation = models.ForeignKey(
        "core.Operation", on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("operation")
    )

    class Meta:
        verbose_name = _("scaling that expires")
        verbose_name_plural = _("scalings that expire")
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.job_id} {self.during} → {self.instances}"

    def as_json(self) -> dict[str, Any]:
        """What an operation keeps of the expiry that it does away with, to bring it back if it is called off."""
        return {"at": self.at.isoformat(), "during": self.during, "instances": self.instances}
