"""Chronos' API as `chronos.md` of the reference has it, both lines."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sandbox.chronos.api import chronos_app
from sandbox.chronos.registry import Registry
from sandbox.store import Store
from sandbox.tests.chronos import make_chronos

Client = TestClient[Any, Any]

V3, V2 = "/v1/scheduler", "/scheduler"
NIGHTLY = {"name": "nightly", "command": "echo hi", "schedule": "R/2034-05-02T02:00:00.000Z/P1D"}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    found = Store(tmp_path / "state.db")
    yield found
    found.close()


@pytest.fixture
async def chronos(store: Store) -> AsyncIterator[Client]:
    async with TestClient(TestServer(chronos_app(make_chronos(store)))) as client:
        yield client


async def put(chronos: Client, job: dict[str, Any], prefix: str = V3) -> int:
    kind = "dependency" if "parents" in job else "iso8601"
    response = await chronos.post(f"{prefix}/{kind}", json=job)
    return response.status


async def listed(chronos: Client, prefix: str = V3) -> dict[str, dict[str, Any]]:
    response = await chronos.get(f"{prefix}/jobs")
    return {job["name"]: job for job in await response.json()}


@pytest.mark.parametrize("prefix", [V3, V2])
async def test_a_job_is_created_listed_replaced_and_deleted(chronos: Client, prefix: str) -> None:
    assert await put(chronos, {**NIGHTLY, "retries": "5", "owner": "a@b"}, prefix) == 204
    job = (await listed(chronos, prefix))["nightly"]
    assert (job["retries"], job["owner"], job["schedule"]) == (5, "a@b", NIGHTLY["schedule"])

    assert await put(chronos, NIGHTLY, prefix) == 204
    job = (await listed(chronos, prefix))["nightly"]
    assert (job["retries"], job["owner"]) == (2, "")  # a replacement is whole

    response = await chronos.delete(f"{prefix}/job/nightly")
    assert (response.status, await response.read()) == (204, b"")
    assert await listed(chronos, prefix) == {}


async def test_every_field_has_its_default(chronos: Client) -> None:
    await put(chronos, {"name": "bare", "cpus": 0})

    job = (await listed(chronos))["bare"]
    assert job.pop("schedule").startswith("R1/2")
    assert job == {
        "name": "bare",
        "command": "",
        "shell": True,
        "executor": "",
        "executorFlags": "",
        "taskInfoData": "",
        "retries": 2,
        "owner": "",
        "ownerName": "",
        "description": "",
        "successCount": 0,
        "errorCount": 0,
        "lastSuccess": "",
        "lastError": "",
        "cpus": 0.1,
        "disk": 256.0,
        "mem": 128.0,
        "disabled": False,
        "softError": False,
        "dataProcessingJobType": False,
        "errorsSinceLastSuccess": 0,
        "fetch": [],
        "uris": [],
        "environmentVariables": [],
        "arguments": [],
        "highPriority": False,
        "runAsUser": "root",
        "concurrent": False,
        "constraints": [],
        "scheduleTimeZone": "",
    }


async def test_each_line_shows_its_own_fields(chronos: Client) -> None:
    await put(chronos, NIGHTLY, V3)

    old, new = (await listed(chronos, V2))["nightly"], (await listed(chronos, V3))["nightly"]
    assert {"epsilon", "async"} <= old.keys()
    assert not {"epsilon", "async"} & new.keys()
    assert ("concurrent" in old, "concurrent" in new) == (False, True)


async def test_one_job_can_be_read_in_3_only(chronos: Client) -> None:
    await put(chronos, NIGHTLY)

    assert (await (await chronos.get(f"{V3}/job/nightly")).json())["name"] == "nightly"
    assert (await chronos.get(f"{V2}/job/nightly")).status == 405


async def test_jobs_survive_a_restart(chronos: Client, store: Store) -> None:
    await put(chronos, NIGHTLY)
    await put(chronos, {"name": "gone", "schedule": NIGHTLY["schedule"]})
    await chronos.delete(f"{V3}/job/gone")

    assert [job["name"] for job in Registry(store, "c1")] == ["nightly"]
    assert list(Registry(store, "c2")) == []


@pytest.mark.parametrize(
    "schedule",
    [
        "R/2034-05-02T02:00:00.000Z/P1D",
        "R5/2034-05-02T02:00:00+08:00/PT15M",
        "R//P1M",
        "R0/2034-05-02T02:00:00/P1DT2H",
        "R/2034-05-02T02:00:00Z/P1Y2M3DT4H5M6.5S",
    ],
)
async def test_schedules_that_chronos_reads(chronos: Client, schedule: str) -> None:
    assert await put(chronos, {"name": "x", "schedule": schedule}) == 204
    assert (await listed(chronos))["x"]["schedule"] == schedule


@pytest.mark.parametrize(
    "schedule", ["every day", "R/2034-05-02T02:00:00Z/1D", "R/soon/P1D", "X/2034-05-02T02:00:00Z/P1D", "R//P"]
)
async def test_schedules_that_it_does_not(chronos: Client, schedule: str) -> None:
    new = await chronos.post(f"{V3}/iso8601", json={"name": "x", "schedule": schedule})
    old = await chronos.post(f"{V2}/iso8601", json={"name": "x", "schedule": schedule})

    expected = {"status": "Bad Request", "message": f"Cannot parse schedule '{schedule}' (wtf bro)"}
    assert (new.status, await new.json()) == (400, expected)
    assert (old.status, await old.text()) == (400, "")
    assert await listed(chronos) == {}


async def test_a_start_before_1970_is_refused(chronos: Client) -> None:
    response = await chronos.post(
        f"{V3}/iso8601", json={"name": "x", "schedule": "R/1969-01-01T00:00:00Z/P1D"}
    )

    assert response.status == 400
    assert "is before 1970!" in (await response.json())["message"]


async def test_a_name_with_a_blank_is_for_2_only(chronos: Client) -> None:
    job = {**NIGHTLY, "name": "with #1 blank"}

    assert (await put(chronos, job, V3), await put(chronos, job, V2)) == (400, 204)
    assert (await chronos.delete(f"{V2}/job/with%20%231%20blank")).status == 204
    assert await put(chronos, {**NIGHTLY, "name": ""}) == 400


async def test_an_unknown_job_is_a_400_with_words(chronos: Client) -> None:
    new = await chronos.delete(f"{V3}/job/x")
    old = await chronos.delete(f"{V2}/job/x")

    assert new.status == 400
    assert "Job 'x' not found\n\tat scala" in (await new.json())["message"]
    assert (old.status, await old.text()) == (400, "Job 'x' not found")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"{}", "text/plain", 415), (b"{not json", "application/json", 400), (b"[1]", "application/json", 400)],
)
async def test_bodies_that_are_no_job(chronos: Client, body: bytes, content_type: str, status: int) -> None:
    response = await chronos.post(f"{V3}/iso8601", data=body, headers={"Content-Type": content_type})

    assert response.status == status


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/scheduler/jobs/summary"), ("PUT", "/v1/scheduler/iso8601")]
)
async def test_what_is_not_there_is_said_so(chronos: Client, method: str, path: str) -> None:
    response = await chronos.request(method, path)

    assert response.status in (404, 405)


async def test_uris_and_fetch_together_are_refused_for_a_new_job_only(chronos: Client) -> None:
    both = {**NIGHTLY, "uris": ["http://a"], "fetch": [{"uri": "http://a"}]}

    assert await put(chronos, both) == 400
    assert await put(chronos, NIGHTLY) == 204
    assert await put(chronos, both) == 204


async def test_an_unknown_constraint_operator_vanishes(chronos: Client) -> None:
    await put(chronos, {**NIGHTLY, "constraints": [["rack", "UNIQUE"], ["rack", "EQUALS", "a"]]})

    assert (await listed(chronos))["nightly"]["constraints"] == [["rack", "EQUALS", "a"]]


class TestDependents:
    async def test_3_keeps_a_new_one_hidden_until_its_parents_are_there(self, chronos: Client) -> None:
        assert await put(chronos, {"name": "report", "parents": ["nightly"]}) == 204
        assert await listed(chronos) == {}

        await put(chronos, NIGHTLY)
        assert (await listed(chronos))["report"]["parents"] == ["nightly"]
        assert "schedule" not in (await listed(chronos))["report"]

    async def test_2_refuses_it(self, chronos: Client) -> None:
        assert await put(chronos, {"name": "report", "parents": ["nightly"]}, V2) == 400

    async def test_a_replacement_needs_all_parents(self, chronos: Client) -> None:
        await put(chronos, NIGHTLY)
        await put(chronos, {"name": "report", "parents": ["nightly"]})

        assert await put(chronos, {"name": "report", "parents": ["nightly", "nobody"]}) == 400

    async def test_no_parents_at_all_is_500_for_a_new_one_and_400_for_an_old_one(
        self, chronos: Client
    ) -> None:
        assert await put(chronos, {"name": "report", "parents": []}) == 500
        await put(chronos, {**NIGHTLY, "name": "report"})
        assert await put(chronos, {"name": "report", "parents": []}) == 400

    async def test_a_cycle_is_a_500(self, chronos: Client) -> None:
        await put(chronos, NIGHTLY)
        await put(chronos, {"name": "b", "parents": ["nightly"]})

        assert await put(chronos, {"name": "nightly", "parents": ["b"]}) == 500
        assert "schedule" in (await listed(chronos))["nightly"]

    async def test_the_other_door_converts(self, chronos: Client) -> None:
        await put(chronos, NIGHTLY)
        await put(chronos, {**NIGHTLY, "name": "other"})

        assert await put(chronos, {"name": "other", "parents": ["nightly"]}) == 204
        assert (await listed(chronos))["other"]["parents"] == ["nightly"]

    async def test_children_of_a_deleted_scheduled_job_take_over_its_schedule(self, chronos: Client) -> None:
        await put(chronos, NIGHTLY)
        child = {
            "name": "report",
            "parents": ["nightly"],
            "command": "x",
            "description": "d",
            "arguments": ["a"],
        }
        await put(chronos, child)

        await chronos.delete(f"{V3}/job/nightly")
        job = (await listed(chronos))["report"]
        assert (job["schedule"], job["command"]) == (NIGHTLY["schedule"], "x")
        assert (job["description"], job["arguments"], "parents" in job) == ("", [], False)

    async def test_children_of_a_deleted_dependent_job_go_to_its_parents(self, chronos: Client) -> None:
        await put(chronos, NIGHTLY)
        await put(chronos, {"name": "b", "parents": ["nightly"]})
        await put(chronos, {"name": "c", "parents": ["b"]})

        await chronos.delete(f"{V3}/job/b")
        assert (await listed(chronos))["c"]["parents"] == ["nightly"]

    async def test_the_graph_has_a_line_for_each_job_and_edge(self, chronos: Client) -> None:
        await put(chronos, {**NIGHTLY, "lastSuccess": "2024-05-01T02:00:03.101Z"})
        await put(chronos, {"name": "report", "parents": ["nightly"]})

        response = await chronos.get(f"{V3}/graph/csv")
        assert response.content_type == "text/plain"
        assert (await response.text()).splitlines() == [
            "node,nightly,success,idle",
            "node,report,fresh,idle",
            "link,nightly,report",
        ]


class TestSearch:
    @pytest.fixture(autouse=True)
    async def jobs(self, chronos: Client) -> None:
        for name, command in (
            ("Nightly-a", "echo one"),
            ("nightly-b", "echo two"),
            ("weekly", "echo nightly"),
        ):
            await put(chronos, {**NIGHTLY, "name": name, "command": command})

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("name=NIGHTLY", ["Nightly-a", "nightly-b"]),
            ("name=nightly&command=two", ["nightly-b"]),
            ("name=weekly&any=one", ["Nightly-a", "weekly"]),
            ("any=nosuch", ["Nightly-a", "nightly-b", "weekly"]),
            ("limit=1&offset=1", ["nightly-b"]),
        ],
    )
    async def test_as_upstream_combines_them(self, chronos: Client, query: str, names: list[str]) -> None:
        response = await chronos.get(f"{V3}/jobs/search?{query}")

        assert [job["name"] for job in await response.json()] == names

    async def test_ten_at_most_unless_asked(self, chronos: Client) -> None:
        for n in range(12):
            await put(chronos, {**NIGHTLY, "name": f"x{n}"})

        assert len(await (await chronos.get(f"{V3}/jobs/search")).json()) == 10


async def test_ping_leader_and_cors(chronos: Client) -> None:
    ping = await chronos.get("/ping")
    leader = await chronos.get(f"{V3}/leader")

    assert await ping.text() == "pong"
    assert await leader.json() == {"leader": f"127.0.0.1:{chronos.port}"}
    assert leader.headers["Access-Control-Allow-Origin"] == "*"
