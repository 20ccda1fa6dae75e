"""Cloning a job to another name, cluster or product line, and migrating it to another cluster."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.accounts.models import ProductLine
from apps.accounts.rights import Right, require
from apps.core.errors import FieldError, InvalidInput
from apps.core.models import Cluster, Operation
from apps.core.operations.services import Intent
from apps.jobs.cloning.differences import Difference, differences
from apps.jobs.cloning.facts import Destination, moved_spec, read_place
from apps.jobs.models import Job, JobVersion
from apps.jobs.selectors import dependents_of
from apps.jobs.services.actions import Ask, job_publish
from apps.jobs.services.drafts import NewJob, Origin, job_create, job_version_add, require_editable
from apps.jobs.services.history import Happening, history_add
from apps.jobs.signals import job_cloned
from apps.jobs.templating.selectors import origin_of

if TYPE_CHECKING:
    from apps.accounts.models import User

MIGRATE = "job.migrate"
CLONED_FROM = gettext_noop("Cloned from %(tag)s, version %(version)s.")
CLONED_TO = gettext_noop("Cloned to %(tag)s.")


@dataclass(frozen=True, slots=True)
class CloneWish:
    """Where to; what is None stays as the job has it (`version`: the latest). `autoscaling`: with the policy and the
    schedules that the job has now."""

    cluster: Cluster
    name: str | None = None
    service: str | None = None
    product_line: ProductLine | None = None
    version: int | None = None
    autoscaling: bool = False

    def destination(self, job: Job) -> Destination:
        return Destination(
            product_line=self.product_line or job.product_line,
            cluster=self.cluster,
            service=self.service or job.service,
            name=self.name or job.name,
        )


def clone_plan(*, job: Job, wish: CloneWish, by: User) -> list[Difference]:
    """What would be different there, the worst first. Raises InvalidInput for an unknown version."""
    row, to = _version(job, wish.version), wish.destination(job)
    spec = moved_spec(row.spec, source=job.cluster, target=to.cluster)
    place = read_place(to, job=job, spec=spec, by=by)
    return differences(spec, place, instances=spec["instances"])


@transaction.atomic
def job_clone(
    *,
    job: Job,
    wish: CloneWish,
    by: User,
    publish: bool = False,
    idempotency_key: str = "",
    reason: str = "",
) -> tuple[Job, Operation | None]:
    """A new job with the spec of a version of this one; with `publish` also the operation that publishes it. Only the
    latter refuses what could not run there (see `clone_plan`): a draft can still be changed.

    Raises InvalidInput with every field that is wrong, Forbidden without the right to change the other product line.
    """
    require(by, Right.CHANGE, wish.product_line or job.product_line)
    if job.managed_by:
        require_editable(job, by=by)  # raises, in words: a service's own job is no one else's pattern
    row, to = _version(job, wish.version), wish.destination(job)
    key = f"clone:{idempotency_key}" if idempotency_key else ""
    earlier = Job.objects.filter(idempotency_key=key).exists() if key else False
    if publish and not earlier:
        refuse_errors(clone_plan(job=job, wish=wish, by=by))
    clone = _create(job, row, to, by=by, idempotency_key=key)
    if wish.autoscaling and not earlier:
        job_cloned.send(Job, job=job, clone=clone, by=by)
    if not publish:
        return clone, None
    publish_key = f"{key}:publish" if key else ""
    return clone, job_publish(job=clone, by=by, version=1, idempotency_key=publish_key, reason=reason)


def migrate_plan(*, job: Job, cluster: Cluster, by: User) -> list[Difference]:
    """What would be different on the other cluster, and who is left behind. What is not published is not started."""
    row, to = running_version(job), CloneWish(cluster).destination(job)
    if cluster.pk == job.cluster_id:
        text = _("The job is on %(cluster)s already.") % {"cluster": cluster}
        return [Difference("cluster", "same_cluster", "error", text, _("Choose another cluster."))]
    spec = moved_spec(row.spec, source=job.cluster, target=cluster)
    place = read_place(to, job=job, spec=spec, by=by, may_reuse=True)
    place = replace(place, dependents=[tag for tag in dependents_of(by, [job.tag]) if tag != job.tag])
    return differences(spec, place, instances=job.wanted)


@transaction.atomic
def job_migrate(
    *, job: Job, cluster: Cluster, by: User, idempotency_key: str = "", reason: str = ""
) -> Operation:
    """Bring the job up on another cluster, and once it is well there, stop and delete it here.

    Raises InvalidInput where it could not run there (see `migrate_plan`)."""
    require_editable(job, by=by)
    ask = Ask(job, Intent(MIGRATE, by, {"cluster": cluster.name}, idempotency_key, reason))
    if earlier := ask.repeated():
        return earlier
    refuse_errors(migrate_plan(job=job, cluster=cluster, by=by))
    return ask.start(
        to=cluster.name,
        version=running_version(job).number,
        instances=job.wanted,
        previous={"wanted": job.wanted},
    )


def clone_for_migration(operation: Operation, job: Job, cluster: Cluster, *, by: User) -> tuple[Job, bool]:
    """The job on the other cluster, and whether it was made for this: one that is there and does not run is taken over.
    Its newest version is the one that runs here, with as many instances as here. Repeating it changes nothing."""
    row, to = running_version(job), CloneWish(cluster).destination(job)
    spec = moved_spec(row.spec, source=job.cluster, target=cluster)
    spec["instances"] = operation.parameters["instances"] or spec["instances"]
    key = f"migrate:{operation.pk}"
    made = Job.objects.filter(idempotency_key=key).first()
    if made is not None:
        return made, True
    there = Job.objects.alive().filter(tag=to.tag).select_related("product_line", "cluster").first()
    if there is None:
        return _create(job, replace_spec(row, spec), to, by=by, idempotency_key=key), True
    if there.wanted or there.managed_by:
        text = _("There is already a job %(tag)s.") % {"tag": to.tag}
        raise InvalidInput(FieldError("name", "unique", text))
    job_version_add(job=there, patch=spec, by=by)
    return there, False


def refuse_errors(found: list[Difference]) -> None:
    """Raises InvalidInput with what could not run there."""
    errors = [FieldError(one.field, one.code, one.what) for one in found if one.severity == "error"]
    if errors:
        raise InvalidInput(*errors)


def running_version(job: Job) -> JobVersion:
    """The version that was asked for last; of a draft the latest."""
    return _version(job, job.target_version or job.latest_version)


def replace_spec(row: JobVersion, spec: dict[str, Any]) -> JobVersion:
    """The version as it would be elsewhere, not stored."""
    return JobVersion(job_id=row.job_id, number=row.number, spec=spec)


def _create(job: Job, row: JobVersion, to: Destination, *, by: User, idempotency_key: str) -> Job:
    spec = moved_spec(row.spec, source=job.cluster, target=to.cluster)
    origin = origin_of(job)
    new = NewJob(
        product_line=to.product_line,
        service=to.service,
        cluster=to.cluster,
        name=to.name,
        spec=spec,
        note="",
        origin=Origin(origin.version, origin.parameters) if origin else None,
    )
    with transaction.atomic():
        clone = job_create(new=new, by=by, idempotency_key=idempotency_key)
        Job.objects.filter(pk=clone.pk).update(cloned_from=job)
        said = {"tag": job.tag, "version": row.number}
        history_add(clone, Happening("cloned", "cloned", CLONED_FROM, said), actor=by)
        happening = Happening("cloned", f"cloned:{clone.pk}", CLONED_TO, {"tag": clone.tag})
        history_add(job, happening, actor=by)
    return clone


def _version(job: Job, number: int | None) -> JobVersion:
    row = JobVersion.objects.filter(job=job, number=number or job.latest_version).first()
    if row is None:
        text = _("There is no version %(number)s; the latest is %(latest)s.")
        values = {"number": number, "latest": job.latest_version}
        raise InvalidInput(FieldError("version", "unknown_version", text % values))
    return row
