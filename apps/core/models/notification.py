"""Whom to tell (groups with their members and channels), what was told, and how each channel took it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.core.crypto import EncryptedTextField
from apps.core.models.lines import render_line

GROUP_NAME = r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?"
validate_group_name = RegexValidator(
    rf"^{GROUP_NAME}\Z",
    _("Use lower-case letters, digits, inner hyphens and underscores, at most 63 characters."),
    code="invalid_name",
)
MAX_MERGE_S = 3600
LANGUAGES = settings.LANGUAGES


class Severity(models.TextChoices):
    """How much something matters to who is told of it."""

    INFO = "info", pgettext_lazy("severity", "information")
    WARNING = "warning", pgettext_lazy("severity", "warning")
    CRITICAL = "critical", pgettext_lazy("severity", "critical")

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class NotificationGroup(models.Model):
    """A group of people who are told together (UIC): of one product line, or for everybody (no product line)."""

    name = models.CharField(_("name"), max_length=63, unique=True, validators=[validate_group_name])
    title = models.CharField(_("title"), max_length=120, blank=True)
    product_line = models.ForeignKey(
        "accounts.ProductLine",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="notification_groups",
        verbose_name=_("product line"),
    )
    language = models.CharField(
        _("language"),
        max_length=16,
        choices=LANGUAGES,
        default="en",
        help_text=_("Of what goes to nobody in particular (a webhook, a chat). People read their own."),
    )
    merge_s = models.PositiveIntegerField(
        _("at most one message every (s)"),
        default=60,
        validators=[MaxValueValidator(MAX_MERGE_S)],
        help_text=_("About the same matter; what happens meanwhile is told together in the next one."),
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="notification_groups", verbose_name=_("members")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("notification group")
        verbose_name_plural = _("notification groups")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("core:notification_group", args=[self.name])


class NotificationChannel(models.Model):
    """One way by which a group is told. What it needs to know is encrypted whole: addresses and keys alike."""

    class Kind(models.TextChoices):
        MAIL = "mail", _("mail")
        WEBHOOK = "webhook", _("webhook")
        SMS = "sms", _("text message")
        CHAT = "apprise", _("chat (apprise)")

    group = models.ForeignKey(
        NotificationGroup, on_delete=models.CASCADE, related_name="channels", verbose_name=_("group")
    )
    kind = models.CharField(pgettext_lazy("channel", "kind"), max_length=16, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=60)
    from_severity = models.CharField(
        _("told from"), max_length=16, choices=Severity.choices, default=Severity.INFO
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    config = EncryptedTextField(default="{}")
    sent_at = models.DateTimeField(_("last delivered"), null=True)
    failed_at = models.DateTimeField(_("last failed"), null=True)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("notification channel")
        verbose_name_plural = _("notification channels")
        ordering = ["group_id", "id"]
        constraints = [models.UniqueConstraint(fields=["group", "name"], name="channel_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_failing(self) -> bool:
        return self.failed_at is not None and (self.sent_at is None or self.sent_at < self.failed_at)


class Notification(models.Model):
    """One message to a group: an event, or several about the same matter (`key`) told together.

    While `released_at` is empty it takes in what happens; then it goes out by the group's channels. `parts` are the
    different sentences in it, each `{"text", "values", "lines", "path", "severity", "at", "last_at", "count"}`, the
    first ones up to a limit; `events` counts all. See `apps.core.notifications`.
    """

    group = models.ForeignKey(
        NotificationGroup, on_delete=models.CASCADE, related_name="notifications", verbose_name=_("group")
    )
    key = models.CharField(_("matter"), max_length=120)
    severity = models.CharField(_("severity"), max_length=16, choices=Severity.choices, default=Severity.INFO)
    product_line = models.ForeignKey(
        "accounts.ProductLine",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("product line"),
    )
    parts = models.JSONField(_("events"), default=list)
    events = models.PositiveIntegerField(pgettext_lazy("number", "events"), default=1)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    due_at = models.DateTimeField(_("goes out at"), default=timezone.now)
    released_at = models.DateTimeField(_("went out"), null=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["group", "key"],
                condition=Q(released_at__isnull=True),
                name="notification_one_open_per_key",
            )
        ]
        indexes = [
            models.Index(fields=["group", "-id"], name="notification_by_group"),
            models.Index(fields=["product_line", "-id"], name="notification_by_line"),
            models.Index(fields=["group", "key", "released_at"], name="notification_last_of_key"),
            models.Index(fields=["due_at"], name="notification_due", condition=Q(released_at__isnull=True)),
            models.Index(fields=["created_at"], name="notification_age"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.key}"

    def get_absolute_url(self) -> str:
        return reverse("core:notification", args=[self.pk])

    @property
    def subject(self) -> str:
        """What it is about, in the active language: its first sentence."""
        first: dict[str, Any] = self.parts[0] if self.parts else {"text": "", "values": {}}
        return render_line(first["text"], first["values"])


class DeliveryQuerySet(models.QuerySet["NotificationDelivery"]):
    def claimable(self, *, now: datetime) -> DeliveryQuerySet:
        """Those that a worker may take: due, or left behind by a worker that died."""
        return self.filter(
            Q(state=NotificationDelivery.State.QUEUED, wake_at__lte=now)
            | Q(state=NotificationDelivery.State.SENDING, lease_expires_at__lt=now)
        )


class NotificationDelivery(models.Model):
    """One message on its way by one channel; tried again until it is through or given up."""

    class State(models.TextChoices):
        QUEUED = "queued", pgettext_lazy("delivery", "waiting")
        SENDING = "sending", pgettext_lazy("delivery", "being sent")
        SENT = "sent", pgettext_lazy("delivery", "delivered")
        FAILED = "failed", pgettext_lazy("delivery", "failed")

    notification = models.ForeignKey(
        Notification, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("notification")
    )
    channel = models.ForeignKey(
        NotificationChannel, on_delete=models.CASCADE, related_name="deliveries", verbose_name=_("channel")
    )
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.QUEUED)
    reached = models.JSONField(
        _("reached"), default=list, help_text=_("Whom it reached: they are left out when it is tried again.")
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    error = models.TextField(_("error"), blank=True)
    wake_at = models.DateTimeField(_("next attempt at"), default=timezone.now)
    lease_expires_at = models.DateTimeField(_("lease expires"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["notification", "channel"], name="delivery_once_per_channel")
        ]
        indexes = [
            models.Index(
                fields=["wake_at"], name="delivery_due", condition=Q(state__in=["queued", "sending"])
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.channel}: {self.get_state_display()}"
