"""One snapshot of a cluster after the other, each in parts: the next is asked for while one is being written."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import chain

from apps.core.models import Cluster
from apps.jobs.mirror.parts import PART, Part, Round
from apps.jobs.mirror.sync import Asked, ask_parts, cluster_parts, write_parts
from engines.base import Engine, WorkloadId

log = logging.getLogger(__name__)

EVERY_S = (6.0, 300.0)
SHARE = 20
"""Full snapshots find what no event and no count tells (an instance that was replaced). They are taken as often as
they are cheap: after 20 times as long as the last one took, within the bounds above."""


class Snapshots:
    """`on_ask` is told of the parts that are about to be asked for; `part` is the size of each."""

    def __init__(
        self, cluster: Cluster, engine: Engine, *, on_ask: Callable[[list[Part]], None], part: int = PART
    ) -> None:
        self._cluster, self._engine, self._on_ask, self._part = cluster, engine, on_ask, part
        self._asked_at: dict[str, datetime] = {}
        self._round: Round | None = None
        self._is_whole = False
        self._on_its_way: list[Asked] = []
        self._changed = 0
        self._took_s = 0.0
        self.done_at = 0.0
        """When the last one was over (`time.monotonic`); 0 before the first."""
        self.last_took_s = 0.0
        self.next_at = 0.0
        """When everything is to be looked at again."""

    @property
    def is_going_on(self) -> bool:
        return self._round is not None

    @property
    def awaited(self) -> set[str]:
        """The paths of the jobs of which answers are on their way, or being written."""
        parts = chain.from_iterable(asked.parts for asked in self._on_its_way)
        return set().union(*(part.paths for part in parts))

    def begin(self, *, of: Iterable[WorkloadId] | None = None) -> set[WorkloadId]:
        """Look at everything, or at the parts that cover these workloads: first where the last look was longest ago.
        Returns those of them that no job has."""
        self.stop()
        self._round = Round(cluster_parts(self._cluster, at_most=self._part), self._asked_at, of=of)
        self._is_whole = of is None
        self._changed, self._took_s = 0, 0.0
        return {WorkloadId(path) for path in self._round.uncovered}

    def stop(self) -> None:
        """Leave the one that goes on. What it has written stays looked at, what is on its way is not."""
        self._round = None
        self._on_its_way = []

    def take(self, pool: ThreadPoolExecutor, *, between: Callable[[], None]) -> Asked | None:
        """Write the next parts and return them, or None where there are no more: then the snapshot is over.
        `between`: see `write_parts`. Raises RemoteError."""
        this = self._round
        assert this is not None
        began = time.monotonic()
        if not self._on_its_way:
            self._ask(this, pool)
        if not self._on_its_way:
            self._end()
            return None
        asked = self._on_its_way[0]
        ask_next = partial(self._ask, this, pool)
        self._changed += write_parts(self._cluster, asked, answered=ask_next, between=between)
        self._on_its_way.remove(asked)
        this.done(asked.parts, asked_at=asked.at)
        self._took_s += time.monotonic() - began
        return asked

    def _ask(self, of: Round, pool: ThreadPoolExecutor) -> None:
        if parts := of.take(at_most=self._part):
            self._on_ask(parts)
            self._on_its_way.append(ask_parts(self._engine, parts, pool=pool))

    def _end(self) -> None:
        self._round = None
        self.done_at, self.last_took_s = time.monotonic(), self._took_s
        if self._is_whole:
            shortest, longest = EVERY_S
            self.next_at = self.done_at + min(longest, max(shortest, SHARE * self._took_s))
        took = {"changed": self._changed, "whole": self._is_whole, "ms": round(self._took_s * 1000)}
        log.info("watch_snapshot", extra=took)
