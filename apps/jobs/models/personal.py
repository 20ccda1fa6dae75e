"""What a person marks and keeps for themselves, or for their product line."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.jobs.models.job import Job


class Favourite(models.Model):
    """A job that a person has starred."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("person")
    )
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="+", verbose_name=_("job"))
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("favourite")
        verbose_name_plural = _("favourites")
        ordering = ["user", "job"]
        constraints = [models.UniqueConstraint(fields=["user", "job"], name="favourite_once")]

    def __str__(self) -> str:
        return f"{self.user}: {self.job}"


class SavedView(models.Model):
    """A named filter of the list of jobs: its author's own, or where `product_line` is set, everybody's there.

    `query` is what stands in the list's address, so the view is a link, and `GET jobs/?{query}` is the same by API.
    """

    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(_("filter"), max_length=1000)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("author")
    )
    product_line = models.ForeignKey(
        "accounts.ProductLine",
        on_delete=models.CASCADE,
        null=True,
        related_name="+",
        verbose_name=_("product line"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("saved view")
        verbose_name_plural = _("saved views")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["author", "name"], condition=Q(product_line__isnull=True), name="saved_view_own_once"
            ),
            models.UniqueConstraint(
                fields=["product_line", "name"],
                condition=Q(product_line__isnull=False),
                name="saved_view_line_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('jobs:list')}?{self.query}"
