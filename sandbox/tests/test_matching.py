from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from sandbox.definitions.app import Constraint
from sandbox.model import Host
from sandbox.resources import Allocation
from sandbox.scheduler.matching import Decline, Demand, Placed, match, satisfies
from sandbox.scheduler.queue import funnel
from sandbox.tests.factories import NOW, make_app, make_host


def look(host: Host, *, placed_on: tuple[Host, ...] = (), **app: Any) -> Allocation | Decline:
    demand = Demand.of(make_app(**app), "*")
    return match(demand, host, Placed(demand.constraints, placed_on), port_usable=lambda port: True)


@pytest.mark.parametrize(
    ("operator", "value", "here", "used", "fits"),
    [
        ("UNIQUE", None, "a", {}, True),
        ("UNIQUE", None, "a", {"a": 1}, False),
        ("CLUSTER", "a", "a", {}, True),
        ("CLUSTER", "a", "b", {}, False),
        ("CLUSTER", None, "b", {}, True),
        ("CLUSTER", None, "b", {"a": 2}, False),
        ("CLUSTER", None, "a", {"a": 2}, True),
        ("GROUP_BY", None, "b", {"a": 1}, True),
        ("GROUP_BY", None, "a", {"a": 1, "b": 1}, True),
        ("GROUP_BY", None, "a", {"a": 2, "b": 1}, False),
        ("GROUP_BY", "3", "a", {"a": 1, "b": 1}, False),
        ("GROUP_BY", "3", "c", {"a": 1, "b": 1}, True),
        ("LIKE", "r[12]", "r1", {}, True),
        ("LIKE", "r[12]", "r12", {}, False),
        ("UNLIKE", "r[12]", "r1", {}, False),
        ("UNLIKE", "r[12]", "r3", {}, True),
        ("MAX_PER", "2", "a", {"a": 1}, True),
        ("MAX_PER", "2", "a", {"a": 2}, False),
        ("IS", "a", "a", {}, True),
        ("IS", "3.0", "3", {}, True),
        ("IS", "a", "b", {}, False),
    ],
)
def test_each_operator(operator: str, value: str | None, here: str, used: dict[str, int], fits: bool) -> None:
    assert satisfies(Constraint("rack", operator, value), here, Counter(used)) is fits


@pytest.mark.parametrize("operator", ["UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "MAX_PER", "IS"])
def test_a_host_without_the_attribute_satisfies_nothing_but_unlike(operator: str) -> None:
    assert not satisfies(Constraint("rack", operator, "1"), None, Counter())
    assert satisfies(Constraint("rack", "UNLIKE", "1"), None, Counter())


@pytest.mark.parametrize(
    ("app", "reason"),
    [
        ({"cpus": 5}, Decline.CPUS),
        ({"mem": 5000}, Decline.MEMORY),
        ({"disk": 5000}, Decline.DISK),
        ({"portDefinitions": [{"port": 0, "name": f"p{n}"} for n in range(11)]}, Decline.PORTS),
        ({"portDefinitions": [{"port": 80}], "requirePorts": True}, Decline.PORTS),
        ({"constraints": [["rack", "LIKE", "r2"]], "cpus": 5}, Decline.CONSTRAINT),
        ({"role": "web", "acceptedResourceRoles": ["web"]}, Decline.ROLE),
    ],
)
def test_the_first_reason_of_the_funnel_is_given(app: dict[str, Any], reason: Decline) -> None:
    assert look(make_host(rack="r1"), **app) is reason


def test_a_host_under_maintenance_is_declined() -> None:
    host = make_host()
    host.maintenance_start = NOW
    assert look(host) is Decline.MAINTENANCE


def test_a_role_takes_its_reservation_first_and_the_rest_from_everybody() -> None:
    host = make_host(resources="cpus(web):1;mem(web):64;cpus:4;mem:1000;ports:[21000-21009]")
    found = look(host, cpus=1.5, mem=32, role="web")
    assert found == Allocation({"web": {"cpus": 1.0, "mem": 32}, "*": {"cpus": 0.5}}, (21000,))


def test_a_fixed_port_is_not_given_away_as_a_dynamic_one() -> None:
    found = look(
        make_host(),
        requirePorts=True,
        portDefinitions=[{"port": 21001, "name": "b"}, {"port": 21000, "name": "a"}],
    )
    assert isinstance(found, Allocation)
    assert found.ports == (21001, 21000)


def test_ports_that_somebody_else_listens_on_are_passed_over() -> None:
    demand = Demand.of(make_app(), "*")
    found = match(demand, make_host(), Placed((), ()), port_usable=lambda port: port > 21004)
    assert isinstance(found, Allocation)
    assert found.ports == (21005,)


def test_what_is_taken_is_not_offered_again_until_it_is_given_back() -> None:
    host = make_host()
    first = look(host, cpus=3)
    assert isinstance(first, Allocation)
    host.resources.take(first)
    assert look(host, cpus=3) is Decline.CPUS
    host.resources.give_back(first)
    second = look(host, cpus=3)
    assert isinstance(second, Allocation)
    assert second.ports != first.ports  # a port is reused as late as possible


def test_unique_hosts_are_counted_over_the_placed_instances() -> None:
    here, there = make_host("node1"), make_host("node2")
    unique: dict[str, Any] = {"constraints": [["hostname", "UNIQUE"]]}
    assert look(here, placed_on=(here,), **unique) is Decline.CONSTRAINT
    assert isinstance(look(there, placed_on=(here,), **unique), Allocation)


def test_the_funnel_lists_all_reasons_and_each_sees_what_the_ones_before_let_pass() -> None:
    steps = list(funnel(Counter({Decline.CONSTRAINT: 2, Decline.CPUS: 3}), 10))
    assert [step.reason for step in steps] == list(Decline)
    by_reason = {step.reason: (step.declined, step.processed) for step in steps}
    assert by_reason[Decline.ROLE] == (0, 10)
    assert by_reason[Decline.CONSTRAINT] == (2, 10)
    assert by_reason[Decline.CPUS] == (3, 8)
    assert by_reason[Decline.PORTS] == (0, 5)
