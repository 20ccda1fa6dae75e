"""A job and its immutable versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import validate_name
from apps.core.addresses import address

if TYPE_CHECKING:
    from apps.jobs.models.expiry import ScaleExpiry


class JobQuerySet(models.QuerySet["Job"]):
    def alive(self) -> JobQuerySet:
        """Those that were not deleted."""
        return self.filter(deleted_at__isnull=True)


class Slot(models.TextChoices):
    """Where on the scheduler an instance of a job runs: in its own workload, or in the one that a careful publish
    starts beside it (`planning.side_path`)."""

    MAIN = "main", _("main")
    SIDE = "side", _("beside")


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
    cloned_from = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="clones",
        verbose_name=_("cloned from"),
    )
    moved_to = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="moved_from",
        verbose_name=_("moved to"),
    )

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
    serving = models.CharField(
        _("serving"),
        max_length=8,
        choices=Slot.choices,
        blank=True,
        help_text=_("During a blue-green publish: the side that serves. Empty: every instance does."),
    )
    problems = models.JSONField(
        _("problems"), default=list, help_text=_("Why it is not as wanted; see apps.jobs.explain.")
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
        return address("jobs:detail", self.tag)

    @property
    def is_published(self) -> bool:
        return self.target_version is not None

    @property
    def is_large(self) -> bool:
        """Whether to look at all of its instances is dear: it is asked about alone, and counted where that will do."""
        return max(self.wanted, self.running) > 100

    @property
    def pending_expiry(self) -> ScaleExpiry | None:
        """When the number of instances goes back by itself; None where it does not, or was changed since."""
        expiry: ScaleExpiry | None = getattr(self, "expiry", None)
        return expiry if expiry is not None and expiry.during == self.wanted else None

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
