"""Rows for tests: minimal, valid, each in its own right. `overrides` are the model's fields."""

from __future__ import annotations

from itertools import count
from typing import Any

from django.utils import timezone

from apps.accounts.tests.factories import make_product_line, make_user
from apps.core.models import Operation
from apps.core.tests.factories import make_cluster, make_operation
from apps.jobs.mirror.apply import bad_end
from apps.jobs.models import (
    Instance,
    Job,
    JobOrigin,
    JobTemplate,
    JobTemplateVersion,
    JobVersion,
    Release,
    ReleaseItem,
    job_tag,
)
from apps.jobs.planning import workload_path
from apps.jobs.services.history import history_write
from apps.jobs.spec import spec_validate
from apps.jobs.templating.parameters import parameters_validate
from apps.jobs.templating.use import spec_make
from engines.base import InstanceFailure

_numbers = count(1)


def make_spec(**fields: Any) -> dict[str, Any]:
    """A complete, valid spec: a web server with one HTTP check, where `fields` does not say otherwise."""
    return spec_validate(
        {
            "command": "python3 -m http.server $PORT0",
            "instances": 3,
            "ports": [{"name": "http"}],
            "health_checks": [{"type": "http", "port": "http"}],
            **fields,
        }
    )


def make_job(*, spec: dict[str, Any] | None = None, **overrides: Any) -> Job:
    """A draft with version 1, which has `spec`; see `make_running_job` for one that was published."""
    line = overrides.pop("product_line", None) or make_product_line()
    cluster = overrides.pop("cluster", None) or make_cluster()
    name = overrides.pop("name", None) or f"web-{next(_numbers)}"
    service = overrides.pop("service", name)
    path = workload_path(
        cop=line.cop, owt=line.owt, pdl=line.pdl, cluster=cluster.name, service=service, name=name
    )
    job = Job.objects.create(
        product_line=line,
        cluster=cluster,
        name=name,
        service=service,
        tag=job_tag(name=name, service=service, cluster=cluster.name, product_line=str(line)),
        workload_id=path,
        **{"latest_version": 1, **overrides},
    )
    JobVersion.objects.create(job=job, number=1, spec=spec or make_spec())
    return job


def make_running_job(*, instances: int = 3, **overrides: Any) -> Job:
    """A published job, all of whose `instances` are running and healthy, with their rows."""
    spec = overrides.pop("spec", None) or make_spec(instances=instances)
    job = make_job(
        spec=spec,
        **{
            "state": Job.State.RUNNING,
            "wanted": instances,
            "running": instances,
            "healthy": instances,
            "has_health_checks": True,
            "target_version": 1,
            "running_version": 1,
            "engine_seen_at": timezone.now(),
            **overrides,
        },
    )
    for _ in range(instances):
        make_instance(job=job)
    return job


def make_version(job: Job, **overrides: Any) -> JobVersion:
    """The job's next version; `spec` fields on top of the latest one's are enough."""
    latest = JobVersion.objects.get(job=job, number=job.latest_version)
    spec = {**latest.spec, **overrides.pop("spec", {})}
    version = JobVersion.objects.create(job=job, **{"number": latest.number + 1, "spec": spec, **overrides})
    Job.objects.filter(pk=job.pk).update(latest_version=version.number)
    job.latest_version = version.number
    return version


def make_instance(*, job: Job | None = None, **overrides: Any) -> Instance:
    """A running, healthy instance of the job (a new one, unless given)."""
    job = job or make_job()
    number = next(_numbers)
    now = timezone.now()
    return Instance.objects.create(
        job=job,
        **{
            "task_id": f"{job.workload_id.strip('/').replace('/', '_')}.instance-{number:08x}._app.1",
            "host": f"lg-ocean-node01.{job.cluster.name}",
            "ip": "127.0.0.1",
            "ports": [20000 + number % 10000],
            "state": Instance.State.RUNNING,
            "healthy": True,
            "version": 1,
            "engine_version": now,
            "staged_at": now,
            "started_at": now,
            **overrides,
        },
    )


def make_bad_end(job: Job, failure: InstanceFailure) -> None:
    """The instance's bad end in the job's history, once however often."""
    history_write([(job, bad_end(failure))])


def make_job_operation(job: Job, **overrides: Any) -> Operation:
    """An operation on the job; queued, so that it holds the job, unless `state` says otherwise."""
    return make_operation(
        **{
            "target_type": "job",
            "target_id": job.pk,
            "target": job.tag,
            "product_line": job.product_line,
            "cluster": job.cluster,
            **overrides,
        }
    )


def make_release(*jobs: Job, **overrides: Any) -> Release:
    """A release of the jobs, all in one stage, none of them begun; it has no operation."""
    release = Release.objects.create(
        **{
            "action": Release.Action.RESTART,
            "parallel": 10,
            "requested_by": overrides.pop("requested_by", None) or make_user(),
            **overrides,
        }
    )
    for position, job in enumerate(jobs):
        ReleaseItem.objects.create(release=release, job=job, position=position, stage=1)
    return release


def make_template(**overrides: Any) -> JobTemplate:
    """A template with version 1, which has `spec` and `parameters`; everybody's unless `product_line` is given."""
    name = overrides.pop("name", None) or f"template-{next(_numbers)}"
    spec = overrides.pop("spec", {"command": "sleep 60"})
    parameters = parameters_validate(overrides.pop("parameters", []))
    template = JobTemplate.objects.create(name=name, **{"title": name, "latest_version": 1, **overrides})
    JobTemplateVersion.objects.create(template=template, number=1, spec=spec, parameters=parameters)
    return template


def make_template_version(template: JobTemplate, **overrides: Any) -> JobTemplateVersion:
    """The template's next version; `spec` fields on top of the latest one's are enough."""
    latest = JobTemplateVersion.objects.get(template=template, number=template.latest_version)
    spec = {**latest.spec, **overrides.pop("spec", {})}
    parameters = parameters_validate(overrides.pop("parameters", latest.parameters))
    version = JobTemplateVersion.objects.create(
        template=template, number=latest.number + 1, spec=spec, parameters=parameters, **overrides
    )
    JobTemplate.objects.filter(pk=template.pk).update(latest_version=version.number)
    template.latest_version = version.number
    return version


def make_job_from(template: JobTemplate, parameters: dict[str, Any] | None = None, **overrides: Any) -> Job:
    """A draft that the template's latest version made of these parameters."""
    version = JobTemplateVersion.objects.get(template=template, number=template.latest_version)
    made = spec_make(version, parameters or {})
    job = make_job(spec=spec_validate(made.spec), **overrides)
    JobOrigin.objects.create(job=job, version=version, parameters=made.values)
    return job
