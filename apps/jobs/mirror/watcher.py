"""The watcher of one cluster: holds its event stream and keeps its mirror true.

On every (re)connect it opens the stream first and takes a full snapshot then, so that nothing falls between. What an
event says of one instance is written at once, and is a hint where to look like every other event: the workloads it
names are asked for again, together, soon. What no event told is found by a light poll of all counts and, now and then,
by a full snapshot. Snapshots are taken in parts, with looks in between; a stream that is cut costs the part that was on
its way. None of these keeps what is heard meanwhile waiting for longer than one part takes.
Sources: Marathon's /v2/events promises no order, drops slow listeners and replays nothing.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice

from django.db import DatabaseError, connection
from django.utils import timezone

from apps.core.engines import get_engine
from apps.core.logs import bound
from apps.core.models import Cluster
from apps.hosts.services import hosts_mirror
from apps.jobs.mirror.apply import ENDED_BADLY
from apps.jobs.mirror.aside import aside
from apps.jobs.mirror.facts import Facts
from apps.jobs.mirror.facts_apply import facts_apply
from apps.jobs.mirror.lock import try_lock, unlock, write_lightly
from apps.jobs.mirror.parts import PART, Part
from apps.jobs.mirror.promises import promised_by_host
from apps.jobs.mirror.signs import watch_beat, watch_report
from apps.jobs.mirror.snapshots import Snapshots
from apps.jobs.mirror.stream import EventStream
from apps.jobs.mirror.sync import diagnose_troubled, find_stale, sync_some
from clients.errors import RemoteError, TimedOut
from engines.base import Engine, EngineEvent, EventKind, WorkloadId

log = logging.getLogger(__name__)

MERGE_S = 0.05
"""Events of this long are looked into together."""
VERIFY_AFTER_S = 0.5
"""A workload of which only facts about instances were heard, and written, is looked at this much later."""
WHOLE_AFTER_S = 0.3
"""A large workload is counted at once and seen whole this much later."""
POLL_EVERY_S = 4.0
POLL_SHARE = 4
"""A poll asks for every workload's counts: on a large cluster after four times as long as the last one took."""
DIAGNOSE_EVERY_S = 2.0
HOSTS_EVERY_S = 10.0
HEARTBEAT_EVERY_S = 3.0
STANDBY_EVERY_S = 2.0
OPEN_WITHIN_S = 10.0
STEADY_S = 3.0
"""A stream that was open for so long is opened again at once when it ends; else after pauses that grow."""
STUCK_AFTER_S = 90.0
"""A loop that has not turned for this long is no sign of life any more."""
LOOK_AT_MOST = 50
"""Workloads that are asked for together: what is heard of them meanwhile waits."""
TOO_MANY = 300
"""More workloads to look at than this: a snapshot of the parts that they are in is cheaper."""
STORM_SHARE = 4
"""While events keep coming, such a snapshot waits for four times as long as the last one took; it is taken at once
when they cease."""
CALM_S = 0.3


@dataclass(frozen=True, slots=True)
class Unverified:
    """A workload whose rows were written by what events said: when to look at it, and when it was last heard of."""

    due: float
    heard_at: datetime


class ClusterWatcher:
    """Runs in a thread of its own until `stop` is set. `part`: the size of a snapshot's parts."""

    def __init__(self, cluster: Cluster, stop: threading.Event, *, part: int = PART) -> None:
        self.cluster = cluster
        self.engine: Engine = get_engine(cluster)
        self.stop = stop
        self.stood_by = False  # whether another watcher was found at work
        self._turned = time.monotonic()
        self._facts = Facts()
        self._asked: set[WorkloadId] = set()
        """What is being looked at because of a hint: what is heard of these waits for the answer, which would come too
        late otherwise. Of those that are only verified it does not wait: they are verified again."""
        self._dirty: set[WorkloadId] = set()
        self._unverified: dict[WorkloadId, Unverified] = {}
        self._whole_at: dict[
            WorkloadId, float
        ] = {}  # large workloads that were counted: when to see all of each
        self._look_after = 0.0
        self._heard_at = 0.0
        self._opened_at = self._next_poll = 0.0
        self._snapshots = Snapshots(cluster, self.engine, on_ask=self._forget_hints, part=part)
        self._diagnosed_to = 0

    def run(self) -> None:
        """Wait for the lock, watch, and begin again after whatever goes wrong."""
        with bound(cluster=self.cluster.name), ThreadPoolExecutor(4, thread_name_prefix="look") as pool:
            while not self.stop.is_set():
                try:
                    if not try_lock(self.cluster.pk):
                        self.stood_by = True
                        self.stop.wait(STANDBY_EVERY_S)
                        continue
                    write_lightly()
                    log.info("watch_started")
                    self._work(pool)
                    unlock(self.cluster.pk)
                except DatabaseError as exc:
                    log.warning("watch_database_lost", extra={"error": str(exc)})
                    self.stop.wait(1.0)
                except Exception:
                    log.exception("watch_crashed")
                    self.stop.wait(1.0)
                finally:
                    connection.close()

    def _work(self, pool: ThreadPoolExecutor) -> None:
        """Watch while holding the lock, reconnecting with growing pauses while the engine is away."""
        failures = 0
        with (
            aside("heartbeat", self._beat, every_s=HEARTBEAT_EVERY_S),
            aside("hosts", self._mirror_hosts, every_s=HOSTS_EVERY_S),
            aside("diagnose", self._diagnose, every_s=DIAGNOSE_EVERY_S),
        ):
            while not self.stop.is_set():
                self._turned = time.monotonic()
                try:
                    self._session(pool)
                except RemoteError as exc:
                    failures = 0 if time.monotonic() - self._opened_at > STEADY_S else failures + 1
                    watch_report(self.cluster, error=str(exc))
                    log.warning("watch_disconnected", extra={"error": str(exc)})
                    self.stop.wait(min(5.0, 0.25 * 2 ** min(failures, 5)))

    def _session(self, pool: ThreadPoolExecutor) -> None:
        """One life of the event stream. Raises RemoteError when it ends."""
        self._opened_at = math.inf
        stream = EventStream(self.engine, name=self.cluster.name)
        try:
            if not stream.wait_open(OPEN_WITHIN_S):
                raise stream.error or TimedOut(
                    f"no event stream within {OPEN_WITHIN_S:.0f} s",
                    remote=self.cluster.name,
                    operation="events",
                )
            self._opened_at = time.monotonic()
            self._follow(partial(self._listen, stream), pool)
        finally:
            self._snapshots.stop()
            stream.close()

    def _follow(self, listen: Callable[..., None], pool: ThreadPoolExecutor) -> None:
        snapshots, version = self._snapshots, ""
        snapshots.begin()
        self._next_poll = 0.0
        while not self.stop.is_set():
            self._turned = now = time.monotonic()
            listen(wait_s=self._pause_s(now))
            now = time.monotonic()
            if self._has_to_look(now):
                self._look(pool, listen)
            if snapshots.is_going_on:
                self._take_parts(pool, listen)
            elif not version:
                version = self.engine.ping()
                watch_report(self.cluster, error="", version=version)
                self._next_poll = now + POLL_EVERY_S
            elif now >= self._next_poll:
                self._poll(listen)
            elif now >= snapshots.next_at:
                snapshots.begin()
            elif self._has_to_look_at_all(now):
                self._look_at_all()

    def _pause_s(self, now: float) -> float:
        """How long to wait for events when there is nothing else to do."""
        if self._snapshots.is_going_on:
            return 0.0
        return MERGE_S if self._waits() else min(1.0, max(0.0, self._next_poll - now))

    def _poll(self, listen: Callable[..., None]) -> None:
        began = time.monotonic()
        stale = find_stale(self.cluster, self.engine, between=listen)
        self._dirty |= stale - self._unverified.keys()
        watch_report(self.cluster, error="")
        done = time.monotonic()
        self._next_poll = done + max(POLL_EVERY_S, POLL_SHARE * (done - began))

    def _take_parts(self, pool: ThreadPoolExecutor, listen: Callable[..., None]) -> None:
        """Go on with the snapshot. What it wrote is verified, except where something was heard since."""
        taken = self._snapshots.take(pool, between=listen)
        if taken is None:
            return
        prefixes = tuple(part.prefix for part in taken.parts)
        for path in [path for path in self._unverified if path.startswith(prefixes)]:
            if self._unverified[path].heard_at <= taken.at:
                del self._unverified[path]

    def _look_at_all(self) -> None:
        """Begin a snapshot of the parts that there are hints to, and forget those hints that no job of ours has."""
        for path in self._snapshots.begin(of=[*self._dirty, *self._unverified]):
            self._dirty.discard(path)
            self._unverified.pop(path, None)

    def _forget_hints(self, parts: list[Part]) -> None:
        """These parts are about to be asked for: what is heard from now on comes on top."""
        prefixes = tuple(part.prefix for part in parts)
        self._dirty = {path for path in self._dirty if not path.startswith(prefixes)}

    def _listen(self, stream: EventStream, *, wait_s: float = 0.0) -> None:
        """Take what has come in: write what it says of instances, note where to look."""
        heard = stream.drain(wait_s=wait_s)
        if heard:
            self._heard_at = time.monotonic()
        bad_ends: list[EngineEvent] = []
        for one in heard:
            event = one.event
            if not event.is_fact:
                self._dirty.update(event.workload_ids)
            elif self._facts.take(one) and event.state in ENDED_BADLY:
                bad_ends.append(event)
            if event.kind in {EventKind.DEPLOYMENT_SUCCEEDED, EventKind.DEPLOYMENT_FAILED}:
                self._look_after = 0.0  # the moment that people wait for
        states, health = self._facts.give(but={*self._asked, *self._snapshots.awaited})
        if not (states or health or bad_ends):
            return
        placed = facts_apply(self.cluster, states, health, failures=bad_ends)
        self._dirty |= placed.others
        heard_at, due = timezone.now(), time.monotonic() + VERIFY_AFTER_S
        for path in placed.ours:
            waits = self._unverified.get(path)
            self._unverified[path] = Unverified(waits.due if waits else due, heard_at)

    def _look(self, pool: ThreadPoolExecutor, listen: Callable[..., None]) -> None:
        """Ask for what events pointed at. What takes long to ask for is asked for less often."""
        now = time.monotonic()
        dirty = set(islice(self._worth_a_look(now), LOOK_AT_MOST))
        hinted = self._dirty & dirty
        self._dirty -= dirty
        for path in dirty:
            self._unverified.pop(path, None)
        whole = {path for path, at in self._whole_at.items() if at <= now}
        self._asked = hinted | whole
        try:
            looked = sync_some(
                self.cluster, self.engine, dirty | whole, whole=whole, pool=pool, between=listen
            )
        finally:
            self._asked = set()
        listen()  # what waited
        log.debug("watch_looked", extra={"workloads": len(dirty), "ms": round(looked.took_s * 1000)})
        now = time.monotonic()
        for path in whole:
            del self._whole_at[path]
        for path in looked.counted:
            self._whole_at.setdefault(path, now + max(WHOLE_AFTER_S, 3 * looked.took_s))
        if not any(True for _path in self._worth_a_look(now)):
            self._look_after = now + max(MERGE_S, looked.took_s / 3)

    def _waits(self) -> bool:
        """Whether there is anything to look at, now or soon."""
        return bool(self._dirty or self._whole_at or self._unverified)

    def _worth_a_look(self, now: float) -> Iterator[WorkloadId]:
        """What events pointed at, then what was written by facts alone, long enough ago; not what has become so much
        that a snapshot will have to see to it."""
        if len(self._dirty) <= TOO_MANY:
            yield from self._dirty
        if not self._too_many:
            yield from (path for path, waits in self._unverified.items() if waits.due <= now)

    def _has_to_look(self, now: float) -> bool:
        if now < self._look_after:
            return False
        return any(True for _path in self._worth_a_look(now)) or any(
            at <= now for at in self._whole_at.values()
        )

    def _has_to_look_at_all(self, now: float) -> bool:
        if not self._too_many:
            return False
        is_calm = now >= self._heard_at + CALM_S
        last = self._snapshots
        return is_calm or now >= last.done_at + STORM_SHARE * last.last_took_s

    @property
    def _too_many(self) -> bool:
        return len(self._dirty) + len(self._unverified) > TOO_MANY

    def _beat(self) -> None:
        """A sign of life, for as long as the loop turns, however long a single call hangs."""
        if time.monotonic() - self._turned < STUCK_AFTER_S:
            watch_beat(self.cluster)

    def _diagnose(self) -> None:
        """Not before the first snapshot: what was never looked at is no trouble."""
        if not self._snapshots.done_at:
            return
        self._diagnosed_to = diagnose_troubled(self.cluster, self.engine, after=self._diagnosed_to)

    def _mirror_hosts(self) -> None:
        hosts_mirror(self.cluster, self.engine.hosts(), promised=promised_by_host(self.cluster))
