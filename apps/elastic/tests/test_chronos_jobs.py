"""What a Chronos should hold, and the steps to it; and that it comes true on a running one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.core.models import Cluster, Drift
from apps.core.tests.factories import make_cluster
from apps.elastic.models import ChronosLook, ScalingSchedule
from apps.elastic.schedules.chronos_jobs import COMMAND, Delete, Put, Ticker, diff, job_of
from apps.elastic.schedules.drifts import drifts_note
from apps.elastic.schedules.reconcile import chronos_reconcile, name_of
from apps.elastic.schedules.tokens import token_of
from apps.elastic.tests.factories import make_schedule
from apps.jobs.tests.factories import make_job
from clients.chronos import ChronosApi, ChronosJob
from clients.errors import Unavailable
from sandbox.testing import SandboxProcess, running_sandbox

NEXT = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
AFTER = NEXT + timedelta(days=1)


def make_ticker(**overrides: Any) -> Ticker:
    fields = {
        "schedule_id": 7,
        "name": "ocean-1-schedule-7",
        "starts": (NEXT,),
        "interval": "P1D",
        "url": "http://ocean/x/",
        "token": "t0ken",
    }
    return Ticker(**{**fields, **overrides})


def held(**overrides: Any) -> ChronosJob:
    """The ticker's job as Chronos gives it back."""
    job: dict[str, Any] = {**job_of(make_ticker()), "successCount": 3, "lastSuccess": "x", "epsilon": "PT60S"}
    return {**job, **overrides}  # type: ignore[typeddict-item]


class TestDiff:
    def test_what_is_as_wanted_is_left_alone(self) -> None:
        assert diff([make_ticker()], [held()], prefix="ocean-1-schedule-") == []

    def test_what_is_missing_is_posted_with_its_next_slot_as_a_moment(self) -> None:
        [step] = diff([make_ticker()], [], prefix="ocean-1-schedule-")

        assert isinstance(step, Put)
        assert (step.schedule_id, step.why) == (7, "missing")
        assert step.job["schedule"] == "R/2026-11-20T18:00:00.000Z/P1D"
        assert step.job["scheduleTimeZone"] == ""

    def test_once_is_one_run(self) -> None:
        assert job_of(make_ticker(interval=""))["schedule"] == "R1/2026-11-20T18:00:00.000Z/PT24H"

    @pytest.mark.parametrize(
        ("found", "why"),
        [
            ({"disabled": True}, "disabled"),
            ({"command": "true"}, "command"),
            ({"retries": 0}, "command"),
            ({"environmentVariables": []}, "environment"),
            ({"schedule": "R/2026-11-20T19:00:00.000Z/P1D"}, "time"),
            ({"schedule": "R/2026-11-20T18:00:00.000Z/P2D"}, "time"),
            ({"schedule": "R5/2026-11-20T18:00:00.000Z/P1D"}, "time"),
            ({"schedule": "R/2026-11-20T18:00:00.000/P1D"}, "time"),
            ({"schedule": "nonsense"}, "time"),
            ({"scheduleTimeZone": "Europe/Berlin"}, "time"),
            ({"parents": ["x"]}, "dependent"),
        ],
    )
    def test_what_differs_is_posted_anew_with_its_counters(self, found: dict[str, Any], why: str) -> None:
        [step] = diff([make_ticker()], [held(**found)], prefix="ocean-1-schedule-")

        assert isinstance(step, Put)
        assert (step.why, step.job.get("successCount")) == (why, 3)
        assert diff([make_ticker()], [step.job], prefix="ocean-1-schedule-") == []

    def test_a_moment_in_another_zones_words_is_the_same(self) -> None:
        found = held(schedule="R/2026-11-21T02:00:00.000+08:00/P1D")
        assert diff([make_ticker()], [found], prefix="ocean-1-schedule-") == []

    def test_while_a_slot_is_being_rung_for_the_next_one_agrees_too(self) -> None:
        ticker = make_ticker(starts=(AFTER, NEXT))
        for start in ("2026-11-20T18:00:00.000Z", "2026-11-21T18:00:00.000Z"):
            assert diff([ticker], [held(schedule=f"R/{start}/P1D")], prefix="ocean-1-schedule-") == []

    def test_what_nobody_wants_is_deleted_if_it_is_ours(self) -> None:
        found: list[ChronosJob] = [
            {"name": "ocean-1-schedule-8"},
            {"name": "ocean-1-schedule-9"},
            {"name": "ocean-2-schedule-8"},
            {"name": "nightly"},
        ]
        steps = diff([], found, prefix="ocean-1-schedule-", leave={"ocean-1-schedule-9"})

        assert steps == [Delete("ocean-1-schedule-8")]


class TestTheCommand:
    """As a task of Chronos runs it."""

    @pytest.fixture
    def asked(self) -> Iterator[tuple[str, list[dict[str, str]]]]:
        seen: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                seen.append({"authorization": self.headers["Authorization"], "path": self.path})
                status = 200 if self.path == "/good/" else 404
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        server.server_close()

    @pytest.mark.parametrize("curl", [True, False], ids=["with curl", "with python alone"])
    @pytest.mark.parametrize(("path", "ends"), [("/good/", 0), ("/bad/", 1)])
    @pytest.mark.needs_program("curl")
    def test_calls_with_the_token_and_fails_when_it_is_refused(
        self, asked: tuple[str, list[dict[str, str]]], tmp_path: Path, curl: bool, path: str, ends: int
    ) -> None:
        url, seen = asked
        # This Python itself: the machine's own may be a script that needs others.
        programs = {"python3": sys.executable, **({"curl": shutil.which("curl")} if curl else {})}
        for name, found in programs.items():
            (tmp_path / name).symlink_to(os.path.realpath(str(found)))
        environment = {
            "OCEAN_SCHEDULE_URL": url + path,
            "OCEAN_SCHEDULE_TOKEN": "s3cret",
            "PATH": str(tmp_path),
        }
        done = subprocess.run(["/bin/sh", "-c", COMMAND], env=environment, check=False, timeout=30)

        assert bool(done.returncode) == bool(ends)
        assert seen == [{"authorization": "Ocean-Schedule s3cret", "path": path}]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as found:
        yield found


@pytest.fixture
def cluster(sandbox: SandboxProcess) -> Cluster:
    [addresses] = sandbox.addresses.clusters.values()
    return make_cluster(chronos_urls=[addresses.chronos])


@pytest.fixture
def chronos(cluster: Cluster) -> Iterator[ChronosApi]:
    api = ChronosApi(cluster.chronos_urls)
    yield api
    for job in api.jobs():
        api.delete_job(job["name"])


def reconcile(cluster: Cluster, *, now: datetime | None = None) -> list[str]:
    steps = chronos_reconcile(cluster, now=now or timezone.now())
    return [step.why if isinstance(step, Put) else "delete" for step in steps]


@pytest.mark.django_db
class TestOnARunningChronos:
    def test_it_comes_true_once_and_stays(self, cluster: Cluster, chronos: ChronosApi) -> None:
        job = make_job(cluster=cluster)
        daily = make_schedule(job=job)
        monthly = make_schedule(job=job, start="2026-01-31T09:00", time_zone="Europe/Berlin", interval="P1M")
        make_schedule(job=job, start="2016-10-01T05:00", enabled=False)
        make_schedule(job=make_job())  # of another cluster

        assert reconcile(cluster) == ["missing", "missing"]
        assert reconcile(cluster) == []
        assert {item["name"] for item in chronos.jobs()} == {name_of(daily.pk), name_of(monthly.pk)}
        assert {row.chronos for row in ScalingSchedule.objects.filter(job=job, enabled=True)} == {"there"}
        found = chronos.job(name_of(daily.pk))
        variables = {item["name"]: item["value"] for item in found["environmentVariables"]}
        assert variables["OCEAN_SCHEDULE_TOKEN"] == token_of(schedule_id=daily.pk, generation=1)
        assert variables["OCEAN_SCHEDULE_URL"].endswith(f"/api/v1/callbacks/chronos/{daily.pk}/")

        daily.delete()
        monthly.enabled = False
        monthly.save()
        assert reconcile(cluster) == ["delete", "delete"]
        assert chronos.jobs() == []

    def test_two_clusters_that_share_it_leave_each_others_jobs_alone(
        self, cluster: Cluster, chronos: ChronosApi
    ) -> None:
        neighbour = make_cluster(chronos_urls=cluster.chronos_urls)
        ours, theirs = (make_schedule(job=make_job(cluster=each)) for each in (cluster, neighbour))

        assert [reconcile(cluster), reconcile(neighbour), reconcile(cluster)] == [
            ["missing"],
            ["missing"],
            [],
        ]
        assert {item["name"] for item in chronos.jobs()} == {name_of(ours.pk), name_of(theirs.pk)}
        theirs.delete()
        assert reconcile(cluster) == ["delete"]

    def test_what_somebody_changed_there_is_put_right(self, cluster: Cluster, chronos: ChronosApi) -> None:
        schedule = make_schedule(job=make_job(cluster=cluster))
        reconcile(cluster)
        job = chronos.job(name_of(schedule.pk))
        chronos.put_job({**job, "schedule": "R/2034-01-01T00:00:00.000Z/P1D", "successCount": 5})

        assert reconcile(cluster) == ["time"]
        assert chronos.job(name_of(schedule.pk))["successCount"] == 5

    def test_after_a_change_of_the_clocks_the_next_run_is_moved(
        self, cluster: Cluster, chronos: ChronosApi
    ) -> None:
        """Chronos adds days to a moment; the calendar keeps 07:00 in Berlin, an hour later from 29 October 2034 on."""
        now = timezone.now()
        schedule = make_schedule(
            job=make_job(cluster=cluster), start="2034-10-28T07:00", time_zone="Europe/Berlin"
        )
        reconcile(cluster, now=now)
        assert chronos.job(name_of(schedule.pk))["schedule"] == "R/2034-10-28T04:59:57.000Z/P1D"

        moved = "R/2034-10-29T04:59:57.000Z/P1D"  # as Chronos moves it when it has run
        chronos.put_job({**chronos.job(name_of(schedule.pk)), "schedule": moved})
        ScalingSchedule.objects.update(last_at=schedule.next_at, next_at=schedule.rule.slot(1))
        assert reconcile(cluster, now=now) == ["time"]
        assert chronos.job(name_of(schedule.pk))["schedule"] == "R/2034-10-29T05:59:57.000Z/P1D"

    def test_around_a_slot_chronos_is_left_alone(self, cluster: Cluster, chronos: ChronosApi) -> None:
        """It rings three seconds before, and has moved on when Ocean hears of it."""
        schedule = make_schedule(job=make_job(cluster=cluster), start="2034-11-20T02:00")
        reconcile(cluster)
        job = chronos.job(name_of(schedule.pk))
        slot = schedule.rule.slot(0)
        for start in ("2034-11-19T17:59:57.000Z", "2034-11-20T17:59:57.000Z"):
            chronos.put_job({**job, "schedule": f"R/{start}/P1D"})
            for seconds in (-2, 1, 30):
                assert reconcile(cluster, now=slot + timedelta(seconds=seconds)) == []

    def test_one_that_is_added_just_before_its_slot_is_rung_for_at_once(
        self, cluster: Cluster, chronos: ChronosApi
    ) -> None:
        schedule = make_schedule(job=make_job(cluster=cluster), start="2034-11-20T02:00", interval="")
        slot = schedule.rule.slot(0)

        assert reconcile(cluster, now=slot - timedelta(seconds=1)) == ["missing"]
        assert chronos.job(name_of(schedule.pk))["schedule"] == "R1/2034-11-19T17:59:57.000Z/PT24H"
        assert reconcile(cluster, now=slot) == []  # and left alone from then on

    def test_a_failing_job_is_seen(self, cluster: Cluster, chronos: ChronosApi) -> None:
        schedule = make_schedule(job=make_job(cluster=cluster))
        reconcile(cluster)
        job = chronos.job(name_of(schedule.pk))
        chronos.put_job({**job, "errorsSinceLastSuccess": 2, "lastError": "2026-11-20T00:00:00.000Z"})
        reconcile(cluster)

        schedule.refresh_from_db()
        assert (schedule.chronos, schedule.chronos_error) == ("failing", "2026-11-20T00:00:00.000Z")
        drift = Drift.objects.get()
        assert (drift.kind, drift.cluster) == ("chronos.schedule", cluster)
        assert drift.object == f"{schedule.job.tag} #{schedule.pk}"
        assert drift.found == ["failing", "2026-11-20T00:00:00.000Z"]

        chronos.put_job({**job, "errorsSinceLastSuccess": 0})
        reconcile(cluster)
        assert not Drift.objects.exists()


@pytest.mark.django_db
def test_what_goes_on_failing_costs_one_query_however_many_they_are(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    cluster = make_cluster()
    rows = [make_schedule(job=make_job(cluster=cluster)) for _ in range(3)]
    states = {row.pk: ("failing", "HTTP 404") for row in rows}
    drifts_note(cluster, rows, states)
    assert Drift.objects.count() == 3

    with django_assert_num_queries(1):
        drifts_note(cluster, rows, states)
    drifts_note(cluster, rows, {rows[0].pk: ("refused", "no")})
    assert [drift.found for drift in Drift.objects.all()] == [["refused", "no"]]


@pytest.mark.django_db
def test_a_chronos_that_is_away_is_noted_and_comes_back(cluster: Cluster, chronos: ChronosApi) -> None:
    schedule = make_schedule(job=make_job(cluster=cluster))
    [address], cluster.chronos_urls = cluster.chronos_urls, ["http://127.0.0.1:1"]
    with pytest.raises(Unavailable):
        reconcile(cluster)

    schedule.refresh_from_db()
    look = ChronosLook.objects.get()
    assert (schedule.chronos, bool(look.error), look.error_since is not None) == ("away", True, True)
    cluster.chronos_urls = [address]
    assert reconcile(cluster) == ["missing"]
    schedule.refresh_from_db()
    assert (schedule.chronos, ChronosLook.objects.get().error) == ("there", "")
