"""What many jobs share: the quotas of their product lines, and the free room of their clusters. Whoever grows takes
from it, so that what is left is promised once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from apps.elastic.loop.book import Entry
from apps.elastic.loop.facts import Fact
from apps.hosts.capacity import Capacity


@dataclass(slots=True)
class Room:
    """Resources that nobody has or was promised, all hosts in service put together."""

    cpus: float
    memory_mib: float


@dataclass(slots=True)
class Shares:
    """`quota_left`: instances by product line; those without a quota are not here. `room`: by cluster; those of which
    no host is known are not here."""

    quota_left: dict[int, int] = field(default_factory=dict)
    room: dict[int, Room] = field(default_factory=dict)

    def quota_max(self, fact: Fact, wanted: int) -> int | None:
        """So many instances may the job have for its product line's sake, where it has, or asked for, `wanted`."""
        left = self.quota_left.get(fact.line_id)
        return None if left is None else wanted + max(0, left)

    def room_max(self, entry: Entry, wanted: int) -> int | None:
        """The same for its cluster's."""
        room, size = self.room.get(entry.cluster_id), entry.size
        if room is None or size is None:
            return None
        free = []
        if size.cpus > 0:
            free.append(room.cpus / size.cpus)
        if size.memory_mib > 0:
            free.append(room.memory_mib / size.memory_mib)
        return wanted + (max(0, int(min(free))) if free else 0)

    def take(self, entry: Entry, line_id: int, instances: int) -> None:
        """So many instances are promised; a negative number gives them back."""
        if line_id in self.quota_left:
            self.quota_left[line_id] -= instances
        room, size = self.room.get(entry.cluster_id), entry.size
        if room is not None and size is not None:
            room.cpus -= instances * size.cpus
            room.memory_mib -= instances * size.memory_mib


def room_left(capacity: Mapping[int, Capacity], entries: Iterable[Entry], *, now_s: float) -> dict[int, Room]:
    """What the hosts have free, less what was asked for and does not show there yet."""
    left = {
        cluster_id: Room(known.cpus.total - known.cpus.used, known.mem.total - known.mem.used)
        for cluster_id, known in capacity.items()
    }
    for entry in entries:
        coming = entry.coming(now_s=now_s)
        if coming and entry.size is not None and (room := left.get(entry.cluster_id)) is not None:
            room.cpus -= coming * entry.size.cpus
            room.memory_mib -= coming * entry.size.memory_mib
    return left
