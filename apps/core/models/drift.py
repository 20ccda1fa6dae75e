"""What outside disagrees with what was asked for."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Drift(models.Model):
    """One thing outside that somebody else changed, told by whoever owns that kind (`apps.core.drift`). It is there for
    as long as the difference is. `wanted` and `found` are lines, in the outside's own words."""

    kind = models.CharField(pgettext_lazy("drift", "kind"), max_length=32)
    cluster = models.ForeignKey(
        "core.Cluster",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("cluster"),
    )
    object = models.CharField(_("object"), max_length=400)
    wanted = models.JSONField(_("wanted"), default=list)
    found = models.JSONField(_("found"), default=list)
    since = models.DateTimeField(_("since"), default=timezone.now)
    ignored_at = models.DateTimeField(_("ignored"), null=True, blank=True)

    class Meta:
        verbose_name = _("drift")
        verbose_name_plural = _("drift")
        ordering = ["-since", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "cluster", "object"], name="drift_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object}"
