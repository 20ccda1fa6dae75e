"""The audit trail of changes inside the database."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AuditEntry(models.Model):
    """Who changed what inside the database: members, tokens, secrets, versions. Changes outside it are Operations."""

    at = models.DateTimeField(_("time"), default=timezone.now)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("who")
    )
    action = models.CharField(_("action"), max_length=63)
    object = models.CharField(_("object"), max_length=400)
    product_line = models.ForeignKey(
        "accounts.ProductLine",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("product line"),
    )
    detail = models.JSONField(_("detail"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-id"]
        indexes = [models.Index(fields=["product_line", "-id"], name="audit_by_line")]

    def __str__(self) -> str:
        return f"{self.action} {self.object}"
