"""The merged log over the API: whatever happens to files and hosts, each line comes once, by time, and is honest."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.models import Operation, OperationLog
from apps.core.tests.client import api_client, field_codes, problem_type
from apps.jobs.logs import fetch, reading
from apps.jobs.logs.followed import FILES_AT_MOST
from apps.jobs.logs.lines import MAX_LINE_BYTES
from apps.jobs.mirror.apply import mirror_missing
from apps.jobs.models import Instance, Job, JobEvent, Secret
from apps.jobs.tests.factories import make_bad_end, make_instance, make_job_operation, make_running_job
from apps.jobs.tests.log_files import EPOCH, HostFiles
from clients.errors import Unavailable
from engines.base import InstanceFailure, InstanceId, InstanceState

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    return make_running_job(instances=0)


@pytest.fixture
def one(job: Job) -> Instance:
    return make_instance(job=job, task_id="web.1", host="node1", started_at=EPOCH, version=1)


@pytest.fixture
def two(job: Job) -> Instance:
    return make_instance(job=job, task_id="web.2", host="node2", started_at=EPOCH, version=2)


@pytest.fixture
def dev(job: Job) -> User:
    return make_member(job.product_line, username="dev")


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> HostFiles:
    engine = HostFiles()
    for module in ("stream", "download"):
        monkeypatch.setattr(f"apps.jobs.logs.{module}.get_engine", lambda cluster: engine)
    fetch._breakers.clear()
    return engine


class Reader:
    """Reads on, page by page, as a page or the command line does."""

    def __init__(self, client: APIClient, job: Job, **query: Any) -> None:
        self.client, self.job, self.query = client, job, {"events": "false", **query}
        self.cursor = ""
        self.now = EPOCH + timedelta(seconds=10)
        self.page: dict[str, Any] = {}

    def read(self, **query: Any) -> list[dict[str, Any]]:
        cursor = {"cursor": self.cursor} if self.cursor else {}
        with patch("apps.jobs.api.logs.timezone.now", autospec=True, return_value=self.now):
            answer = self.client.get(
                f"/api/v1/jobs/{self.job.tag}/logs/merged/", {**self.query, **cursor, **query}
            )
        assert answer.status_code == 200, answer.content
        self.page = answer.json()
        self.cursor = self.page["cursor"]
        self.now += timedelta(seconds=1)
        return list(self.page["lines"])

    def texts(self, **query: Any) -> list[str]:
        return [line["text"] for line in self.read(**query)]


@pytest.fixture
def reader(dev: User, job: Job, files: HostFiles) -> Reader:
    return Reader(api_client(dev), job)


class TestLines:
    def test_instances_and_files_are_merged_by_time_then_read_on(
        self, reader: Reader, files: HostFiles, one: Instance, two: Instance
    ) -> None:
        files.write("web.1", "2025-11-20T12:00:01Z a\n2025-11-20T12:00:04Z d\n")
        files.write("web.2", "2025-11-20T12:00:02Z b\n")
        files.write("web.2", "2025-11-20T12:00:03Z c\n", file="stderr")
        first = reader.read()
        assert [(line["text"][-1], line["task_id"], line["file"]) for line in first] == [
            ("a", "web.1", "stdout"),
            ("b", "web.2", "stdout"),
            ("c", "web.2", "stderr"),
            ("d", "web.1", "stdout"),
        ]
        assert first[0] == {
            "time": "2025-11-20T12:00:01.000Z",
            "source": "log",
            "text": "2025-11-20T12:00:01Z a",
            "task_id": "web.1",
            "host": "node1",
            "version": 1,
            "file": "stdout",
            "position": "0",
        }
        files.write("web.1", "2025-11-20T12:00:06Z f\n")
        files.write("web.2", "2025-11-20T12:00:05Z e\n")
        assert [text[-1] for text in reader.texts()] == ["e", "f"]
        assert reader.texts() == []

    def test_a_line_without_a_time_has_an_estimate_and_says_so(
        self, reader: Reader, files: HostFiles, one: Instance
    ) -> None:
        files.at = EPOCH + timedelta(seconds=8)
        files.write("web.1", "aaa\nbbb\n")
        assert [(line["time"], line["estimated"]) for line in reader.read()] == [
            ("2025-11-20T12:00:04.000Z", True),
            ("2025-11-20T12:00:08.000Z", True),
        ]
        files.at = EPOCH + timedelta(seconds=10, milliseconds=500)
        files.write("web.1", "ccc\n")
        assert [line["time"] for line in reader.read()] == ["2025-11-20T12:00:10.500Z"]

    def test_a_half_line_waits_for_its_end_and_is_shown_when_none_comes(
        self, reader: Reader, files: HostFiles, one: Instance
    ) -> None:
        files.write("web.1", "whole\nPass")
        assert reader.texts() == ["whole"]
        files.write("web.1", "word: ")
        assert reader.texts() == []
        reader.now += timedelta(seconds=3)
        assert reader.texts() == ["Password: "]
        files.write("web.1", "ok\n")
        assert reader.texts() == ["ok"]

    def test_a_line_that_is_too_long_comes_in_marked_pieces(
        self, reader: Reader, files: HostFiles, one: Instance
    ) -> None:
        files.write("web.1", "x" * (MAX_LINE_BYTES + 10) + "\nshort\n")
        assert [(len(line["text"]), line.get("cut", False)) for line in reader.read()] == [
            (MAX_LINE_BYTES, True),
            (10, False),
            (5, False),
        ]

    def test_a_reader_who_has_just_come_gets_the_last_lines_only(
        self, reader: Reader, files: HostFiles, one: Instance
    ) -> None:
        files.write("web.1", "".join(f"{number}\n" for number in range(100_000)))
        assert reader.texts(limit=3) == ["99997", "99998", "99999"]
        assert reader.texts() == []
        assert not reader.page["more"]

    def test_a_limit_leaves_the_rest_for_the_next_time(
        self, reader: Reader, files: HostFiles, one: Instance, two: Instance
    ) -> None:
        reader.read()
        for number in range(5):
            files.write(f"web.{number % 2 + 1}", f"2025-11-20T12:00:0{number}Z\n")
        assert reader.texts(limit=2) == ["2025-11-20T12:00:00Z", "2025-11-20T12:00:01Z"]
        assert reader.page["more"]
        assert len(reader.texts()) == 3
        assert not reader.page["more"]

    @pytest.mark.parametrize("seed", range(8))
    def test_each_line_comes_once_whatever_is_written_rotated_and_asked_for(
        self, seed: int, reader: Reader, files: HostFiles, one: Instance, two: Instance
    ) -> None:
        chance = random.Random(seed)
        written: dict[str, list[str]] = {"web.1": [], "web.2": []}
        found: dict[str, list[str]] = {"web.1": [], "web.2": []}
        half: dict[str, str] = {"web.1": "", "web.2": ""}
        for task in written:
            files.write(task, "")
        reader.read()

        def read() -> None:
            for line in reader.read(limit=chance.choice([1, 7, 500]), skip=chance.choice(["true", "false"])):
                found[line["task_id"]].append(line["text"])

        for _round in range(25):
            task = chance.choice(["web.1", "web.2"])
            for _line in range(chance.randint(0, 6)):
                text = f"{len(written[task])} " + "ü海🌊"[chance.randint(0, 2)] * chance.choice([0, 3, 900])
                written[task].append(text)
                whole = f"{half[task]}{text}\n".encode()
                cut = chance.randint(0, len(whole))
                files.write(task, whole[:cut])
                if chance.random() < 0.2:
                    files.rotate(task, keep=50)
                if chance.random() < 0.2:
                    read()
                files.write(task, whole[cut:])
            if chance.random() < 0.6:
                read()
        while reader.page["more"]:
            read()
        for _ in range(3):
            read()
        while reader.page["more"]:
            read()
        assert found == written


class TestSources:
    def test_one_instance_one_file_one_version(
        self, reader: Reader, files: HostFiles, one: Instance, two: Instance
    ) -> None:
        files.write("web.1", "out1\n")
        files.write("web.1", "err1\n", file="stderr")
        files.write("web.2", "out2\n")
        for query, texts in (
            ({"task": "web.1"}, ["out1", "err1"]),
            ({"task": ["web.1", "web.2"], "file": "stdout"}, ["out1", "out2"]),
            ({"version": 2}, ["out2"]),
            ({"file": "stderr"}, ["err1"]),
        ):
            reader.cursor = ""
            assert sorted(reader.texts(**query)) == sorted(texts), query

    def test_an_instance_that_comes_later_is_read_from_its_start(
        self, reader: Reader, files: HostFiles, one: Instance, two: Instance, job: Job
    ) -> None:
        files.write("web.1", "old\n")
        two.delete()
        assert reader.texts() == ["old"]
        make_instance(job=job, task_id="web.2", host="node2", started_at=EPOCH)
        files.write("web.2", "one\ntwo\n")
        assert reader.texts() == ["one", "two"]

    def test_the_last_words_of_one_that_goes_are_read_to_the_end(
        self, reader: Reader, files: HostFiles, one: Instance, job: Job
    ) -> None:
        files.write("web.1", "working\n")
        assert reader.texts() == ["working"]
        files.write("web.1", "last words")
        mirror_missing([job.pk], at=timezone.now() + timedelta(seconds=1))
        assert reader.texts() == ["last words"]
        assert [(gone["task_id"], gone["readable"]) for gone in reader.page["gone"]] == [("web.1", True)]
        asked = files.asked.total()
        assert reader.texts() == []
        assert files.asked.total() == asked

    def test_one_that_came_and_went_between_two_looks_is_read_too(
        self, reader: Reader, files: HostFiles, one: Instance, job: Job
    ) -> None:
        files.write("web.1", "")
        reader.read()
        files.write("web.9", "no config\n")
        failure = InstanceFailure(
            InstanceId("web.9"), InstanceState.FAILED, "node9", "exit 3", timezone.now()
        )
        make_bad_end(job, failure)
        assert reader.texts() == ["no config"]
        assert reader.texts() == []

    def test_a_reader_who_comes_late_finds_those_that_ended_while_their_folder_is_there(
        self, reader: Reader, files: HostFiles, one: Instance, two: Instance, job: Job
    ) -> None:
        files.write("web.1", "still here\n")
        mirror_missing([job.pk], at=timezone.now() + timedelta(seconds=1))
        assert reader.texts() == ["still here"]
        readable = {gone["task_id"]: gone["readable"] for gone in reader.page["gone"]}
        assert readable == {"web.1": True, "web.2": False}
        asked = files.asked.total()
        assert reader.texts() == []
        assert files.asked.total() == asked

    def test_of_very_many_the_newest_are_followed_and_it_is_said(
        self, reader: Reader, files: HostFiles, job: Job
    ) -> None:
        for number in range(FILES_AT_MOST // 2 + 3):
            make_instance(job=job, task_id=f"web.{number}", started_at=EPOCH + timedelta(seconds=number))
            files.write(f"web.{number}", f"{number}\n")
        texts = reader.texts()
        assert sorted(texts[:-1], key=int) == [str(number) for number in range(3, FILES_AT_MOST // 2 + 3)]
        assert texts[-1].startswith("3 older instances are left out: the newest 32 are followed.")
        assert reader.page["left_out"] == 3
        assert reader.texts() == []


class TestFaults:
    def test_a_host_that_is_away_is_said_once_and_stops_nobody(
        self, reader: Reader, files: HostFiles, one: Instance, two: Instance
    ) -> None:
        files.write("web.1", "from one\n")
        files.write("web.2", "from two\n")
        files.faults["node1"] = Unavailable("connection refused", remote="mesos", operation="read")
        lines = reader.read()
        assert [(line["source"], line.get("level"), line["text"]) for line in lines] == [
            ("log", None, "from two"),
            (
                "event",
                "warning",
                "node1 cannot be asked for logs now (connection refused); the others are read on.",
            ),
        ]
        files.write("web.2", "more\n")
        assert reader.texts() == ["more"]
        del files.faults["node1"]
        fetch._breakers.clear()
        assert reader.texts() == ["from one", "node1 can be asked for logs again."]
        assert reader.texts() == []

    def test_a_host_that_is_away_is_left_alone_for_a_moment(
        self, reader: Reader, files: HostFiles, job: Job
    ) -> None:
        for number in range(5):
            make_instance(job=job, task_id=f"web.{number}", host="node1")
        files.faults["node1"] = Unavailable("connection refused", remote="mesos", operation="read")
        reader.read()
        reader.read()
        assert files.asked["list"] == 1

    def test_a_log_that_grows_faster_than_it_is_read_is_skipped_forward_and_said_so(
        self, reader: Reader, files: HostFiles, one: Instance
    ) -> None:
        files.write("web.1", "")
        reader.read()
        line = "x" * 99 + "\n"
        files.write("web.1", line * 10_000)
        lines = reader.read(limit=5000)
        kept = fetch.SKIP_TO // 100
        assert lines[0]["text"] == "912.6\xa0KB of stdout were skipped: it grows faster than it is read."
        assert (lines[0]["source"], lines[0]["level"], lines[0]["file"]) == ("event", "warning", "stdout")
        assert [each["text"] for each in lines[1:]] == ["x" * 99] * kept
        assert reader.texts() == []

    def test_without_skipping_everything_is_read(
        self, reader: Reader, files: HostFiles, one: Instance
    ) -> None:
        files.write("web.1", "")
        reader.read()
        files.write("web.1", "".join(f"{number:099}\n" for number in range(20_000)))
        found: list[str] = reader.texts(skip="false", limit=5000)
        while reader.page["more"]:
            found += reader.texts(skip="false", limit=5000)
        assert [int(text) for text in found] == list(range(20_000))

    def test_a_file_that_was_emptied_begins_anew_and_it_is_said(
        self, reader: Reader, files: HostFiles, one: Instance
    ) -> None:
        files.write("web.1", "a long first line\n")
        reader.read()
        files.files["web.1"]["stdout"] = b"new\n"
        assert reader.texts() == [
            "stdout was rotated: it begins anew here, what stood between is not there any more.",
            "new",
        ]
        assert reader.texts() == []

    def test_a_file_that_is_rotated_between_the_look_and_the_reading_is_read_the_next_time(
        self, reader: Reader, files: HostFiles, one: Instance
    ) -> None:
        files.write("web.1", "one\n")
        assert reader.texts() == ["one"]
        files.write("web.1", "two\n")

        def rotate() -> None:
            files.rotate("web.1")
            files.write("web.1", "three\nfour\nfive\n")

        files.after_listing = rotate
        assert reader.texts() == []
        assert reader.page["more"]
        assert reader.texts() == ["two", "three", "four", "five"]

    def test_the_folder_of_an_instance_that_somebody_asked_for_is_gone(
        self, reader: Reader, files: HostFiles, one: Instance, job: Job
    ) -> None:
        mirror_missing([job.pk], at=timezone.now() + timedelta(seconds=1))
        assert reader.texts(task="web.1") == ["node1 keeps no files of this instance (any more)."]
        assert reader.texts(task="web.1") == []

    def test_what_one_step_reads_is_bounded(self, reader: Reader, files: HostFiles, job: Job) -> None:
        for number in range(FILES_AT_MOST // 2):
            make_instance(job=job, task_id=f"web.{number}", host=f"node{number}")
            for file in ("stdout", "stderr"):
                files.write(f"web.{number}", ("x" * 99 + "\n") * 3000, file=file)
        lines = reader.read(limit=5000)
        assert len(lines) == 5000
        assert files.asked == {"list": FILES_AT_MOST, "read": FILES_AT_MOST}
        assert reading.STEP_BYTES // FILES_AT_MOST > MAX_LINE_BYTES


class TestStory:
    @pytest.fixture
    def reader(self, dev: User, job: Job, files: HostFiles) -> Reader:
        return Reader(api_client(dev), job, events="true")

    def test_steps_events_and_instances_stand_between_the_lines(
        self, reader: Reader, files: HostFiles, one: Instance, job: Job
    ) -> None:
        files.write("web.1", "2025-11-20T12:00:02Z serving\n")
        operation = make_job_operation(job, state=Operation.State.SUCCEEDED)
        OperationLog.objects.create(
            operation=operation, text="step %(n)s", values={"n": 1}, at=EPOCH + timedelta(seconds=1)
        )
        JobEvent.objects.create(
            job=job, kind="x", key="x", text="It fell.", level="warning", at=EPOCH + timedelta(seconds=3)
        )
        lines = reader.read()
        assert [(line["source"], line.get("level"), line["text"]) for line in lines] == [
            ("event", "info", "An instance started on node1."),
            ("operation", "info", "step 1"),
            ("log", None, "2025-11-20T12:00:02Z serving"),
            ("event", "warning", "It fell."),
        ]
        assert lines[1]["operation"] == operation.pk
        OperationLog.objects.create(operation=operation, text="step 2", at=EPOCH + timedelta(seconds=11))
        mirror_missing([job.pk], at=timezone.now() + timedelta(seconds=1))
        assert reader.texts() == ["step 2", "The instance on node1 has gone."]
        assert reader.texts() == []

    def test_a_bad_end_is_told_once(self, reader: Reader, files: HostFiles, one: Instance, job: Job) -> None:
        files.write("web.1", "")
        reader.read()
        failure = InstanceFailure(
            InstanceId("web.1"), InstanceState.FAILED, "node1", "exit 3", timezone.now()
        )
        make_bad_end(job, failure)
        mirror_missing([job.pk], at=timezone.now() + timedelta(seconds=1))
        assert reader.texts() == ["An instance on node1 ended (failed): exit 3"]

    def test_a_row_that_becomes_visible_late_is_told_all_the_same(
        self, reader: Reader, files: HostFiles, job: Job
    ) -> None:
        rows = [
            JobEvent.objects.create(job=job, kind="x", key=str(number), text=f"{number}", at=EPOCH)
            for number in range(3)
        ]
        rows[1].delete()
        assert sorted(reader.texts()) == ["0", "2"]
        JobEvent.objects.create(pk=rows[1].pk, job=job, kind="x", key="1", text="1", at=EPOCH)
        assert reader.texts() == ["1"]
        assert reader.texts() == []

    def test_in_the_reader_s_language(self, reader: Reader, files: HostFiles, one: Instance) -> None:
        reader.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "zh-hans"
        [line] = reader.read()
        assert "node1" in line["text"]
        assert "started" not in line["text"]

    def test_of_one_instance_and_of_one_version(
        self, reader: Reader, files: HostFiles, one: Instance, two: Instance
    ) -> None:
        assert reader.texts(task="web.1")[0] == "An instance started on node1."
        reader.cursor = ""
        assert reader.texts(version=2)[0] == "An instance started on node2."


class TestQuery:
    def test_a_link_to_a_line_begins_there(self, reader: Reader, files: HostFiles, one: Instance) -> None:
        files.write("web.1", "".join(f"{number}\n" for number in range(5)))
        lines = reader.read()
        files.rotate("web.1")
        files.write("web.1", "5\n")
        reader.cursor = ""
        query = {"task": "web.1", "file": "stdout", "at": lines[3]["position"]}
        assert reader.texts(**query) == ["3", "4", "5"]

    def test_since(self, reader: Reader, files: HostFiles, one: Instance) -> None:
        files.write("web.1", "2025-11-20T12:00:01Z\n2025-11-20T12:00:03Z\n")
        assert reader.texts(since="2025-11-20T12:00:02Z") == ["2025-11-20T12:00:03Z"]

    @pytest.mark.parametrize(
        ("query", "errors"),
        [
            ({"file": "../secret"}, {"file": "invalid_choice"}),
            ({"cursor": "nonsense"}, {"cursor": "invalid_cursor"}),
            ({"limit": "0"}, {"limit": "min_value"}),
            ({"limit": "5001"}, {"limit": "max_value"}),
            ({"version": "x"}, {"version": "invalid"}),
            ({"since": "yesterday"}, {"since": "invalid"}),
            ({"at": "x", "task": "web.1", "file": "stdout"}, {"at": "invalid_position"}),
            ({"at": "5"}, {"at": "one_file"}),
            ({"lines": "5"}, {"lines": "unknown_field"}),
        ],
    )
    def test_bad_parameters_are_named(
        self, reader: Reader, files: HostFiles, query: dict[str, str], errors: dict[str, str]
    ) -> None:
        answer = reader.client.get(f"/api/v1/jobs/{reader.job.tag}/logs/merged/", query)
        assert field_codes(answer) == errors
        assert not files.asked

    @pytest.mark.parametrize("path", ["logs/merged/", "logs/download/"])
    def test_unknown_and_another_s_are_the_same_404(
        self, reader: Reader, files: HostFiles, one: Instance, job: Job, path: str
    ) -> None:
        theirs = make_running_job(product_line=make_product_line(), instances=1)
        url = f"/api/v1/jobs/{job.tag}/{path}"
        for task in ("nobody", theirs.instances.get().task_id):
            assert problem_type(reader.client.get(url, {"task": task, "file": "stdout"})) == "not-found"
        assert problem_type(reader.client.get(f"/api/v1/jobs/{theirs.tag}/{path}")) == "not-found"
        assert problem_type(reader.client.get(f"/api/v1/jobs/nobody/{path}")) == "not-found"
        assert not files.asked

    def test_a_cursor_of_another_job_reads_nothing_of_it(
        self, reader: Reader, files: HostFiles, one: Instance, job: Job, dev: User
    ) -> None:
        files.write("web.1", "mine\n")
        reader.read()
        other = Reader(api_client(dev), make_running_job(product_line=job.product_line, instances=0))
        other.cursor = reader.cursor
        files.write("web.1", "more of mine\n")
        assert other.texts() == []

    def test_the_values_of_secrets_are_hidden(
        self, reader: Reader, files: HostFiles, one: Instance, job: Job
    ) -> None:
        Secret.objects.create(product_line=job.product_line, name="key", value="hunter2-long")
        Secret.objects.create(product_line=job.product_line, name="pem", value="BEGIN 12345\nEND 67890 x")
        files.write("web.1", "url=db://u:hunter2-long@db\nBEGIN 12345\nEND 67890 x\nbye\n")
        assert reader.texts() == ["url=db://u:••••••@db", "••••••", "••••••", "bye"]

    def test_the_number_of_queries_does_not_grow_with_instances(
        self, reader: Reader, files: HostFiles, job: Job
    ) -> None:
        counts = []
        for count in (1, 10):
            for number in range(count):
                make_instance(job=job, task_id=f"web.{count}.{number}")
            reader.cursor = ""
            reader.read()
            with CaptureQueriesContext(connection) as asked:
                reader.read()
            counts.append(len(asked))
        assert counts == [7, 7]


class TestDownload:
    def get(self, reader: Reader, **query: Any) -> tuple[str, str]:
        answer: Any = reader.client.get(f"/api/v1/jobs/{reader.job.tag}/logs/download/", query)
        assert answer.status_code == 200

        async def gathered() -> bytes:
            return b"".join([piece async for piece in answer.streaming_content])

        return answer.headers["Content-Disposition"], async_to_sync(gathered)().decode()

    def test_a_file_comes_whole_with_what_it_was_before_it_was_rotated(
        self, reader: Reader, files: HostFiles, one: Instance, job: Job
    ) -> None:
        numbers = [f"{number:06}\n" for number in range(200_000)]
        files.write("web.1", "".join(numbers[:150_000]))
        files.rotate("web.1")
        files.write("web.1", "".join(numbers[150_000:]) + "half")
        name, text = self.get(reader, task="web.1", file="stdout")
        assert name == f'attachment; filename="{job.name}-web-1-stdout.log"'
        assert text == "".join(numbers) + "half"

    def test_secrets_are_hidden_also_where_pieces_meet(
        self, reader: Reader, files: HostFiles, one: Instance, job: Job
    ) -> None:
        Secret.objects.create(product_line=job.product_line, name="key", value="hunter2-long")
        files.write("web.1", "hunter2-long\n" * 50_000)
        _name, text = self.get(reader, task="web.1", file="stdout")
        assert text == "••••••\n" * 50_000

    def test_everything_merged_from_the_first_line(
        self, reader: Reader, files: HostFiles, one: Instance, two: Instance
    ) -> None:
        start = datetime(2025, 11, 20, 12, tzinfo=UTC)
        for number in range(20_000):
            at = (start + timedelta(milliseconds=number)).isoformat(timespec="milliseconds")
            files.write(f"web.{1 if number % 5 else 2}", f"{at} {number}\n")
        _name, text = self.get(reader, file="stdout")
        lines = text.splitlines()
        assert lines[0] == "2025-11-20T12:00:00.000Z event info  An instance started on node1."
        assert lines[2].startswith("2025-11-20T12:00:00.000Z node2 stdout  2025-11-20T12:00:00.000+00:00 0")
        assert [int(line.split()[-1]) for line in lines[2:]] == list(range(20_000))

    def test_a_host_that_is_away_is_said_in_the_file(
        self, reader: Reader, files: HostFiles, one: Instance, two: Instance
    ) -> None:
        files.write("web.1", "one\n")
        files.faults["node2"] = Unavailable("connection refused", remote="mesos", operation="read")
        _name, text = self.get(reader, file="stdout")
        assert "one\n" in text
        assert text.count("node2 cannot be asked for logs now") == 1

    def test_what_is_not_there_is_not_found(self, reader: Reader, files: HostFiles, one: Instance) -> None:
        url = f"/api/v1/jobs/{reader.job.tag}/logs/download/"
        assert reader.client.get(url, {"task": "web.1", "file": "stdout"}).status_code == 404
