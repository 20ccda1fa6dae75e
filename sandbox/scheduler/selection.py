"""Which instances go first when there are too many. Pure.

Source: Marathon's core/deployment/impl/ScalingProposition.scala, mesos/Constraints.scala
(selectInstancesToRemove).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from sandbox.definitions.app import App
from sandbox.ids import HostId
from sandbox.model import Condition, Host, Instance
from sandbox.scheduler.matching import field_value
from sandbox.scheduler.tracker import age_key

_ORDER = {
    Condition.KILLING: 0,
    Condition.SCHEDULED: 1,
    Condition.UNREACHABLE_INACTIVE: 2,
    Condition.UNREACHABLE: 2,
    Condition.PROVISIONED: 3,
    Condition.STAGING: 3,
    Condition.STARTING: 4,
}


def select_victims(
    app: App, instances: Iterable[Instance], count: int, hosts: Mapping[HostId, Host]
) -> list[Instance]:
    """`count` instances to give up: what is least running first, then by age as `killSelection` says, and
    so that GROUP_BY groups stay even."""
    youngest_first = -1.0 if not app.kill_oldest_first else 1.0
    candidates = sorted(
        instances,
        key=lambda instance: (
            _ORDER.get(instance.condition, 5),
            youngest_first * age_key(instance).timestamp(),
        ),
    )
    fields = [constraint.field for constraint in app.constraints if constraint.operator == "GROUP_BY"]
    if not fields:
        return candidates[:count]
    return _evenly(candidates, count, fields[0], hosts)


def _evenly(
    candidates: list[Instance], count: int, field: str, hosts: Mapping[HostId, Host]
) -> list[Instance]:
    """Take each victim from the fullest group; within it the order stands."""
    by_group: dict[str | None, list[Instance]] = {}
    for instance in candidates:
        host = hosts.get(instance.host_id) if instance.host_id else None
        by_group.setdefault(field_value(host, field) if host else None, []).append(instance)
    sizes = Counter({group: len(members) for group, members in by_group.items()})
    victims = by_group.pop(None, [])[:count]  # nowhere yet: they disturb no balance
    del sizes[None]
    while len(victims) < count and sizes.total():
        fullest, _ = sizes.most_common(1)[0]
        victims.append(by_group[fullest].pop(0))
        sizes[fullest] -= 1
    return victims
