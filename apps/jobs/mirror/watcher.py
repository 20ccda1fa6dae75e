"""The watcher of one cluster: holds its event stream and keeps its mirror true.

On every (re)connect it opens the stream first and takes a full snapshot then, so that nothing falls between. After
that an event is only a hint where to look: the workloads it names are asked for again, together, a few times a
second at most. What no event told is found by a light poll of all counts and, now and then, by a full snapshot.
Sources: Marathon's /v2/events promises no order, drops slow listeners and replays nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, connection
from django.utils import timezone

from apps.core.engines import get_engine
from apps.core.live import announce
from apps.core.logs import bound
from apps.core.models import Cluster, ClusterWatch
from apps.hosts.services import hosts_mirror
from apps.jobs.mirror.apply import ENDED_BADLY, failure_note
from apps.jobs.mirror.aside import aside
from apps.jobs.mirror.lock import try_lock, unlock
from apps.jobs.mirror.promises import promised_by_host
from apps.jobs.mirror.stream import EventStream
from apps.jobs.mirror.sync import diagnose_troubled, find_stale, sync_everything, sync_some
from apps.jobs.models import Job
from apps.jobs.planning import own_path
from clients.errors import RemoteError, TimedOut
from engines.base import Engine, EngineEvent, EventKind, InstanceFailure, WorkloadId

log = logging.getLogger(__name__)

MERGE_S = 0.05
"""Events of this long are looked into together."""
WHOLE_AFTER_S = 0.3
"""A large workload is counted at once and seen whole this much later."""
POLL_EVERY_S = 4.0
POLL_SHARE = 4
"""A poll asks for every workload's counts: on a large cluster after four times as long as the last one took."""
DIAGNOSE_EVERY_S = 4.0
HOSTS_EVERY_S = 10.0
SNAPSHOT_EVERY_S = (6.0, 300.0)
SNAPSHOT_SHARE = 20
"""Full snapshots find what no event and no count tells (an instance that was replaced). They are taken as often as
they are cheap: after 20 times as long as the last one took, within the bounds above."""
HEARTBEAT_EVERY_S = 3.0
STANDBY_EVERY_S = 2.0
OPEN_WITHIN_S = 10.0
STUCK_AFTER_S = 90.0
"""A loop that has not turned for this long is no sign of life any more."""
TOO_MANY = 300
"""More workloads to look at than this: a snapshot is cheaper."""


class ClusterWatcher:
    """Runs in a thread of its own until `stop` is set."""

    def __init__(self, cluster: Cluster, stop: threading.Event) -> None:
        self.cluster = cluster
        self.engine: Engine = get_engine(cluster)
        self.stop = stop
        self.stood_by = False  # whether another watcher was found at work
        self._turned = time.monotonic()
        self._dirty: set[WorkloadId] = set()
        self._whole_at: dict[
            WorkloadId, float
        ] = {}  # large workloads that were counted: when to see all of each
        self._look_after = 0.0
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
                self._turned = began = time.monotonic()
                try:
                    self._session(pool)
                except RemoteError as exc:
                    failures = 0 if time.monotonic() - began > 30 else failures + 1
                    self._report(error=str(exc))
                    log.warning("watch_disconnected", extra={"error": str(exc)})
                    self.stop.wait(min(5.0, 0.25 * 2 ** min(failures, 5)))

    def _session(self, pool: ThreadPoolExecutor) -> None:
        """One life of the event stream. Raises RemoteError when it ends."""
        stream = EventStream(self.engine, name=self.cluster.name)
        try:
            if not stream.wait_open(OPEN_WITHIN_S):
                raise stream.error or TimedOut(
                    f"no event stream within {OPEN_WITHIN_S:.0f} s",
                    remote=self.cluster.name,
                    operation="events",
                )
            changed = sync_everything(self.cluster, self.engine)
            log.info("watch_snapshot", extra={"changed": changed})
            self._report(error="", version=self.engine.ping())
            self._follow(stream, pool)
        finally:
            stream.close()

    def _follow(self, stream: EventStream, pool: ThreadPoolExecutor) -> None:
        next_poll = time.monotonic() + POLL_EVERY_S
        next_snapshot = time.monotonic() + SNAPSHOT_EVERY_S[0]
        while not self.stop.is_set():
            self._turned = now = time.monotonic()
            waiting = self._dirty or self._whole_at
            events = stream.drain(wait_s=MERGE_S if waiting else min(1.0, max(0.0, next_poll - now)))
            self._take(events)
            now = time.monotonic()
            if now >= next_poll:
                self._dirty |= find_stale(self.cluster, self.engine)
                self._report(error="")
                done = time.monotonic()
                next_poll = done + max(POLL_EVERY_S, POLL_SHARE * (done - now))
            if self._has_to_look(now):
                self._look(pool)
            if now >= next_snapshot:
                sync_everything(self.cluster, self.engine)
                done = time.monotonic()
                shortest, longest = SNAPSHOT_EVERY_S
                next_snapshot = done + min(longest, max(shortest, SNAPSHOT_SHARE * (done - now)))

    def _take(self, events: list[EngineEvent]) -> None:
        """Note where to look, and keep what only an event says: how an instance ended."""
        for event in events:
            self._dirty.update(event.workload_ids)
            if event.kind in {EventKind.DEPLOYMENT_SUCCEEDED, EventKind.DEPLOYMENT_FAILED}:
                self._look_after = 0.0  # the moment that people wait for
            if event.kind == EventKind.INSTANCE and event.state in ENDED_BADLY and event.instance_id:
                self._note_end(event)

    def _note_end(self, event: EngineEvent) -> None:
        job = (
            Job.objects.alive()
            .filter(cluster=self.cluster, workload_id__in=map(own_path, event.workload_ids))
            .first()
        )
        if job is None or event.instance_id is None or event.state is None:
            return
        failure_note(
            job,
            InstanceFailure(
                instance_id=event.instance_id,
                state=event.state,
                host=event.host,
                message=event.message,
                at=event.at or timezone.now(),
            ),
        )
        announce(f"job:{job.pk}")

    def _look(self, pool: ThreadPoolExecutor) -> None:
        """Ask for what events pointed at. What takes long to ask for is asked for less often."""
        dirty, self._dirty = self._dirty, set()
        if len(dirty) > TOO_MANY:
            sync_everything(self.cluster, self.engine)
            return
        now = time.monotonic()
        whole = {path for path, due in self._whole_at.items() if due <= now}
        looked = sync_some(self.cluster, self.engine, dirty | whole, whole=whole, pool=pool)
        log.debug("watch_looked", extra={"workloads": len(dirty), "ms": round(looked.took_s * 1000)})
        now = time.monotonic()
        for path in whole:
            del self._whole_at[path]
        for path in looked.counted:
            self._whole_at.setdefault(path, now + max(WHOLE_AFTER_S, 3 * looked.took_s))
        self._look_after = now + max(MERGE_S, looked.took_s / 3)

    def _has_to_look(self, now: float) -> bool:
        return now >= self._look_after and (
            bool(self._dirty) or any(due <= now for due in self._whole_at.values())
        )

    def _report(self, *, error: str, version: str = "") -> None:
        """Write how the mirror does: true as of now, or cut off since when and why."""
        now = timezone.now()
        watch, _created = ClusterWatch.objects.get_or_create(cluster=self.cluster)
        was = watch.error
        watch.heartbeat_at = now
        watch.connected = not error
        watch.error = error
        if not error:
            watch.synced_at, watch.error_since = now, None
        elif watch.error_since is None:
            watch.error_since = now
        watch.engine_version = version or watch.engine_version
        watch.save()
        if bool(was) != bool(error):
            announce("clusters")

    def _beat(self) -> None:
        """A sign of life, for as long as the loop turns, however long a single call hangs."""
        if time.monotonic() - self._turned < STUCK_AFTER_S:
            ClusterWatch.objects.filter(cluster=self.cluster).update(heartbeat_at=timezone.now())

    def _diagnose(self) -> None:
        self._diagnosed_to = diagnose_troubled(self.cluster, self.engine, after=self._diagnosed_to)

    def _mirror_hosts(self) -> None:
        hosts_mirror(self.cluster, self.engine.hosts(), promised=promised_by_host(self.cluster))
