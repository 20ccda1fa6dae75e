"""What many jobs of one cluster are diagnosed with: the queue, the hosts, and the last words of what ended.

Each is asked for once and kept a moment, for the queue holds every app that waits and an agent's state is long.
One for each engine and process; threads may share it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from weakref import WeakKeyDictionary

from apps.core.models import Cluster
from apps.hosts.models import Host
from apps.jobs.explain import HostFacts, HostState, LastWords
from clients.errors import NotFound, Refused, RemoteError
from engines.base import Engine, InstanceId, Waiting, WorkloadId

log = logging.getLogger(__name__)

KEPT_S = 1.0
TAIL_BYTES = 2048
TAIL_LINES = 6
LINE_LENGTH = 300
REMEMBERED = 500
SILENT_FOR_S = 60.0
"""A host that did not answer when asked for a log is not asked again for so long: jobs wait behind each call."""


class Surroundings:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: tuple[float, Mapping[WorkloadId, Waiting]] | None = None
        self._hosts: tuple[float, tuple[HostFacts, ...]] | None = None
        self._words: OrderedDict[InstanceId, LastWords] = OrderedDict()
        self._silent: dict[str, float] = {}

    def waiting(self, workload_id: WorkloadId, *, engine: Engine) -> Waiting | None:
        """Why its instances wait. Raises `clients.errors.RemoteError`."""
        with self._lock:
            if self._waiting is None or time.monotonic() - self._waiting[0] > KEPT_S:
                found = engine.waiting()
                self._waiting = (time.monotonic(), found)
            return self._waiting[1].get(workload_id)

    def hosts(self, cluster: Cluster) -> tuple[HostFacts, ...]:
        """The cluster's hosts as they are mirrored."""
        with self._lock:
            if self._hosts is None or time.monotonic() - self._hosts[0] > KEPT_S:
                found = tuple(map(_host, Host.objects.filter(cluster=cluster).order_by("hostname")))
                self._hosts = (time.monotonic(), found)
            return self._hosts[1]

    def last_words(self, instance_id: InstanceId, *, host: str, engine: Engine) -> LastWords | None:
        """The end of what an instance that has ended wrote to stderr, as `engine` (which may mask secrets) reads it;
        None where it cannot be read now."""
        with self._lock:
            if known := self._words.get(instance_id):
                return known
            if not host or time.monotonic() < self._silent.get(host, 0.0):
                return None
        try:
            chunk = engine.read_log(instance_id, host=host, file="stderr", offset=None, length=TAIL_BYTES)
        except (NotFound, Refused):
            words = LastWords(instance_id)
        except RemoteError as exc:
            log.warning("last_words_not_read", extra={"host": host, "error": str(exc)})
            with self._lock:
                self._silent[host] = time.monotonic() + SILENT_FOR_S
            return None
        else:
            whole = chunk.text.splitlines()[1 if chunk.offset else 0 :]
            lines = [line.rstrip()[:LINE_LENGTH] for line in whole if line.strip()]
            words = LastWords(instance_id, tuple(lines[-TAIL_LINES:]))
        with self._lock:
            self._words[instance_id] = words
            while len(self._words) > REMEMBERED:
                self._words.popitem(last=False)
        return words


_known: WeakKeyDictionary[Engine, Surroundings] = WeakKeyDictionary()
_known_lock = threading.Lock()


def surroundings(engine: Engine) -> Surroundings:
    with _known_lock:
        return _known.setdefault(engine, Surroundings())


def _host(host: Host) -> HostFacts:
    return HostFacts(host.hostname, host.resources, host.used, host.attributes, _host_state(host))


def _host_state(host: Host) -> HostState:
    if host.in_service:
        return "in_service"
    return "gone" if host.gone_since else "draining" if host.draining else "inactive"
