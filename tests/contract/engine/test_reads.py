"""What `engines.base.Engine` promises of reads, kept by MarathonEngine on a whole cluster."""

from dataclasses import replace
from itertools import pairwise

import pytest

from clients.errors import NotFound
from clients.marathon import MarathonApi
from engines.base import (
    TAG_LABEL,
    Constraint,
    DeclineReason,
    EventKind,
    HealthCheck,
    InstanceId,
    InstanceState,
    Workload,
    WorkloadId,
)
from engines.marathon import MarathonEngine
from tests.contract.engine.looking import instance_ids, settle, status, until, until_end_of
from tests.contract.target import Target


def test_ping_says_the_version(engine: MarathonEngine) -> None:
    assert engine.ping().startswith("1.")


class TestReads:
    def test_snapshot_and_summaries_have_every_workload(self, engine: MarathonEngine, web: Workload) -> None:
        (whole,) = [found for found in engine.snapshot() if found.id == web.id]
        (short,) = [found for found in engine.summaries() if found.id == web.id]

        assert whole == status(engine, web)
        assert short == replace(whole, instances=None)

    def test_some_are_as_each_alone(self, engine: MarathonEngine, web: Workload) -> None:
        engine.apply(tagged := replace(web, labels={TAG_LABEL: "job.web_pdl.a b"}))
        until(lambda: not status(engine, web).deployments, "the label is there")
        gone = WorkloadId(f"{web.id}.next")

        found = engine.get_some({web.id: tagged.labels[TAG_LABEL], gone: tagged.labels[TAG_LABEL]})

        assert found == {web.id: status(engine, web)}
        assert found == engine.get_some({web.id: "", gone: ""})

    def test_a_deployment_under_way_is_shown(self, engine: MarathonEngine, workload: Workload) -> None:
        submission = engine.apply(replace(workload, constraints=(Constraint("hostname", "LIKE", "nohost"),)))
        until(lambda: any(d.step for d in engine.deployments() if d.id == submission.deployment_id), "begun")

        (found,) = [d for d in engine.deployments() if d.id == submission.deployment_id]
        assert (found.workload_ids, found.total_steps) == ((workload.id,), 2)
        assert status(engine, workload).deployments == (submission.deployment_id,)

    def test_why_it_waits(self, engine: MarathonEngine, workload: Workload) -> None:
        engine.apply(replace(workload, constraints=(Constraint("hostname", "LIKE", "nohost"),)))
        until(lambda: bool(reasons(engine, workload)), "offers were declined")

        found = engine.waiting().get(workload.id)
        assert found is not None
        assert (found.workload_id, found.count, found.delay_s) == (workload.id, 2, 0)
        assert [reason.reason for reason in found.reasons] == ["UnfulfilledConstraint"]
        assert found.reasons[0].declined == found.reasons[0].processed > 0

    def test_what_runs_does_not_wait(self, engine: MarathonEngine, web: Workload) -> None:
        assert engine.waiting().get(web.id) is None

    def test_a_crash_is_remembered_and_held_back(self, engine: MarathonEngine, workload: Workload) -> None:
        crashing = replace(
            workload, instances=1, command="exit 3", backoff=replace(workload.backoff, first_s=60)
        )
        engine.apply(crashing)
        until(lambda: status(engine, crashing).last_failure is not None, "it failed")

        failure = status(engine, crashing).last_failure
        assert failure is not None
        assert (failure.state, "status 3" in failure.message) == (InstanceState.FAILED, True)
        until(lambda: delay_s(engine, crashing) > 0, "it is held back")
        engine.clear_backoff(crashing.id)
        until(lambda: _newer_failure(engine, crashing, failure.instance_id), "it was started again at once")

    def test_hosts(self, engine: MarathonEngine, web: Workload) -> None:
        hosts = {host.hostname: host for host in engine.hosts()}

        for instance in status(engine, web).instances or ():
            host = hosts[instance.host]
            assert host.active
            assert host.instances >= 1
            assert host.used["cpus"] >= 0.02
            assert host.resources["mem"] >= 16
            assert host.registered_at is not None


def reasons(engine: MarathonEngine, workload: Workload) -> tuple[DeclineReason, ...]:
    found = engine.waiting().get(workload.id)
    return () if found is None else found.reasons


def delay_s(engine: MarathonEngine, workload: Workload) -> int:
    found = engine.waiting().get(workload.id)
    return 0 if found is None else found.delay_s


def _newer_failure(engine: MarathonEngine, workload: Workload, instance_id: InstanceId) -> bool:
    failure = status(engine, workload).last_failure
    return failure is not None and failure.instance_id != instance_id


class TestHealth:
    def test_a_check_that_passes(self, engine: MarathonEngine, workload: Workload) -> None:
        check = HealthCheck(type="http", port="http", grace_s=20, interval_s=1, timeout_s=1)
        serving = replace(workload, command="exec python3 -m http.server $PORT0", health_checks=(check,))
        settle(engine, engine.apply(serving))

        found = status(engine, serving)
        assert (found.has_health_checks, found.healthy, found.unhealthy) == (True, 2, 0)
        assert [instance.healthy for instance in found.instances or ()] == [True, True]
        assert [(result.alive, result.consecutive_failures) for result in engine.health(serving.id)] == [
            (True, 0)
        ] * 2

    @pytest.mark.parametrize("failures", [2, 3])
    def test_an_instance_is_killed_after_exactly_so_many_failures(
        self, engine: MarathonEngine, workload: Workload, target: Target, failures: int
    ) -> None:
        check = HealthCheck(type="http", port="http", grace_s=0, interval_s=1, timeout_s=1, failures=failures)
        marathon = MarathonApi(target.marathon_urls, credentials=target.credentials)

        with marathon.events(idle_timeout_s=25) as events:
            engine.apply(replace(workload, instances=1, health_checks=(check,)))
            failed = 0
            for event in events:
                if event.get("appId") != workload.id:
                    continue
                failed += event["eventType"] == "failed_health_check_event"
                if event["eventType"] == "unhealthy_instance_kill_event":
                    break
        assert failed == failures


class TestLogs:
    def test_output_is_read_while_it_runs_and_afterwards(self, engine: MarathonEngine, web: Workload) -> None:
        instance = (status(engine, web).instances or ())[0]
        line = f"started on {instance.ports[0]}\n"

        def tail() -> str:
            read = engine.read_log(instance.id, host=instance.host, file="stdout", offset=None, length=1000)
            return read.text

        until(lambda: tail().endswith(line), "the first line is there")
        engine.kill(web.id, instance.id)
        until(lambda: instance.id not in instance_ids(engine, web), "it is gone")
        assert tail().endswith(line)

    def test_following_reads_each_byte_once(self, engine: MarathonEngine, workload: Workload) -> None:
        count = 20_000
        numbered = replace(workload, instances=1, command=f"seq -f '%.0f 海' {count}; exec sleep 1000")
        settle(engine, engine.apply(numbered))
        (instance,) = status(engine, numbered).instances or ()

        text, offset = "", 0
        while not text.endswith(f"{count} 海\n"):
            chunk = engine.read_log(
                instance.id, host=instance.host, file="stdout", offset=offset, length=99_999
            )
            text, offset = text + chunk.text, chunk.offset + chunk.length
        numbers = [int(line.split()[0]) for line in text.splitlines()[-count:]]
        assert all(after == before + 1 for before, after in pairwise(numbers))

    def test_what_is_not_there_is_not_found(self, engine: MarathonEngine, web: Workload) -> None:
        instance = (status(engine, web).instances or ())[0]

        for unknown, file in ((InstanceId("nobody"), "stdout"), (instance.id, "nosuch")):
            with pytest.raises(NotFound):
                engine.read_log(unknown, host=instance.host, file=file, offset=None, length=10)


class TestEvents:
    def test_changes_are_told(self, engine: MarathonEngine, workload: Workload) -> None:
        events = engine.events()
        assert next(events).kind is EventKind.OTHER  # open: what happens from now on is in it

        submission = engine.apply(workload)
        mine = [
            event
            for event in until_end_of(events, submission.deployment_id)
            if workload.id in event.workload_ids
        ]
        running = [event for event in mine if event.state is InstanceState.RUNNING and event.instance_id]
        assert {event.instance_id for event in running} == instance_ids(engine, workload)
        assert all(event.host and event.at for event in running)
        assert mine[-1].kind is EventKind.DEPLOYMENT_SUCCEEDED

    def test_a_failed_deployment_says_why(self, engine: MarathonEngine, web: Workload) -> None:
        events = engine.events()
        next(events)
        stuck = engine.apply(replace(web, version=2, constraints=(Constraint("hostname", "LIKE", "nohost"),)))
        assert stuck.deployment_id is not None

        engine.cancel(stuck.deployment_id)
        last = until_end_of(events, stuck.deployment_id)[-1]
        assert (last.kind, "cancelled" in last.message) == (EventKind.DEPLOYMENT_FAILED, True)
