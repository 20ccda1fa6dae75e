"""What events say of single instances, kept in order: the newest word on each, whatever order they came in.

Pure: no database, no clock of its own. Marathon's stream promises no order and may repeat itself; its timestamps tell
which word is the newer one. Within one moment the later stage of an instance's life wins.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from engines.base import EngineEvent, InstanceId, InstanceState

STAGES = (
    InstanceState.STAGING,
    InstanceState.STARTING,
    InstanceState.RUNNING,
    InstanceState.UNREACHABLE,
    InstanceState.KILLING,
    InstanceState.UNKNOWN,
    InstanceState.FAILED,
    InstanceState.FINISHED,
    InstanceState.KILLED,
)
"""An instance's life in its order; only from UNREACHABLE one may come back, to RUNNING."""
ENDED = frozenset({InstanceState.FAILED, InstanceState.FINISHED, InstanceState.KILLED})
REMEMBERED = 50_000
"""Instances whose last word is remembered at least, so that an older one which comes late is known as such."""

_STAGE = {state: place for place, state in enumerate(STAGES)}


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and when we heard it by our own clock: that alone can be compared with when we looked."""

    event: EngineEvent
    at: datetime


class Facts:
    """Take what is heard, give the newest word on each instance's state and on its health."""

    def __init__(self) -> None:
        self._states: dict[InstanceId, Heard] = {}
        self._health: dict[InstanceId, Heard] = {}
        # Two generations: the older one is dropped when the younger is full.
        self._last: dict[tuple[InstanceId, bool], tuple[datetime, int]] = {}
        self._last_before: dict[tuple[InstanceId, bool], tuple[datetime, int]] = {}

    def take(self, heard: Heard) -> bool:
        """Keep it, unless something newer is known of the instance. Returns whether it was news."""
        event = heard.event
        if event.instance_id is None or event.at is None:
            return False
        is_state = event.state is not None
        key = (event.instance_id, is_state)
        word = (event.at, _STAGE[event.state] if event.state is not None else 0)
        last = self._last.get(key) or self._last_before.get(key)
        if last is not None and word <= last:
            return False
        self._last[key] = word
        if len(self._last) > REMEMBERED:
            self._last_before, self._last = self._last, {}
        (self._states if is_state else self._health)[event.instance_id] = heard
        return True

    def give(self, *, but: Collection[str] = ()) -> tuple[list[Heard], list[Heard]]:
        """The states and the healths that were taken since the last call, one for each instance; those about the
        workloads of `but` are kept for another call."""
        states, self._states = _parted(self._states, but)
        health, self._health = _parted(self._health, but)
        return states, health


def _parted(
    facts: dict[InstanceId, Heard], but: Collection[str]
) -> tuple[list[Heard], dict[InstanceId, Heard]]:
    """What to give, and what to keep."""
    if not but:
        return list(facts.values()), {}
    kept = {key: heard for key, heard in facts.items() if heard.event.workload_ids[0] in but}
    return [heard for key, heard in facts.items() if key not in kept], kept
