"""The secrets of a product line."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import validate_name
from apps.core.crypto import EncryptedTextField


class Secret(models.Model):
    """A value that specs of the product line name and nobody reads back: encrypted at rest, written only."""

    product_line = models.ForeignKey(
        "accounts.ProductLine",
        on_delete=models.PROTECT,
        related_name="secrets",
        verbose_name=_("product line"),
    )
    name = models.CharField(_("name"), max_length=63, validators=[validate_name])
    value = EncryptedTextField(_("value"))
    updated_at = models.DateTimeField(_("changed"), default=timezone.now)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("changed by"),
    )

    class Meta:
        verbose_name = _("secret")
        verbose_name_plural = _("secrets")
        ordering = ["product_line", "name"]
        constraints = [models.UniqueConstraint(fields=["product_line", "name"], name="secret_once")]

    def __str__(self) -> str:
        return f"{self.product_line}: {self.name}"
