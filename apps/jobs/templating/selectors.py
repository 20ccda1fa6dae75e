"""Reading templates: what the person may know of, and which jobs follow which version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from apps.accounts.rights import Right, may, product_lines_visible, scope
from apps.core.errors import InvalidInput
from apps.jobs.models import Job, JobOrigin, JobTemplate, JobTemplateVersion, JobVersion
from apps.jobs.spec import spec_validate
from apps.jobs.templating.placeholders import fill

if TYPE_CHECKING:
    from apps.jobs.selectors import Person


def templates_visible(user: Person) -> QuerySet[JobTemplate]:
    """Everybody's, and those of the product lines that the person may know of."""
    lines = product_lines_visible(user)
    visible = JobTemplate.objects.filter(Q(product_line__isnull=True) | Q(product_line__in=lines))
    return visible.select_related("product_line")


def job_templates_visible(user: Person) -> QuerySet[JobTemplate]:
    return templates_visible(user).filter(kind="job")


def with_latest(templates: QuerySet[JobTemplate]) -> QuerySet[JobTemplate]:
    """Adds the latest version of each, for `latest_of`: one query for all."""
    latest = JobTemplateVersion.objects.filter(number=F("template__latest_version"))
    return templates.prefetch_related(Prefetch("versions", queryset=latest, to_attr="latest_versions"))


def with_uses(templates: QuerySet[JobTemplate]) -> QuerySet[JobTemplate]:
    """Adds `jobs_count`: how many jobs follow each, whoever may know of them."""
    origins = JobOrigin.objects.filter(version__template=OuterRef("pk"), job__deleted_at__isnull=True)
    counted = origins.order_by().values("version__template").annotate(n=Count("pk")).values("n")
    return templates.annotate(jobs_count=Coalesce(Subquery(counted), 0))


def latest_of(template: JobTemplate) -> JobTemplateVersion:
    """The latest version; without a query where `with_latest` was asked for."""
    found: list[JobTemplateVersion] | None = getattr(template, "latest_versions", None)
    if found:
        return found[0]
    return JobTemplateVersion.objects.get(template=template, number=template.latest_version)


def template_versions(template: JobTemplate) -> QuerySet[JobTemplateVersion]:
    return JobTemplateVersion.objects.filter(template=template).select_related("author").order_by("-number")


def may_keep(user: Person, template: JobTemplate) -> bool:
    """Whether the person may change the template: developers of its product line; SREs where it is everybody's."""
    return may(user, Right.CHANGE, template.product_line)


def origins_of(template: JobTemplate, *, user: Person) -> QuerySet[JobOrigin]:
    """The jobs that follow the template and that the person may know of, with what `uses_of` needs."""
    origins = JobOrigin.objects.filter(version__template=template, job__deleted_at__isnull=True)
    latest = JobVersion.objects.filter(job=OuterRef("job"), number=OuterRef("job__latest_version"))
    return (
        scope(origins, user, path="job__product_line")
        .select_related("job__product_line", "job__cluster", "version__template")
        .annotate(spec=Subquery(latest.values("spec")[:1]))
        .order_by("job__tag", "pk")
    )


def origin_of(job: Job) -> JobOrigin | None:
    """The template's version that the job follows, if any."""
    return JobOrigin.objects.filter(job=job).select_related("version__template").first()


@dataclass(frozen=True, slots=True)
class Use:
    """A job that follows a template. `is_changed`: its latest version is not what the template's version makes of
    its parameters."""

    origin: JobOrigin
    is_behind: bool
    is_changed: bool

    @property
    def job(self) -> Job:
        return self.origin.job

    @property
    def version(self) -> int:
        return self.origin.version.number


def uses_of(template: JobTemplate, origins: Sequence[JobOrigin]) -> list[Use]:
    """The rows of `origins_of` (a page of them), with how far each job has strayed; no query."""
    return [
        Use(
            origin,
            is_behind=origin.version.number < template.latest_version,
            is_changed=is_changed(origin),
        )
        for origin in origins
    ]


def is_changed(origin: JobOrigin) -> bool:
    """Of a row of `origins_of`: whether the job is not what the template's version makes of its parameters."""
    return bool(made_by(origin) != getattr(origin, "spec"))  # noqa: B009 - an annotation of the query


def made_by(origin: JobOrigin) -> dict[str, Any] | None:
    """What the template's version makes of the job's parameters; None where it no longer makes a spec."""
    try:
        return spec_validate(fill(origin.version.spec, origin.parameters))
    except InvalidInput:
        return None


def comparable(version: JobTemplateVersion) -> dict[str, Any]:
    """Spec and parameters as one mapping, for a difference by field."""
    parameters = {f"parameters[{row['name']}]": row for row in version.parameters}
    return {**version.spec, **parameters}
