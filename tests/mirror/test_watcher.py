"""The watcher, on a real cluster: what happens there is in our tables within a second, whatever fails between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connection

from apps.core.models import Cluster, ClusterWatch
from apps.core.tests.factories import make_cluster
from apps.hosts.models import Host
from apps.jobs.mirror.watcher import ClusterWatcher
from apps.jobs.models import Instance, Job
from apps.jobs.tests.factories import make_job, make_spec
from embedded.waiting import wait_until
from sandbox.testing import SandboxProcess, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)

APP = {"cmd": "sleep 1000", "cpus": 0.01, "mem": 16, "instances": 2, "labels": {"OCEAN_VERSION": "1"}}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    with running_sandbox(tmp_path) as process:
        yield process


@pytest.fixture
def cluster(sandbox: SandboxProcess) -> Cluster:
    [addresses] = sandbox.addresses.clusters.values()
    return make_cluster(marathon_urls=[addresses.marathon], mesos_urls=[addresses.mesos])


@pytest.fixture
def job(cluster: Cluster) -> Job:
    """A job that wants two instances, of which the mirror knows nothing yet."""
    return make_job(
        cluster=cluster,
        spec=make_spec(command="sleep 1000", instances=2, health_checks=[]),
        wanted=2,
        target_version=1,
        running_version=1,
        state=Job.State.DEPLOYING,
    )


@contextmanager
def watching(cluster: Cluster) -> Iterator[ClusterWatcher]:
    stop = threading.Event()
    watcher = ClusterWatcher(cluster, stop)
    thread = threading.Thread(target=watcher.run, daemon=True)
    thread.start()
    try:
        yield watcher
    finally:
        stop.set()
        thread.join(timeout=15)
        assert not thread.is_alive()


def marathon(sandbox: SandboxProcess, method: str, job: Job, body: Any = None) -> None:
    url = f"{sandbox.marathon}/v2/apps{job.workload_id}"
    requests.request(method, url, json=body, timeout=5).raise_for_status()


def soon(condition: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
    wait_until(condition, what=what, timeout_s=timeout_s)


def is_running(job: Job, count: int) -> Callable[[], bool]:
    def check() -> bool:
        rows = Instance.objects.filter(job=job, state="running").count()
        return rows == count and Job.objects.filter(pk=job.pk, running=count, healthy=count).exists()

    return check


def connected(cluster: Cluster) -> bool:
    return ClusterWatch.objects.filter(cluster=cluster, connected=True).exists()


def test_what_was_there_before_is_mirrored_by_the_snapshot(
    sandbox: SandboxProcess, cluster: Cluster, job: Job
) -> None:
    marathon(sandbox, "PUT", job, APP)
    with watching(cluster):
        soon(is_running(job, 2), "both instances are mirrored")
        soon(lambda: connected(cluster), "the watch says that it is connected")
    assert set(Instance.objects.values_list("version", flat=True)) == {1}


def test_what_happens_later_is_mirrored_by_its_events(
    sandbox: SandboxProcess, cluster: Cluster, job: Job
) -> None:
    with watching(cluster):
        soon(lambda: connected(cluster), "connected")
        marathon(sandbox, "PUT", job, APP)
        soon(is_running(job, 2), "started", timeout_s=3)
        marathon(sandbox, "PUT", job, {"instances": 3})
        soon(is_running(job, 3), "scaled", timeout_s=3)
        marathon(sandbox, "DELETE", job)
        soon(is_running(job, 0), "deleted", timeout_s=5)


def test_the_hosts_are_mirrored(sandbox: SandboxProcess, cluster: Cluster) -> None:
    with watching(cluster):
        soon(lambda: Host.objects.filter(cluster=cluster, active=True).count() == 3, "three hosts")


def test_of_two_watchers_one_works_and_the_other_takes_over(
    sandbox: SandboxProcess, cluster: Cluster, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    def started() -> int:
        return sum(record.message == "watch_started" for record in caplog.records)

    caplog.set_level(logging.INFO)
    with watching(cluster) as first:
        soon(lambda: connected(cluster), "the first is connected")
        with watching(cluster) as second:
            soon(lambda: second.stood_by, "the second has asked for the lock and not got it")
            assert started() == 1
            first.stop.set()
            soon(lambda: started() == 2, "the second has taken over")
            marathon(sandbox, "PUT", job, APP)
            soon(is_running(job, 2), "the second mirrors")


def test_a_lost_database_connection_is_found_and_mended(
    sandbox: SandboxProcess, cluster: Cluster, job: Job
) -> None:
    with watching(cluster):
        soon(lambda: connected(cluster), "connected")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = %s",
                [cluster.pk],
            )
            assert cursor.rowcount == 1
        marathon(sandbox, "PUT", job, APP)
        soon(is_running(job, 2), "mirrored again")


def test_while_the_scheduler_is_away_the_watch_says_since_when_and_what_was_known_stays(
    sandbox: SandboxProcess, cluster: Cluster, job: Job
) -> None:
    marathon(sandbox, "PUT", job, APP)
    with watching(cluster):
        soon(is_running(job, 2), "mirrored")
        soon(lambda: connected(cluster), "connected")
        sandbox.kill()
        soon(lambda: not connected(cluster), "the watch says that it is cut off")
        watch = ClusterWatch.objects.get(cluster=cluster)
        assert watch.error
        assert watch.error_since is not None
        assert is_running(job, 2)()
        sandbox.start()
        soon(lambda: connected(cluster), "connected again", timeout_s=20)
        assert ClusterWatch.objects.get(cluster=cluster).error_since is None


def test_a_large_job_is_counted_at_once_and_seen_whole_soon(
    sandbox: SandboxProcess, cluster: Cluster, job: Job
) -> None:
    Job.objects.update(wanted=300)
    noop = {**APP, "cpus": 0.001, "mem": 1, "labels": {**APP["labels"], "SANDBOX_NOOP": "true"}}  # type: ignore[dict-item]
    with watching(cluster):
        soon(lambda: connected(cluster), "connected")
        marathon(sandbox, "PUT", job, {**noop, "instances": 300, "portDefinitions": []})
        soon(is_running(job, 300), "all are counted, and each has its row")
