"""New instances that nothing checks: when they count as well, and when nobody waits for them any longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.jobs.models import Job
from apps.jobs.rollout.crashes import keeps_crashing
from apps.jobs.rollout.planning import only_on_trial
from apps.jobs.rollout.reading import Trial, read_found
from apps.jobs.rollout.values import Before, Found, Goal, Manner, Wanted
from engines.base import (
    OPERATION_LABEL,
    InstanceFailure,
    InstanceId,
    InstanceState,
    InstanceStatus,
    WorkloadId,
    WorkloadStatus,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
CHANGED = NOW - timedelta(minutes=1)
TRIAL = Trial(NOW, timedelta(seconds=3))
WANTED = Wanted(instances=1, manner=Manner.ROLLING, before=Before(1, 1), asked_main=True)


def status(*, up_s: float | None = None, checked: bool = False, **changes: Any) -> WorkloadStatus:
    """A workload of the new definition, of which one instance has run for `up_s`."""
    one = InstanceStatus(
        id=InstanceId("one"),
        workload_id=WorkloadId("/a"),
        state=InstanceState.RUNNING,
        host="node1",
        ip="127.0.0.1",
        ports=(),
        healthy=True if checked else None,
        engine_version=CHANGED,
        staged_at=CHANGED,
        started_at=NOW - timedelta(seconds=up_s or 0),
    )
    values: dict[str, Any] = {
        "id": WorkloadId("/a"),
        "version": 2,
        "wanted": 1,
        "running": 1,
        "staging": 0,
        "healthy": 0,
        "unhealthy": 0,
        "has_health_checks": checked,
        "engine_version": CHANGED,
        "config_changed_at": CHANGED,
        "instances": () if up_s is None else (one,),
        "labels": {OPERATION_LABEL: "mark"},
        **changes,
    }
    return WorkloadStatus(**values)


def failure(*, run: int, version: datetime | None = CHANGED) -> InstanceFailure:
    return InstanceFailure(
        InstanceId("x"),
        InstanceState.FAILED,
        "node1",
        "exit 127",
        NOW,
        engine_version=version,
        restarts=run - 1,
    )


def found(main: WorkloadStatus, *, trial: Trial = TRIAL) -> Found:
    return read_found(Job(), main, None, mark="mark", ending={}, trial=trial)


@pytest.mark.parametrize(
    ("up_s", "checked", "well"),
    [
        (0.5, False, False),
        (3, False, True),
        (0.5, True, True),  # its check has passed
        (-10, False, False),  # the scheduler's clock is ahead
        (-3600, False, True),  # its clock is of no use
    ],
)
def test_without_a_check_an_instance_is_well_when_it_has_run_for_a_while(
    up_s: float, checked: bool, well: bool
) -> None:
    seen = found(status(up_s=up_s, checked=checked))
    assert seen.main is not None
    assert ([copy.well for copy in seen.main.new], only_on_trial(seen)) == ([well], not well)


@pytest.mark.parametrize("up_s", [0, -10])
def test_where_none_is_to_be_watched_it_is_well_at_once_whatever_the_clocks_say(up_s: float) -> None:
    seen = found(status(up_s=up_s), trial=Trial(NOW, timedelta()))
    assert seen.main is not None
    assert [copy.well for copy in seen.main.new] == [True]


def test_an_instance_that_ends_a_third_time_is_not_waited_for() -> None:
    main = status(last_failure=failure(run=3))
    assert keeps_crashing(WANTED, found(main), main)


@pytest.mark.parametrize(
    ("main", "wanted"),
    [
        (status(), WANTED),
        (status(last_failure=failure(run=2)), WANTED),
        (status(last_failure=failure(run=3, version=CHANGED - timedelta(hours=1))), WANTED),  # of before
        (status(last_failure=failure(run=3, version=None)), WANTED),
        (status(last_failure=failure(run=3), up_s=5), WANTED),  # another one stays up
        (status(last_failure=failure(run=3), checked=True), WANTED),  # old ones serve until it is healthy
        (status(last_failure=failure(run=3), labels={}), WANTED),  # not asked for yet
        (status(last_failure=failure(run=3)), replace(WANTED, before=Before(None, 0))),
        (status(last_failure=failure(run=3)), replace(WANTED, goal=Goal.PAUSE)),
        (status(last_failure=failure(run=3)), replace(WANTED, goal=Goal.BACK)),
    ],
)
def test_otherwise_the_deadline_decides(main: WorkloadStatus, wanted: Wanted) -> None:
    assert not keeps_crashing(wanted, found(main), main)
