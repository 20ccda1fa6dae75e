"""From what the engine says to words that help."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.utils import translation

from apps.core.models import render_line
from apps.jobs import diagnosis
from apps.jobs.diagnosis import diagnose, render_problem, summarise
from apps.jobs.tests.test_planning import NEW, OLD, instance, workload
from engines.base import (
    DeclineReason,
    HealthResult,
    InstanceFailure,
    InstanceId,
    InstanceState,
    Waiting,
    WorkloadId,
)

SPEC = {"cpus": 4.0, "memory_mib": 128, "disk_mib": 0, "gpus": 0}


def waiting(*reasons: DeclineReason, **overrides: Any) -> Waiting:
    return Waiting(
        **{
            "workload_id": WorkloadId("/a"),
            "count": 2,
            "delay_s": 0,
            "since": NEW,
            "reasons": reasons,
            **overrides,
        }
    )


def health(name: str, cause: str, failures: int = 1) -> HealthResult:
    return HealthResult(
        instance_id=InstanceId(name),
        alive=False,
        consecutive_failures=failures,
        last_failure_cause=cause,
        last_failure_at=NEW,
    )


def words(problem: diagnosis.Problem) -> dict[str, str]:
    return render_problem(problem.as_json())


def test_nothing_is_wrong_with_a_job_that_is_as_wanted() -> None:
    assert diagnose(workload(instance("a"), wanted=1), spec=SPEC, waiting=None, health=()) == []


def test_no_offer_with_enough_cpus_says_how_many_are_asked_for() -> None:
    reasons = (DeclineReason("InsufficientCpus", 6, 6), DeclineReason("InsufficientMemory", 0, 0))
    [problem] = diagnose(workload(wanted=2), spec=SPEC, waiting=waiting(*reasons), health=())
    said = words(problem)
    assert said["severity"] == "error"
    assert said["what"] == "Instances that wait for a host: 2."
    assert said["why"] == "No offer has 4 CPUs free (6 of 6 offers refused)."
    assert "fewer CPUs" in said["hint"]


def test_the_reason_that_refused_most_offers_is_named() -> None:
    reasons = (DeclineReason("UnfulfilledConstraint", 5, 6), DeclineReason("InsufficientCpus", 1, 1))
    [problem] = diagnose(workload(wanted=2), spec=SPEC, waiting=waiting(*reasons), health=())
    assert "constraints" in words(problem)["why"]


def test_a_reason_that_we_have_no_words_for_is_shown_as_the_engine_writes_it() -> None:
    reasons = (DeclineReason("SomethingNew", 3, 3),)
    [problem] = diagnose(workload(wanted=1), spec=SPEC, waiting=waiting(*reasons), health=())
    assert words(problem)["why"] == "The scheduler says: SomethingNew (3 of 3 offers refused)."


def test_back_off_says_how_long() -> None:
    [problem] = diagnose(workload(wanted=2), spec=SPEC, waiting=waiting(delay_s=17), health=())
    assert words(problem)["what"] == "Instances that wait 17 s before they are started again: 2."


def test_a_failing_check_of_the_new_definition_comes_before_one_of_the_old() -> None:
    status = workload(instance("new", healthy=False), instance("old", engine_version=OLD), wanted=2)
    results = (health("old", "HTTP 503", failures=9), health("new", "HTTP 500 on /health"))
    [problem] = diagnose(status, spec=SPEC, waiting=None, health=results)
    assert words(problem)["why"] == 'The check last said: "HTTP 500 on /health".'


def test_the_last_failure_is_named_while_instances_are_missing() -> None:
    status = replace(workload(wanted=1), last_failure=_failure("Command exited with status 1"))
    [problem] = diagnose(status, spec=SPEC, waiting=None, health=())
    assert words(problem)["why"] == 'The scheduler said: "Command exited with status 1".'


def test_how_an_instance_ended_comes_before_the_wait_for_the_next_one() -> None:
    status = replace(workload(wanted=1), last_failure=_failure("Command exited with status 3"))
    problems = diagnose(status, spec=SPEC, waiting=waiting(delay_s=14), health=())
    assert [words(problem)["severity"] for problem in problems] == ["error", "warning"]
    [ended, _wait] = summarise(problems)
    assert "status 3" in render_line("%(why)s", {"why": [ended, _wait]})


def test_between_two_tries_a_failing_check_still_has_its_reason() -> None:
    """The instance that failed is gone, and its successor runs but was not checked yet."""
    ended = _failure("Killed since its health check failed: HTTP 404")
    status = replace(workload(instance("b", healthy=None), wanted=1), last_failure=ended, healthy=0)
    assert status.has_health_checks
    [problem] = diagnose(status, spec=SPEC, waiting=None, health=())
    assert "HTTP 404" in words(problem)["why"]


def test_a_failure_from_before_the_present_definition_is_old_news() -> None:
    status = replace(workload(wanted=1), last_failure=_failure("exit 1", at=NEW - timedelta(seconds=1)))
    assert diagnose(status, spec=SPEC, waiting=None, health=()) == []


def test_the_summary_is_the_first_problem_and_renders_inside_another_sentence() -> None:
    problems = diagnose(workload(wanted=2), spec=SPEC, waiting=waiting(delay_s=3), health=())
    outer = render_line("Given up. %(why)s", {"why": summarise(problems)})
    assert outer.startswith(
        "Given up. Instances that wait 3 s before they are started again: 2. Earlier ones"
    )


def test_stored_sentences_are_rendered_in_the_readers_language() -> None:
    problems = diagnose(workload(wanted=2), spec=SPEC, waiting=waiting(delay_s=3), health=())
    stored = problems[0].as_json()
    english = render_problem(stored)["what"]
    with translation.override("zh-hans"):
        chinese = render_problem(stored)["what"]
    assert english != chinese
    assert "3" in chinese


def _failure(message: str, *, at: datetime = NEW) -> InstanceFailure:
    return InstanceFailure(InstanceId("x"), InstanceState.FAILED, "node7", message, at)
