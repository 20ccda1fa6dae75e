"""The API of scaling: what is taken, what is refused and at which field, and who may."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import Role, User
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.models import AuditEntry
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.core.tests.factories import make_group
from apps.elastic.models import FalconEntry, ScalingPause, ScalingPolicy, ScalingState
from apps.elastic.tests.factories import CPU, make_decision, make_policy
from apps.elastic.tests.pretended import PretendedSource
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_running_job
from engines.metrics.base import Point

pytestmark = pytest.mark.django_db

SLIDE: dict[str, Any] = {
    "metric": "cpu",
    "max": 5,
    "min": 1,
    "step": 1,
    "mode": "threshold",
    "out": {"samples": 3, "above": 80},
    "in": {"samples": 3, "below": 60},
    "cooldown_s": 30,
    "notify": [],
    "enabled": True,
}
"""As the slide and docs/api.md write it."""


@pytest.fixture
def job() -> Job:
    return make_running_job()


@pytest.fixture
def dev(job: Job) -> User:
    return make_member(job.product_line)


def url(job: Job, part: str = "") -> str:
    return f"/api/v1/jobs/{job.tag}/scaling/{part}"


def test_a_policy_as_the_slide_writes_it_is_kept_and_read_back(job: Job, dev: User) -> None:
    answer = api_client(dev).put(url(job), SLIDE)
    assert answer.status_code == 200, answer.content
    found = api_client(dev).get(url(job)).json()
    assert {name: found[name] for name in SLIDE} == SLIDE
    assert "metrics" not in found
    assert found["version"] == 1
    assert found["status"]["changed_by"] == dev.username
    policy = ScalingPolicy.objects.get(job=job)
    assert (policy.min, policy.max, policy.step, policy.metrics) == (1, 5, 1, [CPU])
    assert AuditEntry.objects.get(action="scaling.set").object == job.tag


def test_what_was_read_can_be_written_again_and_changes_nothing(job: Job, dev: User) -> None:
    client = api_client(dev)
    client.put(url(job), SLIDE)
    answer = client.put(url(job), client.get(url(job)).json())
    assert answer.status_code == 200, answer.content
    assert answer.json()["version"] == 1
    assert AuditEntry.objects.filter(action="scaling.set").count() == 1


def test_several_metrics_stand_side_by_side_and_a_target_needs_no_mode(job: Job, dev: User) -> None:
    metrics = [{"metric": "cpu", "target": 65}, {"metric": "qps", "target": 80.5, "share": 0.7}]
    answer = api_client(dev).put(url(job), {"max": 9, "metrics": metrics})
    assert answer.status_code == 200, answer.content
    assert answer.json()["metrics"] == [{**entry, "mode": "target"} for entry in metrics]
    assert (answer.json()["min"], answer.json()["step"]) == (1, 1)


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        ({"max": 0}, {"max": "min_value"}),
        ({"max": 2, "min": 3}, {"max": "min_to_max"}),
        ({"metric": "disk"}, {"metric": "invalid_choice"}),
        ({"metric": None}, {"metric": "null"}),
        ({"mode": "magic"}, {"mode": "invalid_choice"}),
        ({"in": {"samples": 3, "below": 80}}, {"in.below": "overlap"}),
        ({"out": {"samples": 0, "above": 80}}, {"out.samples": "min_value"}),
        ({"out": {"above": 80, "over": 1}}, {"out.over": "unknown_field"}),
        ({"out": None, "in": None}, {"out": "required"}),
        ({"target": 65}, {"target": "not_of_mode"}),
        ({"mode": "target"}, {"out": "not_of_mode", "in": "not_of_mode", "target": "needs_target"}),
        ({"metrics": [{"metric": "qps", "target": 1}]}, {"metrics": "either"}),
        ({"cooldown": 3}, {"cooldown": "unknown_field"}),
        ({"enabled": "perhaps"}, {"enabled": "invalid"}),
        ({"out": {"above": "nan"}}, {"out.above": "invalid"}),
        ({"in": {"below": "-inf"}}, {"in.below": "invalid"}),
        ({"out": None, "in": None, "target": "nan"}, {"target": "invalid"}),
    ],
)
def test_each_bad_field_is_named(job: Job, dev: User, change: dict[str, Any], codes: dict[str, str]) -> None:
    assert field_codes(api_client(dev).put(url(job), {**SLIDE, **change})) == codes
    assert not ScalingPolicy.objects.exists()


def test_only_groups_of_the_line_and_everybodys_can_be_told(job: Job, dev: User) -> None:
    make_group(name="for_all")
    make_group(name="of_the_line", product_line=job.product_line)
    make_group(name="of_another", product_line=make_product_line())
    api = api_client(dev)
    assert api.put(url(job), {**SLIDE, "notify": ["for_all", "of_the_line"]}).status_code == 200
    for name in ("of_another", "of_nobody"):
        refused = api.put(url(job), {**SLIDE, "notify": ["for_all", name]})
        assert field_codes(refused) == {"notify[1]": "unknown_group"}
    ScalingPolicy.objects.update(notify=["gone_by_now"])
    assert api.put(url(job), {**SLIDE, "notify": ["gone_by_now"], "max": 4}).status_code == 200


def test_a_group_that_is_named_twice_is_told_once(job: Job, dev: User) -> None:
    make_group(name="for_all", product_line=None)
    api = api_client(dev)
    assert api.put(url(job), {**SLIDE, "notify": ["for_all", "for_all"]}).status_code == 200
    assert api.get(url(job)).json()["notify"] == ["for_all"]


def test_a_metric_stands_once(job: Job, dev: User) -> None:
    twice = [{"metric": "cpu", "target": 65}, {"metric": "cpu", "target": 70}]
    assert field_codes(api_client(dev).put(url(job), {"max": 9, "metrics": twice})) == {
        "metrics[1].metric": "twice"
    }


def test_the_most_is_within_the_product_lines_quota(job: Job, dev: User) -> None:
    type(job.product_line).objects.update(scaling_quota=4)
    assert field_codes(api_client(dev).put(url(job), SLIDE)) == {"max": "quota"}
    assert api_client(dev).put(url(job), {**SLIDE, "max": 4}).status_code == 200


def test_who_edited_an_old_version_is_told(job: Job, dev: User) -> None:
    client = api_client(dev)
    client.put(url(job), SLIDE)
    assert client.put(url(job), {**SLIDE, "max": 6, "version": 1}).json()["version"] == 2
    answer = client.put(url(job), {**SLIDE, "max": 7, "version": 1})
    assert (answer.status_code, problem_type(answer)) == (409, "stale-version")


@pytest.mark.django_db(transaction=True)
def test_of_those_who_save_the_first_policy_at_once_one_is_first(job: Job, dev: User) -> None:
    barrier = threading.Barrier(4)
    answers: list[int] = []

    def save(most: int) -> None:
        client = api_client(dev)
        barrier.wait(10)
        answers.append(client.put(url(job), {**SLIDE, "max": most, "version": 0}).status_code)
        connection.close()

    threads = [threading.Thread(target=save, args=(most,)) for most in range(5, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(answers) == [200, 409, 409, 409]


def test_strangers_find_nothing_and_viewers_change_nothing(job: Job) -> None:
    make_policy(job=job)
    calls = [("get", ""), ("put", ""), ("delete", ""), ("get", "history/")]
    calls += [("post", part) for part in ("pause/", "resume/", "approve/", "renew-callback/")]
    stranger, viewer = api_client(make_member()), api_client(make_member(job.product_line, role=Role.VIEWER))
    for method, part in calls:
        assert getattr(stranger, method)(url(job, part), {}).status_code == 404, (method, part)
    assert viewer.get(url(job)).status_code == 200
    assert viewer.put(url(job), SLIDE).status_code == 403
    assert viewer.delete(url(job)).status_code == 403
    for part, body in (
        ("pause/", {}),
        ("resume/", {}),
        ("approve/", {"instances": 1}),
        ("renew-callback/", {}),
    ):
        assert viewer.post(url(job, part), body).status_code == 403, part
    assert ScalingPolicy.objects.get().paused_until is None


def test_without_a_policy_there_is_none_to_read_pause_or_delete(job: Job, dev: User) -> None:
    client = api_client(dev)
    assert client.get(url(job)).status_code == 404
    assert client.delete(url(job)).status_code == 404
    assert client.post(url(job, "pause/"), {}).status_code == 404
    assert client.post(url(job, "renew-callback/"), {}).status_code == 404


def test_deleting_it_leaves_the_instances(job: Job, dev: User) -> None:
    make_policy(job=job)
    assert api_client(dev).delete(url(job)).status_code == 204
    assert not ScalingPolicy.objects.exists()
    assert AuditEntry.objects.filter(action="scaling.delete", object=job.tag).exists()


def test_a_job_is_paused_for_an_hour_or_until_a_time_and_resumed(job: Job, dev: User) -> None:
    make_policy(job=job)
    client = api_client(dev)
    paused = client.post(url(job, "pause/"), {"reason": "load test"}).json()["status"]["paused"]
    assert (paused["reason"], paused["by"]) == ("load test", dev.username)
    policy = ScalingPolicy.objects.get()
    assert policy.is_paused(now=timezone.now() + timedelta(minutes=59))
    assert not policy.is_paused(now=timezone.now() + timedelta(minutes=61))
    past = (timezone.now() - timedelta(minutes=1)).isoformat()
    assert field_codes(client.post(url(job, "pause/"), {"until": past})) == {"until": "past"}
    far = (timezone.now() + timedelta(days=31)).isoformat()
    assert field_codes(client.post(url(job, "pause/"), {"until": far})) == {"until": "too_far"}
    assert client.post(url(job, "resume/"), {}).json()["status"]["paused"] is None


def test_the_signature_of_falcons_address_is_renewed(job: Job, dev: User) -> None:
    policy, client, now = make_policy(job=job), api_client(dev), timezone.now()
    FalconEntry.objects.create(
        policy=policy, applied_at=now, checked_at=now, callback_key=policy.callback_key
    )
    assert client.get(url(job)).json()["status"]["callback_is_old"] is False
    answer = client.post(url(job, "renew-callback/"), {})
    assert (answer.status_code, answer.json()["status"]["callback_is_old"]) == (200, True)
    renewed = ScalingPolicy.objects.get()
    assert renewed.callback_key not in ("", policy.callback_key)
    assert renewed.version == policy.version
    assert AuditEntry.objects.get(action="scaling.renew_callback").actor == dev
    assert renewed.callback_key not in answer.content.decode()


def test_an_sre_pauses_everything_and_goes_on(job: Job, dev: User) -> None:
    make_policy(job=job)
    sre, client = api_client(make_sre()), api_client(dev)
    assert client.post("/api/v1/scaling/pause/", {}).status_code == 403
    assert not ScalingPause.objects.exists()
    assert sre.post("/api/v1/scaling/pause/", {"reason": "storm"}).status_code == 200
    assert client.get("/api/v1/scaling/").json()["paused"]["reason"] == "storm"
    assert client.get(url(job)).json()["status"]["all_paused"]["reason"] == "storm"
    assert sre.post("/api/v1/scaling/resume/", {}).json() == {"paused": None}
    assert client.get("/api/v1/scaling/").json() == {"paused": None}


def test_a_proposal_is_approved_by_the_number_that_was_seen_while_it_stands(job: Job, dev: User) -> None:
    policy, client, now = make_policy(job=job), api_client(dev), timezone.now()
    approve = url(job, "approve/")
    assert field_codes(client.post(approve, {"instances": 2})) == {"instances": "nothing_proposed"}
    state = ScalingState.objects.create(policy=policy, proposed=2, proposed_at=now)
    assert client.get(url(job)).json()["status"]["proposal"]["instances"] == 2
    assert field_codes(client.post(approve, {"instances": 3})) == {"instances": "other_proposed"}
    assert client.post(approve, {"instances": 2}).json()["status"]["proposal"] is None
    state.refresh_from_db()
    assert (state.approved, state.approved_by) == (2, dev)
    ScalingState.objects.update(proposed_at=now - timedelta(minutes=3))
    assert field_codes(client.post(approve, {"instances": 2})) == {"instances": "nothing_proposed"}


def test_the_history_says_each_decision_in_words_with_its_numbers(
    job: Job, dev: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    window = {"metric": "qps", "wish": 3, "peak": 4, "ago_s": 540.0}
    make_decision(
        job=job,
        verdict="window",
        values=window,
        instances=4,
        wanted=4,
        count=7,
        inputs={"qps": 120.5},
        wishes={"qps": {"wanted": 4, "code": "window", **window}},
    )
    make_decision(job=job, verdict="above", values={"metric": "cpu", "value": 91.0, "limit": 80.0, "high": 3},
                  instances=4, wanted=5, acted=True, clamps=[{"code": "max", "wish": 9, "to": 5}])  # fmt: skip
    make_decision()
    client = api_client(dev)
    newest, oldest = client.get(url(job, "history/")).json()["results"]
    assert oldest["text"] == "Stays at 4: QPS wants 3, but 9 min ago wanted 4."
    assert (oldest["count"], oldest["acted"]) == (7, False)
    [metric] = oldest["metrics"]
    assert (metric["metric"], metric["wanted"], metric["value"]) == ("qps", 4, 120.5)
    assert newest["text"] == (
        "From 4 to 5: CPU is 91 %, above 80 % for 3 samples (lowered from 9 to the most, 5)."
    )
    assert newest["limits"] == ["max"]
    acted = client.get(url(job, "history/"), {"acted": "true"}).json()["results"]
    assert [row["id"] for row in acted] == [newest["id"]]
    assert field_codes(client.get(url(job, "history/"), {"act": "true"})) == {"act": "unknown_parameter"}
    for _ in range(5):
        make_decision(job=job)
    with django_assert_num_queries(4):
        client.get(url(job, "history/"))


# --- the past -----------------------------------------------------------------------------------------


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> PretendedSource:
    made = PretendedSource()
    monkeypatch.setattr("apps.elastic.history.get_source", lambda cluster: made)
    return made


def test_the_series_has_metrics_with_limits_instances_and_decisions(
    job: Job, dev: User, source: PretendedSource
) -> None:
    make_policy(job=job)
    now = int(timezone.now().timestamp())
    source.past = {"cpu": [Point(now - 600, 70.0, 210.0, 3), Point(now - 60, 90.0, 270.0, 3)]}
    make_decision(job=job, verdict="above", instances=3, wanted=4, acted=True, running=3)
    body = api_client(dev).get(url(job, "series/")).json()
    [cpu] = body["metrics"]
    assert (cpu["metric"], cpu["unit"]) == ("cpu", "%")
    assert cpu["limits"] == [{"value": 80, "sign": ">"}, {"value": 60, "sign": "<"}]
    assert [(point["value"], point["reporting"]) for point in cpu["points"]] == [(70, 3), (90, 3)]
    assert {(size["wanted"], size["running"]) for size in body["instances"]} >= {(4, 3)}
    assert [row["wanted"] for row in body["decisions"]] == [4]
    assert body["away"] == ""


def test_while_the_monitoring_is_away_the_series_says_so(
    job: Job, dev: User, source: PretendedSource
) -> None:
    make_policy(job=job)
    make_decision(job=job, inputs={"cpu": 61.5}, healthy=3)
    source.away = True
    body = api_client(dev).get(url(job, "series/")).json()
    assert body["away"] == "pretended: no answer"
    assert [point["value"] for point in body["metrics"][0]["points"]] == [61.5]


def test_a_series_has_a_beginning_before_its_end(job: Job, dev: User) -> None:
    make_policy(job=job)
    times = {"start": "2026-11-20T12:00:00Z", "end": "2026-11-20T11:00:00Z"}
    assert field_codes(api_client(dev).get(url(job, "series/"), times)) == {"start": "after_end"}
    times = {"start": "2026-01-20T12:00:00Z", "end": "2026-11-20T11:00:00Z"}
    assert field_codes(api_client(dev).get(url(job, "series/"), times)) == {"start": "too_long"}
    times = {"end": "0001-01-01T00:10:00Z"}
    assert field_codes(api_client(dev).get(url(job, "series/"), times)) == {"end": "year"}


def test_a_backtest_compares_a_changed_policy_with_todays_and_changes_nothing(
    job: Job, dev: User, source: PretendedSource
) -> None:
    make_policy(job=job)
    now = int(timezone.now().timestamp())
    source.past = {"cpu": [Point(now - 3600 + 60 * i, 95.0, 285.0, 3) for i in range(60)]}
    client = api_client(dev)
    answer = client.post(url(job, "backtest/"), {"policy": {**SLIDE, "max": 3}})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["changed"]["most"], body["today"]["most"]) == (3, 4)
    assert body["changed"]["breach_s"] > body["today"]["breach_s"]
    assert body["samples"] == 60
    assert ScalingPolicy.objects.get().max == 5
    bad = {"policy": {**SLIDE, "max": 0}}
    assert field_codes(client.post(url(job, "backtest/"), bad)) == {"policy.max": "min_value"}
    assert field_codes(client.post(url(job, "backtest/"), {"policy": SLIDE, "days": 99})) == {
        "days": "max_value"
    }


def test_a_backtest_starts_instances_as_slowly_as_they_were_seen_to_start(
    job: Job, dev: User, source: PretendedSource
) -> None:
    policy = make_policy(job=job)
    now = int(timezone.now().timestamp())
    source.past = {"cpu": [Point(now - 3600 + 60 * i, 95.0, 285.0, 3) for i in range(60)]}
    client = api_client(dev)
    guessed = client.post(url(job, "backtest/"), {"policy": SLIDE}).json()
    ScalingState.objects.create(policy=policy, memory={"fleet": {"startup_s": 600.0}})
    learned = client.post(url(job, "backtest/"), {"policy": SLIDE}).json()
    for name in ("changed", "today"):
        assert learned[name]["breach_s"] - guessed[name]["breach_s"] == pytest.approx(570, abs=60)


def test_a_backtest_of_metrics_that_have_no_samples_says_nothing_of_them(
    job: Job, dev: User, source: PretendedSource
) -> None:
    make_policy(job=job)
    now = int(timezone.now().timestamp())
    source.past = {
        "cpu": [Point(now - 3600 + 60 * i, 70.0, 210.0, 3) for i in range(60)],
        "latency": [Point(now - 60, 0.0, 0.0, 0)],
    }
    for metric in ("qps", "latency"):
        answer = api_client(dev).post(
            url(job, "backtest/"), {"policy": {"metric": metric, "target": 5, "max": 3}}
        )
        assert answer.status_code == 200, answer.content
        assert answer.json()["changed"] is None
        assert answer.json()["today"]["seconds"] > 0
