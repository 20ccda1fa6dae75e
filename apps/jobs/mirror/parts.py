"""A snapshot in parts: what a cluster's jobs are asked for by, and whose turn it is.

A whole snapshot of a large cluster takes longer than a stream may last that is cut again and again; begun anew each
time it would never end. A part takes a moment, and what was looked at stays looked at. Marathon lists the apps whose
ids contain a text (`GET /v2/apps?id=`), so a part is a beginning that its workloads' paths share.

Pure: no database, no clock of its own.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

PART = 2_500
"""Jobs and instances of a part at most, where paths can be told apart; also of the parts that are asked for together.
What is heard of them meanwhile waits for the answer."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Part:
    """The jobs' own workloads whose paths begin with `prefix`: all of them."""

    prefix: str
    paths: frozenset[str]
    size: int

    def covers(self, path: str) -> bool:
        """Also the workload beside a job's own begins with it."""
        return path.startswith(self.prefix)


def parts_of(sizes: Mapping[str, int], *, at_most: int) -> list[Part]:
    """These paths, each with its size, in parts, by their prefixes; none of these begins another."""
    return list(_split(sorted(sizes), sizes, at_most)) if sizes else []


def _split(paths: Sequence[str], sizes: Mapping[str, int], at_most: int) -> Iterator[Part]:
    """`paths` are in order."""
    prefix = _shared(paths[0], paths[-1])
    size = sum(sizes[path] for path in paths)
    # A path that others go on from cannot be asked for without them.
    if size <= at_most or paths[0] == prefix:
        yield Part(prefix, frozenset(paths), size)
        return
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        groups[path[len(prefix)]].append(path)
    for group in groups.values():
        yield from _split(group, sizes, at_most)


def _shared(first: str, last: str) -> str:
    """The beginning of both, and so of all that are between them in order."""
    for place, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return first[:place]
    return min(first, last, key=len)


class Round:
    """One look at all parts, or at those that cover certain paths: first where the last look was longest ago.
    `asked_at`, of each prefix, is kept from one round to the next."""

    def __init__(
        self,
        parts: Sequence[Part],
        asked_at: MutableMapping[str, datetime],
        *,
        of: Iterable[str] | None = None,
    ) -> None:
        self._asked_at = asked_at
        for prefix in asked_at.keys() - {part.prefix for part in parts}:
            del asked_at[prefix]
        self.uncovered: set[str] = set()
        """The paths of `of` that are in no part: no job has them."""
        wanted = parts if of is None else self._covering(parts, of)
        self._waiting = deque(sorted(wanted, key=lambda part: asked_at.get(part.prefix, _NEVER)))

    def take(self, *, at_most: int) -> list[Part]:
        """The next parts, to be asked for together; none when all were taken."""
        taken: list[Part] = []
        room = at_most
        while self._waiting and (not taken or self._waiting[0].size <= room):
            taken.append(self._waiting.popleft())
            room -= taken[-1].size
        return taken

    def done(self, parts: Iterable[Part], *, asked_at: datetime) -> None:
        """These were written, as they were when they were asked for."""
        self._asked_at.update({part.prefix: asked_at for part in parts})

    def _covering(self, parts: Sequence[Part], paths: Iterable[str]) -> list[Part]:
        prefixes = [part.prefix for part in parts]
        found: dict[str, Part] = {}
        for path in paths:
            place = bisect_right(prefixes, path) - 1
            if place >= 0 and parts[place].covers(path):
                found[prefixes[place]] = parts[place]
            else:
                self.uncovered.add(path)
        return list(found.values())
