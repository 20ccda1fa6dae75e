"""Falcon behind the port for metrics."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from clients.falcon import FalconPush, FalconToken
from clients.falcon.wire import Sample
from engines.metrics.base import JobSeries, Metric, Point, SourceAway
from engines.metrics.falcon import FalconSource
from sandbox.falcon.testing import TOKEN, FalconProcess, running_falcon


@pytest.fixture
def source(falcon: FalconProcess) -> FalconSource:
    return FalconSource(falcon.url, FalconToken(TOKEN), name="falcon test")


@pytest.fixture
def tasks() -> tuple[str, ...]:
    """Ids of tasks that only this test has."""
    run = uuid.uuid4().hex[:8]
    return tuple(f"job.{run}.task-{number}" for number in range(3))


def sample(task: str, value: float, time_s: int, metric: str = "qps") -> Sample:
    return Sample(task, metric, value, time_s=time_s, step_s=5)


def job(tasks: tuple[str, ...], *metrics: Metric) -> JobSeries:
    return JobSeries("job", tasks, metrics or ("qps",))


def test_a_tick_gets_each_moment_once_with_who_reported(
    source: FalconSource, push: FalconPush, tasks: tuple[str, ...], now: int
) -> None:
    push.push([sample(task, 10.0 + n, now - 5) for n, task in enumerate(tasks)])
    first = source.latest([job(tasks)], since_s=now - 60, now_s=now - 4)
    push.push([sample(tasks[0], 20, now)])
    second = source.latest([job(tasks)], since_s=now - 60, now_s=now + 1)
    late = source.latest([job(tasks)], since_s=now - 60, now_s=now + 8)

    assert first == {("job", "qps"): [Point(now - 5, 11.0, 33.0, 3)]}
    assert second == {}
    assert late == {("job", "qps"): [Point(now, 20.0, 20.0, 1)]}


def test_asking_for_one_job_alone_in_between_makes_no_moment_of_the_others_come_again(
    source: FalconSource, push: FalconPush, tasks: tuple[str, ...], now: int
) -> None:
    one, other = JobSeries("one", tasks[:1], ("qps",)), JobSeries("other", tasks[1:], ("qps",))
    push.push([sample(task, 10, now - 5) for task in tasks])
    assert len(source.latest([one, other], since_s=now - 60, now_s=now - 4)) == 2
    assert source.latest([one], since_s=now - 60, now_s=now - 3) == {}
    assert source.latest([one, other], since_s=now - 60, now_s=now - 2) == {}


def test_an_instance_whose_clock_is_ahead_is_as_one_that_sends_nothing(
    source: FalconSource, push: FalconPush, tasks: tuple[str, ...], now: int
) -> None:
    push.push([sample(tasks[0], 10, now - 5), sample(tasks[1], 90, now + 3600)])
    first = source.latest([job(tasks)], since_s=now - 60, now_s=now - 4)
    push.push([sample(tasks[0], 20, now)])
    second = source.latest([job(tasks)], since_s=now - 60, now_s=now + 1)

    assert [first, second] == [
        {("job", "qps"): [Point(now - 5, 10.0, 10.0, 1)]},
        {("job", "qps"): [Point(now, 20.0, 20.0, 1)]},
    ]


def test_all_metrics_of_many_jobs_in_one_call(
    source: FalconSource, push: FalconPush, tasks: tuple[str, ...], now: int
) -> None:
    names = {"cpu.busy": 150.0, "mem.memused.percent": 40.0, "qps": 7.0, "latency": 12.5}
    push.push([sample(task, value, now, name) for task in tasks for name, value in names.items()])
    jobs = [JobSeries(task, (task,), ("cpu", "memory", "qps", "latency")) for task in tasks]

    found = source.latest(jobs, since_s=now - 60, now_s=now + 1)
    assert {key: [point.mean for point in points] for key, points in found.items()} == {
        (task, metric): [value]
        for task in tasks
        for metric, value in (("cpu", 150.0), ("memory", 40.0), ("qps", 7.0), ("latency", 12.5))
    }


def test_a_tick_that_came_late_misses_nothing(
    source: FalconSource, push: FalconPush, tasks: tuple[str, ...], now: int
) -> None:
    push.push([sample(tasks[0], 1, now - 20)])
    source.latest([job(tasks[:1])], since_s=now - 60, now_s=now - 19)
    for number in range(3):
        push.push([sample(tasks[0], 2 + number, now - 15 + 5 * number)])

    found = source.latest([job(tasks[:1])], since_s=now - 60, now_s=now - 4)
    assert [(point.time_s, point.mean) for point in found[("job", "qps")]] == [
        (now - 15, 2.0),
        (now - 10, 3.0),
        (now - 5, 4.0),
    ]


def test_history_averages_over_the_step_and_over_instances(
    source: FalconSource, push: FalconPush, tasks: tuple[str, ...], now: int
) -> None:
    begin = now - now % 60 - 120
    push.push(
        [
            sample(task, value, begin + 5 * n)
            for n in range(1, 13)
            for task, value in zip(tasks, (10, 20), strict=False)
        ]
    )

    found = source.history(tasks, "qps", start_s=begin, end_s=begin + 60, step_s=60)
    assert found == [Point(begin + 60, 15.0, 30.0, 2)]
    fine = source.history(tasks, "qps", start_s=begin, end_s=begin + 60, step_s=5)
    assert [point.time_s for point in fine] == [begin + 5 * n for n in range(1, 13)]


def test_a_long_history_sees_the_newest_too(
    source: FalconSource, push: FalconPush, tasks: tuple[str, ...], now: int
) -> None:
    push.push([sample(tasks[0], 5, now - 10)])

    found = source.history(tasks, "qps", start_s=now - 2 * 3600, end_s=now, step_s=5)
    assert [point.mean for point in found] == [5.0]


@pytest.mark.parametrize(
    ("age_s", "step_s"), [(3600, 5), (3601, 25), (5 * 3600, 100), (86_400, 900), (20 * 86_400, 3600)]
)
def test_how_fine_the_past_is_known(source: FalconSource, age_s: int, step_s: int) -> None:
    assert source.finest_step_s(age_s=age_s) == step_s


def test_a_falcon_that_is_away_is_said_so_and_comes_back(tmp_path: Path, now: int) -> None:
    with running_falcon(tmp_path) as falcon:
        source = FalconSource(falcon.url, FalconToken(TOKEN), name="falcon test")
        source.ping()
        falcon.kill()
        with pytest.raises(SourceAway, match="falcon test: the connection failed: Connection refused"):
            source.latest([job(("a",))], since_s=now - 60, now_s=now)
        falcon.start()
        FalconPush(falcon.url).push([sample("a", 1, now)])
        assert source.latest([job(("a",))], since_s=now - 60, now_s=now + 1) == {
            ("job", "qps"): [Point(now, 1, 1, 1)]
        }
