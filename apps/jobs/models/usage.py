"""What product lines' instances were promised over time."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class LineUsage(models.Model):
    """One hour of a product line: CPU-hours, GiB-hours of memory and instance-hours that the hosts held for its
    instances, added up in slots of five minutes (`apps.jobs.services.usage`). No row: nothing was held, or no slot
    of that hour was counted."""

    product_line = models.ForeignKey(
        "accounts.ProductLine", on_delete=models.CASCADE, related_name="+", verbose_name=_("product line")
    )
    hour = models.DateTimeField(_("hour"))
    cpu_h = models.FloatField(_("CPU·h"))
    memory_gib_h = models.FloatField(_("GiB·h"))
    instance_h = models.FloatField(_("instance hours"))
    counted_at = models.DateTimeField(_("last slot counted"))

    class Meta:
        verbose_name = _("usage of a product line")
        verbose_name_plural = _("usage of product lines")
        ordering = ["-hour", "product_line"]
        constraints = [models.UniqueConstraint(fields=["product_line", "hour"], name="line_usage_once")]
        indexes = [models.Index(fields=["hour"], name="line_usage_hour")]

    def __str__(self) -> str:
        return f"{self.product_line} {self.hour:%Y-%m-%dT%H}"
