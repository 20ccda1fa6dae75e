import json
from datetime import UTC, datetime

import pytest

from clients.errors import NotFound, ProtocolError, Refused, Unauthorized, Unavailable
from clients.http import Timeouts
from clients.mesos import Agent, FileInfo, MesosApi
from clients.tests.server import Asked, LocalServer, Reply, closed_port_url

# As Mesos 1.11 prints an agent in /state-summary.
AGENT = {
    "id": "8d1c-S0",
    "hostname": "node1",
    "port": 5051,
    "attributes": {"rack": "a", "level": 3.0},
    "pid": "slave(1)@10.0.0.5:5051",
    "registered_time": 1714564800.5,
    "resources": {"cpus": 4.0, "mem": 4096.0, "disk": 1.0, "ports": "[31000-32000]", "disk_io": 200.0},
    "used_resources": {"cpus": 0.5, "mem": 128.0, "disk": 0.0, "ports": "[31042-31042]"},
    "active": True,
    "deactivated": False,
    "version": "1.11.0",
    "TASK_STAGING": 1,
    "TASK_RUNNING": 5,
    "TASK_FINISHED": 40,
    "framework_ids": ["8d1c-0000"],
}


def api(*urls: str) -> MesosApi:
    return MesosApi(urls, name="mesos test", timeouts=Timeouts(connect_s=1, read_s=1))


def summary(*agents: object) -> Reply:
    return Reply({"hostname": "m", "slaves": list(agents), "frameworks": []})


class TestAgents:
    def test_an_agent_is_read_whole(self, server: LocalServer) -> None:
        server.on("GET", "/state-summary", summary(AGENT))

        assert api(server.url).agents() == [
            Agent(
                id="8d1c-S0",
                hostname="node1",
                pid="slave(1)@10.0.0.5:5051",
                active=True,
                attributes={"rack": "a", "level": "3"},
                resources={"cpus": 4.0, "mem": 4096.0, "disk": 1.0, "disk_io": 200.0},
                used={"cpus": 0.5, "mem": 128.0, "disk": 0.0},
                registered_at=datetime(2024, 5, 1, 12, 0, 0, 500_000, UTC),
                tasks=6,
                draining=False,
            )
        ]

    @pytest.mark.parametrize("key", ["drain_info", "deactivated"])
    def test_an_agent_that_takes_no_more_is_draining(self, server: LocalServer, key: str) -> None:
        found = {"drain_info": {"state": "DRAINING"}, "deactivated": True}[key]
        server.on("GET", "/state-summary", summary({**AGENT, key: found, "active": False}))

        (agent,) = api(server.url).agents()
        assert (agent.draining, agent.active) == (True, False)

    def test_the_url_of_an_agent_comes_from_its_pid(self, server: LocalServer) -> None:
        server.on("GET", "/state-summary", summary(AGENT))
        mesos = api(server.url)
        (agent,) = mesos.agents()

        assert (mesos.agent_url(agent), agent.ip) == ("http://10.0.0.5:5051/slave(1)", "10.0.0.5")

    @pytest.mark.parametrize("body", [{}, {"slaves": None}, {"slaves": [{"id": "x"}]}, []])
    def test_a_reply_without_agents_is_refused_loudly(self, server: LocalServer, body: object) -> None:
        server.on("GET", "/state-summary", Reply(body))

        with pytest.raises(ProtocolError):
            api(server.url).agents()


class TestMasters:
    def test_a_standby_sends_to_the_leader_by_a_scheme_relative_307(
        self, server: LocalServer, other_server: LocalServer
    ) -> None:
        there = other_server.url.removeprefix("http:") + "/state-summary"
        server.on("GET", "/state-summary", Reply(status=307, headers={"Location": there}))
        other_server.on("GET", "/state-summary", summary(AGENT))

        assert [agent.hostname for agent in api(server.url).agents()] == ["node1"]

    def test_masters_that_point_at_each_other_are_unavailable(
        self, server: LocalServer, other_server: LocalServer
    ) -> None:
        for it, there in ((server, other_server), (other_server, server)):
            location = there.url.removeprefix("http:") + "/state-summary"
            it.on("GET", "/state-summary", Reply(status=307, headers={"Location": location}))

        with pytest.raises(Unavailable, match="do not agree on a leader"):
            api(server.url).agents()

    def test_the_next_master_is_asked_when_one_is_away_or_knows_no_leader(
        self, server: LocalServer, other_server: LocalServer
    ) -> None:
        server.on("GET", "/state-summary", Reply(b"No leader elected", status=503, content_type="text/plain"))
        other_server.on("GET", "/state-summary", summary())

        assert api(closed_port_url(), server.url, other_server.url).agents() == []

    def test_a_redirect_to_anywhere_else_is_not_followed(self, server: LocalServer) -> None:
        server.on("GET", "/state-summary", Reply(status=307, headers={"Location": "//login/here"}))

        with pytest.raises(ProtocolError, match="login"):
            api(server.url).agents()

    def test_a_missing_password_is_unauthorized(self, server: LocalServer) -> None:
        server.on("GET", "/state-summary", Reply(b"", status=401))

        with pytest.raises(Unauthorized):
            api(server.url).agents()


STATE = {
    "frameworks": [
        {
            "executors": [{"id": "web.1", "directory": "/var/mesos/web.1"}],
            "completed_executors": [{"id": "web.0", "directory": "/var/mesos/web.0"}],
        }
    ],
    "completed_frameworks": [{"executors": [], "completed_executors": [{"id": "old", "directory": "/old"}]}],
}


class TestFiles:
    def test_the_folders_of_tasks_are_found_also_after_their_end(self, server: LocalServer) -> None:
        server.on("GET", "/slave(3)/state", Reply(STATE))

        assert api(server.url).executor_folders(f"{server.url}/slave(3)") == {
            "web.1": "/var/mesos/web.1",
            "web.0": "/var/mesos/web.0",
            "old": "/old",
        }

    def test_files_are_asked_for_without_the_agents_prefix(self, server: LocalServer) -> None:
        found = {"path": "/s/stdout", "size": 9, "mtime": 1714564800.0, "mode": "-rw-r--r--", "uid": "root"}
        folder = {**found, "path": "/s/tmp", "mode": "drwxr-xr-x"}
        server.on("GET", "/files/browse", Reply([found, folder]))

        files = api(server.url).browse(f"{server.url}/slave(3)", "/s")

        at = datetime(2024, 5, 1, 12, tzinfo=UTC)
        assert files == [
            FileInfo(path="/s/stdout", size=9, modified_at=at, is_folder=False),
            FileInfo(path="/s/tmp", size=9, modified_at=at, is_folder=True),
        ]
        assert server.asked[0].query == {"path": ["/s"]}

    def test_a_size_is_asked_for_by_offset_minus_one(self, server: LocalServer) -> None:
        server.on("GET", "/files/read", Reply({"data": "", "offset": 1234}))

        assert api(server.url).file_size(server.url, "/s/stdout") == 1234
        assert server.asked[0].query["offset"] == ["-1"]

    def test_a_read_goes_on_past_the_64_kib_of_one_call_and_counts_bytes(self, server: LocalServer) -> None:
        content = "海ü-".encode() * 30_000  # 180,000 bytes; 64 KiB cut a letter in two
        server.on("GET", "/files/read", lambda asked: file_piece(asked, content))

        assert api(server.url).read(server.url, "/s/stdout", offset=0, length=150_000) == content[:150_000]
        assert [asked.query["offset"] for asked in server.asked] == [["0"], ["65536"], ["131072"]]

    def test_bytes_that_are_no_text_come_through(self, server: LocalServer) -> None:
        content = bytes(range(0x20, 0x22)) + b"\xff\xfe\n\x80"
        server.on("GET", "/files/read", lambda asked: file_piece(asked, content))

        assert api(server.url).read(server.url, "/s/stdout", offset=0, length=100) == content

    @pytest.mark.parametrize(("status", "error"), [(404, NotFound), (400, Refused), (503, Unavailable)])
    def test_an_agents_words_are_kept(self, server: LocalServer, status: int, error: type[Exception]) -> None:
        server.on("GET", "/files/read", Reply(b"It says so.\n", status=status, content_type="text/plain"))

        with pytest.raises(error, match="It says so"):
            api(server.url).file_size(server.url, "/s/stdout")


def file_piece(asked: Asked, content: bytes) -> Reply:
    """What an agent answers: the file's bytes stand raw inside the JSON text, only controls are escaped."""
    offset, length = int(asked.query["offset"][0]), int(asked.query["length"][0])
    piece = content[offset:][: min(length, 65536)].replace(b"\n", b"\\n")
    return Reply(b'{"data":"%b","offset":%b}' % (piece, json.dumps(offset).encode()))
