"""What a release would do, before anybody agrees to it: its members checked, in their stages, with warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.accounts.rights import Right, lines_with
from apps.core.errors import FieldError, InvalidInput
from apps.core.models import Operation
from apps.core.operations.kinds import kind_label
from apps.core.serializers import checked
from apps.jobs.models import Job, JobVersion, Release
from apps.jobs.planning import publish_instances
from apps.jobs.releases.ordering import Circle, stages, waits_for
from apps.jobs.selectors import dependents_of, jobs_visible
from apps.jobs.spec.strategy import StrategyFields

if TYPE_CHECKING:
    from apps.accounts.models import User

MAX_ITEMS = 200
PARALLEL = 10
MAX_PARALLEL = 50
Action = Release.Action


@dataclass(frozen=True, slots=True)
class ItemWish:
    """A job by its tag; `version` (else the latest) and `strategy` (on top of the version's own) for a publish."""

    job: str
    version: int | None = None
    strategy: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A release as somebody asks for it."""

    action: Release.Action
    items: Sequence[ItemWish]
    on_failure: Release.OnFailure = Release.OnFailure.UNDO
    parallel: int = PARALLEL
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """What tells this request from another one."""
        items = [
            {"job": item.job, "version": item.version, "strategy": dict(item.strategy or {})}
            for item in self.items
        ]
        return {
            "action": self.action.value,
            "items": items,
            "on_failure": self.on_failure.value,
            "parallel": self.parallel,
        }


@dataclass(frozen=True, slots=True)
class Member:
    """One job of a release. `version` is what will run (None: nothing), `before` what runs now (None: nothing)."""

    position: int
    job: Job
    version: JobVersion | None
    before: JobVersion | None
    instances: int
    wish: ItemWish
    busy: Operation | None = None

    @property
    def number(self) -> int | None:
        return self.version.number if self.version else None

    @property
    def depends_on(self) -> list[str]:
        row = self.version or self.before
        return list(row.spec["depends_on"]) if row else []

    @property
    def number_before(self) -> int | None:
        return self.before.number if self.before else None


@dataclass(frozen=True, slots=True)
class Plan:
    """`after`: for each position those that it waits for."""

    stages: list[list[Member]]
    after: dict[int, frozenset[int]]
    warnings: list[str] = field(default_factory=list)

    @property
    def members(self) -> list[Member]:
        return sorted((member for stage in self.stages for member in stage), key=lambda one: one.position)


def release_plan(wish: Wish, *, by: User) -> Plan:
    """Raises InvalidInput with every bad item at once, in a fixed number of queries."""
    members = _members(wish, by=by)
    depends_on = {member.job.tag: member.depends_on for member in members}
    after = waits_for(depends_on, last_first=wish.action == Action.STOP)
    try:
        order = stages(after)
    except Circle as exc:
        text = _("These jobs wait for each other, so none of them could be first: %(circle)s.")
        raise InvalidInput(FieldError("items", "circle", text % {"circle": str(exc)})) from exc
    by_tag = {member.job.tag: member for member in members}
    return Plan(
        stages=[[by_tag[tag] for tag in stage] for stage in order],
        after={
            by_tag[tag].position: frozenset(by_tag[other].position for other in others)
            for tag, others in after.items()
        },
        warnings=[*_warnings(wish, members, depends_on, by=by)],
    )


def _members(wish: Wish, *, by: User) -> list[Member]:
    if not 1 <= len(wish.items) <= MAX_ITEMS:
        text = _("Choose 1 to %(max)s jobs.") % {"max": MAX_ITEMS}
        raise InvalidInput(FieldError("items", "out_of_range", text))
    jobs = {job.tag: job for job in jobs_visible(by).filter(tag__in=[item.job for item in wish.items])}
    changeable = set(lines_with(by, Right.CHANGE).values_list("pk", flat=True))
    versions = _versions(wish, jobs.values())
    busy = {
        operation.target_id: operation
        for operation in Operation.objects.active().filter(
            target_type="job", target_id__in=[job.pk for job in jobs.values()]
        )
    }
    members, errors, seen = [], [], set()
    for position, item in enumerate(wish.items):
        job = jobs.get(item.job)
        try:
            if job is None:
                text = _("There is no job %(tag)s, or none that you may know of.") % {"tag": item.job}
                raise _bad("job", "unknown", text)
            if item.job in seen:
                raise _bad("job", "duplicate", _("This job is chosen twice."))
            seen.add(item.job)
            if job.product_line_id not in changeable or job.managed_by:
                text = _("You can see %(tag)s, but not change it.") % {"tag": item.job}
                raise _bad("job", "forbidden", text)
            members.append(_member(wish.action, position, item, job, versions, busy.get(job.pk)))
        except InvalidInput as exc:
            errors += [
                FieldError(f"items[{position}].{error.field}", error.code, error.detail)
                for error in exc.errors
            ]
    if errors:
        raise InvalidInput(*errors)
    return members


def _member(
    action: Release.Action,
    position: int,
    item: ItemWish,
    job: Job,
    versions: Mapping[tuple[int, int], JobVersion],
    busy: Operation | None,
) -> Member:
    before = versions.get((job.pk, job.target_version or 0))
    if action == Action.PUBLISH:
        version = versions.get((job.pk, item.version or job.latest_version))
        if version is None:
            text = _("There is no version %(number)s; the latest is %(latest)s.")
            raise _bad(
                "version", "unknown_version", text % {"number": item.version, "latest": job.latest_version}
            )
        if item.strategy:
            own = version.spec["strategy"]
            checked(StrategyFields(data={**own, **item.strategy}), path="strategy")
        asked_before = before.spec["instances"] if before else None
        count = publish_instances(
            asked=version.spec["instances"], asked_before=asked_before, wanted=job.wanted
        )
        return Member(position, job, version, before if job.wanted else None, count, item, busy)
    if item.version is not None or item.strategy:
        name = "version" if item.version is not None else "strategy"
        raise _bad(name, "not_taken", _("Only a publish takes this."))
    if before is None:
        raise _bad("job", "not_published", _("The job has not been published yet: publish it first."))
    if action == Action.START:
        if job.wanted:
            raise _bad("job", "not_stopped", _("The job is not stopped."))
        count = job.wanted_before_stop or before.spec["instances"] or 1
        return Member(position, job, before, None, count, item, busy)
    if not job.wanted:
        raise _bad("job", "stopped", _("The job is stopped."))
    if action == Action.STOP:
        return Member(position, job, None, before, 0, item, busy)
    return Member(position, job, before, before, job.wanted, item, busy)


def _versions(wish: Wish, jobs: Any) -> dict[tuple[int, int], JobVersion]:
    """The versions that matter, by job and number: one query (some that do not matter come along)."""
    named = {item.version for item in wish.items if item.version}
    numbers = named | {number for job in jobs for number in (job.target_version, job.latest_version)}
    rows = JobVersion.objects.filter(job__in=jobs, number__in=[number for number in numbers if number])
    return {(row.job_id, row.number): row for row in rows}


def _warnings(
    wish: Wish, members: Sequence[Member], depends_on: Mapping[str, Sequence[str]], *, by: User
) -> Iterator[str]:
    for member in members:
        name = member.job.name
        if member.busy is not None:
            text = _("%(job)s is busy with operation #%(id)s (%(kind)s): the release waits for it.")
            yield text % {"job": name, "id": member.busy.pk, "kind": kind_label(member.busy.kind)}
        if wish.action == Action.PUBLISH and member.number == member.number_before:
            text = _("%(job)s runs version %(version)s already: the same is started afresh.")
            yield text % {"job": name, "version": member.number}
        if wish.action == Action.PUBLISH and not member.job.wanted and wish.on_failure == "undo":
            yield _("Nothing of %(job)s runs now: if all go back, it is stopped again.") % {"job": name}
    if wish.action == Action.STOP:
        for tag in dependents_of(by, list(depends_on)):
            if tag not in depends_on:
                yield _("%(job)s depends on one of these and goes on running without it.") % {"job": tag}
        return
    outside = {tag for tags in depends_on.values() for tag in tags} - depends_on.keys()
    running = jobs_visible(by).filter(tag__in=outside, wanted__gt=0).values_list("tag", flat=True)
    for tag in sorted(outside - set(running)):
        yield _("One of these depends on %(job)s, which does not run.") % {"job": tag}


def _bad(name: str, code: str, text: str) -> InvalidInput:
    return InvalidInput(FieldError(name, code, text))
