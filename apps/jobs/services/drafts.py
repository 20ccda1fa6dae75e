"""Creating jobs and saving their versions: inside the database only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.accounts.models import ProductLine, validate_name
from apps.accounts.rights import Right, may, require, scope
from apps.core.audit import audit
from apps.core.errors import DomainError, FieldError, Forbidden, InvalidInput, KeyReused, StaleVersion
from apps.core.live import announce
from apps.core.models import Cluster
from apps.jobs.models import Job, JobOrigin, JobTemplateVersion, JobVersion, Secret, job_tag
from apps.jobs.planning import workload_path
from apps.jobs.services.history import Happening, history_add
from apps.jobs.spec import spec_merge, spec_validate
from apps.jobs.spec.workload import secret_names, secret_uses

if TYPE_CHECKING:
    from apps.accounts.models import User

CREATED = gettext_noop("Created by %(who)s.")
SAVED = gettext_noop("%(who)s saved version %(version)s. %(note)s")


@dataclass(frozen=True, slots=True)
class Origin:
    """The template's version that a spec was made by, and the values of its parameters."""

    version: JobTemplateVersion
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewJob:
    """Where a job belongs and what it should be; `spec` as people write it, not yet checked."""

    product_line: ProductLine
    service: str
    cluster: Cluster
    name: str
    spec: Mapping[str, Any]
    note: str = ""
    origin: Origin | None = None


def job_create(*, new: NewJob, by: User, idempotency_key: str = "", managed_by: str = "") -> Job:
    """Create a job with its first version, as a draft: nothing runs until it is published.

    Raises InvalidInput with every bad field at once (`name`, `service`, `spec.…`; code `unique` when the tag is
    taken), Forbidden without the right to change the product line, KeyReused when the key came with another request.
    """
    require(by, Right.CHANGE, new.product_line)
    tag = job_tag(
        name=new.name, service=new.service, cluster=new.cluster.name, product_line=str(new.product_line)
    )
    if earlier := _repeated(new, tag=tag, idempotency_key=idempotency_key):
        return earlier
    spec = check_new(new)
    line = new.product_line
    try:
        with transaction.atomic():
            check_references(spec, product_line=line, cluster=new.cluster, by=by, tag=tag)
            job = Job.objects.create(
                product_line=line,
                service=new.service,
                cluster=new.cluster,
                name=new.name,
                tag=tag,
                workload_id=workload_path(
                    cop=line.cop,
                    owt=line.owt,
                    pdl=line.pdl,
                    cluster=new.cluster.name,
                    service=new.service,
                    name=new.name,
                ),
                managed_by=managed_by,
                created_by=by,
                latest_version=1,
                idempotency_key=idempotency_key,
            )
            JobVersion.objects.create(job=job, number=1, spec=spec, note=new.note, author=by)
            _follow(job, new.origin)
            history_add(job, Happening("created", "created", CREATED, {"who": by.get_username()}), actor=by)
            audit(by=by, action="job.create", object=tag, product_line=line)
            transaction.on_commit(lambda: announce("jobs"), robust=True)
    except IntegrityError as exc:
        if earlier := _repeated(new, tag=tag, idempotency_key=idempotency_key):
            return earlier
        raise InvalidInput(
            FieldError("name", "unique", _("There is already a job %(tag)s.") % {"tag": tag})
        ) from exc
    return job


def _follow(job: Job, origin: Origin | None) -> None:
    """The job follows the template from now on, where its product line may know of that."""
    if origin is None or not origin.version.template.is_for(job.product_line):
        return
    values = {"version": origin.version, "parameters": dict(origin.parameters)}
    JobOrigin.objects.update_or_create(job=job, defaults=values)


def _repeated(new: NewJob, *, tag: str, idempotency_key: str) -> Job | None:
    """The job that this very request created before. Raises KeyReused when the key came with another one."""
    earlier = Job.objects.filter(idempotency_key=idempotency_key).first() if idempotency_key else None
    if earlier is None:
        return None
    first = JobVersion.objects.get(job=earlier, number=1)
    if earlier.tag != tag or first.spec != spec_validate(new.spec):
        raise KeyReused
    return earlier


def job_version_add(
    *,
    job: Job,
    patch: Mapping[str, Any],
    by: User,
    edited_version: int | None = None,
    note: str = "",
    origin: Origin | None = None,
) -> JobVersion:
    """Save the next version: the latest one with the patch's top-level keys replaced. Nothing is published.

    `origin` is what made the patch, which the job follows from now on; `edited_version` the one that the editor looked
    at. Raises StaleVersion when somebody saved since, InvalidInput for bad fields. A patch that changes nothing returns
    the latest version and adds none.
    """
    require_editable(job, by=by)
    with transaction.atomic():
        locked = Job.objects.select_for_update().get(pk=job.pk)
        if edited_version is not None and edited_version != locked.latest_version:
            raise StaleVersion(given=edited_version, latest=locked.latest_version)
        latest = JobVersion.objects.get(job=locked, number=locked.latest_version)
        spec = spec_validate(spec_merge(latest.spec, patch))
        _follow(job, origin)
        # An earlier release's version lacks fields that are newer: nobody changed those.
        if spec in (latest.spec, spec_validate(latest.spec)):
            return latest
        check_references(spec, product_line=job.product_line, cluster=job.cluster, by=by, tag=job.tag)
        version = JobVersion.objects.create(
            job=locked, number=locked.latest_version + 1, spec=spec, note=note, author=by
        )
        Job.objects.filter(pk=job.pk).update(latest_version=version.number)
        job.latest_version = version.number
        values = {"who": by.get_username(), "version": version.number, "note": note}
        history_add(job, Happening("saved", f"saved:{version.number}", SAVED, values), actor=by)
        audit(
            by=by,
            action="job.save_version",
            object=job.tag,
            product_line=job.product_line,
            version=version.number,
        )
        transaction.on_commit(lambda: announce(f"job:{job.pk}", "jobs"), robust=True)
    return version


def require_editable(job: Job, *, by: User) -> None:
    """Raises Forbidden unless the person may change the job: the right on its line, and no service owns it."""
    require(by, Right.CHANGE, job.product_line)
    if job.managed_by:
        raise Forbidden(_("This job belongs to %(owner)s and is changed there.") % {"owner": job.managed_by})


def may_edit(job: Job, *, by: User) -> bool:
    """Whether `require_editable` would let the person."""
    return may(by, Right.CHANGE, job.product_line) and not job.managed_by


def check_new(new: NewJob) -> dict[str, Any]:
    """The complete spec. Raises InvalidInput with every bad field at once."""
    errors: list[FieldError] = []
    for field in ("name", "service"):
        try:
            validate_name(getattr(new, field))
        except ValidationError as exc:
            errors.append(FieldError(field, exc.code or "invalid", " ".join(exc.messages)))
    if not new.cluster.enabled:
        text = _("The cluster %(cluster)s is switched off.") % {"cluster": new.cluster}
        errors.append(FieldError("cluster", "disabled", text))
    spec: dict[str, Any] = {}
    try:
        spec = spec_validate(new.spec)
    except InvalidInput as exc:
        errors += exc.errors
    if errors:
        raise InvalidInput(*errors)
    return spec


def check_references(
    spec: Mapping[str, Any],
    *,
    product_line: ProductLine,
    cluster: Cluster,
    by: User,
    tag: str,
    beside: Collection[str] = (),
) -> None:
    """The names in a spec must exist: secrets of the product line, jobs on the same cluster that the person sees (or
    that are about to be saved `beside` this one)."""
    errors = []
    known = set(Secret.objects.filter(product_line=product_line).values_list("name", flat=True))
    for path, name in secret_uses(spec):
        if name not in known:
            text = _("%(line)s has no secret '%(secret)s'. Add it on the product line's page first.")
            errors.append(
                FieldError(f"spec.{path}", "unknown_secret", text % {"line": product_line, "secret": name})
            )
    if spec["depends_on"]:
        visible = scope(Job.objects.alive().filter(cluster=cluster), by).exclude(tag=tag)
        found = set(visible.filter(tag__in=spec["depends_on"]).values_list("tag", flat=True))
        for index, wanted in enumerate(spec["depends_on"]):
            if wanted not in found and wanted not in beside:
                text = _("There is no other job %(tag)s on %(cluster)s.") % {
                    "tag": wanted,
                    "cluster": cluster,
                }
                errors.append(FieldError(f"spec.depends_on[{index}]", "unknown_job", text))
    if errors:
        raise InvalidInput(*errors)


class SecretMissing(DomainError):
    """A version names a secret that its product line does not have (any more)."""

    code = "unknown_secret"

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


def used_secrets(spec: Mapping[str, Any], *, product_line: ProductLine) -> dict[str, str]:
    """The values of the secrets that a spec names. Raises SecretMissing for one that is gone."""
    names = secret_names(spec)
    found = {
        secret.name: secret.value
        for secret in Secret.objects.filter(product_line=product_line, name__in=names)
    }
    if missing := names - found.keys():
        raise SecretMissing(min(missing))
    return found
