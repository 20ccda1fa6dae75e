"""Mass update: bringing jobs that follow a template to its newest version, first as a plan, then as new versions.

A job's own changes are kept (`merge`); where both changed a field, a person decides. Nothing is published.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from apps.accounts.rights import Right, lines_with
from apps.core.errors import FieldError, InvalidInput, StaleVersion
from apps.jobs.models import Job, JobOrigin, JobTemplate, JobTemplateVersion
from apps.jobs.services.drafts import Origin, job_version_add
from apps.jobs.spec import Change, spec_diff, spec_validate
from apps.jobs.templating.merge import Conflict, Side, merge
from apps.jobs.templating.parameters import Parameter, values_still_asked_for
from apps.jobs.templating.selectors import latest_of, origins_of
from apps.jobs.templating.use import spec_make

if TYPE_CHECKING:
    from apps.accounts.models import User

MAX_JOBS = 200
"""In one plan; the rest comes with the next one."""
NOTE = gettext_noop("template %(name)s, version %(version)s")


class Outcome(StrEnum):
    """What an update means for a job: a new version; the same spec, only its template's version moves on; a person has
    to decide; it would not be a spec; it may not be changed by this person."""

    CHANGES = "changes"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    STALE = "stale"
    SAVED = "saved"


@dataclass(frozen=True, slots=True)
class JobUpdate:
    """One job's part. `version` is the job's version that was looked at, or that was saved."""

    job: Job
    from_version: int
    version: int
    outcome: Outcome
    changes: tuple[Change, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    errors: tuple[FieldError, ...] = ()
    spec: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Choice:
    """A job to update, as somebody chose it: the version that they looked at, and who wins which conflict."""

    tag: str
    version: int | None = None
    take: Mapping[str, Side] = field(default_factory=dict)


def update_plan(
    template: JobTemplate,
    *,
    by: User,
    choices: Sequence[Choice] | None = None,
    given: Mapping[str, Any] | None = None,
) -> list[JobUpdate]:
    """What an update would mean, job by job: of the chosen ones, or of all that are on older versions, the first 200.

    `given` are values for parameters, on top of each job's own. Raises InvalidInput for a job that does not follow the
    template (`jobs[0].job`).
    """
    origins = _origins(template, by=by, choices=choices)
    newest = latest_of(template)
    takes = {choice.tag: choice.take for choice in choices or ()}
    editable = set(lines_with(by, Right.CHANGE).values_list("pk", flat=True))
    return [
        _update(
            origin,
            newest,
            given=given or {},
            take=takes.get(origin.job.tag, {}),
            may_change=origin.job.product_line_id in editable and not origin.job.managed_by,
        )
        for origin in origins
    ]


def update_apply(
    template: JobTemplate,
    *,
    by: User,
    choices: Sequence[Choice],
    given: Mapping[str, Any] | None = None,
    note: str = "",
) -> list[JobUpdate]:
    """Save a new version of each chosen job that can have one; each by itself, so that one that cannot does not hold
    up the others."""
    newest = latest_of(template)
    versions = {choice.tag: choice.version for choice in choices}
    words = note or _(NOTE) % {"name": template.name, "version": newest.number}
    plans = update_plan(template, by=by, choices=choices, given=given)
    return [_save(plan, newest, looked_at=versions[plan.job.tag], by=by, note=words) for plan in plans]


def _origins(template: JobTemplate, *, by: User, choices: Sequence[Choice] | None) -> Iterable[JobOrigin]:
    origins = origins_of(template, user=by)
    if choices is None:
        return origins.filter(version__number__lt=template.latest_version)[:MAX_JOBS]
    chosen = origins.filter(job__tag__in=[choice.tag for choice in choices])
    found = {origin.job.tag: origin for origin in chosen}
    text = _("There is no job %(tag)s that follows this template, or none that you may know of.")
    errors = [
        FieldError(f"jobs[{index}].job", "unknown_job", text % {"tag": choice.tag})
        for index, choice in enumerate(choices)
        if choice.tag not in found
    ]
    if errors:
        raise InvalidInput(*errors)
    return [found[tag] for tag in dict.fromkeys(choice.tag for choice in choices)]


def _update(
    origin: JobOrigin,
    newest: JobTemplateVersion,
    *,
    given: Mapping[str, Any],
    take: Mapping[str, Side],
    may_change: bool,
) -> JobUpdate:
    job = origin.job
    mine: dict[str, Any] = getattr(origin, "spec")  # noqa: B009 - an annotation of the query
    update = JobUpdate(job, origin.version.number, job.latest_version, Outcome.UNCHANGED)
    try:
        base = spec_validate(spec_make(origin.version, origin.parameters).spec)
        made = spec_make(newest, _values(newest.parameters, origin.parameters, given))
        merged = merge(base, mine, spec_validate(made.spec), take=take)
        spec = spec_validate(merged.spec)
    except InvalidInput as exc:
        return replace(update, outcome=Outcome.INVALID, errors=exc.errors)
    found = replace(
        update,
        changes=tuple(spec_diff(mine, spec)),
        conflicts=merged.conflicts,
        spec=spec,
        parameters=made.values,
    )
    if not may_change:
        return replace(found, outcome=Outcome.FORBIDDEN)
    if merged.conflicts:
        return replace(found, outcome=Outcome.CONFLICT)
    return replace(found, outcome=Outcome.CHANGES if found.changes else Outcome.UNCHANGED)


def _values(
    parameters: Sequence[Parameter], own: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """A job's values for another version: its own as far as that asks for them, and what is given for all."""
    return {**values_still_asked_for(parameters, own), **given}


def _save(
    plan: JobUpdate, newest: JobTemplateVersion, *, looked_at: int | None, by: User, note: str
) -> JobUpdate:
    if plan.outcome not in {Outcome.CHANGES, Outcome.UNCHANGED}:
        return plan
    patch = {name: value for name, value in plan.spec.items() if name in _changed_keys(plan.changes)}
    try:
        with transaction.atomic():
            version = job_version_add(
                job=plan.job,
                patch=patch,
                by=by,
                edited_version=looked_at or plan.version,
                note=note[:300],
                origin=Origin(newest, plan.parameters),
            )
    except StaleVersion:
        return replace(plan, outcome=Outcome.STALE)
    except InvalidInput as exc:
        return replace(plan, outcome=Outcome.INVALID, errors=exc.errors)
    saved = version.number != plan.version
    return replace(plan, outcome=Outcome.SAVED if saved else Outcome.UNCHANGED, version=version.number)


def _changed_keys(changes: Iterable[Change]) -> set[str]:
    """The spec's own fields that hold the changes: `health_checks[1].path` → `health_checks`."""
    return {change.field.split(".")[0].split("[")[0] for change in changes}
