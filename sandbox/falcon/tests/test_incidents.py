"""From a pushed point to the callback."""

from typing import Any

import pytest

from sandbox.falcon.tests.conftest import Portal, Receiver, eventually


def sample(value: float, time: int, **more: Any) -> dict[str, Any]:
    return {"endpoint": "web-01", "metric": "qps", "timestamp": time, "value": value, **more}


async def test_a_breach_is_called_back_with_exactly_what_alarm_says(
    portal: Portal, receiver: Receiver, now: int
) -> None:
    ids = await portal.watch("web-01", "qps", url=f"{receiver.url}?token=a%2Bb", tags="app=shop")
    await portal.push(sample(120.50000001, now, tags="idc=a,app=shop"))
    await eventually(lambda: receiver.calls)

    call = receiver.calls[0]
    assert (call.method, call.headers["User-Agent"], await call.text()) == ("GET", "beegoServer", "")
    told = dict(call.query)
    assert told.pop("tags") in ("app:shop,idc:a", "idc:a,app:shop")
    when = told.pop("time")
    assert (len(when), when[4], when[10], when[13]) == (19, "-", " ", ":")
    assert told == {
        "token": "a+b",
        "endpoint": "web-01",
        "metric": "qps",
        "status": "PROBLEM",
        "step": "1",
        "priority": "0",
        "tpl_id": str(ids["template"]),
        "exp_id": "0",
        "stra_id": str(ids["strategy"]),
        "left_value": "120.5",
    }
    assert "time=20" in call.raw_path
    assert "+" in call.raw_path.partition("time=")[2]


async def test_an_incident_steps_up_to_its_most_and_is_told_when_it_is_over(
    portal: Portal, receiver: Receiver, now: int
) -> None:
    await portal.watch("web-01", "qps", url=receiver.url, max_step=2)
    for number, value in enumerate((70, 90, 91, 92, 50, 40, 95)):
        await portal.push(sample(value, now - 60 + 5 * number))

    await eventually(lambda: len(receiver.calls) == 4)
    assert receiver.told == [("PROBLEM", "1"), ("PROBLEM", "2"), ("OK", "1"), ("PROBLEM", "1")]


async def test_a_repeat_needs_a_window_of_new_points(portal: Portal, receiver: Receiver, now: int) -> None:
    await portal.watch("web-01", "qps", url=receiver.url, func="all(#3)")
    for number in range(6):
        await portal.push(sample(90 + number, now - 60 + 5 * number))

    await eventually(lambda: len(receiver.calls) == 2)
    assert [call.query["left_value"] for call in receiver.calls] == ["92", "95"]


async def test_an_equal_or_older_point_is_dropped(portal: Portal, receiver: Receiver, now: int) -> None:
    await portal.watch("web-01", "qps", url=receiver.url)
    for time, value in ((now, 50), (now + 4, 90), (now - 5, 90)):
        assert await portal.push(sample(value, time)) == {"Total": 1, "Invalid": 0}

    _, history = await portal.ask("GET", "/history/web-01/qps")
    assert history == [{"timestamp": now, "value": 50.0}]


async def test_a_counter_is_judged_by_its_rate(portal: Portal, receiver: Receiver, now: int) -> None:
    await portal.watch("web-01", "qps", url=receiver.url, op="<", right_value="0")
    for number, value in enumerate((1000, 1100, 5)):
        await portal.push(sample(value, now - 60 + 5 * number, counterType="COUNTER"))

    await eventually(lambda: receiver.calls)
    assert [call.query["left_value"] for call in receiver.calls] == ["-219"]


async def test_an_expression_needs_no_group(portal: Portal, receiver: Receiver, now: int) -> None:
    action = {"uic": [], "url": receiver.url, "callback": 1}
    body = {"expression": "each(metric=qps app=shop)", "func": "all(#1)", "op": ">", "right_value": "80",
            "max_step": 1, "priority": 1, "action": action}  # fmt: skip
    assert await portal.done("POST", "/expression", body) == {"message": "expression created"}

    async def is_watched() -> Any:
        return (await portal.ask("GET", "/expression/qps"))[1]

    await eventually(is_watched)
    await portal.push(sample(90, now, tags="app=other"), sample(91, now, tags="app=shop,idc=a"))
    await eventually(lambda: receiver.calls)
    told = receiver.calls[0].query
    assert (len(receiver.calls), told["exp_id"], told["stra_id"], told["tpl_id"]) == (1, "1", "0", "0")


@pytest.mark.parametrize("gone", ["action", "callbacks"])
async def test_an_event_without_anybody_to_call_is_archived_only(
    portal: Portal, receiver: Receiver, now: int, gone: str
) -> None:
    ids = await portal.watch("web-01", "qps", url=receiver.url)
    if gone == "action":
        await portal.done("PUT", "/template/action", {"id": 1, "uic": "", "url": receiver.url, "callback": 0})
    else:
        await portal.ask("PUT", "/faults", {"no_callbacks": True})
    await portal.push(sample(90, now))

    async def cases() -> Any:
        return await portal.done("GET", f"/alarm/eventcases?strategy_id={ids['strategy']}")

    await eventually(cases)
    (case,) = await cases()
    assert (case["status"], case["endpoint"], case["current_step"]) == ("PROBLEM", "web-01", 1)
    (event,) = await portal.done("GET", f"/alarm/events?event_id={case['id']}")
    assert (event["status"], event["step"]) == (0, 1)
    assert receiver.calls == []


async def test_a_function_that_kills_judge_takes_its_memory_along(portal: Portal, now: int) -> None:
    await portal.watch("web-01", "qps", url="http://127.0.0.1:1/", func="lookup(#2)")
    assert await portal.push(sample(90, now)) == {"Total": 1, "Invalid": 0}

    assert (await portal.ask("GET", "/history/web-01/qps"))[1] == []


async def test_a_mock_fills_silence(portal: Portal, now: int) -> None:
    body = {
        "name": "quiet",
        "obj": "web-01",
        "obj_type": "host",
        "metric": "qps",
        "dstype": "GAUGE",
        "step": 5,
        "mock": -1,
    }
    await portal.done("POST", "/nodata/", body)

    async def mocked() -> bool:
        found = await portal.done("POST", "/graph/lastpoint", [{"endpoint": "web-01", "counter": "qps"}])
        return bool(found[0]["value"]["value"] == -1)

    await eventually(mocked)


async def test_an_aggregator_is_a_series_of_its_own(portal: Portal, now: int) -> None:
    group = await portal.done("POST", "/hostgroup", {"name": "shop"})
    hosts = ["shop-1", "shop-2", "shop-3"]
    await portal.done("POST", "/hostgroup/host", {"hostgroup_id": group["id"], "hosts": hosts})
    for host, value in zip(hosts, (100, 300), strict=False):
        await portal.push({"endpoint": host, "metric": "qps", "timestamp": now, "value": value})
    body = {"hostgroup_id": group["id"], "numerator": "$(qps)", "denominator": "$#", "endpoint": "shop",
            "metric": "qps.avg", "tags": "", "step": 5}  # fmt: skip
    await portal.done("POST", "/aggregator", body)

    async def aggregated() -> bool:
        found = await portal.done("POST", "/graph/lastpoint", [{"endpoint": "shop", "counter": "qps.avg"}])
        return bool(found[0]["value"]["value"] == 200)

    await eventually(aggregated)
