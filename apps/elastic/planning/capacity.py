"""What one instance can do, learned: requests/s at 100 % CPU, from request rate and CPU seen together."""

from __future__ import annotations

from apps.elastic.planning.memory import TargetMemory
from apps.elastic.planning.values import MetricPolicy, Observation

LEARNED_SAMPLES = 12
MEMORY_SAMPLES = 24
IDLE_CPU = 5.0
"""Below this CPU there is more noise than work."""


def capacity_see(state: TargetMemory, seen: Observation) -> None:
    """Requests/s and CPU of the same moment. A saturated instance is queueing, so that its capacity seems larger than
    it is; growing follows and mends that."""
    cpus = seen.samples.get("cpu")
    if not cpus:
        return
    by_time = {sample.time_s: sample.value for sample in cpus}
    for sample in seen.samples.get("qps", ()):
        cpu = by_time.get(sample.time_s, 0.0)
        if cpu < IDLE_CPU or sample.reporting <= 0:
            continue
        state.capacity_samples += 1
        part = max(1 / state.capacity_samples, 1 / MEMORY_SAMPLES)
        state.rate_mean += part * (sample.value - state.rate_mean)
        state.cpu_mean += part * (cpu - state.cpu_mean)


def target_now(metric: MetricPolicy, state: TargetMemory) -> float:
    """The value to hold: the one given, or the given share of what an instance was learned to do."""
    if metric.share is not None and state.capacity_samples >= LEARNED_SAMPLES:
        return metric.share * 100 * state.rate_mean / state.cpu_mean
    return metric.target or 1.0
