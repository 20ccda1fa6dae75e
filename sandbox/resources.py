"""Mesos resources and attributes: the agent's `--resources` / `--attributes` texts, and a host's account.

`cpus:4;mem:8192;ports:[20000-20499];disk_io:200;bandwidth(web):100` gives scalars by role (`*` is unreserved)
and port ranges. Custom scalars are ordinary resources: offered and accounted, though Marathon cannot ask
for them. Quantities keep three decimals, as Mesos' fixed-point arithmetic does. mem and disk are in MiB.
Source: Mesos docs/attributes-resources.md, src/common/resources.cpp.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

UNRESERVED = "*"
STANDARD_SCALARS = ("cpus", "gpus", "mem", "disk")

Attributes = Mapping[str, str | float]
Scalars = dict[str, float]

_ITEM = re.compile(r"^(?P<name>[^:()]+)(\((?P<role>[^()]+)\))?:(?P<value>.+)$")


def rounded(value: float) -> float:
    """Three decimals: repeated additions must not leave 0.30000000000000004 cpus."""
    return round(value, 3)


@dataclass(frozen=True, slots=True)
class PortRange:
    """An inclusive range of ports."""

    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin + 1

    def __contains__(self, port: int) -> bool:
        return self.begin <= port <= self.end


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one task (or one resident instance's reservation) takes from a host."""

    scalars: Mapping[str, Mapping[str, float]]  # role -> name -> quantity
    ports: tuple[int, ...] = ()

    def totals(self) -> Scalars:
        """Quantities over all roles, by resource name."""
        sums: Scalars = {}
        for by_name in self.scalars.values():
            for name, quantity in by_name.items():
                sums[name] = rounded(sums.get(name, 0.0) + quantity)
        return sums


@dataclass(slots=True)
class HostResources:
    """The total of a host and what is taken from it. Only `take` and `give_back` change it."""

    scalars: dict[str, Scalars]  # role -> name -> total
    ports: dict[str, tuple[PortRange, ...]]  # role -> ranges
    used: dict[str, Scalars] = field(default_factory=dict)
    used_ports: set[int] = field(default_factory=set)
    _cursor: int = 0

    def free(self, name: str, role: str) -> float:
        """What is left of one scalar for exactly this role (`*`: the unreserved part)."""
        total = self.scalars.get(role, {}).get(name, 0.0)
        return rounded(total - self.used.get(role, {}).get(name, 0.0))

    def total(self, name: str) -> float:
        """The sum over all roles."""
        return rounded(sum(by_name.get(name, 0.0) for by_name in self.scalars.values()))

    def names(self) -> list[str]:
        """All scalar names, the standard ones first."""
        custom = {name for by_name in self.scalars.values() for name in by_name} - set(STANDARD_SCALARS)
        return [*STANDARD_SCALARS, *sorted(custom)]

    def all_ports(self) -> tuple[PortRange, ...]:
        return tuple(part for ranges in self.ports.values() for part in ranges)

    def offers_port(self, port: int, roles: Iterable[str]) -> bool:
        """Whether `port` belongs to one of these roles' ranges and nobody has it."""
        return port not in self.used_ports and any(
            port in part for role in roles for part in self.ports.get(role, ())
        )

    def free_ports(self, roles: Iterable[str]) -> Iterator[int]:
        """Free ports in turn, starting after the last one given: a port is reused as late as possible,
        so that a client with an old address does not reach a new task."""
        ranges = [part for role in roles for part in self.ports.get(role, ())]
        size = sum(len(part) for part in ranges)
        for step in range(size):
            offset = (self._cursor + step) % size
            for part in ranges:
                if offset < len(part):
                    if part.begin + offset not in self.used_ports:
                        yield part.begin + offset
                    break
                offset -= len(part)

    def take(self, allocation: Allocation) -> None:
        self._add(allocation, +1)
        self.used_ports.update(allocation.ports)
        self._cursor += len(allocation.ports)

    def give_back(self, allocation: Allocation) -> None:
        self._add(allocation, -1)
        self.used_ports.difference_update(allocation.ports)

    def _add(self, allocation: Allocation, sign: int) -> None:
        for role, by_name in allocation.scalars.items():
            used = self.used.setdefault(role, {})
            for name, quantity in by_name.items():
                used[name] = rounded(used.get(name, 0.0) + sign * quantity)


def parse_resources(text: str, *, default_role: str = UNRESERVED) -> HostResources:
    """Read an agent's `--resources` text. Raises ValueError in Mesos' words when it is malformed."""
    scalars: dict[str, Scalars] = {}
    ports: dict[str, tuple[PortRange, ...]] = {}
    for item in filter(None, (part.strip() for part in text.split(";"))):
        found = _ITEM.match(item)
        if found is None:
            raise ValueError(f"Bad value for resources, missing or extra ':' in {item}")
        name, value = found["name"].strip(), found["value"].strip()
        role = (found["role"] or default_role).strip()
        if name == "ports":
            ports[role] = ports.get(role, ()) + parse_ranges(value)
            continue
        try:
            quantity = float(value)
        except ValueError:
            raise ValueError(f"Bad type for resource {name} value {value}: a number is needed") from None
        by_name = scalars.setdefault(role, {})
        by_name[name] = rounded(by_name.get(name, 0.0) + quantity)
    return HostResources(scalars=scalars, ports=ports)


def parse_ranges(text: str) -> tuple[PortRange, ...]:
    """`[21000-24000,30000-34000]` -> ranges. Raises ValueError on anything else."""
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError(f"Bad ranges {text}: expected [begin-end,…]")
    ranges = []
    for part in filter(None, (piece.strip() for piece in text[1:-1].split(","))):
        begin, _, end = part.partition("-")
        ranges.append(PortRange(int(begin), int(end or begin)))
    return tuple(ranges)


def format_ranges(ports: Iterable[int]) -> str:
    """Single ports as Mesos prints them: `[31000-31005, 31010-31010]`."""
    runs: list[tuple[int, int]] = []
    for port in sorted(ports):
        if runs and runs[-1][1] == port - 1:
            runs[-1] = (runs[-1][0], port)
        else:
            runs.append((port, port))
    return "[" + ", ".join(f"{begin}-{end}" for begin, end in runs) + "]"


def parse_attributes(values: Mapping[str, object]) -> dict[str, str | float]:
    """Attributes as the agent reads them: what looks like a number is a scalar, all else text."""
    parsed: dict[str, str | float] = {}
    for name, value in values.items():
        text = str(value)
        try:
            parsed[name] = rounded(float(text))
        except ValueError:
            parsed[name] = text
    return parsed


def attribute_text(value: str | float) -> str:
    """An attribute as constraints compare it: `3.0` is `3`."""
    return value if isinstance(value, str) else f"{value:.3f}".rstrip("0").rstrip(".")
