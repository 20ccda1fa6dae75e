"""Decisions about jobs, as pure functions: no database, no clock, no network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from apps.jobs.models import Job
from engines.base import InstanceState, InstanceStatus, WorkloadStatus


def workload_path(*, cop: str, owt: str, pdl: str, cluster: str, service: str, name: str) -> str:
    """Marathon's app id is the service tree: `/xiaomi/inf/ocean/staging/weather-api/weather-api`."""
    return f"/{cop}/{owt}/{pdl}/{cluster}/{service}/{name}"


SIDE_SUFFIX = ".next"
"""Legal in an app id, impossible in a job's name: no job's own path can be another's side."""


def side_path(path: str) -> str:
    """The workload that a canary or blue-green publish runs beside the one at `path`."""
    return f"{path}{SIDE_SUFFIX}"


def own_path(path: str) -> str:
    """The job's own workload, of its own path or that of its side."""
    return path.removesuffix(SIDE_SUFFIX)


def is_side(path: str) -> bool:
    return path.endswith(SIDE_SUFFIX)


CRASH_LOOP_WITHIN = timedelta(minutes=2)
CRASH_LOOP_ENDS = 3


def is_crash_loop(*, ends: int, wanted: int) -> bool:
    """Whether so many bad ends within CRASH_LOOP_WITHIN are more than every instance having ended once (a host that was
    lost, a service that was away): then what runs at this moment ends soon, too."""
    return ends >= max(CRASH_LOOP_ENDS, 2 * wanted)


def job_state(
    *,
    published: bool,
    deploying: bool,
    wanted: int,
    running: int,
    healthy: int,
    has_health_checks: bool,
    crash_loop: bool = False,
) -> Job.State:
    """A job's one word. Without health checks an instance is well when it runs; no job is while its instances end
    again and again."""
    if not published:
        return Job.State.DRAFT
    if deploying:
        return Job.State.DEPLOYING
    if wanted == 0:
        return Job.State.STOPPED if running == 0 else Job.State.DEPLOYING
    well = healthy if has_health_checks else running
    is_well = well >= wanted and running >= wanted and not crash_loop
    return Job.State.RUNNING if is_well else Job.State.DEGRADED


def publish_instances(*, asked: int, asked_before: int | None, wanted: int) -> int:
    """How many instances a publish asks for.

    Scaling by hand or by metric changes `wanted` without a version, and a publish must not undo it: the version's
    own number counts only on the first publish, after a stop, or when it differs from the last one published.
    """
    if asked_before is None or wanted == 0 or asked != asked_before:
        return asked
    return wanted


@dataclass(frozen=True, slots=True)
class RolloutCount:
    """How far a rollout is, in instances. `old` are those of earlier definitions that still exist, `beside` those that
    run beside the job's own."""

    wanted: int
    new: int
    new_healthy: int
    old: int
    beside: int = 0

    @property
    def is_complete(self) -> bool:
        return self.old == 0 and self.new_healthy == self.wanted == self.new

    @property
    def percent(self) -> int:
        """0–99 while under way: half for what became healthy, half for what was cleared away."""
        if self.wanted == 0:
            return 99 if self.old == 0 else max(1, 99 - min(98, self.old))
        done = min(self.new_healthy, self.wanted) / self.wanted
        leaving = 1 - min(self.old, self.wanted) / self.wanted
        return max(1, min(99, int(100 * (0.5 * done + 0.5 * done * leaving))))


def count_rollout(status: WorkloadStatus) -> RolloutCount:
    """Counts of a workload that was asked for with its instances."""
    instances = [instance for instance in status.instances or () if not has_ended(instance)]
    new = [instance for instance in instances if is_current(instance, status)]
    return RolloutCount(
        wanted=status.wanted,
        new=len(new),
        new_healthy=sum(is_well(instance, checked=status.has_health_checks) for instance in new),
        old=len(instances) - len(new),
    )


def is_current(instance: InstanceStatus, status: WorkloadStatus) -> bool:
    """Whether an instance runs the current definition (Marathon: version >= lastConfigChangeAt)."""
    return instance.engine_version is None or instance.engine_version >= status.config_changed_at


def is_well(instance: InstanceStatus, *, checked: bool) -> bool:
    """Running, and healthy where something checks it."""
    return instance.state == InstanceState.RUNNING and (instance.healthy is True or not checked)


def count_well(status: WorkloadStatus) -> int:
    """How many instances are well, of whatever version."""
    return sum(is_well(instance, checked=status.has_health_checks) for instance in status.instances or ())


def has_ended(instance: InstanceStatus) -> bool:
    return instance.state in {InstanceState.FAILED, InstanceState.FINISHED, InstanceState.KILLED}


def is_large_shrink(*, current: int, asked: int) -> bool:
    """Whether scaling down needs the job's name typed: it ends more than half of the instances."""
    return asked * 2 < current
