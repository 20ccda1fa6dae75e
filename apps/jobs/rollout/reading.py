"""From rows and statuses to the words of a rollout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from apps.core.models import Operation
from apps.jobs.models import Job
from apps.jobs.planning import has_ended, is_current, is_well
from apps.jobs.rollout.values import Before, Copy, Found, Goal, Manner, Slot, Wanted
from apps.jobs.spec.strategy import complete_strategy, instances_aside
from apps.jobs.spec.workload import make_rollout
from engines.base import OPERATION_LABEL, DeploymentId, InstanceState, InstanceStatus, WorkloadStatus

DRAIN_MARGIN = timedelta(seconds=15)
"""An instance that is asked to end has its kill grace and this before it is asked again."""
SLOW_AFTER = timedelta(seconds=10)
CLOCKS_DIFFER = timedelta(seconds=30)
"""The scheduler's clock may be this far ahead of ours, or its word on when an instance started is not used."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A new instance that nothing checks is well when it has run for `min_up`: Marathon calls it running in the moment
    before a misspelt command ends, too. None: it is taken at its word."""

    now: datetime
    min_up: timedelta

    def passed_by(self, instance: InstanceStatus) -> bool:
        if not self.min_up or instance.started_at is None:
            return True
        return not -CLOCKS_DIFFER <= self.now - instance.started_at < self.min_up


def read_wanted(operation: Operation, spec: Mapping[str, Any]) -> Wanted:
    """What the publish is to bring about by its parameters and the version's spec, and what was said of it since."""
    parameters, memory = operation.parameters, operation.memory
    strategy, instances = complete_strategy(parameters["strategy"]), parameters["instances"]
    previous = parameters["previous"]
    before = Before(previous["version"], previous["wanted"])
    in_place = bool(spec["volumes"])
    manner = read_manner(strategy, before=before, instances=instances)
    rollout = make_rollout(strategy, instances=instances, in_place=in_place)
    deployment = memory.get("deployment")
    return Wanted(
        instances=instances,
        manner=manner,
        before=before,
        aside=instances_aside(strategy, instances=instances),
        max_unavailable=instances if manner is Manner.BLUE_GREEN else rollout.max_unavailable,
        max_surge=rollout.max_surge,
        in_place=in_place,
        slow_tolerated=strategy["slow_tolerated"],
        slow_after=_slow_after(spec),
        drain=drain_time(spec),
        goal=_goal(operation),
        deployment=DeploymentId(deployment) if deployment else None,
        takes_over=bool(parameters.get("takes_over")),
        went_on=operation.went_on_at is not None,
        hold=None if strategy["hold_s"] is None else timedelta(seconds=strategy["hold_s"]),
        held_since=_moment(memory, "held_since"),
        back_since=_moment(memory, "back_since"),
        asked_main=bool(memory.get("main")),
        asked_side_to_go=bool(memory.get("side_to_go")),
        asked_main_to_go=bool(memory.get("main_to_go")),
    )


def read_manner(strategy: Mapping[str, Any], *, before: Before, instances: int) -> Manner:
    """Where nothing runs yet every strategy is simply a start."""
    nothing_runs = before.version is None or not before.instances
    return Manner.START if nothing_runs or not instances else Manner(strategy["kind"])


def drain_time(spec: Mapping[str, Any]) -> timedelta:
    return timedelta(seconds=spec["kill_grace_s"]) + DRAIN_MARGIN


def read_found(
    job: Job,
    main: WorkloadStatus | None,
    side: WorkloadStatus | None,
    *,
    mark: str,
    ending: Mapping[str, str],
    trial: Trial,
) -> Found:
    """What the scheduler has. `mark` tells this publish's definitions; `ending`: when each instance was first seen to
    end."""
    slots = [
        _slot(status, mark=mark, ending=ending, trial=trial) if status else None for status in (main, side)
    ]
    return Found(slots[0], slots[1], serving=job.serving)  # type: ignore[arg-type] # the model's choices


def is_of(status: WorkloadStatus | None, mark: str) -> bool:
    """Whether a workload's definition was asked for under this mark."""
    return status is not None and status.labels.get(OPERATION_LABEL) == mark


def _moment(memory: Mapping[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(memory[name]) if name in memory else None


def _goal(operation: Operation) -> Goal:
    if "reason" in operation.memory:
        return Goal.BACK
    return Goal.PAUSE if operation.paused_at else Goal.ON


def _slow_after(spec: Mapping[str, Any]) -> timedelta:
    graces = [timedelta(seconds=check["grace_s"]) for check in spec["health_checks"]]
    return max([SLOW_AFTER, *graces])


def _slot(status: WorkloadStatus, *, mark: str, ending: Mapping[str, str], trial: Trial) -> Slot:
    ours = is_of(status, mark)
    return Slot(
        ours=ours,
        version=status.version,
        wanted=status.wanted,
        copies=tuple(
            _copy(instance, status, ours=ours, ending=ending, trial=trial)
            for instance in status.instances or ()
            if not has_ended(instance)
        ),
        deployments=status.deployments,
    )


def _copy(
    instance: InstanceStatus, status: WorkloadStatus, *, ours: bool, ending: Mapping[str, str], trial: Trial
) -> Copy:
    since = ending.get(instance.id)
    new, checked = ours and is_current(instance, status), status.has_health_checks
    is_up = is_well(instance, checked=checked)
    on_trial = new and is_up and not checked and not trial.passed_by(instance)
    return Copy(
        id=instance.id,
        host=instance.host,
        new=new,
        well=is_up and not on_trial,
        on_trial=on_trial,
        staged_at=instance.staged_at,
        ending=instance.state == InstanceState.KILLING,
        ending_since=datetime.fromisoformat(since) if since else None,
    )
