"""Does this host's offer fit this app, and if not, why? Pure.

Constraint operators and the order of the reasons ("funnel") are Marathon's: an offer counts under the first
reason that fails. Sources: mesosphere/mesos/Constraints.scala, ResourceMatcher.scala,
NoOfferMatchReason.scala.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from sandbox.definitions.app import App, Constraint, PortRequest
from sandbox.ids import HostId
from sandbox.model import Host
from sandbox.resources import UNRESERVED, Allocation, attribute_text, rounded


class Decline(StrEnum):
    """Why an offer was not used, in funnel order."""

    ROLE = "UnfulfilledRole"
    CONSTRAINT = "UnfulfilledConstraint"
    RESERVATION = "NoCorrespondingReservationFound"
    MAINTENANCE = "AgentMaintenance"
    CPUS = "InsufficientCpus"
    MEMORY = "InsufficientMemory"
    DISK = "InsufficientDisk"
    GPUS = "InsufficientGpus"
    PORTS = "InsufficientPorts"
    SCARCE = "DeclinedScarceResources"


@dataclass(frozen=True, slots=True)
class Demand:
    """What one instance needs. `roles`: whose resources may be used, in order of preference."""

    scalars: tuple[tuple[str, float, Decline], ...]
    ports: tuple[PortRequest, ...]
    roles: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    resident: bool

    @classmethod
    def of(cls, app: App, default_role: str) -> Demand:
        role = app.role or default_role
        accepted = app.accepted_roles or {role, UNRESERVED}
        disk = app.disk + sum(volume.size_mib for volume in app.volumes)
        return cls(
            scalars=(
                ("cpus", app.cpus, Decline.CPUS),
                ("mem", app.mem, Decline.MEMORY),
                ("disk", disk, Decline.DISK),
                ("gpus", app.gpus, Decline.GPUS),
            ),
            ports=app.ports,
            roles=tuple(name for name in dict.fromkeys((role, UNRESERVED)) if name in accepted),
            constraints=app.constraints,
            resident=app.resident,
        )


class Placed:
    """How many instances of an app there are on each value of each constrained field."""

    def __init__(self, constraints: Iterable[Constraint], hosts: Iterable[Host]) -> None:
        self._counts: dict[str, Counter[str]] = {constraint.field: Counter() for constraint in constraints}
        if self._counts:
            for host in hosts:
                self.add(host)

    def add(self, host: Host) -> None:
        for field, counts in self._counts.items():
            value = field_value(host, field)
            if value is not None:
                counts[value] += 1

    def on(self, field: str) -> Counter[str]:
        return self._counts[field]


def match(
    demand: Demand,
    host: Host,
    placed: Placed,
    *,
    reserved_on: HostId | None = None,
    port_usable: Callable[[int], bool],
) -> Allocation | Decline:
    """What to take from this host for one instance, or the first reason against it.

    `reserved_on`: the host that holds a resident instance's reservation; there its resources are taken
    already, so only the place is looked at. `port_usable` is asked about every port before it is given
    away."""
    resources = host.resources
    if not any(resources.scalars.get(role) for role in demand.roles):
        return Decline.ROLE
    for constraint in demand.constraints:
        if reserved_on is None and not satisfies(
            constraint, field_value(host, constraint.field), placed.on(constraint.field)
        ):
            return Decline.CONSTRAINT
    if reserved_on is not None and host.id != reserved_on:
        return Decline.RESERVATION
    if host.under_maintenance:
        return Decline.MAINTENANCE
    if reserved_on is not None:
        return Allocation({}, ())
    taken = _take_scalars(demand, host)
    if isinstance(taken, Decline):
        return taken
    ports = _choose_ports(demand, host, port_usable)
    return Decline.PORTS if ports is None else Allocation(taken, ports)


def _take_scalars(demand: Demand, host: Host) -> dict[str, dict[str, float]] | Decline:
    """From the preferred role first; the rest of a quantity from the next one."""
    taken: dict[str, dict[str, float]] = {}
    for name, quantity, reason in demand.scalars:
        for role in demand.roles:
            if quantity <= 0:
                break
            part = min(quantity, host.resources.free(name, role))
            if part > 0:
                taken.setdefault(role, {})[name] = part
                quantity = rounded(quantity - part)
        if quantity > 0:
            return reason
    return taken


def satisfies(constraint: Constraint, value: str | None, used: Counter[str]) -> bool:
    """One constraint, for a host whose field has this value. A missing attribute satisfies only UNLIKE."""
    if value is None:
        return constraint.operator == "UNLIKE"
    wanted = constraint.value or ""
    match constraint.operator:
        case "UNIQUE":
            return used[value] == 0
        case "CLUSTER":
            return value == wanted if wanted else not +used or used[value] > 0
        case "GROUP_BY":
            # Allowed if the value is new, or if enough distinct values are in use and this one has the
            # fewest.
            return used[value] == 0 or (
                len(+used) >= int(wanted or 0) and used[value] == min((+used).values())
            )
        case "LIKE":
            return re.fullmatch(wanted, value) is not None
        case "UNLIKE":
            return re.fullmatch(wanted, value) is None
        case "MAX_PER":
            return used[value] < int(wanted)
        case "IS":
            return value == wanted or _same_number(value, wanted)
        case unknown:
            raise ValueError(f"constraint operator {unknown} passed validation but is not known here")


def field_value(host: Host, field: str) -> str | None:
    """The value that a constraint's field has on a host: its name or an attribute."""
    if field in ("hostname", "@hostname"):
        return host.hostname
    value = host.attributes.get(field.removeprefix("@"))
    return None if value is None else attribute_text(value)


def _same_number(left: str, right: str) -> bool:
    try:
        return float(left) == float(right)
    except ValueError:
        return False


def _choose_ports(demand: Demand, host: Host, port_usable: Callable[[int], bool]) -> tuple[int, ...] | None:
    chosen: list[int] = []
    # Fixed ones first, so that a dynamic one does not take them; the result keeps the order of the requests.
    fixed = {port.host_port for port in demand.ports if port.host_port}
    if any(not host.resources.offers_port(port, demand.roles) or not port_usable(port) for port in fixed):
        return None
    free = (
        port for port in host.resources.free_ports(demand.roles) if port not in fixed and port_usable(port)
    )
    for request in demand.ports:
        if request.host_port is None:
            continue
        port = request.host_port or next(free, None)
        if port is None:
            return None
        chosen.append(port)
    return tuple(chosen)
