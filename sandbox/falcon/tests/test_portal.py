"""What clients of the portal's API meet, first of all its ways of saying no."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sandbox.falcon.server import Falcon
from sandbox.falcon.tests.conftest import ACCESS, QUICK, Portal

STRATEGY = {
    "tpl_id": 1,
    "metric": "qps",
    "max_step": 3,
    "priority": 0,
    "func": "all(#1)",
    "op": ">",
    "right_value": "80",
}


async def test_a_login_is_a_session_until_logout(portal: Portal) -> None:
    _, session = await portal.ask("POST", "/api/v1/user/login", {"name": "root", "password": "pw"})
    assert {**session, "sig": len(session["sig"])} == {"sig": 32, "name": "root", "admin": True}
    portal.headers = {"Apitoken": json.dumps({"name": "root", "sig": session["sig"]})}

    assert await portal.done("GET", "/user/auth_session") == {"message": "session is valid!"}
    await portal.done("GET", "/user/logout")
    assert (await portal.ask("GET", "/api/v1/user/auth_session"))[0] == 401


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "root"}, "name or password is blank"),
        ({"name": "nobody", "password": "x"}, "no such user"),
        ({"name": "root", "password": "x"}, "password error"),
    ],
)
async def test_a_failed_login_is_400(portal: Portal, body: dict[str, str], words: str) -> None:
    assert await portal.ask("POST", "/api/v1/user/login", body) == (400, {"error": words})


@pytest.mark.parametrize(
    "header", ["", "sig", '{"name": "root"}', '{"name": "root", "sig": "x"}', '{"name": "x", "sig": "x"}']
)
async def test_without_a_session_everything_is_401(portal: Portal, header: str) -> None:
    portal.headers = {"Apitoken": header} if header else {}

    assert (await portal.ask("GET", "/api/v1/hostgroup"))[0] == 401


async def test_the_servers_token_needs_a_real_name_to_create_a_template(portal: Portal) -> None:
    portal.headers = {"Apitoken": json.dumps({"name": "ghost", "sig": "token"})}

    assert await portal.done("GET", "/hostgroup") == []
    status, answer = await portal.ask("POST", "/api/v1/template", {"name": "t", "parent_id": 0})
    assert (status, answer) == (400, {"error": "record not found"})


async def test_groups_and_their_members(portal: Portal) -> None:
    group = await portal.done("POST", "/hostgroup", {"name": "g"})
    assert group == {"id": 1, "grp_name": "g", "create_user": "root"}
    answer = await portal.done("POST", "/hostgroup/host", {"hostgroup_id": 1, "hosts": ["a", "b"]})
    assert answer == {"message": "[1, 2] bind to hostgroup: 1"}
    await portal.done("PATCH", "/hostgroup/1/host", {"action": "add", "hosts": ["c"]})
    await portal.done("PATCH", "/hostgroup/1/host", {"action": "remove", "hosts": ["a", "z"]})
    await portal.done("PUT", "/hostgroup/host", {"hostgroup_id": 1, "host_id": 2})

    found = await portal.done("GET", "/hostgroup/1")
    assert [host["hostname"] for host in found["hosts"]] == ["c"]
    await portal.done("POST", "/hostgroup/host", {"hostgroup_id": 1, "hosts": []})
    assert (await portal.done("GET", "/hostgroup/1"))["hosts"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/hostgroup", {"name": "g"}, 417),
        ("GET", "/hostgroup/9", None, 417),
        ("GET", "/template/9", None, 400),
        ("GET", "/strategy/9", None, 400),
        ("DELETE", "/strategy/9", None, 200),
        ("GET", "/strategy", None, 400),
        ("POST", "/template", {"name": "t", "parent_id": 0}, 400),
        ("POST", "/strategy", {**STRATEGY, "right_value": 80}, 400),
        ("POST", "/strategy", {**STRATEGY, "max_step": 0}, 400),
        ("POST", "/strategy", {**STRATEGY, "op": "=>"}, 400),
        ("POST", "/strategy", {**STRATEGY, "right_value": "1e3"}, 400),
        ("POST", "/strategy", {**STRATEGY, "op": "!", "func": "nonsense"}, 200),
        ("POST", "/hostgroup/template", {"tpl_id": 1, "grp_id": 1}, 400),
        ("GET", "/user/u/99", None, 500),
        ("GET", "/user/name/nobody", None, 417),
        ("POST", "/nodata", {}, 307),
        ("GET", "/hostgroup?page=1", None, 400),
    ],
)
async def test_statuses_are_upstreams(portal: Portal, method: str, path: str, body: Any, status: int) -> None:
    await portal.done("POST", "/hostgroup", {"name": "g"})
    await portal.done("POST", "/template", {"name": "t", "parent_id": 0})
    await portal.done("POST", "/hostgroup/template", {"tpl_id": 1, "grp_id": 1})

    assert (await portal.ask(method, f"/api/v1{path}", body))[0] == status


async def test_a_body_without_its_content_type_is_read_as_an_empty_form(portal: Portal) -> None:
    async with portal.client.post("/api/v1/hostgroup", data='{"name": "g"}', headers=portal.headers) as reply:
        assert (reply.status, reply.content_type) == (400, "text/plain")
        assert "required" in json.loads(await reply.text())["error"]


async def test_a_template_is_deleted_with_all_that_hangs_on_it(portal: Portal) -> None:
    ids = await portal.watch("web-01", "qps", url="http://127.0.0.1:1/")
    shown = await portal.done("GET", f"/template/{ids['template']}")
    assert [row["id"] for row in shown["stratges"]] == [ids["strategy"]]
    assert shown["action"]["id"] == shown["template"]["action_id"] == 1

    await portal.done("DELETE", f"/template/{ids['template']}")
    assert (await portal.done("GET", f"/hostgroup/{ids['group']}/template"))["templates"] == []
    assert (await portal.ask("GET", "/api/v1/action/1"))[0] == 400


async def test_teams_are_made_of_users(portal: Portal) -> None:
    person = {"name": "ann", "cnname": "Ann", "password": "x", "email": "ann@example.com"}
    assert sorted(await portal.done("POST", "/user/create", person)) == ["name", "sig"]
    await portal.done("POST", "/team", {"team_name": "sre", "resume": "", "users": [2]})
    await portal.done("POST", "/team/user", {"team_id": 1, "users": ["root"]})

    found = await portal.done("GET", "/team/name/sre")
    assert [user["name"] for user in found["users"]] == ["ann", "root"]
    assert await portal.done("GET", "/user/u/2/in_teams?team_names=x,sre") == {"message": "true"}
    assert [row["team"]["name"] for row in await portal.done("GET", "/team")] == ["sre"]


async def test_queries(portal: Portal, now: int) -> None:
    await portal.push(
        *(
            {"endpoint": "web-01", "metric": "qps", "timestamp": now - 10 + 5 * n, "value": n}
            for n in range(2)
        ),
        {"endpoint": "web-02", "metric": "cpu.idle", "timestamp": now, "value": 97.52, "tags": "b=2,a=1"},
    )

    assert [row["endpoint"] for row in await portal.done("GET", "/graph/endpoint?q=web 01")] == ["web-01"]
    (endpoint,) = await portal.done("GET", "/graph/endpointobj?endpoints=web-02&endpoints=no")
    assert (endpoint["endpoint"], endpoint["ts"]) == ("web-02", now)
    (counter,) = await portal.done(
        "GET", f"/graph/endpoint_counter?eid={endpoint['id']}&metricQuery=cpu !busy"
    )
    assert (counter["counter"], counter["step"], counter["type"]) == ("cpu.idle/a=1,b=2", 5, "GAUGE")
    asked = [{"endpoint": "web-02", "counter": "cpu.idle/a=1,b=2"}, {"endpoint": "no", "counter": "x"}]
    assert [row["value"] for row in await portal.done("POST", "/graph/lastpoint", asked)] == [
        {"timestamp": now, "value": 97.52},
        {"timestamp": 0, "value": 0.0},
    ]
    body = {"hostnames": ["web-01"], "counters": ["qps", "no"], "consol_fun": "AVERAGE",
            "start_time": now - 10, "end_time": now}  # fmt: skip
    (series,) = await portal.done("POST", "/graph/history", body)
    values = [(now - 10, 0.0), (now - 5, 1.0), (now, None)]
    assert series == {
        "endpoint": "web-01",
        "counter": "qps",
        "dstype": "GAUGE",
        "step": 5,
        "Values": [{"timestamp": time, "value": value} for time, value in values],
    }
    unknown = (await portal.done("POST", "/graph/history", {**body, "step": 5}))[1]
    assert unknown == {"endpoint": "web-01", "counter": "no", "dstype": "", "step": 0, "Values": []}
    assert await portal.done("DELETE", "/graph/endpoint", ["web-01"]) == {
        "affected_endpoint": 1,
        "affected_counter": 1,
    }


async def test_everything_but_judges_memory_is_there_again_after_a_restart(tmp_path: Path, now: int) -> None:
    for run in range(2):
        falcon = Falcon(tmp_path, QUICK, ACCESS)
        await falcon.start()
        async with TestClient(TestServer(falcon.app)) as client:
            portal = Portal(client)
            if run == 0:
                await portal.watch("web-01", "qps", url="http://127.0.0.1:1/")
                await portal.push({"endpoint": "web-01", "metric": "qps", "timestamp": now - 5, "value": 5})
            else:
                assert len((await portal.ask("GET", "/strategy/web-01/qps"))[1]) == 1
                assert (await portal.ask("GET", "/history/web-01/qps"))[1] == []
                body = {"hostnames": ["web-01"], "counters": ["qps"], "consol_fun": "AVERAGE",
                        "start_time": now - 5, "end_time": now}  # fmt: skip
                (series,) = await portal.done("POST", "/graph/history", body)
                assert series["Values"][0] == {"timestamp": now - 5, "value": 5.0}
        await falcon.stop()


@pytest.mark.parametrize(
    ("path", "answer"), [("/v1/push", (400, "body is blank")), ("/api/push", (400, "blank body"))]
)
async def test_an_empty_push_is_refused(portal: Portal, path: str, answer: tuple[int, str]) -> None:
    async with portal.client.post(path) as reply:
        assert (reply.status, await reply.text()) == answer


async def test_the_agent_says_success_to_anything_it_can_read(portal: Portal) -> None:
    async with portal.client.post("/v1/push", data='[{"metric": "x"}]') as reply:
        assert (reply.status, await reply.text()) == (200, "success")
    assert await portal.push({"metric": "x"}) == {"Total": 1, "Invalid": 1}


async def test_faults_bite_until_they_are_mended(portal: Portal, now: int) -> None:
    await portal.ask("POST", "/faults/api", {"kind": "error", "status": 503, "path": "^/api/v1"})
    await portal.ask("PUT", "/faults", {"drop_pushes": 1})
    assert (await portal.ask("GET", "/api/v1/hostgroup"))[0] == 503
    await portal.push({"endpoint": "lost", "metric": "qps", "timestamp": now, "value": 1})

    await portal.ask("DELETE", "/faults")
    assert await portal.done("GET", "/hostgroup") == []
    assert await portal.done("GET", "/graph/endpointobj?endpoints=lost") == []
