"""What saving a job as somebody wrote it down would change; nothing is written here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.accounts.rights import Right, require
from apps.core.errors import InvalidInput
from apps.jobs.models import Job, JobVersion, job_tag
from apps.jobs.services.drafts import NewJob, check_new, check_references, require_editable
from apps.jobs.spec import Change, spec_diff, spec_validate

if TYPE_CHECKING:
    from apps.accounts.models import User


@dataclass(frozen=True, slots=True)
class JobPlan:
    """`job` is None where there is none of this name yet; `spec` is complete; `changes` are from its latest version."""

    tag: str
    job: Job | None
    spec: dict[str, Any]
    changes: list[Change]


def job_plan(*, new: NewJob, by: User, beside: Collection[str] = (), keep_instances: bool = False) -> JobPlan:
    """Compare what is written with what is there. `beside` are the tags that are saved together with it, so that it
    may depend on them. `keep_instances`: the writer leaves the number to others (scaling by hand or by metric).

    Raises InvalidInput and Forbidden as `job_create` and `job_version_add` would.
    """
    tag = job_tag(
        name=new.name, service=new.service, cluster=new.cluster.name, product_line=str(new.product_line)
    )
    job = Job.objects.alive().filter(tag=tag).select_related("product_line", "cluster").first()
    if job is None:
        require(by, Right.CHANGE, new.product_line)
    else:
        require_editable(job, by=by)
    spec = check_new(new)
    latest: Mapping[str, Any] | None = None
    if job is not None:
        latest = _as_of_now(JobVersion.objects.get(job=job, number=job.latest_version).spec)
        if keep_instances:
            spec["instances"] = latest["instances"]
    check_references(spec, product_line=new.product_line, cluster=new.cluster, by=by, tag=tag, beside=beside)
    return JobPlan(
        tag=tag, job=job, spec=spec, changes=[] if latest is None else spec_diff(dict(latest), spec)
    )


def _as_of_now(spec: dict[str, Any]) -> dict[str, Any]:
    """A stored spec with the fields that came after it, so that they do not show as changes. One that today's rules
    would refuse stays as it is."""
    try:
        return spec_validate(spec)
    except InvalidInput:
        return spec
