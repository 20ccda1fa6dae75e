from __future__ import annotations

from typing import Any

import pytest

from sandbox.tests.api import Json, Marathon

SMALL: dict[str, Any] = {"cmd": "exec sleep 1000", "cpus": 0.01, "mem": 8, "instances": 0}


@pytest.fixture
def shop(marathon: Marathon) -> Marathon:
    marathon.done(
        "POST",
        "/v2/groups",
        {
            "id": "/shop",
            "apps": [{"id": "web", **SMALL}],
            "groups": [{"id": "data", "apps": [{"id": "db", **SMALL}, {"id": "/shop/data/cache", **SMALL}]}],
        },
    )
    return marathon


def app_ids(group: Json) -> list[str]:
    ids = [app["id"] for app in group["apps"]]
    for child in group["groups"]:
        ids += app_ids(child)
    return sorted(ids)


def test_the_root_is_always_there(marathon: Marathon) -> None:
    root = marathon.get("/v2/groups")
    assert (root["id"], root["apps"], root["groups"], root["pods"]) == ("/", [], [], [])


def test_a_group_is_shown_with_everything_in_it(shop: Marathon) -> None:
    group = shop.get("/v2/groups/shop")
    assert app_ids(group) == ["/shop/data/cache", "/shop/data/db", "/shop/web"]
    assert [child["id"] for child in group["groups"]] == ["/shop/data"]
    assert "tasksRunning" not in group["apps"][0]
    bare = shop.get("/v2/groups/shop?embed=group.groups")
    assert "apps" not in bare
    assert [app["id"] for app in shop.get("/v2/groups/shop/apps")["apps"]] == [
        "/shop/web",
        "/shop/data/db",
        "/shop/data/cache",
    ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"id": "/shop"}, "Group /shop is already created. Use PUT to change this group."),
        ({"id": "/shop/web"}, "An app with the path /shop/web already exists."),
    ],
)
def test_what_exists_cannot_be_created(shop: Marathon, body: Json, message: str) -> None:
    reply = shop.call("POST", "/v2/groups", body)
    assert (reply.status_code, reply.json()) == (409, {"message": message})


def test_put_replaces_what_it_names_and_keeps_the_rest(shop: Marathon) -> None:
    shop.done("PUT", "/v2/groups/shop", {"apps": [{"id": "api", **SMALL}]})
    assert app_ids(shop.get("/v2/groups/shop")) == ["/shop/api", "/shop/data/cache", "/shop/data/db"]
    shop.done(
        "PUT", "/v2/groups/shop", {"groups": [{"id": "data"}, {"id": "new", "apps": [{"id": "a", **SMALL}]}]}
    )
    assert app_ids(shop.get("/v2/groups/shop")) == [
        "/shop/api",
        "/shop/data/cache",
        "/shop/data/db",
        "/shop/new/a",
    ]
    shop.done("PUT", "/v2/groups/shop", {"groups": []})
    assert app_ids(shop.get("/v2/groups/shop")) == ["/shop/api"]


def test_a_dry_run_tells_the_steps_and_changes_nothing(shop: Marathon) -> None:
    steps = shop.call("PUT", "/v2/groups/shop?dryRun=true", {"apps": [{"id": "api", **SMALL}]}).json()[
        "steps"
    ]
    assert [action["action"] for step in steps for action in step["actions"]] == [
        "StopApplication",
        "StartApplication",
        "ScaleApplication",
    ]
    assert "/shop/web" in app_ids(shop.get("/v2/groups/shop"))


def test_scaling_a_group_multiplies_and_rounds_up(shop: Marathon) -> None:
    shop.done("PUT", "/v2/apps/shop/web", {"instances": 1})
    shop.done("PUT", "/v2/apps/shop/data/db", {"instances": 2})
    shop.done("PUT", "/v2/groups/shop", {"scaleBy": 1.5})
    instances = {app["id"]: app["instances"] for app in shop.get("/v2/apps/shop/*")["*"]}
    assert instances == {"/shop/web": 2, "/shop/data/db": 3, "/shop/data/cache": 0}


def test_scaling_comes_alone(shop: Marathon) -> None:
    assert shop.call("PUT", "/v2/groups/shop", {"scaleBy": 2, "apps": []}).status_code == 422


def test_an_older_version_is_listed_shown_and_restored(shop: Marathon) -> None:
    version = shop.get("/v2/groups/shop")["version"]
    shop.done("DELETE", "/v2/apps/shop/web")
    shop.done("PUT", "/v2/apps/shop/data/db", {"mem": 16})
    assert version in shop.get("/v2/groups/shop/versions")
    old = shop.get(f"/v2/groups/shop/versions/{version}")
    assert app_ids(old) == ["/shop/data/cache", "/shop/data/db", "/shop/web"]
    shop.done("PUT", "/v2/groups/shop", {"version": version})
    assert app_ids(shop.get("/v2/groups/shop")) == ["/shop/data/cache", "/shop/data/db", "/shop/web"]
    assert shop.app("/shop/data/db")["mem"] == 8


def test_deleting_a_group_stops_everything_below_and_nothing_else(shop: Marathon) -> None:
    shop.create("/other")
    shop.done("DELETE", "/v2/groups/shop")
    assert [app["id"] for app in shop.get("/v2/apps")["apps"]] == ["/other"]
    assert shop.call("GET", "/v2/groups/shop").status_code == 404


def test_an_empty_group_makes_room_for_an_app(marathon: Marathon) -> None:
    marathon.done("POST", "/v2/groups", {"id": "/web"})
    marathon.done("POST", "/v2/apps", {"id": "/web", **SMALL})
    assert marathon.app("/web")["id"] == "/web"


def test_an_app_cannot_take_the_place_of_a_group_with_content(shop: Marathon) -> None:
    reply = shop.call("POST", "/v2/apps", {"id": "/shop/data", **SMALL})
    assert reply.status_code == 422
    assert reply.json()["details"][0]["errors"] == [
        "Groups and Applications may not have the same identifier."
    ]


def test_apps_outside_the_group_are_refused(marathon: Marathon) -> None:
    reply = marathon.call("POST", "/v2/groups", {"id": "/shop", "apps": [{"id": "/elsewhere", **SMALL}]})
    assert reply.json()["details"][0]["errors"] == ["Identifier is not child of '/shop'"]


def test_a_dependency_on_a_group_is_one_on_all_its_apps(marathon: Marathon) -> None:
    body = {
        "id": "/shop",
        "groups": [
            {"id": "front", "dependencies": ["/shop/data"], "apps": [{"id": "web", **SMALL}]},
            {"id": "data", "apps": [{"id": "db", **SMALL}]},
        ],
    }
    steps = marathon.call("PUT", "/v2/groups?dryRun=true", {"groups": [body]}).json()["steps"]
    assert [[action["app"] for action in step["actions"]] for step in steps[1:]] == [
        ["/shop/data/db"],
        ["/shop/front/web"],
    ]
