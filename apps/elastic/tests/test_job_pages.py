"""A job's page "Autoscaling"."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import ProductLine, Role
from apps.accounts.tests.factories import make_member, make_product_line, make_sre
from apps.core.models import AuditEntry, Cluster
from apps.core.tests.pages import html_of, part, queries, read
from apps.elastic.models import FalconEntry, ScalingPause, ScalingPolicy, ScalingState
from apps.elastic.tests.factories import make_decision, make_policy
from apps.jobs.models import Job
from apps.jobs.tests.factories import make_job, make_running_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> ProductLine:
    return make_product_line()


@pytest.fixture
def job(line: ProductLine) -> Job:
    return make_running_job(product_line=line, instances=4)


@pytest.fixture
def page(client: Client, line: ProductLine) -> Client:
    client.force_login(make_member(line))
    return client


def url(job: Job) -> str:
    return f"/jobs/{job.tag}/scaling/"


def above(job: Job, **more: object) -> None:
    values = {"metric": "cpu", "value": 91.0, "limit": 80.0, "high": 3}
    make_decision(
        job=job,
        **{
            "verdict": "above",
            "values": values,
            "inputs": {"cpu": 91.0},
            "instances": 4,
            "wanted": 5,
            "acted": True,
            **more,
        },
    )


def test_a_job_without_a_policy_says_how_to_get_one(page: Client, job: Job) -> None:
    html = html_of(page, url(job))
    assert "Nothing scales this job by metric" in html
    assert f'href="/jobs/{job.tag}/edit/#tab-scaling"' in html


def test_it_says_how_many_of_how_many_and_why(page: Client, job: Job) -> None:
    make_policy(job=job, min=2, max=10, notify=["sre_ocean"])
    above(job)
    text = read(page, url(job))
    assert "At 4 instances, between 2 and 10." in text
    assert "From 4 to 5: CPU is 91 %, above 80 % for 3 samples." in text
    assert "&gt; 80 % × 3" in html_of(page, url(job))
    for words in ("works", "sre_ocean", "CPU 91 %", "4 → 5"):
        assert words in text


def test_a_share_of_what_one_can_do_is_said_so(page: Client, job: Job) -> None:
    make_policy(job=job, metrics=[{"metric": "qps", "mode": "target", "target": 60.0, "share": 0.7}])
    assert "QPS at 70 % of what one can do, 60 req/s at first" in read(page, url(job))


@pytest.mark.parametrize(
    ("policy", "decision", "label"),
    [
        ({"enabled": False}, {}, "switched off"),
        ({"advise_only": True}, {}, "only advises"),
        ({}, {"verdict": "not_published", "values": {}}, "waits for the job to run"),
        ({}, {"verdict": "source_away", "values": {}}, "without metrics"),
        ({}, {"last_at": timezone.now() - timedelta(minutes=5)}, "not looked at lately"),
        ({"paused_until": timezone.now() + timedelta(hours=9)}, {}, "paused"),
    ],
)
def test_it_says_why_it_does_not_act(
    page: Client, job: Job, policy: dict[str, object], decision: dict[str, object], label: str
) -> None:
    make_policy(job=job, **policy)
    above(job, **decision)
    assert label in read(page, url(job))


def test_scaling_is_paused_for_a_while_and_resumed(page: Client, job: Job) -> None:
    policy = make_policy(job=job)
    page.post(f"{url(job)}pause/", {"minutes": "240", "reason": "load test"})
    policy.refresh_from_db()
    assert policy.paused_until is not None
    assert timedelta(hours=3) < policy.paused_until - timezone.now() <= timedelta(hours=4)
    shown = part(page, url(job), "scaling-standing")
    assert "load test" in shown
    assert "It goes on by itself." in shown
    page.post(f"{url(job)}resume/")
    policy.refresh_from_db()
    assert policy.paused_until is None


def test_the_pause_of_all_is_said_and_cannot_be_ended_here(page: Client, job: Job) -> None:
    make_policy(job=job)
    ScalingPause.objects.create(pk=ScalingPause.ALL, until=timezone.now() + timedelta(hours=1), reason="move")
    shown = part(page, url(job), "scaling-standing")
    assert "The scaling of all jobs is paused until" in shown
    assert 'id="resume"' not in shown


def test_a_large_step_in_is_approved_by_the_number_that_was_seen(page: Client, job: Job) -> None:
    policy = make_policy(job=job)
    state = ScalingState.objects.create(policy=policy, proposed=1, proposed_at=timezone.now())
    assert 'name="instances" value="1"' in part(page, url(job), "scaling-standing")
    refused = page.post(f"{url(job)}approve/", {"instances": "2"}, follow=True)
    assert "By now 1 instances are proposed" in refused.content.decode()
    page.post(f"{url(job)}approve/", {"instances": "1"})
    state.refresh_from_db()
    assert state.approved == 1
    assert "Approve 1" not in part(page, url(job), "scaling-standing")


def test_the_signature_of_falcons_address_is_renewed_where_there_is_a_falcon(page: Client, job: Job) -> None:
    policy = make_policy(job=job)
    assert 'id="falcon-callback"' not in html_of(page, url(job))
    Cluster.objects.update(metrics="falcon")
    assert "Falcon wakes it by an address that is signed for this job alone." in part(
        page, url(job), "scaling-standing"
    )
    now = timezone.now()
    FalconEntry.objects.create(
        policy=policy, applied_at=now, checked_at=now, callback_key=policy.callback_key
    )

    answer = page.post(f"{url(job)}renew-callback/", follow=True)
    assert "Signed anew." in answer.content.decode()
    assert ScalingPolicy.objects.get().callback_key not in ("", policy.callback_key)
    assert AuditEntry.objects.get(action="scaling.renew_callback").object == job.tag
    assert "until Falcon has the new address" in part(page, url(job), "scaling-standing")


@pytest.mark.parametrize("path", ["pause/", "resume/", "approve/", "renew-callback/"])
def test_who_only_sees_the_job_changes_nothing(
    client: Client, line: ProductLine, job: Job, path: str
) -> None:
    policy = make_policy(job=job)
    client.force_login(make_member(line, role=Role.VIEWER))
    Cluster.objects.update(metrics="falcon")
    html = html_of(client, url(job))
    assert 'id="pause"' not in html
    assert "renew-callback" not in html
    assert "Change the policy" not in html
    answer = client.post(f"{url(job)}{path}", {"minutes": "15", "instances": "1"})
    assert answer.status_code == 403
    kept = ScalingPolicy.objects.get()
    assert (kept.paused_until, kept.callback_key) == (None, policy.callback_key)


@pytest.mark.parametrize("path", ["", "pause/", "resume/", "approve/", "renew-callback/"])
def test_unknown_and_invisible_jobs_and_jobs_without_a_policy_are_the_same(page: Client, path: str) -> None:
    hidden = make_policy().job
    bare = make_job(product_line=make_product_line())
    for tag in (hidden.tag, bare.tag, "job.none"):
        address = f"/jobs/{tag}/scaling/{path}"
        assert (page.post if path else page.get)(address).status_code == 404


def test_the_page_asks_a_fixed_number_of_queries(client: Client, job: Job) -> None:
    client.force_login(make_sre())
    make_policy(job=job)
    above(job)
    before = queries(client, url(job))
    for _number in range(30):
        above(job)
    assert queries(client, url(job)) == before
    assert before <= 20


def test_only_those_that_were_taken_are_shown_on_request(page: Client, job: Job) -> None:
    make_policy(job=job)
    above(job, acted=False, wanted=4, verdict="starting", values={"wish": 6, "starting": 2})
    table = part(page, f"{url(job)}?acted=true", "decisions")
    assert "still starting" not in table
    assert "still starting" in part(page, url(job), "decisions")
