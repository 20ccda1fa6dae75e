"""The tick of all dies of no one job, whatever is the matter with it and at which step; its page says so."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from apps.accounts.tests.factories import make_member
from apps.core.models import Notification, Operation
from apps.core.tests.factories import make_group
from apps.elastic.loop import acting, book, looking, seen, tick
from apps.elastic.loop.tick import Loop
from apps.elastic.models import ScalingDecision, ScalingPolicy, ScalingState
from apps.elastic.selectors import newest_decision
from apps.elastic.telling import tell
from apps.elastic.tests.factories import make_policy
from apps.elastic.tests.world import World
from apps.elastic.words import decision_text, reason_sentence
from apps.jobs.models import Job, JobVersion
from apps.jobs.tests.factories import make_running_job
from apps.jobs.tests.pages import browser, text_of
from engines.metrics.base import Point

pytestmark = pytest.mark.django_db(transaction=True)

SAYS = "Stays at 2: the autoscaler failed on this job: "


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    with made.reader:
        yield made


@pytest.fixture
def job() -> Job:
    """One that is well."""
    job = make_running_job(instances=2)
    make_policy(job=job, max=9)
    return job


@pytest.fixture
def odd() -> Job:
    """One that something is the matter with."""
    job = make_running_job(instances=2)
    make_policy(job=job, max=9)
    return job


def run(world: World, job: Job, odd: Job, *, ticks: int = 3) -> None:
    """Both are under the same load."""
    for _ in range(ticks):
        world.source.say(odd, "cpu", 90, at_s=world.now.timestamp() + 4)
        world.tick(job, cpu=90)


def scaled() -> set[int]:
    return set(Operation.objects.values_list("target_id", flat=True))


def said(job: Job) -> str:
    decision = newest_decision(job)
    assert decision is not None
    return decision_text(decision)


def failing(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, job: Job) -> None:
    """The function fails when it is about this job."""
    real = getattr(module, name)

    def broken(one: Any, *rest: Any, **more: Any) -> Any:
        about = getattr(one, "job_id", None) or one.entry.job_id
        if about == job.pk:
            raise KeyError("lost")
        return real(one, *rest, **more)

    monkeypatch.setattr(module, name, broken)


def test_a_policy_that_cannot_be_read(
    world: World, job: Job, odd: Job, caplog: pytest.LogCaptureFixture
) -> None:
    ScalingPolicy.objects.filter(job=odd).update(metrics=[{"metric": "cpu"}])
    run(world, job, odd)
    assert scaled() == {job.pk}
    assert said(odd) == f"{SAYS}KeyError: 'mode'."
    assert [record.message for record in caplog.records].count("scaling_crashed") == 1
    page = text_of(browser(make_member(odd.product_line)).get(f"/jobs/{odd.tag}/scaling/"))
    assert "fails" in page
    assert "the autoscaler failed on this job: KeyError: 'mode'" in page
    ScalingPolicy.objects.filter(job=odd).update(metrics=ScalingPolicy.objects.get(job=job).metrics)
    run(world, job, odd)
    assert scaled() == {job.pk, odd.pk}


def test_a_memory_that_cannot_be_read_is_begun_anew(world: World, job: Job, odd: Job) -> None:
    ScalingState.objects.create(policy=odd.scaling, memory={"thresholds": "none"})
    run(world, job, odd)
    assert scaled() == {job.pk, odd.pk}


def test_samples_that_make_no_sense(world: World, job: Job, odd: Job) -> None:
    for _ in range(3):
        nonsense = Point(int(world.now.timestamp()) + 4, "many", 0, 2)  # type: ignore[arg-type]
        world.source._next[(str(odd.pk), "cpu")] = [nonsense]
        world.tick(job, cpu=90)
    assert scaled() == {job.pk}
    assert said(odd).startswith(SAYS)


def test_a_version_that_says_nonsense_of_its_size(world: World, job: Job, odd: Job) -> None:
    version = JobVersion.objects.get(job=odd)
    JobVersion.objects.filter(job=odd).update(spec={**version.spec, "cpus": "some"})
    run(world, job, odd)
    assert scaled() == {job.pk, odd.pk}


@pytest.mark.parametrize(
    ("module", "name"), [(looking, "_observe"), (seen, "_row"), (acting, "_reason"), (book, "_entry")]
)
def test_a_step_that_fails_on_one_job(
    world: World, job: Job, odd: Job, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    if module is book:
        monkeypatch.setattr(book, "_entry", _entry_but_for(odd))
    else:
        failing(monkeypatch, module, name, odd)
    run(world, job, odd)
    assert scaled() == {job.pk}
    assert ScalingDecision.objects.filter(job=job, acted=True).count() == 1
    assert said(odd).startswith(SAYS)
    assert not ScalingDecision.objects.filter(job=odd, acted=True).exists()
    world.loop.save(world.now)


def _entry_but_for(odd: Job) -> Any:
    real = book._entry

    def entry(policy: ScalingPolicy, *rest: Any) -> Any:
        if policy.job_id == odd.pk:
            raise KeyError("lost")
        return real(policy, *rest)

    return entry


def test_a_memory_that_cannot_be_kept(
    world: World, job: Job, odd: Job, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither once a minute nor with what is asked for."""
    run(world, job, odd, ticks=1)
    world.loop.book.entries[odd.pk].memory.turned_s = float("nan")
    for _ in range(13):
        world.source.say(odd, "cpu", 70, at_s=world.now.timestamp() + 4)
        world.tick(job, cpu=70)
    assert ScalingState.objects.filter(policy__job=job).exists()
    assert ScalingDecision.objects.filter(job=odd, verdict="failed").count() == 1
    assert said(odd).startswith("Stays at 2: CPU is 70 %")  # it began anew

    run(world, job, odd, ticks=2)
    world.loop.book.entries[odd.pk].memory.turned_s = float("nan")
    run(world, job, odd, ticks=1)
    assert scaled() == {job.pk}
    assert said(odd).startswith(SAYS)
    run(world, job, odd)
    assert scaled() == {job.pk, odd.pk}


def test_a_row_that_cannot_be_written(
    world: World, job: Job, odd: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = seen._row

    def row(one: Any) -> ScalingDecision:
        made = real(one)
        if made.job_id == odd.pk:
            made.inputs["cpu"] = float("nan")
        return made

    monkeypatch.setattr(seen, "_row", row)
    run(world, job, odd, ticks=2)
    assert said(job).startswith("Stays at 2: CPU is 90 %")
    assert said(odd).startswith(SAYS)
    run(world, job, odd, ticks=1)
    assert scaled() == {job.pk}
    world.loop.save(world.now)


def test_news_that_cannot_be_put_into_words(
    world: World, job: Job, odd: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = make_group(name="sre_ocean")
    ScalingPolicy.objects.update(notify=["sre_ocean"])

    def sentence(decision: ScalingDecision) -> dict[str, Any]:
        assert decision.job_id != odd.pk
        return reason_sentence(decision)

    monkeypatch.setattr("apps.elastic.telling.reason_sentence", sentence)
    world.loop = Loop(world.reader, agent=world.agent, tell=tell)
    run(world, job, odd)
    assert scaled() == {job.pk, odd.pk}
    parts = {
        part["values"]["job"]: len(part["lines"]) for part in Notification.objects.get(group=group).parts
    }
    assert parts == {job.tag: 1, odd.tag: 0}


def test_between_two_ticks_too(
    world: World, job: Job, odd: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failing(monkeypatch, acting, "_reason", odd)
    with monkeypatch.context() as busy:
        busy.setattr(tick, "ACT_UNTIL_S", -1.0)
        run(world, job, odd)
    with caplog.at_level(logging.ERROR):
        world.loop.go_on(until=time.monotonic() + 60)
    assert scaled() == {job.pk}
    assert said(odd).startswith(SAYS)
