"""What jobs are made from, and which job was made from what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from apps.jobs.models.job import Job

if TYPE_CHECKING:
    from apps.accounts.models import ProductLine


class JobTemplate(models.Model):
    """A spec with parameters to start jobs from, in immutable versions. A product line's own, or everybody's."""

    name = models.SlugField(_("name"), max_length=63, unique=True)
    title = models.CharField(_("title"), max_length=120)
    title_zh = models.CharField(_("title (Chinese)"), max_length=120, blank=True)
    kind = models.CharField(_("kind"), max_length=32, default="job")
    product_line = models.ForeignKey(
        "accounts.ProductLine",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="job_templates",
        verbose_name=_("product line"),
        help_text=_("Whose it is; without one it is everybody's, and SREs keep it."),
    )
    latest_version = models.PositiveIntegerField(_("latest version"), default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["kind", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("jobs:template", args=[self.name])

    def is_for(self, product_line: ProductLine) -> bool:
        """Whether the line's jobs may follow it: it is everybody's, or the line's own."""
        return self.product_line_id in (None, product_line.pk)

    @property
    def shown_title(self) -> str:
        """The title in the reader's language, where there is one."""
        chinese = (get_language() or "").startswith("zh")
        return (self.title_zh if chinese else "") or self.title


class JobTemplateVersion(models.Model):
    """A template as somebody saved it once. Rows are never changed.

    `spec` may hold placeholders for `parameters` (apps.jobs.templating.parameters).
    """

    template = models.ForeignKey(
        JobTemplate, on_delete=models.CASCADE, related_name="versions", verbose_name=_("template")
    )
    number = models.PositiveIntegerField(_("number"))
    spec = models.JSONField(_("spec"))
    parameters = models.JSONField(_("parameters"), default=list)
    note = models.CharField(_("note"), max_length=300, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("author"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("template version")
        verbose_name_plural = _("template versions")
        ordering = ["template", "-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_once")]

    def __str__(self) -> str:
        return f"{self.template} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("a template's version is never changed: save a new one")
        super().save(*args, **kwargs)


class JobOrigin(models.Model):
    """Which version of a template a job follows, and with which parameters. A mass update moves it on."""

    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="origin", verbose_name=_("job"))
    version = models.ForeignKey(
        JobTemplateVersion,
        on_delete=models.CASCADE,
        related_name="origins",
        verbose_name=_("template version"),
    )
    parameters = models.JSONField(_("parameters"), default=dict)

    class Meta:
        verbose_name = _("job's template")
        verbose_name_plural = _("jobs' templates")
        ordering = ["job"]

    def __str__(self) -> str:
        return f"{self.job} ← {self.version}"
