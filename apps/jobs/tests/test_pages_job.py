"""A job's own pages: how it is, what works on it, what is wrong, and its parts."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.accounts.models import Role
from apps.accounts.tests.factories import make_member, make_sre
from apps.core.models import Operation, OperationLog
from apps.core.tests.factories import make_watch
from apps.jobs.explain import Change, Problem
from apps.jobs.models import Instance, Job, JobEvent
from apps.jobs.services.history import Happening, history_add
from apps.jobs.tests.factories import (
    make_bad_end,
    make_instance,
    make_job,
    make_job_operation,
    make_running_job,
    make_spec,
    make_version,
)
from apps.jobs.tests.pages import browser, text_of
from engines.base import InstanceFailure, InstanceId, InstanceState

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    job = make_running_job(instances=2)
    make_watch(job.cluster)
    return job


@pytest.fixture
def client(job: Job) -> Client:
    return browser(make_member(job.product_line))


def test_the_header_says_how_the_job_is(client: Client, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(wanted=3, healthy=1, state=Job.State.DEGRADED)

    page = text_of(client.get(f"/jobs/{job.tag}/"))

    assert job.tag in page
    assert "degraded since" in page
    assert "healthy 1 running 2 wanted 3" in page


def test_what_is_wrong_stands_at_the_top_with_reason_and_hint(client: Client, job: Job) -> None:
    problem = Problem(
        "error",
        "x",
        "%(count)s wait.",
        "No offer has %(cpus)s CPUs.",
        "Ask for less.",
        {"count": 2, "cpus": 9},
    )
    Job.objects.filter(pk=job.pk).update(problems=[problem.as_json()])

    page = text_of(client.get(f"/jobs/{job.tag}/"))

    assert "What is wrong 2 wait. No offer has 9 CPUs. Ask for less." in page


def test_hosts_in_a_reason_are_links_and_its_change_fills_the_form(client: Client, job: Job) -> None:
    change = Change("spec.cpus", 0.1, 0.05)
    problem = Problem(
        "error", "x", "No room on <%(host)s>.", values={"host": "node1"}, change=change, hosts=("node1",)
    )
    Job.objects.filter(pk=job.pk).update(problems=[problem.as_json()])

    answer = client.get(f"/jobs/{job.tag}/")
    page = answer.content.decode()
    assert f'No room on &lt;<a href="/hosts/{job.cluster.name}/node1/">node1</a>&gt;.' in page
    assert text_of(answer).count("spec.cpus 0.1 → 0.05 Edit with this change") == 1

    [link] = re.findall(r'href="([^"]+\?change=[^"]+)"', page)
    form = client.get(unescape(link)).content.decode()
    assert re.search(r'name="cpus"[^>]* value="0.05"', form)
    assert "The suggested change is filled in" in form

    make_version(job, spec={"cpus": 3.0})
    assert "nothing was filled in" in client.get(unescape(link)).content.decode()
    assert "nothing was filled in" in client.get(f"/jobs/{job.tag}/edit/?change=forged").content.decode()


def test_the_most_telling_reason_is_open_and_the_others_are_folded(client: Client, job: Job) -> None:
    problems = [
        Problem("error", "x", "First."),
        Problem("warning", "y", "Second."),
        Problem("info", "z", "Third."),
    ]
    Job.objects.filter(pk=job.pk).update(problems=[problem.as_json() for problem in problems])

    answer = client.get(f"/jobs/{job.tag}/")

    page = answer.content.decode()
    assert "What is wrong First. More (2) Second. Third." in text_of(answer)
    assert (
        page.index("First.") < page.index('<details class="mt-2" id="more-problems">') < page.index("Second.")
    )


def test_what_is_no_trouble_is_said_as_such(client: Client, job: Job) -> None:
    make_version(job)

    assert "Good to know Version 2 is saved but not published" in text_of(client.get(f"/jobs/{job.tag}/"))


def test_viewers_are_offered_no_form(job: Job) -> None:
    problem = Problem("error", "x", "First.", change=Change("spec.cpus", 0.1, 0.05))
    Job.objects.filter(pk=job.pk).update(problems=[problem.as_json()])
    viewer = browser(make_member(job.product_line, role=Role.VIEWER))

    page = text_of(viewer.get(f"/jobs/{job.tag}/"))

    assert "spec.cpus 0.1 → 0.05" in page
    assert "Edit with this change" not in page


def test_an_old_mirror_is_said(job: Job, client: Client) -> None:
    job.cluster.watch.synced_at = timezone.now() - timedelta(seconds=200)
    job.cluster.watch.save()

    assert "What is shown of this job is 20" in text_of(client.get(f"/jobs/{job.tag}/"))


def test_a_running_operation_shows_its_step_its_counts_and_its_log(client: Client, job: Job) -> None:
    now = timezone.now()
    make_version(job)
    Job.objects.filter(pk=job.pk).update(target_version=2, config_changed_at=now, wanted=3)
    Instance.objects.filter(job=job).update(engine_version=now - timedelta(hours=1))
    make_instance(job=job, version=2, engine_version=now)
    make_instance(job=job, version=2, engine_version=now, healthy=False)
    operation = make_job_operation(
        job,
        kind="job.publish",
        state=Operation.State.WAITING,
        progress=40,
        memory={"asked": True},
        parameters={"version": 2},
        message="Step %(step)s.",
        message_values={"step": 7},
    )
    OperationLog.objects.create(operation=operation, text="Asked for %(n)s.", values={"n": 3})

    page = text_of(client.get(f"/jobs/{job.tag}/"))

    assert "40 % · Step 7. old 2 new 2 / 3 new and healthy 1 / 3" in page
    assert "Asked for 3." in page
    assert f'href="/operations/{operation.pk}/"' in client.get(f"/jobs/{job.tag}/").content.decode()


def test_the_last_operation_s_failure_stays_until_the_next(client: Client, job: Job) -> None:
    failed = {
        "kind": "job.publish",
        "state": "failed",
        "finished_at": timezone.now(),
        "error": "Too late: %(why)s",
    }
    make_job_operation(job, error_values={"why": "HTTP 500"}, **failed)

    assert "failed now : Too late: HTTP 500" in text_of(client.get(f"/jobs/{job.tag}/"))

    make_job_operation(job, state=Operation.State.SUCCEEDED, finished_at=timezone.now())

    assert "Too late" not in text_of(client.get(f"/jobs/{job.tag}/"))


def test_the_newest_failing_instance_s_stderr_is_fetched_after_the_page(client: Client, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(state=Job.State.DEGRADED)
    make_instance(job=job, healthy=False, started_at=timezone.now() - timedelta(hours=1))
    newest = make_instance(job=job, healthy=False)

    page = unescape(client.get(f"/jobs/{job.tag}/").content.decode())

    assert f"/jobs/{job.tag}/logs/piece/?tail=1&file=stderr&task={newest.task_id}" in page


def test_of_a_crash_loop_the_last_that_ended_is_fetched(client: Client, job: Job) -> None:
    """The scheduler lists none of them: they end as soon as they start."""
    Instance.objects.filter(job=job).delete()
    Job.objects.filter(pk=job.pk).update(state=Job.State.DEGRADED, config_changed_at=timezone.now())
    for number, at in enumerate((timezone.now() - timedelta(hours=1), timezone.now())):
        failure = InstanceFailure(InstanceId(f"gone.{number}"), InstanceState.FAILED, "node-1", "exit 3", at)
        make_bad_end(job, failure)

    page = unescape(client.get(f"/jobs/{job.tag}/").content.decode())

    assert f"/jobs/{job.tag}/logs/piece/?tail=1&file=stderr&task=gone.1" in page


def test_htmx_refreshes_the_header_alone(client: Client, job: Job) -> None:
    for path in ("", "history/", "versions/", "configuration/", "logs/"):
        headers = {"HX-Request": "true", "HX-Target": "job-header"}
        page = client.get(f"/jobs/{job.tag}/{path}", headers=headers).content.decode().strip()

        assert page.startswith('<section id="job-header"')
        assert f'data-live="job:{job.pk} clusters"' in page
        assert "<html" not in page


def test_instances_have_their_place_state_and_last_words(client: Client, job: Job) -> None:
    Instance.objects.filter(job=job).delete()
    make_instance(
        job=job,
        host="node-1",
        ip="10.0.0.7",
        ports=[31000],
        state=Instance.State.RUNNING,
        healthy=False,
        restarts=4,
        message="HTTP 500",
    )

    page = text_of(client.get(f"/jobs/{job.tag}/"))

    assert re.search(
        r"node-1 10\.0\.0\.7 31000 unhealthy v1 (now|1?\d seconds? ago) 4 HTTP 500 Log Kill", page
    )
    assert 'href="http://10.0.0.7:31000/"' in client.get(f"/jobs/{job.tag}/").content.decode()


def test_only_tcp_ports_are_links(job: Job, client: Client) -> None:
    ports = [{"name": "dns", "protocol": "udp"}, {"name": "http", "protocol": "tcp"}]
    make_version(job, spec=make_spec(ports=ports))
    Job.objects.filter(pk=job.pk).update(target_version=2)
    Instance.objects.filter(job=job).update(ports=[31001, 31002])

    page = client.get(f"/jobs/{job.tag}/").content.decode()

    assert 'href="http://127.0.0.1:31002/"' in page
    assert ":31001/" not in page


def test_history_tells_who_did_what(client: Client, job: Job) -> None:
    operation = make_job_operation(job, kind="job.scale", reason="the sale begins")
    history_add(
        job,
        Happening("job.scale", "a", "Scaled to %(n)s.", {"n": 5}),
        Happening("instance_failed", "b", "It ended.", level=JobEvent.Level.WARNING),
        operation=operation,
        actor=make_sre(username="grace"),
    )

    page = text_of(client.get(f"/jobs/{job.tag}/history/"))

    assert re.search(rf"Scaled to 5\. grace Scale #{operation.pk}", page)
    assert "Reason: the sale begins" in page
    assert "It ended." in page
    assert "Scaled" not in text_of(client.get(f"/jobs/{job.tag}/history/?level=warning"))


def test_versions_can_be_looked_at_compared_and_published_again(client: Client, job: Job) -> None:
    make_version(job, spec={"command": "new\ncommand", "cpus": 2.0}, note="twice as fast")

    versions = client.get(f"/jobs/{job.tag}/versions/").content.decode()
    assert "twice as fast" in versions
    assert f"/jobs/{job.tag}/publish/?version=2" in versions

    page = text_of(client.get(f"/jobs/{job.tag}/diff/?from=1&to=2"))
    assert "cpus changed 0.1 2.0" in page
    assert "- python3 -m http.server $PORT0 + new + command" in page

    assert "Version 2" in text_of(client.get(f"/jobs/{job.tag}/versions/2/"))
    assert client.get(f"/jobs/{job.tag}/diff/?from=1&to=9").status_code == 404
    assert client.get(f"/jobs/{job.tag}/versions/9/").status_code == 404


def test_the_page_of_a_version_from_before_a_field_of_the_strategy_shows_its_default(
    client: Client, job: Job
) -> None:
    strategy = {"kind": "rolling", "batch": 1, "max_unavailable": 0, "max_surge": 1, "deadline_s": 300}
    make_version(job, spec={"strategy": strategy})
    assert "Must stay up 3 s" in text_of(client.get(f"/jobs/{job.tag}/versions/2/"))


def test_the_configuration_is_in_words_with_units_and_secrets_by_name(job: Job, client: Client) -> None:
    make_version(job, spec={"env": {"PASSWORD": {"secret": "db-password"}}, "memory_mib": 96})
    Job.objects.filter(pk=job.pk).update(target_version=2)
    make_version(job)

    page = text_of(client.get(f"/jobs/{job.tag}/configuration/"))

    assert "Memory 96 MiB" in page
    assert "PASSWORD secret: db-password" in page
    assert "Version 3 has been saved since." in page


def test_a_draft_says_that_nothing_runs(client: Client, job: Job) -> None:
    draft = make_job(product_line=job.product_line)

    page = text_of(client.get(f"/jobs/{draft.tag}/"))

    assert "This is a draft: nothing runs yet. Publish it" in page
    assert "This job has not been published yet." in page


@pytest.mark.parametrize("rows", [5, 50])
@pytest.mark.parametrize(
    ("path", "queries"), [("", 10), ("history/", 9), ("versions/", 10), ("logs/", 10), ("configuration/", 8)]
)
def test_the_number_of_queries_does_not_depend_on_the_number_of_rows(
    rows: int, path: str, queries: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    job = make_running_job(instances=rows)
    author = make_sre()
    for number in range(rows):
        make_version(job, author=author)
        operation = make_job_operation(job, state=Operation.State.SUCCEEDED)
        history_add(job, Happening("x", str(number), "It."), operation=operation, actor=author)
    client = browser(make_member(job.product_line))

    with django_assert_num_queries(queries):
        assert client.get(f"/jobs/{job.tag}/{path}?per_page=50").status_code == 200


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("job.scale", {"instances": 6, "previous": {"wanted": 3}}),
        ("job.migrate", {"instances": 3, "version": 1, "to": "c3", "previous": {"wanted": 3}}),
        ("job.delete", {"instances": 3}),
    ],
)
def test_the_page_shows_operations_that_are_no_publish(
    client: Client, job: Job, kind: str, parameters: dict[str, Any]
) -> None:
    operation = make_job_operation(job, kind=kind, parameters=parameters)
    assert f'data-operation="{operation.pk}"' in client.get(f"/jobs/{job.tag}/").content.decode()
