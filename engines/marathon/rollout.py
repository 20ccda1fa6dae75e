"""Rolling updates: counts of instances as Ocean says them, capacities as Marathon wants them.

Marathon keeps `ceil(n × minimumHealthCapacity)` instances and allows `floor(n × (1 + maximumOverCapacity))`
(SRC/core/deployment/impl/TaskReplaceActor.scala). Half an instance of margin makes both round to the wanted
count whatever the floating point does.

The capacities are right for one n only. Scaling must not touch them (any change of them restarts every task),
so the counts travel in a label, and a restart can work the capacities out again for the n of that moment:
without that, 'one at a time' said of 3 instances would stop 33 of 100.
"""

from __future__ import annotations

from collections.abc import Mapping

from clients.marathon.wire import UpgradeStrategy
from engines.base import Rollout, Workload

ROLLOUT_LABEL = "OCEAN_ROLLOUT"
"""`<max_unavailable>/<max_surge>`."""
SINGLE_INSTANCE_LABEL = "MARATHON_SINGLE_INSTANCE_APP"


def upgrade_strategy(
    rollout: Rollout, *, instances: int, resident: bool, labels: Mapping[str, str]
) -> UpgradeStrategy:
    """Marathon's capacities for `instances` copies.

    Where Marathon allows one answer only, that is given: a single-instance app stops before it starts, an
    instance bound to its host by a volume cannot have a second beside it. With nothing unavailable and no
    surge Marathon would never move; it then adds one instance by itself (a resident app: stops one).
    """
    if labels.get(SINGLE_INSTANCE_LABEL) == "true":
        return {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}
    n = max(instances, 1)
    kept = min(max((n - rollout.max_unavailable - 0.5) / n, 0), 1) if rollout.max_unavailable else 1
    over = min((rollout.max_surge + 0.5) / n, 1) if rollout.max_surge and not resident else 0
    return {"minimumHealthCapacity": kept, "maximumOverCapacity": over}


def stops_first(workload: Workload) -> bool:
    """Whether all old instances have to be gone before the first new one starts."""
    rollout = workload.rollout
    return 0 < workload.instances <= rollout.max_unavailable and not rollout.max_surge


def rollout_label(rollout: Rollout) -> str:
    """The value of ROLLOUT_LABEL."""
    return f"{rollout.max_unavailable}/{rollout.max_surge}"


def labelled_rollout(labels: Mapping[str, str]) -> Rollout | None:
    """What ROLLOUT_LABEL says, None for an app that Ocean did not make."""
    unavailable, _, surge = labels.get(ROLLOUT_LABEL, "").partition("/")
    if not (unavailable.isdecimal() and surge.isdecimal()):
        return None
    return Rollout(max_unavailable=int(unavailable), max_surge=int(surge))
