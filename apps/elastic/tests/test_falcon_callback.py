"""The address that Falcon's alarm calls: what is acknowledged, what is queued, what is refused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
from django.conf import settings

from apps.elastic.falcon.callback import FalconCallback
from apps.elastic.falcon.signing import PATH, Ring, callback_url
from apps.elastic.loop.doorbell import RUNG, Doorbell

JOB = 4711
BELL = Ring(JOB, "0123456789abcdef")


@pytest.fixture
def rung() -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as connection:
        connection.delete(RUNG, *connection.keys("ocean:scaling:callback:*"))
        yield connection


def jobs(rung: redis.Redis) -> list[int]:
    return [int(item.split()[0]) for item in rung.lrange(RUNG, 0, -1)]


def alarm(**changes: str) -> dict[str, str]:
    """What alarm appends to the URL of the action."""
    return {
        "endpoint": "web-01",
        "metric": "cpu.busy",
        "status": "PROBLEM",
        "step": "1",
        "priority": "0",
        "time": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
        "tpl_id": "3",
        "exp_id": "0",
        "stra_id": "12",
        "left_value": "91.2",
        "tags": "app:shop,idc:a",
        **changes,
    }


async def call(
    query: dict[str, str], *, method: str = "GET", url: str | None = None, body: bytes = b""
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """The answer's status, body and headers."""
    url = url or callback_url("http://ocean", BELL, secret=settings.SECRET_KEY)
    own = url.partition("?")[2]
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    async def elsewhere(*_: Any) -> None:
        raise AssertionError("not for Django")

    query_string = "&".join(part for part in (own, urlencode(query)) if part).encode()
    scope: dict[str, Any] = {"type": "http", "path": PATH, "method": method, "query_string": query_string}
    await FalconCallback(elsewhere)(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], json.loads(sent[1]["body"]), headers


async def test_an_alarm_is_acknowledged_and_rings_for_its_job_once(rung: redis.Redis) -> None:
    assert (await call(alarm()))[:2] == (200, {"result": "accepted"})
    swapped = alarm(tags="idc:a,app:shop", left_value="93")
    assert (await call(swapped))[:2] == (200, {"result": "repeated"})
    assert jobs(rung) == [JOB]


async def test_the_loop_hears_for_which_job_and_by_which_key(rung: redis.Redis) -> None:
    older = callback_url("http://ocean", Ring(JOB), secret=settings.SECRET_KEY)
    assert (await call(alarm()))[1] == {"result": "accepted"}
    assert (await call(alarm(), url=older))[1] == {
        "result": "accepted"
    }  # it would else hide the one that counts
    rung.rpush(RUNG, "nonsense")
    assert Doorbell(threading.Event()).wait(1) == {BELL, Ring(JOB)}


async def test_the_next_step_and_the_end_of_an_incident_are_news(rung: redis.Redis) -> None:
    for changes in ({}, {"step": "2"}, {"status": "OK"}, {"endpoint": "web-02"}):
        assert (await call(alarm(**changes)))[1] == {"result": "accepted"}
    assert jobs(rung) == [JOB] * 4


async def test_a_post_is_taken_too_with_a_form(rung: redis.Redis) -> None:
    status, body, _ = await call({}, method="POST", body=urlencode(alarm()).encode())
    assert (status, body) == (200, {"result": "accepted"})
    assert jobs(rung) == [JOB]


@pytest.mark.parametrize("zone_s", [0, 8 * 3600, -3.5 * 3600, 5.75 * 3600])
async def test_the_time_of_any_zone_is_understood_and_a_late_one_wakes_nobody(
    rung: redis.Redis, zone_s: float
) -> None:
    def at(ago_s: float) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - ago_s + zone_s))

    assert (await call(alarm(time=at(300))))[:2] == (200, {"result": "late"})
    assert jobs(rung) == []
    assert (await call(alarm(time=at(10))))[1] == {"result": "accepted"}
    assert jobs(rung) == [JOB]


@pytest.mark.parametrize(
    "url",
    [
        PATH,
        f"{PATH}?job={JOB}",
        f"{PATH}?job={JOB}&sig=",
        f"{PATH}?job={JOB}&sig={'0' * 32}",
        callback_url("", BELL, secret="another"),
        callback_url("", BELL, secret=settings.SECRET_KEY).replace(str(JOB), str(JOB + 1)),
        callback_url("", BELL, secret=settings.SECRET_KEY).replace(BELL.key, "0" * 16),
        callback_url("", BELL, secret=settings.SECRET_KEY).replace(f"&key={BELL.key}", ""),
    ],
)
async def test_a_forged_one_is_refused_and_rings_for_nobody(rung: redis.Redis, url: str) -> None:
    status, body, headers = await call(alarm(), url=url if "?" in url else f"{url}?")
    assert (status, headers["content-type"]) == (403, "application/problem+json")
    assert (body["type"], body["status"]) == ("urn:ocean:problem:forbidden", 403)
    assert jobs(rung) == []


@pytest.mark.parametrize("changes", [{"status": "MAYBE"}, {"status": ""}])
async def test_nonsense_is_refused(rung: redis.Redis, changes: dict[str, str]) -> None:
    assert (await call(alarm(**changes)))[0] == 400
    assert jobs(rung) == []


async def test_other_methods_are_not_taken(rung: redis.Redis) -> None:
    assert (await call(alarm(), method="DELETE"))[0] == 405


async def test_without_redis_it_says_so(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    status, body, _ = await call(alarm())
    assert (status, body["type"]) == (503, "urn:ocean:problem:unavailable")


async def test_every_other_address_is_djangos() -> None:
    heard = []

    async def django(scope: Any, *_: Any) -> None:
        heard.append(scope["path"])

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    await FalconCallback(django)({"type": "http", "path": "/jobs/"}, nothing, nothing)
    await FalconCallback(django)({"type": "http", "path": f"{PATH}x/"}, nothing, nothing)
    assert heard == ["/jobs/", f"{PATH}x/"]
