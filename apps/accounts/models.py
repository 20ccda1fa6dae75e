"""People, the service tree, and who may do what where."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Concat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

NAME_PATTERN = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
"""One name in the tree: what Marathon accepts as a path segment, and without the tag's separators `.` and `_`."""
validate_name = RegexValidator(
    rf"^{NAME_PATTERN}\Z",
    _("Use lower-case letters, digits and inner hyphens, at most 63 characters."),
    code="invalid_name",
)

validate_phone = RegexValidator(
    r"^\+?[0-9]{5,19}\Z", _("A phone number is digits, with + in front of a country's."), code="invalid_phone"
)


class User(AbstractUser):
    """A person. What they may do on a product line comes from Membership; `is_dba` and `is_sre` hold everywhere."""

    class Theme(models.TextChoices):
        AUTO = "auto", _("like the system")
        LIGHT = "light", _("light")
        DARK = "dark", _("dark")

    is_dba = models.BooleanField(
        _("DBA"), default=False, help_text=_("Approves and runs databases and caches.")
    )
    is_sre = models.BooleanField(_("SRE"), default=False, help_text=_("Sees and may do everything."))
    phone = models.CharField(
        _("phone"),
        max_length=20,
        blank=True,
        validators=[validate_phone],
        help_text=_("For text messages of the notification groups that you are in."),
    )
    language = models.CharField(_("language"), max_length=16, choices=settings.LANGUAGES, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(_("theme"), max_length=8, choices=Theme.choices, default=Theme.AUTO)

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["username"]


class ProductLine(models.Model):
    """A product line in the service tree: company → department → product line. Its tag names it everywhere."""

    cop = models.CharField(_("company (cop)"), max_length=63, validators=[validate_name])
    owt = models.CharField(_("department (owt)"), max_length=63, validators=[validate_name])
    pdl = models.CharField(_("product line (pdl)"), max_length=63, validators=[validate_name])
    tag = models.GeneratedField(
        expression=Concat(
            models.Value("pdl."), "pdl", models.Value("_owt."), "owt", models.Value("_cop."), "cop"
        ),
        output_field=models.CharField(max_length=220),
        db_persist=True,
        unique=True,
        verbose_name=_("tag"),
    )
    title = models.CharField(_("title"), max_length=120, blank=True)
    scaling_quota = models.PositiveIntegerField(
        _("quota of instances"),
        null=True,
        blank=True,
        help_text=_(
            "Scaling by metric takes the instances of all its jobs together no further. Empty: no limit."
        ),
    )
    members = models.ManyToManyField(User, through="Membership", related_name="product_lines")

    class Meta:
        verbose_name = _("product line")
        verbose_name_plural = _("product lines")
        ordering = ["tag"]

    def __str__(self) -> str:
        return f"pdl.{self.pdl}_owt.{self.owt}_cop.{self.cop}"


class Role(models.TextChoices):
    """What a member may do; each includes those before it."""

    VIEWER = "viewer", _("viewer")
    DEVELOPER = "developer", _("developer")
    OWNER = "owner", _("owner")


class Membership(models.Model):
    """A person's role on a product line."""

    product_line = models.ForeignKey(
        ProductLine, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("product line")
    )
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person")
    )
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.DEVELOPER)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["product_line", "user"]
        constraints = [models.UniqueConstraint(fields=["product_line", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} @ {self.product_line}: {self.get_role_display()}"


class ApiToken(models.Model):
    """A key for the API. Only its SHA-256 is kept; `prefix` lets its owner recognise it."""

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("person")
    )
    name = models.CharField(_("name"), max_length=60)
    prefix = models.CharField(_("starts with"), max_length=12)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
