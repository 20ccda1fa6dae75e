"""Logs: read from the host through the engine, a piece at a time, faults in words."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.tests.factories import make_member
from apps.jobs.mirror.apply import failure_note
from apps.jobs.models import Instance, Job
from apps.jobs.tests.factories import make_running_job
from apps.jobs.tests.pages import browser
from apps.jobs.views import logs
from clients.errors import NotFound, RemoteError
from engines.base import InstanceFailure, InstanceId, InstanceState, LogChunk

pytestmark = pytest.mark.django_db


class Files:
    """An engine that reads the files of one host: `<task>/<file>` → bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.fault: RemoteError | None = None

    def read_log(
        self, instance_id: str, *, host: str, file: str, offset: int | None, length: int
    ) -> LogChunk:
        if self.fault:
            raise self.fault
        data = self.files[f"{instance_id}/{file}"]
        start = max(0, len(data) - length) if offset is None else offset
        piece = data[start : start + length]
        return LogChunk(text=piece.decode(), offset=start, length=len(piece), size=len(data))


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=2)


@pytest.fixture
def client(job: Job) -> Client:
    return browser(make_member(job.product_line))


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    engine = Files()
    monkeypatch.setattr(logs, "job_engine", lambda job: engine)
    return engine


def log_on(page: str) -> str:
    found = re.search(r"<span>([^<]*)</span><div class=\"job-log-next\"", page)
    return unescape(found[1]) if found else ""


def read_on(client: Client, page: str) -> str:
    """The next piece, by the address that the page holds for it."""
    address = re.search(r'data-log-next hx-get="([^"]+)"', page)
    assert address
    return client.get(unescape(address[1])).content.decode()


def test_the_end_of_the_newest_instance_s_stdout_comes_first_then_what_is_added(
    client: Client, job: Job, files: Files
) -> None:
    newest = Instance.objects.filter(job=job).order_by("-started_at")[0]
    name = f"{newest.task_id}/stdout"
    files.files[name] = b"old " * 50_000 + b"<b>one</b>\n"

    page = client.get(f"/jobs/{job.tag}/logs/").content.decode()
    files.files[name] += "zwei ü\n".encode()
    second = read_on(client, page)
    third = read_on(client, second)

    assert log_on(page).endswith("old <b>one</b>\n")
    assert len(log_on(page)) == logs.PIECE_BYTES
    assert log_on(second) == "zwei ü\n"
    assert log_on(third) == ""


def test_instance_and_file_are_chosen_by_the_address(client: Client, job: Job, files: Files) -> None:
    oldest = Instance.objects.filter(job=job).order_by("started_at")[0]
    files.files[f"{oldest.task_id}/stderr"] = b"Traceback"

    page = client.get(f"/jobs/{job.tag}/logs/?task={oldest.task_id}&file=stderr").content.decode()

    assert log_on(page) == "Traceback"
    assert client.get(f"/jobs/{job.tag}/logs/?task=unknown").status_code == 404


def ended(job: Job, task_id: str, *, host: str = "node-9") -> None:
    """An instance that the scheduler no longer lists, as the mirror notes it."""
    failure = InstanceFailure(InstanceId(task_id), InstanceState.FAILED, host, "exit 3", timezone.now())
    failure_note(job, failure)


def test_what_an_instance_that_ended_wrote_is_still_read(client: Client, job: Job, files: Files) -> None:
    Instance.objects.filter(job=job).delete()
    ended(job, "crashed.1")
    files.files["crashed.1/stderr"] = b"cannot open config"

    page = client.get(f"/jobs/{job.tag}/logs/?file=stderr").content.decode()

    assert log_on(page) == "cannot open config"
    assert re.search(r"node-9 · failed [\d:]+ · crashed\.1</option>", page)
    history = unescape(client.get(f"/jobs/{job.tag}/history/").content.decode())
    assert f'href="/jobs/{job.tag}/logs/?file=stderr&task=crashed.1"' in history


def test_another_job_s_ended_instance_is_unknown(client: Client, job: Job, files: Files) -> None:
    ended(make_running_job(product_line=job.product_line), "theirs.1")

    assert client.get(f"/jobs/{job.tag}/logs/?task=theirs.1").status_code == 404
    assert client.get(f"/jobs/{job.tag}/logs/piece/?task=theirs.1").status_code == 404


def test_a_reader_that_fell_behind_goes_on_at_the_end_and_is_told(
    client: Client, job: Job, files: Files
) -> None:
    newest = Instance.objects.filter(job=job).order_by("-started_at")[0]
    files.files[f"{newest.task_id}/stdout"] = b"x" * (logs.SKIP_BYTES + 200_000)

    page = client.get(f"/jobs/{job.tag}/logs/piece/?task={newest.task_id}&offset=100").content.decode()

    assert len(log_on(page)) == logs.PIECE_BYTES
    assert "were left out" in page
    assert log_on(read_on(client, page)) == ""


def test_a_file_that_is_not_there_is_said_in_words(client: Client, job: Job, files: Files) -> None:
    files.fault = NotFound("no such file", remote="mesos", operation="read")

    page = client.get(f"/jobs/{job.tag}/logs/?file=stderr").content.decode()

    assert "has no stderr of this instance" in page


def test_a_host_that_is_away_is_said_in_words_and_asked_again(client: Client, job: Job) -> None:
    page = client.get(f"/jobs/{job.tag}/logs/").content.decode()

    assert "cannot be asked for stdout now" in page
    assert "data-log-next" in page


def test_other_files_cannot_be_asked_for(client: Client, job: Job, files: Files) -> None:
    newest = Instance.objects.filter(job=job).order_by("-started_at")[0]
    files.files[f"{newest.task_id}/stdout"] = b"mine"

    page = client.get(f"/jobs/{job.tag}/logs/?file=../../etc/passwd").content.decode()

    assert log_on(page) == "mine"


def test_a_job_without_instances_has_no_log(client: Client, job: Job) -> None:
    Instance.objects.filter(job=job).delete()

    assert "none does now" in client.get(f"/jobs/{job.tag}/logs/").content.decode()
