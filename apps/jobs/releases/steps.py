"""Carrying a release's moves out, by the jobs' own operations: each is started in the transaction that notes it at
its item, with a key of its own, so that none is started twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_noop

from apps.accounts.models import User
from apps.core.errors import DomainError, TargetBusy
from apps.core.models import Operation
from apps.core.operations.services import operation_note
from apps.jobs.models import Job, Release, ReleaseItem
from apps.jobs.services.actions import (
    job_restart,
    job_rollback,
    job_scale,
    job_start,
    job_stop,
)
from apps.jobs.services.history import Happening, history_add, history_write
from apps.jobs.services.releases import release_key
from apps.jobs.services.together import Publish, jobs_lock, jobs_publish

State = ReleaseItem.State
Action = Release.Action

BUSY_FOR = timedelta(minutes=10)
"""How long a release waits for a job that another operation holds."""

PART_OF = gettext_noop("Part of release #%(release)s.")
GOES_BACK = gettext_noop("Goes back with release #%(release)s.")
BEGUN = gettext_noop("%(job)s: operation #%(id)s has begun.")
BUSY = gettext_noop("%(job)s: waits for operation #%(id)s, which holds the job.")
STILL_BUSY = gettext_noop("Operation #%(id)s held the job for more than %(minutes)s minutes.")
DONE = gettext_noop("%(job)s: done.")
FAILED = gettext_noop("%(job)s: %(why)s")
UNDO_BEGUN = gettext_noop("%(job)s: goes back to what ran before, by operation #%(id)s.")
UNDONE = gettext_noop("%(job)s: back as before.")
JOB_GONE = gettext_noop("The job was deleted meanwhile.")
CHANGED_SINCE = gettext_noop("Somebody published another version since, so it stays.")
NOTHING_BACK = gettext_noop("There is nothing to go back to.")
NOT_BEGUN = gettext_noop("Not begun.")


_MOVED = (
    "state", "text", "values", "operation", "undo_operation", "busy_since", "previous_version", "previous_wanted",
)  # fmt: skip


@dataclass(slots=True)
class Run:
    """One step's things at hand. What the parts below change of items is written by `write`."""

    operation: Operation
    release: Release
    items: list[ReleaseItem]
    now: datetime
    backwards: bool = False
    _moved: dict[int, ReleaseItem] = field(default_factory=dict)

    @property
    def by(self) -> User:
        return self.operation.requested_by or self.release.requested_by

    def move(
        self,
        item: ReleaseItem,
        state: State,
        text: str = "",
        values: dict[str, Any] | None = None,
        **fields: Any,
    ) -> None:
        item.state, item.text, item.values = state, text, values or {}
        for name, value in fields.items():
            setattr(item, name, value)
        self._moved[item.pk] = item

    def write(self) -> None:
        """The items that moved since it was called last."""
        ReleaseItem.objects.bulk_create(
            self._moved.values(), update_conflicts=True, unique_fields=["id"], update_fields=list(_MOVED)
        )
        self._moved.clear()

    def say(self, text: str, item: ReleaseItem, **values: Any) -> None:
        operation_note(self.operation, text, job=item.job.name, **values)


def look(run: Run) -> None:
    """What became of the operations under way."""
    for item in run.items:
        if item.state == State.RUNNING and (child := item.operation) and not child.is_active:
            _ended(run, item, child)
        elif item.state == State.UNDOING and (child := item.undo_operation) and not child.is_active:
            _went_back(run, item, child)


def goes_back(item: ReleaseItem, release: Release) -> bool:
    """Whether undoing the item would change anything."""
    job = item.job
    if job.deleted_at is not None or item.operation_id is None:
        return False
    if release.action == Action.PUBLISH:
        published = job.target_version == item.version and item.version != item.previous_version
        return published if item.state == State.FAILED else published or job.wanted != item.previous_wanted
    if item.state == State.FAILED or release.action == Action.RESTART:
        return False
    return bool(job.wanted) == (release.action == Action.START)


def begin_all(run: Run, items: Sequence[ReleaseItem]) -> None:
    """Start the operations of all of these."""
    if run.release.action != Action.PUBLISH:
        for item in items:
            begin(run, item)
        return
    with transaction.atomic():
        jobs = jobs_lock(item.job_id for item in items)
        alive = [item for item in items if jobs[item.job_id].deleted_at is None]
        before = {pk: (job.target_version, job.wanted) for pk, job in jobs.items()}
        publishes = [
            Publish(jobs[item.job_id], item.version or 0, item.strategy, _key(run, item)) for item in alive
        ]
        started = jobs_publish(publishes, by=run.by, reason=run.release.reason)
        begun: list[tuple[Job, Happening]] = []
        for item, child in zip(alive, started, strict=True):
            if isinstance(child, Operation):
                _begun(run, item, child, before=before[item.job_id])
                begun.append((item.job, _part(run, child, PART_OF, "begun")))
            else:
                _not_begun(run, item, child)
        for item in items:
            if jobs[item.job_id].deleted_at is not None:
                run.move(item, State.FAILED, JOB_GONE)
        history_write(begun, actor=run.by)
        run.write()


def _begun(run: Run, item: ReleaseItem, child: Operation, *, before: tuple[int | None, int]) -> None:
    version, wanted = before
    run.move(
        item,
        State.RUNNING,
        operation=child,
        busy_since=None,
        previous_version=version,
        previous_wanted=wanted,
    )
    run.say(BEGUN, item, id=child.pk)


def _not_begun(run: Run, item: ReleaseItem, why: DomainError) -> None:
    if isinstance(why, TargetBusy):
        _wait(run, item, why.operation, then=State.FAILED)
        return
    run.move(item, State.FAILED, "%(why)s", values={"why": str(why)})
    run.say(FAILED, item, why=str(why))


def begin(run: Run, item: ReleaseItem) -> None:
    """Start the item's operation; what ran before is written down with it."""
    try:
        with transaction.atomic():
            job = _locked(item)
            if job.deleted_at is not None:
                run.move(item, State.FAILED, JOB_GONE)
                return
            job_before = (job.target_version, job.wanted)
            child = _act(run, item, job)
            _begun(run, item, child, before=job_before)
            _note(run, item, child, PART_OF, "begun")
            run.write()
    except DomainError as exc:
        _not_begun(run, item, exc)


def go_back(run: Run, item: ReleaseItem) -> None:
    """Start what brings back what ran before the item. Where nothing ran, that is stopping it: to start what was
    stopped of an earlier version, only to stop it, would serve nobody."""
    try:
        with transaction.atomic():
            job = _locked(item)
            child = _act_back(run, item, job)
            run.move(item, State.UNDOING, undo_operation=child, busy_since=None)
            _note(run, item, child, GOES_BACK, "back")
            run.write()
    except TargetBusy as exc:
        _wait(run, item, exc.operation, then=State.STUCK)
        return
    except DomainError as exc:
        run.move(item, State.STUCK, "%(why)s", values={"why": str(exc)})
        run.say(FAILED, item, why=str(exc))
        return
    run.say(UNDO_BEGUN, item, id=child.pk)


def _locked(item: ReleaseItem) -> Job:
    return jobs_lock([item.job_id])[item.job_id]


def keep(run: Run, item: ReleaseItem) -> None:
    """Nothing brings it back."""
    moved_on = run.release.action == Action.PUBLISH and item.job.target_version != item.version
    run.move(item, State.KEPT, CHANGED_SINCE if moved_on else NOTHING_BACK)


def stays_changed(item: ReleaseItem, release: Release) -> bool:
    """Of what was kept: whether it is other than before. What the same version was published to is not."""
    if item.state != State.KEPT:
        return False
    return release.action == Action.RESTART or item.text == CHANGED_SINCE


def skip(run: Run, item: ReleaseItem) -> None:
    run.move(item, State.SKIPPED, NOT_BEGUN)


def _act(run: Run, item: ReleaseItem, job: Job) -> Operation:
    asked: dict[str, Any] = {
        "job": job,
        "by": run.by,
        "idempotency_key": _key(run, item),
        "reason": run.release.reason,
    }
    act = {Action.RESTART: job_restart, Action.STOP: job_stop, Action.START: job_start}
    return act[Action(run.release.action)](**asked)


def _key(run: Run, item: ReleaseItem) -> str:
    return f"{release_key(run.release.pk)}{item.pk}:do"


def _act_back(run: Run, item: ReleaseItem, job: Job) -> Operation:
    """First the version, then (see `_went_back`) the number of instances. The key holds the run's own operation: a
    release may be taken back a second time, after the first one got stuck."""
    key = f"{release_key(run.release.pk)}{item.pk}:undo:{run.operation.pk}"
    asked: dict[str, Any] = {"job": job, "by": run.by, "reason": run.operation.reason or run.release.reason}
    version_changed = job.target_version == item.version and item.version != item.previous_version
    wanted = item.previous_wanted or 0
    if run.release.action == Action.PUBLISH and version_changed and item.previous_version and wanted:
        return job_rollback(**asked, version=item.previous_version, idempotency_key=f"{key}:version")
    return job_scale(**asked, instances=wanted, idempotency_key=f"{key}:instances")


def _ended(run: Run, item: ReleaseItem, child: Operation) -> None:
    if child.state == Operation.State.SUCCEEDED:
        run.move(item, State.DONE)
        run.say(DONE, item)
        return
    text, values = (child.error, child.error_values) if child.error else (child.message, child.message_values)
    if run.backwards and child.state == Operation.State.CANCELLED:
        _called_off(run, item, text, values)
        return
    run.move(item, State.FAILED, text[:500], values=values)
    run.say(FAILED, item, why={"text": text, "values": values})


def _called_off(run: Run, item: ReleaseItem, text: str, values: dict[str, Any]) -> None:
    """The release called it off, and its own operation put it back, but for a restart, which has no way back."""
    item.state = State.FAILED
    item.job.refresh_from_db()
    left_behind = goes_back(item, run.release)
    restart = run.release.action == Action.RESTART
    state = State.FAILED if left_behind else State.KEPT if restart else State.UNDONE
    run.move(item, state, text[:500], values=values)


def _went_back(run: Run, item: ReleaseItem, child: Operation) -> None:
    if child.state != Operation.State.SUCCEEDED:
        run.move(item, State.STUCK, child.error[:500], values=child.error_values)
        run.say(FAILED, item, why={"text": child.error, "values": child.error_values})
        return
    job = Job.objects.get(pk=item.job_id)
    if job.deleted_at is None and job.wanted != (item.previous_wanted or 0):
        go_back(run, item)
        return
    run.move(item, State.UNDONE)
    run.say(UNDONE, item)


def _wait(run: Run, item: ReleaseItem, holder: Operation, *, then: State) -> None:
    if item.busy_since is None:
        run.say(BUSY, item, id=holder.pk)
        values = {"job": item.job.name, "id": holder.pk}
        run.move(item, State(item.state), BUSY, busy_since=run.now, values=values)
    elif run.now > item.busy_since + BUSY_FOR:
        values = {"id": holder.pk, "minutes": int(BUSY_FOR.total_seconds() // 60)}
        run.move(item, then, STILL_BUSY, values=values)
        run.say(FAILED, item, why={"text": STILL_BUSY, "values": values})


def _note(run: Run, item: ReleaseItem, child: Operation, text: str, phase: str) -> None:
    history_add(item.job, _part(run, child, text, phase), actor=run.by)


def _part(run: Run, child: Operation, text: str, phase: str) -> Happening:
    key = f"release:{run.release.pk}:{phase}:{child.pk}"
    return Happening("release", key, text, {"release": run.release.pk}, operation=child)
