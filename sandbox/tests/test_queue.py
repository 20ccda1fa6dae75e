from __future__ import annotations

import pytest

from sandbox.scheduler.matching import Decline
from sandbox.tests.api import Json, Marathon


def queued(marathon: Marathon, query: str = "") -> Json:
    def is_there() -> bool:
        items = marathon.get("/v2/queue")["queue"]
        return len(items) == 1 and items[0]["processedOffersSummary"]["unusedOffersCount"] >= 3

    marathon.wait(is_there, "the app is queued and has seen offers")
    [item] = marathon.get(f"/v2/queue{query}")["queue"]
    return dict(item)


@pytest.mark.parametrize(
    ("demand", "reason"),
    [
        ({"cpus": 400}, "InsufficientCpus"),
        ({"mem": 10**6}, "InsufficientMemory"),
        ({"constraints": [["rack", "LIKE", "nowhere"]]}, "UnfulfilledConstraint"),
        ({"portDefinitions": [{"port": 81}], "requirePorts": True}, "InsufficientPorts"),
    ],
)
def test_the_queue_tells_why_offers_were_declined(marathon: Marathon, demand: Json, reason: str) -> None:
    body = {"id": "/web", "cmd": "exec sleep 1000", "instances": 2, **demand}
    marathon.call("POST", "/v2/apps", body)
    item = queued(marathon)
    assert item["count"] == 2
    assert item["delay"] == {"timeLeftSeconds": 0, "overdue": True}
    assert item["app"]["id"] == "/web"
    summary = item["processedOffersSummary"]
    last = summary["rejectSummaryLastOffers"]
    assert [step["reason"] for step in last] == [each.value for each in Decline]
    assert {step["reason"]: step["declined"] for step in last if step["declined"]} == {reason: 3}
    assert last[0]["processed"] == 3
    assert summary["processedOffersCount"] == summary["unusedOffersCount"]


def test_the_unused_offers_are_shown_on_request(marathon: Marathon) -> None:
    marathon.call("POST", "/v2/apps", {"id": "/web", "cmd": "exec sleep 1000", "cpus": 400})
    queued(marathon)
    [item] = marathon.get("/v2/queue?embed=lastUnusedOffers")["queue"]
    offers = {look["offer"]["hostname"]: look for look in item["lastUnusedOffers"]}
    assert sorted(offers) == ["node1", "node2", "node3"]
    assert offers["node1"]["reason"] == ["InsufficientCpus"]
    attributes = offers["node1"]["offer"]["attributes"]
    assert attributes == [{"name": "rack", "text": "r1"}]
    cpus = [each for each in offers["node1"]["offer"]["resources"] if each["name"] == "cpus"]
    assert [each["scalar"] for each in cpus] == [4.0]


def test_what_was_waiting_starts_when_there_is_room(marathon: Marathon) -> None:
    marathon.create("/big", cpus=3, instances=3)
    marathon.call("POST", "/v2/apps", {"id": "/web", "cmd": "exec sleep 1000", "cpus": 2, "mem": 8})
    queued(marathon)
    marathon.call("PUT", "/v2/apps/big", {"instances": 2})
    marathon.wait_for_deployments()
    assert marathon.app("/web")["tasksRunning"] == 1
    assert marathon.get("/v2/queue")["queue"] == []


def test_a_delay_can_be_lifted(marathon: Marathon) -> None:
    marathon.call("POST", "/v2/apps", {"id": "/web", "cmd": "exit 1", "cpus": 0.01, "backoffSeconds": 100})

    def delayed() -> bool:
        items = marathon.get("/v2/queue")["queue"]
        return bool(items) and items[0]["delay"]["timeLeftSeconds"] > 0

    marathon.wait(delayed, "it is delayed")
    first = marathon.app("/web")["lastTaskFailure"]["taskId"]
    assert marathon.call("DELETE", "/v2/queue/web/delay").status_code == 204
    marathon.wait(
        lambda: marathon.app("/web")["lastTaskFailure"]["taskId"] != first, "another attempt was made"
    )


def test_apps_with_nothing_waiting_are_not_in_the_queue(marathon: Marathon) -> None:
    marathon.create("/web")
    assert marathon.get("/v2/queue") == {"queue": []}
