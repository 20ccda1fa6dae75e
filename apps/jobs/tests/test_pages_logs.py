"""The logs page: what can be chosen, and what it asks the API for. The end of one log, with faults in words."""

from __future__ import annotations

import re
from html import unescape
from unittest.mock import Mock, create_autospec
from urllib.parse import parse_qs

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.tests.factories import make_member
from apps.jobs.models import GoneInstance, Instance, Job
from apps.jobs.tests.factories import make_bad_end, make_running_job, make_version
from apps.jobs.tests.pages import browser
from apps.jobs.views import logs
from clients.errors import NotFound, Unavailable
from engines.base import Engine, InstanceFailure, InstanceId, InstanceState, LogChunk

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=2)


@pytest.fixture
def client(job: Job) -> Client:
    return browser(make_member(job.product_line))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Mock:
    engine: Mock = create_autospec(Engine, instance=True)
    monkeypatch.setattr(logs, "job_engine", lambda job: engine)
    return engine


def ended(job: Job, task_id: str, *, host: str = "node-9") -> None:
    """An instance that the scheduler no longer lists, as the mirror notes it."""
    failure = InstanceFailure(InstanceId(task_id), InstanceState.FAILED, host, "exit 3", timezone.now())
    make_bad_end(job, failure)


def asked(client: Client, job: Job, query: str = "") -> dict[str, list[str]]:
    """What the page asks the API for."""
    page = client.get(f"/jobs/{job.tag}/logs/{query}").content.decode()
    found = re.search(r'data-query="([^"]*)"', page)
    assert found
    assert f'data-address="/api/v1/jobs/{job.tag}/logs/merged/"' in page
    return parse_qs(unescape(found[1]))


class TestPage:
    def test_without_a_choice_it_is_everything(self, client: Client, job: Job) -> None:
        assert asked(client, job) == {"file": ["both"]}

    def test_the_choice_is_in_the_address(self, client: Client, job: Job) -> None:
        make_version(job)
        task = Instance.objects.all()[0].task_id
        query = f"?task={task}&file=stderr&version=2&events=no&at=12.34"
        assert asked(client, job, query) == {
            "file": ["stderr"],
            "task": [task],
            "version": ["2"],
            "events": ["false"],
            "at": ["12.34"],
        }
        page = client.get(f"/jobs/{job.tag}/logs/{query}").content.decode()
        assert f'<option value="{task}" selected>' in page
        assert '<option value="2" selected>Version 2</option>' in page
        assert (
            f'href="/api/v1/jobs/{job.tag}/logs/download/?file=stderr&amp;task={task}&amp;version=2"' in page
        )

    @pytest.mark.parametrize(
        "query", ["?file=../../etc/passwd", "?version=x", "?version=²", "?at=5", "?events=maybe"]
    )
    def test_nonsense_is_no_choice(self, client: Client, job: Job, query: str) -> None:
        assert asked(client, job, query) == {"file": ["both"]}

    def test_instances_that_ended_can_be_chosen_with_how_they_did(self, client: Client, job: Job) -> None:
        Instance.objects.filter(job=job).delete()
        ended(job, "crashed.1")
        GoneInstance.objects.create(job=job, task_id="replaced.1", host="node-8", gone_at=timezone.now())

        page = client.get(f"/jobs/{job.tag}/logs/").content.decode()

        assert re.search(r"node-9 · failed [\d:]+ · crashed\.1</option>", page)
        assert re.search(r"node-8 · gone [\d:]+ · replaced\.1</option>", page)
        history = unescape(client.get(f"/jobs/{job.tag}/history/").content.decode())
        assert f'href="/jobs/{job.tag}/logs/?file=stderr&task=crashed.1"' in history

    def test_another_job_s_instance_is_unknown(self, client: Client, job: Job) -> None:
        ended(make_running_job(product_line=job.product_line), "theirs.1")

        for task in ("theirs.1", "nobody"):
            assert client.get(f"/jobs/{job.tag}/logs/?task={task}").status_code == 404
            assert client.get(f"/jobs/{job.tag}/logs/piece/?task={task}").status_code == 404


class TestTail:
    def tail(self, client: Client, job: Job, *, file: str = "stderr") -> str:
        task = job.instances.all()[0].task_id
        answer = client.get(f"/jobs/{job.tag}/logs/piece/?task={task}&file={file}")
        assert answer.status_code == 200
        return answer.content.decode()

    def test_the_end_of_a_file(self, client: Client, job: Job, engine: Mock) -> None:
        engine.read_log.return_value = LogChunk("<b>one</b>\n", offset=0, length=11, size=11)
        assert "&lt;b&gt;one&lt;/b&gt;" in self.tail(client, job)
        instance = job.instances.all()[0]
        engine.read_log.assert_called_once_with(
            instance.task_id, host=instance.host, file="stderr", offset=None, length=logs.TAIL_BYTES
        )

    def test_other_files_cannot_be_asked_for(self, client: Client, job: Job, engine: Mock) -> None:
        engine.read_log.return_value = LogChunk("", offset=0, length=0, size=0)
        self.tail(client, job, file="../../etc/passwd")
        assert engine.read_log.call_args.kwargs["file"] == "stdout"

    def test_a_file_that_is_not_there_is_said_in_words(self, client: Client, job: Job, engine: Mock) -> None:
        engine.read_log.side_effect = NotFound("no such file", remote="mesos", operation="read")
        assert "has no stderr of this instance" in self.tail(client, job)

    def test_a_host_that_is_away_is_said_in_words(self, client: Client, job: Job, engine: Mock) -> None:
        engine.read_log.side_effect = Unavailable("connection refused", remote="mesos", operation="read")
        assert "cannot be asked for stderr now (connection refused)" in self.tail(client, job)
