"""Which hosts an instance fits, by its constraints and by its resources, and how many more would fit.

Constraint operators are Marathon's (source: mesosphere/mesos/Constraints.scala; a missing attribute satisfies only
UNLIKE). What cannot be told cheaply, a regular expression that may take for ever, is left to the scheduler.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apps.jobs.explain.facts import RESOURCES, Facts, HostFacts

HOST_FIELDS = ("hostname", "@hostname")
ONE_EACH = {"UNIQUE", "MAX_PER"}
"""Operators that allow so many instances on each value."""
COUNTED = 100
"""How many more instances are tried to be placed; a job that waits for more is short anyway."""
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\}")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")


@dataclass(frozen=True, slots=True)
class Rule:
    """A constraint of the spec; `index` is its place there."""

    index: int
    field: str
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {self.value}".strip()

    @property
    def per_value(self) -> int:
        """How many instances each value may have, of a rule of ONE_EACH."""
        return 1 if self.operator == "UNIQUE" else int(self.value or 0)


def rules(spec: Mapping[str, Any]) -> tuple[Rule, ...]:
    return tuple(
        Rule(index, row["field"], row["operator"], row.get("value") or "")
        for index, row in enumerate(spec.get("constraints", ()))
    )


def value_on(host: HostFacts, field: str) -> str | None:
    """What a constraint's field is on a host: its name, or an attribute."""
    return host.name if field in HOST_FIELDS else host.attributes.get(field.removeprefix("@"))


def meets(rule: Rule, host: HostFacts) -> bool:
    """Whether the host could ever satisfy the rule, wherever other instances are."""
    value = value_on(host, rule.field)
    if value is None:
        return rule.operator == "UNLIKE"
    match rule.operator:
        case "IS":
            return value == rule.value or _same_number(value, rule.value)
        case "CLUSTER":
            return not rule.value or value == rule.value
        case "LIKE":
            return _matches(rule.value, value) is not False
        case "UNLIKE":
            return _matches(rule.value, value) is not True
    return True


def allows(rule: Rule, host: HostFacts, used: Counter[str]) -> bool:
    """Whether the rule allows one more instance on the host, with `used` instances on each value now."""
    if not meets(rule, host):
        return False
    value = value_on(host, rule.field)
    if value is None:
        return True
    match rule.operator:
        case "UNIQUE" | "MAX_PER":
            return used[value] < rule.per_value
        case "CLUSTER":
            return bool(rule.value) or not used or used[value] > 0
        case "GROUP_BY":
            fewest = min(used.values(), default=0)
            return used[value] == 0 or (len(used) >= int(rule.value or 0) and used[value] == fewest)
    return True


def eligible(facts: Facts) -> list[HostFacts]:
    """The hosts in service that meet every constraint."""
    wanted = rules(facts.spec)
    return [host for host in facts.usable_hosts if all(meets(rule, host) for rule in wanted)]


def is_large_enough(host: HostFacts, demand: Mapping[str, float]) -> bool:
    """Whether an instance would fit the host if it were empty."""
    return all(host.has(name) >= demand[name] for name in RESOURCES)


def short_of(host: HostFacts, demand: Mapping[str, float]) -> dict[str, float]:
    """How much of which resource the host lacks now for one instance."""
    return {
        name: demand[name] - host.free(name)
        for name in RESOURCES
        if demand[name] > 0 and host.free(name) < demand[name]
    }


def open_hosts(facts: Facts) -> list[HostFacts]:
    """The eligible hosts on which the constraints allow one more instance, with those there are."""
    wanted = rules(facts.spec)
    used = _used(facts, wanted)
    return [host for host in eligible(facts) if all(allows(rule, host, used[rule.field]) for rule in wanted)]


def room(facts: Facts, *, at_most: int) -> int:
    """How many more instances fit now, by free resources and constraints, up to `at_most` (and COUNTED, where
    constraints make each a matter of where the others are)."""
    demand, wanted = facts.demand, rules(facts.spec)
    free = [(host, count) for host in eligible(facts) if (count := _slots(host, demand)) > 0]
    if not wanted:
        return min(at_most, sum(count for _host, count in free))
    used = _used(facts, wanted)
    left = dict(enumerate(count for _host, count in free))
    placed = 0
    while placed < min(at_most, COUNTED):
        allowed = (
            place for place in left if all(allows(rule, free[place][0], used[rule.field]) for rule in wanted)
        )
        place = next(allowed, None)
        if place is None:
            break
        placed += 1
        left[place] -= 1
        if not left[place]:
            del left[place]
        for field, counts in used.items():
            if (value := value_on(free[place][0], field)) is not None:
                counts[value] += 1
    return placed


def _slots(host: HostFacts, demand: Mapping[str, float]) -> int:
    """How many instances the host has room for now."""
    counts = [int(host.free(name) / demand[name] + 1e-9) for name in RESOURCES if demand[name] > 0]
    return min(counts, default=COUNTED)


def _used(facts: Facts, wanted: Iterable[Rule]) -> dict[str, Counter[str]]:
    """How many instances there are on each value of each field that the rules name."""
    by_name = {host.name: host for host in facts.hosts}
    used: dict[str, Counter[str]] = {rule.field: Counter() for rule in wanted}
    for instance in facts.instances:
        host = by_name.get(instance.host)
        for field, counts in used.items():
            if host is not None and (value := value_on(host, field)) is not None:
                counts[value] += 1
    return used


def _matches(pattern: str, value: str) -> bool | None:
    """None: not told. A person's pattern may take Python's engine for ever, and the watcher with it."""
    compiled = _compiled(pattern)
    return None if compiled is None else compiled.fullmatch(value) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    if _REPEATED_GROUP.search(pattern) or len(_UNBOUNDED.findall(pattern)) > 2:
        return None
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None


def _same_number(left: str, right: str) -> bool:
    try:
        return float(left) == float(right)
    except ValueError:
        return False
