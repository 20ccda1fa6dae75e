"""Running a release: look what became of the jobs' operations, let `next_moves` decide, carry it out, look again."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from apps.core.live import announce
from apps.core.models import Operation
from apps.core.operations.kinds import Again, Cancelled, Control, Done, Failed, Outcome
from apps.core.operations.services import operation_cancel
from apps.jobs.models import Release, ReleaseItem
from apps.jobs.releases import steps
from apps.jobs.releases.moves import Item, Moves, next_moves
from apps.jobs.services.releases import RUN, UNDO

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

State = ReleaseItem.State
LOOK_AGAIN_S = 1.0
_READ = ("state", "kind", "progress", "message", "message_values", "error", "error_values")
"""Of the operations that a release started."""
SHOWN = 5
"""Names in a message; of more, the first ones."""

UNDER_WAY = gettext_noop("%(done)s of %(all)s jobs are done; under way: %(running)s.")
GOING_BACK = gettext_noop("Going back to what ran before: %(back)s of %(all)s jobs.")
ALL_DONE = gettext_noop("All %(all)s jobs are done.")
SOME_FAILED = gettext_noop("%(failed)s of %(all)s jobs failed, %(done)s are done. %(job)s: %(why)s")
ALL_BACK = gettext_noop("%(job)s: %(why)s Every job that was changed is back as before.")
NOT_ALL_BACK = gettext_noop("Could not go back: %(jobs)s.")
CALLED_OFF_BACK = gettext_noop("Called off. Every job that was changed is back as before.")
CALLED_OFF = gettext_noop("Called off: %(done)s of %(all)s jobs are done and stay so.")
OUT_OF_TIME = gettext_noop("It took too long and was given up.")
TAKEN_BACK = gettext_noop("Every job that was changed is back as before.")


class RunRelease:
    """Its own deadline is only a last resort: each job's operation has one, and the wait for busy jobs too. A canary
    may hold for a week, or until somebody comes, and a pause has no end."""

    queue = "operations"
    deadline = timedelta(days=60)

    def __init__(self, name: str, label: StrOrPromise) -> None:
        self.name, self.label = name, label

    def step(self, operation: Operation) -> Outcome:
        return self._step(operation, late=False)

    def deadline_passed(self, operation: Operation) -> Outcome:
        return self._step(operation, late=True)

    def controls(self, operation: Operation) -> tuple[Control, ...]:
        """Paused, what is under way goes on, and nothing else begins."""
        if operation.cancel_requested_at is not None:
            return ()
        return ("cancel", "resume") if operation.paused_at else ("cancel", "pause")

    def ended(self, operation: Operation, outcome: Outcome) -> None:
        state = _release_state(operation, outcome)
        Release.objects.filter(pk=operation.target_id).update(state=state, finished_at=timezone.now())
        transaction.on_commit(lambda: announce("releases"), robust=True)

    def _step(self, operation: Operation, *, late: bool) -> Outcome:
        release = Release.objects.select_related("requested_by").get(pk=operation.target_id)
        undo = release.on_failure == Release.OnFailure.UNDO or self.name == UNDO
        memory = operation.memory
        if late or self.name == UNDO or operation.cancel_requested_at is not None:
            memory["backwards"] = True
        run = steps.Run(
            operation, release, list(_items(release)), timezone.now(), backwards="backwards" in memory
        )
        steps.look(run)
        if "culprit" not in memory and (failed := _first(run.items, State.FAILED)) is not None:
            memory["culprit"] = {
                "job": failed.job.name,
                "why": {"text": failed.text, "values": failed.values},
            }
            if undo:
                memory["backwards"] = True  # for good: also once the failed one itself is back
        if self.name == UNDO and operation.cancel_requested_at is not None:
            run.write()
            return _stop_going_back(run)
        moves = next_moves(
            [_as_seen(item, release) for item in run.items],
            parallel=release.parallel,
            undo=undo,
            called_off="backwards" in memory,
            paused=operation.paused_at is not None,
        )
        if not moves.over:
            _carry_out(run, moves)
        run.write()
        if moves.over:
            return _outcome(run)
        return _again(run.items, backwards="backwards" in memory)


def _carry_out(run: steps.Run, moves: Moves) -> None:
    by_position = {item.position: item for item in run.items}
    for position in moves.skip:
        steps.skip(run, by_position[position])
    for position in moves.keep:
        steps.keep(run, by_position[position])
    for position in moves.cancel:
        if (child := by_position[position].operation) is not None:
            operation_cancel(child, by=run.by)
    steps.begin_all(run, [by_position[position] for position in moves.start])
    for position in moves.undo:
        steps.go_back(run, by_position[position])


def _stop_going_back(run: steps.Run) -> Outcome:
    """Somebody called the undoing off: what is on its way back gets there, the rest stays."""
    if _first(run.items, State.UNDOING) is not None:
        return _again(run.items, backwards=True)
    done = sum(item.state == State.DONE for item in run.items)
    return Cancelled(CALLED_OFF, {"done": done, "all": len(run.items)})


def _items(release: Release) -> QuerySet[ReleaseItem]:
    """With what is read of their jobs and operations: of a large release all else would cost more than the step."""
    own = [field.name for field in ReleaseItem._meta.concrete_fields]
    of_job = [f"job__{name}" for name in ("name", "deleted_at", "target_version", "wanted")]
    of_operations = [f"{which}__{name}" for which in ("operation", "undo_operation") for name in _READ]
    items = ReleaseItem.objects.filter(release=release).select_related("job", "operation", "undo_operation")
    return items.only(*own, *of_job, *of_operations).order_by("position")


def _first(items: list[ReleaseItem], state: State) -> ReleaseItem | None:
    return next((item for item in items if item.state == state), None)


def _as_seen(item: ReleaseItem, release: Release) -> Item:
    back = item.state in {State.DONE, State.FAILED} and steps.goes_back(item, release)
    return Item(item.position, frozenset(item.after), State(item.state), goes_back=back)


def _again(items: list[ReleaseItem], *, backwards: bool) -> Again:
    if backwards:
        touched = [item for item in items if item.operation_id]
        back = sum(item.state not in {State.DONE, State.RUNNING, State.UNDOING} for item in touched)
        progress = 100 * back // max(1, len(touched))
        return Again(
            LOOK_AGAIN_S, progress=progress, message=GOING_BACK, values={"back": back, "all": len(touched)}
        )
    done = sum(item.state == State.DONE for item in items)
    settled = sum(item.state in ReleaseItem.SETTLED for item in items)
    running = [item for item in items if item.state == State.RUNNING]
    names = ", ".join(item.job.name for item in running[:SHOWN]) + (" …" if len(running) > SHOWN else "")
    part = sum(item.operation.progress for item in running if item.operation)
    return Again(
        LOOK_AGAIN_S,
        progress=(100 * settled + part) // len(items),
        message=UNDER_WAY,
        values={"done": done, "all": len(items), "running": names or "–"},
    )


def _outcome(run: steps.Run) -> Outcome:
    operation, items = run.operation, run.items
    counts = Counter(item.state for item in items)
    done = counts[State.DONE] + sum(steps.stays_changed(item, run.release) for item in items)
    values = {"done": done, "all": len(items)}
    stuck = ", ".join(item.job.name for item in items if item.state == State.STUCK)
    if stuck:
        return Failed(NOT_ALL_BACK, {"jobs": stuck})
    if operation.kind == UNDO:
        return Done(TAKEN_BACK)
    if operation.cancel_requested_at is not None:
        return Cancelled(CALLED_OFF, values) if done else Cancelled(CALLED_OFF_BACK)
    culprit = operation.memory.get("culprit")
    if culprit is None:
        return Failed(OUT_OF_TIME) if "backwards" in operation.memory else Done(ALL_DONE, values)
    if done or "backwards" not in operation.memory:
        return Failed(SOME_FAILED, {**values, **culprit, "failed": counts[State.FAILED]})
    return Failed(ALL_BACK, culprit)


def _release_state(operation: Operation, outcome: Outcome) -> Release.State:
    match outcome:
        case Done():
            return Release.State.UNDONE if operation.kind == UNDO else Release.State.SUCCEEDED
        case Cancelled(message=text):
            return Release.State.UNDONE if text == CALLED_OFF_BACK else Release.State.CANCELLED
        case Failed(reason=text) if text == ALL_BACK:
            return Release.State.UNDONE
    return Release.State.FAILED


KINDS = (RunRelease(RUN, _("release")), RunRelease(UNDO, _("undo a release")))
