"""What a release does next, from how its items are now. Pure: asked again after every look, whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.jobs.models import ReleaseItem

State = ReleaseItem.State

_OVER = frozenset({State.WAITING, State.SKIPPED, State.UNDONE, State.KEPT, State.STUCK, State.FAILED})
"""Of an item that does not stand in the way of undoing what it depends on."""


@dataclass(frozen=True, slots=True)
class Item:
    """`after`: the positions of those that it waits for. `goes_back`: whether undoing it would change anything; of a
    failed one, whether it left something behind."""

    position: int
    after: frozenset[int]
    state: State
    goes_back: bool = True


@dataclass(frozen=True, slots=True)
class Moves:
    """Positions by what to do with them; `over`: nothing is left to do or to wait for."""

    start: tuple[int, ...] = ()
    skip: tuple[int, ...] = ()
    cancel: tuple[int, ...] = ()
    undo: tuple[int, ...] = ()
    keep: tuple[int, ...] = ()
    over: bool = False


def next_moves(
    items: Sequence[Item], *, parallel: int, undo: bool, called_off: bool, paused: bool = False
) -> Moves:
    """`undo`: where one fails or somebody calls it off, all go back; else what is done stays. `parallel` bounds how
    many are under way at once; while `paused` none is begun, forwards or backwards."""
    failed = any(item.state == State.FAILED for item in items)
    room = 0 if paused else parallel - _count(items, State.RUNNING, State.UNDOING)
    if called_off or (failed and undo):
        return _backwards(items, room=room, undo=undo)
    return _forwards(items, room=room)


def _forwards(items: Sequence[Item], *, room: int) -> Moves:
    states = {item.position: item.state for item in items}
    waiting = [item for item in items if item.state == State.WAITING]
    lost = {State.FAILED, State.SKIPPED}
    skip = tuple(item.position for item in waiting if any(states[other] in lost for other in item.after))
    ready = [item.position for item in waiting if all(states[other] == State.DONE for other in item.after)]
    return Moves(
        start=tuple(ready[: max(0, room)]), skip=skip, over=not waiting and not _count(items, State.RUNNING)
    )


def _backwards(items: Sequence[Item], *, room: int, undo: bool) -> Moves:
    """What was not begun stays so, what is under way is called off (it puts itself back), and what is done goes back
    once nothing that was built on it stands."""
    skip = tuple(item.position for item in items if item.state == State.WAITING)
    cancel = tuple(item.position for item in items if item.state == State.RUNNING)
    back = [item for item in items if undo and _is_to_go_back(item)]
    keep = tuple(item.position for item in items if undo and item.state == State.DONE and not item.goes_back)
    standing = {item.position for item in items if item.state not in _OVER} | {item.position for item in back}
    free = [item.position for item in reversed(back) if not _built_on(item, items) & standing]
    over = not (cancel or back or keep or skip or _count(items, State.UNDOING))
    return Moves(skip=skip, cancel=cancel, undo=tuple(free[: max(0, room)]), keep=keep, over=over)


def _is_to_go_back(item: Item) -> bool:
    return item.goes_back and item.state in {State.DONE, State.FAILED}


def _built_on(item: Item, items: Sequence[Item]) -> set[int]:
    return {other.position for other in items if item.position in other.after}


def _count(items: Sequence[Item], *states: State) -> int:
    return sum(item.state in states for item in items)
