"""In which order the jobs of a release go. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Circle(Exception):
    """Some wait for each other. `members` are those on the way round, the first one again at the end."""

    def __init__(self, members: Sequence[str]) -> None:
        self.members = tuple(members)
        super().__init__(" → ".join(members))


def waits_for(depends_on: Mapping[str, Sequence[str]], *, last_first: bool) -> dict[str, frozenset[str]]:
    """For each member those it has to wait for: what it depends on, where that is a member too. `last_first`: for
    stopping, where a job waits for those that depend on it."""
    inside = {name: frozenset(names) & depends_on.keys() - {name} for name, names in depends_on.items()}
    if not last_first:
        return inside
    return {
        name: frozenset(other for other, needed in inside.items() if name in needed) for name in depends_on
    }


def stages(after: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Members that can go together, stage by stage, in the given order within each. Raises Circle."""
    result: list[list[str]] = []
    placed: set[str] = set()
    while len(placed) < len(after):
        stage = [name for name, needed in after.items() if name not in placed and needed <= placed]
        if not stage:
            raise Circle(_way_round(after, placed))
        result.append(stage)
        placed.update(stage)
    return result


def _way_round(after: Mapping[str, frozenset[str]], placed: set[str]) -> list[str]:
    """One circle among those that were not placed: each of them waits for another one of them."""
    name = next(name for name in after if name not in placed)
    way: list[str] = []
    while name not in way:
        way.append(name)
        name = min(after[name] - placed)
    return [*way[way.index(name) :], name]
