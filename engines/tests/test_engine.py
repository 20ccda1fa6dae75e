"""MarathonEngine's own decisions, against captured replies; its promises as a whole are tested against the
sandbox in `tests/contract`."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from clients.errors import Conflict, NotFound, Refused, TimedOut, Unavailable
from clients.http import Timeouts
from clients.tests.server import Asked, Hang, LocalServer, Reply, Stream
from engines.base import (
    DeploymentId,
    Ending,
    EventKind,
    FileStatus,
    HostStatus,
    InstanceId,
    LogChunk,
    Submission,
    Workload,
    WorkloadId,
)
from engines.factory import ClusterAddress, make_engine
from engines.marathon import MarathonEngine

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
RESULT = {"version": "2024-05-01T12:00:00.000Z", "deploymentId": "d1"}
SUBMITTED = Submission(deployment_id=DeploymentId("d1"), engine_version=NOON)
NOTHING = Submission(deployment_id=None)
GONE = Reply({"message": "App '/web' does not exist"}, status=404)
WEB = WorkloadId("/web")
TASK = InstanceId("web.instance-7fa3c6e0-0f7a-11ef-9c3a-0242ac110002._app.1")
WORKLOAD = Workload(id=WEB, version=2, instances=3, cpus=0.1, memory_mib=32, command="sleep 1")
APP: dict[str, Any] = {
    "id": "/web",
    "instances": 100,
    "version": "2024-05-01T12:00:00.000Z",
    "labels": {"OCEAN_VERSION": "2", "OCEAN_ROLLOUT": "1/0"},
    "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0},
}


@pytest.fixture
def engine(marathon: LocalServer, mesos: LocalServer) -> MarathonEngine:
    return MarathonEngine(
        [marathon.url], [mesos.url], name="test", timeouts=Timeouts(connect_s=1, read_s=0.2)
    )


def test_an_engine_is_made_from_a_clusters_addresses(marathon: LocalServer) -> None:
    marathon.on("GET", "/v2/info", Reply({"version": "1.11.0", "leader": "m:8080"}))

    engine = make_engine(ClusterAddress("staging", (marathon.url,), ("http://127.0.0.1:1",)))
    assert engine.ping() == "1.11.0"


def test_a_marathon_without_a_leader_does_not_answer_a_ping(
    engine: MarathonEngine, marathon: LocalServer
) -> None:
    marathon.on("GET", "/v2/info", Reply({"version": "1.11.0", "leader": None, "elected": False}))

    with pytest.raises(Unavailable, match="no leader"):
        engine.ping()


class TestChanges:
    def test_apply_sends_the_whole_definition(self, engine: MarathonEngine, marathon: LocalServer) -> None:
        marathon.on("PUT", "/v2/apps/web", Reply(RESULT))

        assert engine.apply(WORKLOAD, force=True) == SUBMITTED
        (asked,) = marathon.asked
        assert asked.query == {"force": ["true"], "partialUpdate": ["false"]}
        assert asked.json["env"] == {}  # type: ignore[index]

    @pytest.mark.parametrize(
        ("how", "query", "answer"),
        [
            (Ending.REPLACE, {"scale": ["false"], "wipe": ["false"]}, NOTHING),
            (Ending.SHRINK, {"scale": ["true"], "wipe": ["false"]}, SUBMITTED),
            (Ending.GIVE_UP, {"scale": ["false"], "wipe": ["true"]}, NOTHING),
        ],
    )
    def test_several_instances_end_in_one_call(
        self,
        how: Ending,
        query: dict[str, list[str]],
        answer: Submission,
        engine: MarathonEngine,
        marathon: LocalServer,
    ) -> None:
        marathon.on("POST", "/v2/tasks/delete", Reply(RESULT if how is Ending.SHRINK else {"tasks": []}))

        assert engine.end([TASK], how=how) == answer
        (asked,) = marathon.asked
        assert (asked.query, asked.json) == (query, {"ids": [TASK]})

    def test_ending_none_asks_nothing(self, engine: MarathonEngine, marathon: LocalServer) -> None:
        assert engine.end([], how=Ending.SHRINK) == NOTHING
        assert marathon.asked == []

    def test_apply_meets_a_deployment(self, engine: MarathonEngine, marathon: LocalServer) -> None:
        marathon.on(
            "PUT", "/v2/apps/web", Reply({"message": "locked", "deployments": [{"id": "d0"}]}, status=409)
        )

        with pytest.raises(Conflict) as caught:
            engine.apply(WORKLOAD)
        assert caught.value.deployments == ("d0",)

    def test_scale_changes_the_number_alone(self, engine: MarathonEngine, marathon: LocalServer) -> None:
        marathon.on("PATCH", "/v2/apps/web", Reply(RESULT))

        assert engine.scale(WEB, instances=7) == SUBMITTED
        assert marathon.asked[0].json == {"instances": 7}

    def test_scale_of_an_unknown_workload_is_not_found(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        marathon.on("PATCH", "/v2/apps/web", GONE)

        with pytest.raises(NotFound):
            engine.scale(WEB, instances=7)

    @pytest.mark.parametrize(
        ("method", "path", "change"),
        [
            ("DELETE", "/v2/apps/web", lambda it: it.delete(WEB)),
            ("DELETE", f"/v2/apps/web/tasks/{TASK}", lambda it: it.kill(WEB, TASK, shrink=True)),
            ("DELETE", "/v2/deployments/d0", lambda it: it.cancel(DeploymentId("d0"))),
        ],
        ids=["delete", "kill", "cancel"],
    )
    def test_what_is_gone_already_is_no_error(
        self,
        engine: MarathonEngine,
        marathon: LocalServer,
        method: str,
        path: str,
        change: Callable[[MarathonEngine], Submission],
    ) -> None:
        marathon.on(method, path, Reply(RESULT), GONE)

        assert (change(engine), change(engine)) == (SUBMITTED, NOTHING)

    def test_delete_wins_over_a_running_deployment(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        marathon.on("DELETE", "/v2/apps/web", Reply(RESULT))

        engine.delete(WEB)
        assert marathon.asked[0].query == {"force": ["true"]}

    def test_cancel_without_rolling_back_leaves_things_as_they_are(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        marathon.on("DELETE", "/v2/deployments/d0", Reply(b"", status=202))

        assert engine.cancel(DeploymentId("d0"), roll_back=False) == NOTHING
        assert marathon.asked[0].query == {"force": ["true"]}

    def test_clearing_a_backoff_that_is_not_there_is_no_error(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        marathon.on("DELETE", "/v2/queue/web/delay", Reply(b"", status=204), GONE)

        engine.clear_backoff(WEB)
        engine.clear_backoff(WEB)
        assert len(marathon.asked) == 2

    def test_a_write_without_an_answer_is_sent_once(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        marathon.on("PATCH", "/v2/apps/web", Hang())

        with pytest.raises(TimedOut):
            engine.scale(WEB, instances=7)
        assert marathon.calls() == ["PATCH /v2/apps/web"]


class TestRestart:
    """A restart keeps to the rollout's counts however the workload was scaled since its publish."""

    def test_stale_capacities_are_replaced_which_restarts_everything(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        marathon.on("GET", "/v2/apps/web", Reply({"app": APP}))
        marathon.on("PATCH", "/v2/apps/web", Reply(RESULT))

        assert engine.restart(WEB) == SUBMITTED
        assert marathon.asked[-1].json == {
            "upgradeStrategy": {"minimumHealthCapacity": 0.985, "maximumOverCapacity": 0}
        }
        assert marathon.calls() == ["GET /v2/apps/web", "PATCH /v2/apps/web"]

    @pytest.mark.parametrize("change", [{"instances": 1}, {"labels": {}}], ids=["fitting", "foreign"])
    def test_otherwise_marathon_is_asked_to_restart(
        self, engine: MarathonEngine, marathon: LocalServer, change: dict[str, object]
    ) -> None:
        strategy = {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}
        marathon.on("GET", "/v2/apps/web", Reply({"app": {**APP, "upgradeStrategy": strategy, **change}}))
        marathon.on("POST", "/v2/apps/web/restart", Reply(RESULT))

        assert engine.restart(WEB, force=True) == SUBMITTED
        assert marathon.asked[-1].query == {"force": ["true"]}

    def test_a_bound_workload_gets_no_second_instance_beside_it(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        volume = {"containerPath": "d", "mode": "RW", "persistent": {"size": 1}}
        app = {**APP, "labels": {"OCEAN_ROLLOUT": "1/3"}, "container": {"volumes": [volume]}}
        marathon.on("GET", "/v2/apps/web", Reply({"app": app}))
        marathon.on("PATCH", "/v2/apps/web", Reply(RESULT))

        engine.restart(WEB)
        assert marathon.asked[-1].json == {
            "upgradeStrategy": {"minimumHealthCapacity": 0.985, "maximumOverCapacity": 0}
        }

    def test_an_unknown_workload_is_not_found(self, engine: MarathonEngine, marathon: LocalServer) -> None:
        marathon.on("GET", "/v2/apps/web", GONE)

        with pytest.raises(NotFound):
            engine.restart(WEB)


class TestReads:
    def test_get_of_an_unknown_workload_is_none(self, engine: MarathonEngine, marathon: LocalServer) -> None:
        marathon.on("GET", "/v2/apps/web", GONE)

        assert engine.get(WEB) is None

    def test_many_are_asked_for_in_one_call_and_alone_where_the_label_is_lost(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        task = {"id": TASK, "appId": "/web", "state": "TASK_RUNNING"}
        side = {**APP, "id": "/web.next", "tasks": []}
        others = {**APP, "id": "/stranger"}
        marathon.on("GET", "/v2/apps", Reply({"apps": [{**APP, "tasks": [task]}, side, others]}))
        marathon.on("GET", "/v2/apps/bare", Reply({"app": {**APP, "id": "/bare"}}))
        marathon.on("GET", "/v2/apps/gone", GONE)
        tags = {WEB: "job.web", **{WorkloadId(f"/{name}"): f"job.{name}" for name in ("bare", "gone")}}

        found = engine.get_some({**tags, WorkloadId("/web.next"): "job.web"})

        assert sorted(found) == ["/bare", "/web", "/web.next"]
        assert [instance.id for instance in found[WEB].instances or ()] == [TASK]
        assert marathon.asked[0].query["label"] == ["OCEAN_TAG in (job.bare,job.gone,job.web)"]
        assert sorted(marathon.calls()) == ["GET /v2/apps", "GET /v2/apps/bare", "GET /v2/apps/gone"]

    def test_no_address_gets_too_long(self, engine: MarathonEngine, marathon: LocalServer) -> None:
        paths = [WorkloadId(f"/job-{number:02}") for number in range(20)]
        marathon.on("GET", "/v2/apps", Reply({"apps": [{**APP, "id": path, "tasks": []} for path in paths]}))

        assert len(engine.get_some({path: f"{path[1:]}_{'x' * 390}" for path in paths})) == 20
        lots = [len(asked.query["label"][0].split(",")) for asked in marathon.asked]
        assert lots == [7, 7, 6]

    def test_a_snapshot_has_instances_and_summaries_have_not(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        task = {"id": TASK, "appId": "/web", "state": "TASK_RUNNING"}
        marathon.on("GET", "/v2/apps", lambda asked: listed({**APP, "tasks": [task]}, asked))

        (whole,) = engine.snapshot()
        (short,) = engine.summaries()
        assert [instance.id for instance in whole.instances or ()] == [TASK]
        assert (short.instances, short.version) == (None, 2)

    def test_waiting_is_of_every_app_in_the_queue(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        delay = {"timeLeftSeconds": 0, "overdue": True}
        queue = [{"count": n, "delay": delay, "app": {**APP, "id": f"/app-{n}"}} for n in range(3)]
        marathon.on("GET", "/v2/queue", Reply({"queue": [{"count": 9, "delay": delay, "pod": {}}, *queue]}))

        found = engine.waiting()
        assert {path: waiting.count for path, waiting in found.items()} == {
            "/app-0": 0,
            "/app-1": 1,
            "/app-2": 2,
        }

    def test_health_is_of_the_checked_instances(self, engine: MarathonEngine, marathon: LocalServer) -> None:
        task = {"id": TASK, "appId": "/web", "state": "TASK_RUNNING"}
        checked = {**task, "healthCheckResults": [{"alive": True}]}
        marathon.on("GET", "/v2/apps/web/tasks", Reply({"tasks": [task, checked]}), GONE)

        assert [result.alive for result in engine.health(WEB)] == [True]
        assert engine.health(WEB) == ()

    def test_events_begin_as_soon_as_the_stream_is_open(
        self, engine: MarathonEngine, marathon: LocalServer
    ) -> None:
        payload = json.dumps({"eventType": "app_terminated_event", "appId": "/web"}).encode()
        marathon.on("GET", "/v2/events", Stream(b"data: %b\r\n\r\n" % payload, None))

        events = engine.events(idle_timeout_s=0.2)
        first, second = next(events), next(events)
        assert (first.kind, second.kind, second.workload_ids) == (EventKind.OTHER, EventKind.WORKLOAD, (WEB,))
        with pytest.raises(TimedOut):
            next(events)

    def test_hosts_are_mesos_agents(self, engine: MarathonEngine, mesos: LocalServer) -> None:
        mesos.on("GET", "/state-summary", Reply({"slaves": [agent(mesos)]}))

        assert engine.hosts() == (
            HostStatus(
                id="S0",
                hostname="node1",
                address="127.0.0.1",
                active=True,
                attributes={"rack": "a"},
                resources={"cpus": 4.0},
                used={"cpus": 1.0},
                registered_at=None,
                instances=1,
            ),
        )


class TestLogs:
    CONTENT = "0123-海-ü\n".encode() * 1000

    @pytest.fixture(autouse=True)
    def agent(self, mesos: LocalServer) -> None:
        executor = {"id": TASK, "directory": "/sandbox"}
        mesos.on("GET", "/state-summary", Reply({"slaves": [agent(mesos)]}))
        mesos.on("GET", "/slave(2)/state", Reply({"frameworks": [{"executors": [executor]}]}))
        mesos.on("GET", "/files/read", lambda asked: self.piece(asked))

    def piece(self, asked: Asked) -> Reply:
        if asked.query["path"] != ["/sandbox/stdout"]:
            return Reply(b"", status=404)
        offset, length = int(asked.query["offset"][0]), int(asked.query["length"][0])
        if offset == -1:
            return Reply({"data": "", "offset": len(self.CONTENT)})
        data = self.CONTENT[offset:][:length].replace(b"\n", b"\\n")
        return Reply(b'{"data":"%b","offset":%d}' % (data, offset))

    def read(self, engine: MarathonEngine, *, offset: int | None, length: int) -> LogChunk:
        return engine.read_log(TASK, host="node1", file="stdout", offset=offset, length=length)

    def test_the_tail_begins_with_a_whole_letter(self, engine: MarathonEngine) -> None:
        size = len(self.CONTENT)

        # 6 bytes from the end is inside the three bytes of the 海 ("…海-ü\n" ends in 3 + 1 + 2 + 1 bytes).
        assert self.read(engine, offset=None, length=6) == LogChunk(
            "-ü\n", offset=size - 4, length=4, size=size
        )

    def test_following_reads_everything_once_whatever_the_cuts(self, engine: MarathonEngine) -> None:
        offset, text = 0, ""
        while (chunk := self.read(engine, offset=offset, length=97)).length:
            text += chunk.text
            offset = chunk.offset + chunk.length

        assert text == self.CONTENT.decode()
        assert (offset, chunk.size) == (len(self.CONTENT), len(self.CONTENT))

    def test_a_file_that_became_shorter_is_read_from_its_start(self, engine: MarathonEngine) -> None:
        chunk = self.read(engine, offset=len(self.CONTENT) + 1, length=4)

        assert (chunk.text, chunk.offset) == ("0123", 0)

    def test_the_place_is_looked_up_once(self, engine: MarathonEngine, mesos: LocalServer) -> None:
        for _ in range(3):
            self.read(engine, offset=0, length=10)

        assert mesos.calls().count("GET /slave(2)/state") == 1
        assert mesos.calls().count("GET /state-summary") == 1

    def test_the_place_is_looked_up_again_after_a_failure(
        self, engine: MarathonEngine, mesos: LocalServer
    ) -> None:
        self.read(engine, offset=0, length=10)
        mesos.on("GET", "/files/read", Reply(b"", status=404))
        with pytest.raises(NotFound):
            self.read(engine, offset=0, length=10)
        mesos.on("GET", "/files/read", lambda asked: self.piece(asked))

        assert self.read(engine, offset=0, length=4).text == "0123"
        assert mesos.calls().count("GET /slave(2)/state") == 2

    def test_files_are_listed_without_folders_and_read_as_bytes(
        self, engine: MarathonEngine, mesos: LocalServer
    ) -> None:
        file = {"path": "/sandbox/stdout", "size": 9, "mtime": 1714564800.25, "mode": "-rw-r--r--"}
        folder = {"path": "/sandbox/data", "size": 4096, "mtime": 1714564800.0, "mode": "drwxr-xr-x"}
        mesos.on("GET", "/files/browse", Reply([folder, file]))

        assert engine.list_files(TASK, host="node1") == (
            FileStatus("stdout", 9, datetime(2024, 5, 1, 12, 0, 0, 250_000, UTC)),
        )
        # 6 bytes from the 5th: the 3 of 海, the hyphen, and the 2 of ü.
        assert engine.read_file(TASK, host="node1", file="stdout", offset=5, length=6) == "海-ü".encode()
        assert mesos.calls().count("GET /slave(2)/state") == 1

    def test_one_look_at_an_agent_finds_all_its_instances(
        self, engine: MarathonEngine, mesos: LocalServer
    ) -> None:
        executors = [{"id": TASK, "directory": "/sandbox"}, {"id": "other", "directory": "/sandbox"}]
        mesos.on("GET", "/slave(2)/state", Reply({"frameworks": [{"executors": executors}]}))
        for task in (TASK, InstanceId("other")):
            engine.read_file(task, host="node1", file="stdout", offset=0, length=1)

        assert mesos.calls().count("GET /slave(2)/state") == 1

    def test_a_host_that_is_gone_is_said_so(self, engine: MarathonEngine) -> None:
        with pytest.raises(NotFound, match="host node9 is not registered"):
            engine.read_log(TASK, host="node9", file="stdout", offset=0, length=10)

    @pytest.mark.parametrize("file", ["/etc/passwd", "../other/stdout", "a/../../b", ""])
    def test_a_file_outside_the_folder_is_refused(
        self, engine: MarathonEngine, mesos: LocalServer, file: str
    ) -> None:
        with pytest.raises(Refused):
            engine.read_log(TASK, host="node1", file=file, offset=0, length=10)
        assert mesos.asked == []


def listed(app: dict[str, Any], asked: Asked) -> Reply:
    """An app list; the tasks are in it only if they were asked for."""
    if "apps.tasks" not in asked.query["embed"]:
        app = {key: value for key, value in app.items() if key != "tasks"}
    return Reply({"apps": [app]})


def agent(mesos: LocalServer) -> dict[str, Any]:
    return {
        "id": "S0",
        "hostname": "node1",
        "pid": f"slave(2)@{mesos.url.removeprefix('http://')}",
        "active": True,
        "attributes": {"rack": "a"},
        "resources": {"cpus": 4, "ports": "[31000-32000]"},
        "used_resources": {"cpus": 1.0},
        "TASK_RUNNING": 1,
    }
