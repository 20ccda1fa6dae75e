"""What would be different somewhere else: each finding by itself, from a spec and the facts."""

from __future__ import annotations

from typing import Any

import pytest

from apps.jobs.cloning.differences import HostFacts, Place, differences
from apps.jobs.tests.factories import make_spec

TAG = "job.api_service.api_cluster.c3_pdl.ocean_owt.inf_cop.xiaomi"


def host(name: str = "node1", *, used: float = 0.0, **attributes: str) -> HostFacts:
    resources = {"cpus": 4.0, "mem": 4096.0, "disk": 1000.0}
    return HostFacts(name, attributes, resources, {"cpus": used})


def place(**overrides: Any) -> Place:
    facts: dict[str, Any] = {
        "cluster": "c3",
        "enabled": True,
        "same_cluster": False,
        "hosts": [host("node1", rack="r1"), host("node2", rack="r2")],
        "secrets": frozenset(),
        "product_line": "pdl.ocean",
        "same_line": True,
        "jobs": frozenset(),
        "tag": TAG,
        "taken": False,
        **overrides,
    }
    return Place(**facts)


def found(spec: dict[str, Any], where: Place, *, instances: int = 3) -> list[tuple[str, str, str]]:
    whole = make_spec(**spec)
    return [(one.severity, one.field, one.code) for one in differences(whole, where, instances=instances)]


def constraint(field: str, operator: str, value: str | None = None) -> dict[str, Any]:
    return {"constraints": [{"field": field, "operator": operator, "value": value}]}


def test_what_fits_has_no_differences() -> None:
    assert found({**constraint("rack", "GROUP_BY", "2")}, place()) == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"taken": True}, ("error", "name", "unique")),
        ({"enabled": False}, ("error", "cluster", "disabled")),
        ({"hosts": []}, ("error", "cluster", "no_hosts")),
        ({"dependents": ["job.web"]}, ("warning", "depends_on", "dependents")),
    ],
)
def test_the_place_itself(facts: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert found({}, place(**facts)) == [expected]


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        (constraint("zone", "GROUP_BY"), "no_such_attribute"),
        (constraint("zone", "UNIQUE"), "no_such_attribute"),
        (constraint("zone", "IS", "a"), "no_such_attribute"),
        (constraint("rack", "IS", "r9"), "no_such_value"),
        (constraint("rack", "CLUSTER", "r9"), "no_such_value"),
        (constraint("rack", "LIKE", "x.*"), "no_such_value"),
        (constraint("rack", "UNLIKE", "r.*"), "no_such_value"),
        (constraint("hostname", "IS", "lg-node1"), "no_such_value"),
    ],
)
def test_constraints_that_no_host_there_meets_are_errors(spec: dict[str, Any], code: str) -> None:
    assert found(spec, place()) == [("error", "spec.constraints[0]", code)]


@pytest.mark.parametrize(
    "spec",
    [
        constraint("rack", "IS", "r1"),
        constraint("rack", "CLUSTER"),
        constraint("rack", "LIKE", "r[12]"),
        constraint("rack", "UNLIKE", "r1"),
        constraint("zone", "UNLIKE", "a"),
        constraint("hostname", "LIKE", "node.*"),
        constraint("rack", "MAX_PER", "2"),
    ],
)
def test_constraints_that_hold_there_are_no_difference(spec: dict[str, Any]) -> None:
    assert found(spec, place()) == []


@pytest.mark.parametrize("spec", [constraint("rack", "UNIQUE"), constraint("rack", "MAX_PER", "1")])
def test_constraints_with_too_few_values_are_warnings(spec: dict[str, Any]) -> None:
    assert found(spec, place()) == [("warning", "spec.constraints[0]", "too_few_values")]


@pytest.mark.parametrize(
    ("field", "asked"), [("cpus", 400), ("memory_mib", 5000), ("disk_mib", 2000), ("gpus", 1)]
)
def test_more_than_any_host_has_is_an_error(field: str, asked: int) -> None:
    assert found({field: asked}, place()) == [("error", f"spec.{field}", "larger_than_any_host")]


def test_more_than_is_free_is_a_warning_with_both_numbers() -> None:
    crowded = place(hosts=[host(used=3.5)])
    [one] = differences(make_spec(cpus=1), crowded, instances=1)
    assert (one.severity, one.code, one.here, one.there) == ("warning", "larger_than_free", "1", "0.5")
    assert one.what == ("No host of c3 has so much free now: one instance asks for 1, at most 0.5 is.")


def test_too_little_room_for_all_instances_is_a_warning() -> None:
    assert found({"cpus": 3}, place(), instances=5) == [("warning", "spec.instances", "no_room")]
    assert found({"cpus": 3}, place(), instances=2) == []


def test_secrets_that_the_other_line_lacks_are_errors_at_their_variable() -> None:
    spec = {"env": {"PASS": {"secret": "db"}, "KEY": {"secret": "api"}}}
    other = place(same_line=False, secrets=frozenset({"api"}))
    assert found(spec, other) == [
        ("error", "spec.env.PASS", "unknown_secret"),
        ("warning", "spec.env.KEY", "other_secret"),
    ]
    assert found(spec, place(secrets=frozenset({"api", "db"}))) == []


def test_dependencies_there_are_named_and_missing_ones_are_errors() -> None:
    spec = {"depends_on": ["job.db", "job.cache"]}
    assert found(spec, place(jobs=frozenset({"job.cache"}))) == [
        ("error", "spec.depends_on[0]", "unknown_job"),
        ("info", "spec.depends_on[1]", "other_job"),
    ]


def test_volumes_and_images_are_said_last() -> None:
    spec = {"image": "web:1", "volumes": [{"path": "data", "size_mib": 10}], "cpus": 400}
    assert found(spec, place()) == [
        ("error", "spec.cpus", "larger_than_any_host"),
        ("warning", "spec.volumes[0]", "volume"),
        ("info", "spec.image", "image"),
    ]


def test_on_the_same_cluster_hosts_are_no_question() -> None:
    assert found({"cpus": 400, **constraint("zone", "UNIQUE")}, place(same_cluster=True, hosts=[])) == []
