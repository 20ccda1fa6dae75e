"""Jobs, their immutable versions, and the mirror of what runs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import validate_name
from apps.core.crypto import EncryptedTextField
from apps.core.models import TranslatedLine


class JobQuerySet(models.QuerySet["Job"]):
    def alive(self) -> JobQuerySet:
        """Those that were not deleted."""
        return self.filter(deleted_at__isnull=True)


class Job(models.Model):
    """A service that runs on one cluster: what is wanted of it, and counts of what the mirror saw.

    `wanted` is the number of instances asked for (scaling changes it, not the version). `running_version` is the
    version that last became healthy, `target_version` the one that the scheduler was last asked for. The counts and
    `state` are written by the mirror only.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        DEPLOYING = "deploying", _("deploying")
        RUNNING = "running", _("running")
        DEGRADED = "degraded", _("degraded")
        STOPPED = "stopped", _("stopped")
        DELETED = "deleted", _("deleted")

    product_line = models.ForeignKey(
        "accounts.ProductLine", on_delete=models.PROTECT, related_name="jobs", verbose_name=_("product line")
    )
    service = models.CharField(_("service"), max_length=63, validators=[validate_name])
    cluster = models.ForeignKey(
        "core.Cluster", on_delete=models.PROTECT, related_name="jobs", verbose_name=_("cluster")
    )
    name = models.CharField(_("name"), max_length=63, validators=[validate_name])
    tag = models.CharField(_("tag"), max_length=400, editable=False)
    workload_id = models.CharField(_("workload id"), max_length=400, editable=False)
    managed_by = models.CharField(
        _("managed by"),
        max_length=120,
        blank=True,
        help_text=_("The service whose own job this is; people see it read-only."),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    deleted_at = models.DateTimeField(_("deleted"), null=True, editable=False)
    idempotency_key = models.CharField(max_length=255, blank=True, editable=False)

    wanted = models.PositiveIntegerField(_("instances wanted"), default=0)
    latest_version = models.PositiveIntegerField(_("latest version"), default=0)
    target_version = models.PositiveIntegerField(_("version asked for"), null=True)
    running_version = models.PositiveIntegerField(_("running version"), null=True)

    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.DRAFT)
    state_since = models.DateTimeField(_("since"), default=timezone.now)
    running = models.PositiveIntegerField(_("running"), default=0)
    healthy = models.PositiveIntegerField(_("healthy"), default=0)
    staging = models.PositiveIntegerField(_("staging"), default=0)
    has_health_checks = models.BooleanField(_("has health checks"), default=False)
    engine_seen_at = models.DateTimeField(_("last seen on the scheduler"), null=True)
    config_changed_at = models.DateTimeField(_("definition changed"), null=True)
    wanted_before_stop = models.PositiveIntegerField(_("instances before the stop"), null=True)
    problems = models.JSONField(
        _("problems"), default=list, help_text=_("Why it is not as wanted; see apps.jobs.diagnosis.")
    )

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["tag", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tag"], condition=Q(deleted_at__isnull=True), name="job_tag_once"
            ),
            models.UniqueConstraint(
                fields=["idempotency_key"], condition=~Q(idempotency_key=""), name="job_idempotency_key_once"
            ),
        ]
        indexes = [
            models.Index(fields=["product_line", "state", "tag"], name="job_by_line"),
            models.Index(fields=["cluster", "workload_id"], name="job_by_workload"),
            models.Index(fields=["state", "-state_since"], name="job_by_state"),
        ]

    def __str__(self) -> str:
        return self.tag

    def get_absolute_url(self) -> str:
        return reverse("jobs:detail", args=[self.tag])

    @property
    def is_published(self) -> bool:
        return self.target_version is not None

    @property
    def all_well(self) -> bool:
        return self.state in {self.State.RUNNING, self.State.STOPPED, self.State.DRAFT}


def job_tag(*, name: str, service: str, cluster: str, product_line: str) -> str:
    """The job's full name: `job.<name>_service.<service>_cluster.<cluster>_<product line's tag>`."""
    return f"job.{name}_service.{service}_cluster.{cluster}_{product_line}"


class JobVersion(models.Model):
    """What a job should be, as somebody saved it once. Rows are never changed."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="versions", verbose_name=_("job"))
    number = models.PositiveIntegerField(_("number"))
    spec = models.JSONField(_("spec"))
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
        verbose_name = _("job version")
        verbose_name_plural = _("job versions")
        ordering = ["job", "-number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="job_version_once")]

    def __str__(self) -> str:
        return f"{self.job_id} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("a job's version is never changed: save a new one")
        super().save(*args, **kwargs)


class DefinitionStamp(models.Model):
    """Which of our versions the engine's definition was at a moment. An instance started from the engine's stamp T
    runs the version of the newest row with `changed_at <= T`."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="stamps", verbose_name=_("job"))
    changed_at = models.DateTimeField(_("definition changed"))
    version = models.PositiveIntegerField(_("version"), null=True)

    class Meta:
        verbose_name = _("definition stamp")
        verbose_name_plural = _("definition stamps")
        ordering = ["job", "-changed_at"]
        constraints = [models.UniqueConstraint(fields=["job", "changed_at"], name="definition_stamp_once")]

    def __str__(self) -> str:
        return f"{self.job_id} {self.changed_at:%Y-%m-%dT%H:%M:%S} v{self.version}"


class Instance(models.Model):
    """One Mesos task of a job, mirrored. It exists here for as long as the scheduler lists it."""

    class State(models.TextChoices):
        STAGING = "staging", _("staging")
        STARTING = "starting", _("starting")
        RUNNING = "running", _("running")
        KILLING = "killing", _("being ended")
        UNREACHABLE = "unreachable", _("unreachable")
        FAILED = "failed", _("failed")
        FINISHED = "finished", _("finished")
        KILLED = "killed", _("ended")
        UNKNOWN = "unknown", _("unknown")

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="instances", verbose_name=_("job"))
    task_id = models.CharField(_("task id"), max_length=500)
    host = models.CharField(_("host"), max_length=253, blank=True)
    ip = models.CharField(_("IP"), max_length=64, blank=True)
    ports = models.JSONField(_("ports"), default=list)
    state = models.CharField(_("state"), max_length=16, choices=State.choices)
    healthy = models.BooleanField(_("healthy"), null=True)
    version = models.PositiveIntegerField(_("version"), null=True)
    engine_version = models.DateTimeField(_("engine version"), null=True)
    staged_at = models.DateTimeField(_("staged"), null=True)
    started_at = models.DateTimeField(_("started"), null=True)
    restarts = models.PositiveIntegerField(_("restarts"), default=0)
    message = models.TextField(_("last message"), blank=True)

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        ordering = ["job", "id"]
        constraints = [models.UniqueConstraint(fields=["job", "task_id"], name="instance_once")]
        indexes = [models.Index(fields=["host"], name="instance_by_host")]

    MIRRORED: ClassVar[tuple[str, ...]] = (
        "host", "ip", "ports", "state", "healthy", "version", "engine_version",
        "staged_at", "started_at", "restarts", "message",
    )  # fmt: skip

    def __str__(self) -> str:
        return self.task_id


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

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events", verbose_name=_("job"))
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


class JobTemplate(models.Model):
    """A spec to start from."""

    name = models.SlugField(_("name"), max_length=63, unique=True)
    title = models.CharField(_("title"), max_length=120)
    title_zh = models.CharField(_("title (Chinese)"), max_length=120, blank=True)
    kind = models.CharField(_("kind"), max_length=32, default="job")
    spec = models.JSONField(_("spec"), default=dict)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["kind", "name"]

    def __str__(self) -> str:
        return self.name


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
