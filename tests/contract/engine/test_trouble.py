"""Trouble on the wire: it is said, and no write is done twice."""

import pytest
import requests

from clients.errors import NotFound, TimedOut, Unavailable
from clients.http import Timeouts
from clients.tests.server import closed_port_url
from engines.base import EventKind, Workload
from engines.marathon import MarathonEngine
from tests.contract.engine.looking import settle, status, until
from tests.contract.target import Faults, Target

QUICK = Timeouts(connect_s=1, read_s=1, total_s=5)


class TestWrites:
    def test_a_write_that_was_done_but_not_answered_is_not_done_again(
        self, target: Target, web: Workload, faults: Faults
    ) -> None:
        engine = target.engine(timeouts=QUICK)
        versions = _versions(target, web)
        faults.api(kind="lose_answer", method="PATCH", calls=1)

        with pytest.raises(TimedOut):
            engine.scale(web.id, instances=3)
        until(lambda: status(engine, web).running == 3, "it was done all the same")
        assert len(_versions(target, web)) == len(versions) + 1

    def test_a_write_that_hangs_is_sent_to_no_other_server(
        self, target: Target, web: Workload, faults: Faults
    ) -> None:
        engine = target.engine(timeouts=QUICK)
        faults.api(kind="hang", method="PATCH", calls=1)

        with pytest.raises(TimedOut):
            engine.scale(web.id, instances=3)
        assert status(engine, web).wanted == 2

    def test_a_server_error_is_unavailable_and_a_read_asks_the_next_server(
        self, target: Target, web: Workload, faults: Faults
    ) -> None:
        faults.api(kind="error", status=503, method="PATCH", calls=1)
        with pytest.raises(Unavailable):
            target.engine().scale(web.id, instances=3)
        faults.api(kind="error", status=503, method="GET", path=f"^/v2/apps{web.id}", calls=1)
        assert status(target.engine(), web).wanted == 2


class TestServers:
    def test_a_dead_address_among_several_is_passed_over(self, target: Target, web: Workload) -> None:
        engine = target.engine(closed_port_url(), *target.marathon_urls)

        settle(engine, engine.scale(web.id, instances=3))
        assert status(engine, web).running == 3

    def test_another_leader_takes_over(
        self, engine: MarathonEngine, web: Workload, target: Target, faults: Faults
    ) -> None:
        leader = _leader(target)
        faults.change_leader()
        until(lambda: _leader(target) not in ("", leader), "another leads")

        settle(engine, engine.scale(web.id, instances=3))
        assert status(engine, web).running == 3
        events = engine.events()
        assert next(events).kind is EventKind.OTHER

    def test_a_lost_hosts_instances_come_up_elsewhere(
        self, engine: MarathonEngine, web: Workload, faults: Faults
    ) -> None:
        lost = (status(engine, web).instances or ())[0]
        faults.host(lost.host, "lose")

        until(lambda: lost.host not in {host.hostname for host in engine.hosts()}, "Mesos has noticed")
        until(lambda: _running_elsewhere(engine, web, lost.host), "all run on other hosts")
        with pytest.raises(NotFound, match="not registered"):
            engine.read_log(lost.id, host=lost.host, file="stdout", offset=None, length=10)


class TestStreams:
    def test_a_silent_stream_times_out(self, engine: MarathonEngine, faults: Faults) -> None:
        events = engine.events(idle_timeout_s=0.5)
        next(events)
        faults.events(silent=True)

        with pytest.raises(TimedOut):
            list(events)

    def test_a_cut_stream_is_unavailable(self, engine: MarathonEngine, faults: Faults) -> None:
        events = engine.events()
        next(events)
        faults.cut_streams()

        with pytest.raises(Unavailable):
            list(events)


def _running_elsewhere(engine: MarathonEngine, workload: Workload, hostname: str) -> bool:
    found = status(engine, workload)
    return found.running == 2 and hostname not in {instance.host for instance in found.instances or ()}


def _versions(target: Target, workload: Workload) -> list[str]:
    url = f"{target.marathon_urls[0]}/v2/apps{workload.id}/versions"
    found = requests.get(url, auth=(target.username or "", target.password or ""), timeout=10)
    return list(found.json()["versions"])


def _leader(target: Target) -> str:
    found = requests.get(f"{target.marathon_urls[0]}/v2/leader", timeout=10)
    return str(found.json().get("leader", ""))
