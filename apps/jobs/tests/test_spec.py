"""The spec: defaults, errors at the field, merging, differences, and the workload that it becomes."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from apps.core.errors import InvalidInput
from apps.jobs.spec import Change, spec_diff, spec_merge, spec_validate
from apps.jobs.spec.workload import make_rollout, make_workload
from apps.jobs.tests.factories import make_spec
from engines.base import Rollout, Workload


def errors_of(data: Any) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        spec_validate(data)
    return {error.field: error.code for error in caught.value.errors}


def workload_of(spec: dict[str, Any], **overrides: Any) -> Workload:
    values: dict[str, Any] = {
        "workload_id": "/xiaomi/inf/ocean/staging/web/web",
        "tag": "job.web",
        "version": 3,
        "spec": spec,
        "instances": 3,
        "secrets": {},
        **overrides,
    }
    return make_workload(**values)


def test_a_command_alone_is_a_whole_spec() -> None:
    spec = spec_validate({"command": "sleep 60"})
    assert (spec["instances"], spec["cpus"], spec["memory_mib"]) == (1, 0.1, 128)
    assert spec["strategy"] == {
        "kind": "rolling", "batch": 1, "max_unavailable": 0, "max_surge": 1, "deadline_s": 300,
        "canary_instances": None, "canary_percent": None, "hold_s": None, "slow_tolerated": 0,
        "min_up_s": 3,
    }  # fmt: skip


def test_a_validated_spec_validates_to_itself() -> None:
    spec = make_spec(volumes=[{"path": "data", "size_mib": 10}], env={"A": 1})
    assert spec_validate(spec) == spec


@pytest.mark.parametrize(
    ("data", "field", "code"),
    [
        ({}, "spec.command", "required"),
        ({"command": "x y", "args": ["a"]}, "spec.args", "invalid"),
        ({"command": "x y", "cpus": 0}, "spec.cpus", "min_value"),
        ({"command": "x y", "cpus": "many"}, "spec.cpus", "invalid"),
        ({"command": "x y", "instances": -1}, "spec.instances", "min_value"),
        ({"command": "x y", "colour": "red"}, "spec.colour", "unknown_field"),
        ({"command": "x y", "ports": [{"name": "Web"}]}, "spec.ports[0].name", "invalid_name"),
        ({"command": "x y", "ports": [{"name": "a"}, {"name": "a"}]}, "spec.ports[1].name", "unique"),
        ({"command": "x y", "health_checks": [{"type": "http"}]}, "spec.health_checks[0].port", "invalid_choice"),
        ({"command": "x y", "health_checks": [{"type": "ping"}]}, "spec.health_checks[0].type", "invalid_choice"),
        ({"command": "x y", "health_checks": [{"type": "command"}]}, "spec.health_checks[0].command", "required"),
        (
            {"command": "x y", "constraints": [{"field": "rack", "operator": "NEAR"}]},
            "spec.constraints[0].operator", "invalid_choice",
        ),
        (
            {"command": "x y", "constraints": [{"field": "rack", "operator": "MAX_PER", "value": "a"}]},
            "spec.constraints[0].value", "invalid",
        ),
        (
            {"command": "x y", "constraints": [{"field": "rack", "operator": "LIKE", "value": "("}]},
            "spec.constraints[0].value", "invalid",
        ),
        (
            {"command": "x y", "constraints": [{"field": "rack", "operator": "LIKE", "value": "a{99999999999}"}]},
            "spec.constraints[0].value", "invalid",
        ),
        ({"command": "x y", "env": {"1A": "x"}}, "spec.env.1A", "invalid_name"),
        ({"command": "x y", "env": {"A\n": "x"}}, "spec.env.A\n", "invalid_name"),
        ({"command": "x y", "env": {"A": {"sekret": "x"}}}, "spec.env.A", "invalid"),
        ({"command": "x y", "labels": {"OCEAN_TAG": "x"}}, "spec.labels.OCEAN_TAG", "reserved"),
        ({"command": "x y", "files": [{"path": "../etc/passwd"}]}, "spec.files[0].path", "invalid_path"),
        ({"image": "nginx", "files": [{"path": "a"}]}, "spec.files", "invalid"),
        ({"command": "x y", "volumes": [{"path": "a/b", "size_mib": 1}]}, "spec.volumes[0].path", "invalid_path"),
        ({"command": "x y", "strategy": {"max_surge": 0}}, "spec.strategy.max_surge", "min_value"),
        ({"command": "x y", "strategy": {"kind": "magic"}}, "spec.strategy.kind", "invalid_choice"),
        ({"command": "x y", "hooks": {"start": "x"}}, "spec.hooks.start", "unknown_field"),
        ("text", "spec", "invalid"),
    ],
)  # fmt: skip
def test_a_bad_field_is_named_by_its_path(data: Any, field: str, code: str) -> None:
    assert errors_of(data) == {field: code}


def test_all_bad_fields_are_named_at_once() -> None:
    data = {"command": "x y", "cpus": 0, "memory_mib": -1, "ports": [{"name": "a b"}]}
    assert set(errors_of(data)) == {"spec.cpus", "spec.memory_mib", "spec.ports[0].name"}


def test_a_check_without_a_port_looks_at_the_first_one() -> None:
    spec = spec_validate({"command": "x y", "ports": [{"name": "web"}], "health_checks": [{"type": "tcp"}]})
    assert spec["health_checks"][0]["port"] == "web"


def test_a_patch_replaces_top_level_keys_whole() -> None:
    merged = spec_merge(make_spec(env={"A": "1", "B": "2"}), {"env": {"C": "3"}})
    assert merged["env"] == {"C": "3"}
    assert merged["command"] == make_spec()["command"]


def test_differences_are_named_field_by_field() -> None:
    old = make_spec(env={"A": "1", "B": "2"}, cpus=0.1)
    new = make_spec(env={"A": "9", "C": {"secret": "c"}}, cpus=0.5)
    assert spec_diff(old, new) == [
        Change("cpus", "changed", 0.1, 0.5),
        Change("env.A", "changed", "1", "9"),
        Change("env.C", "added", None, {"secret": "c"}),
        Change("env.B", "removed", "2", None),
    ]


def test_a_row_added_before_others_is_one_difference() -> None:
    old = make_spec(ports=[{"name": "http"}])
    new = make_spec(ports=[{"name": "admin"}, {"name": "http"}])
    [change] = spec_diff(old, new)
    assert (change.field, change.change) == ("ports[admin]", "added")


def test_a_changed_check_is_named_by_its_place() -> None:
    old = make_spec(health_checks=[{"type": "http", "port": "http", "path": "/"}])
    new = make_spec(health_checks=[{"type": "http", "port": "http", "path": "/health"}, {"type": "tcp"}])
    first, second = spec_diff(old, new)
    assert first == Change("health_checks[1].path", "changed", "/", "/health")
    assert (second.field, second.change) == ("health_checks[2]", "added")


def test_equal_specs_have_no_difference() -> None:
    assert spec_diff(make_spec(), make_spec()) == []


def test_a_secrets_value_goes_into_the_environment_and_never_into_a_repr() -> None:
    workload = workload_of(make_spec(env={"PASS": {"secret": "db"}}), secrets={"db": "hunter2"})
    assert workload.env["PASS"] == "hunter2"
    assert "hunter2" not in repr(workload)


def test_what_marathon_cannot_ask_for_goes_by_environment_and_labels() -> None:
    workload = workload_of(make_spec(disk_io_mib_s=40, bandwidth_mbit_s=100))
    expected = {"OCEAN_DISK_IO_MIB_S": "40", "OCEAN_BANDWIDTH_MBIT_S": "100"}
    assert expected.items() <= workload.env.items()
    assert expected.items() <= workload.labels.items()


def test_config_files_are_written_before_the_command_runs(tmp_path: Path) -> None:
    content = "a 'quoted'\n$HOME `x` 中文\n"
    spec = make_spec(command="cat 'conf/my app.ini'", files=[{"path": "conf/my app.ini", "content": content}])
    workload = workload_of(spec)
    assert workload.command is not None
    assert base64.b64decode(workload.env["OCEAN_FILE_0"]).decode() == content
    ran = subprocess.run(
        ["/bin/sh", "-c", workload.command], cwd=tmp_path, env={**workload.env, "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout == content


ROLLING = {"kind": "rolling", "batch": 1, "max_unavailable": 0, "max_surge": 1}


@pytest.mark.parametrize(
    ("strategy", "rollout"),
    [
        (ROLLING, Rollout(0, 1)),
        ({**ROLLING, "batch": 2, "max_unavailable": 3, "max_surge": 5}, Rollout(2, 2)),
        ({**ROLLING, "kind": "recreate"}, Rollout(6, 0)),
    ],
)
def test_a_strategy_becomes_counts_of_instances(strategy: dict[str, Any], rollout: Rollout) -> None:
    assert make_rollout(strategy, instances=6, in_place=False) == rollout


@pytest.mark.parametrize(
    ("strategy", "rollout"),
    [
        (ROLLING, Rollout(1, 0)),
        ({**ROLLING, "batch": 2, "max_unavailable": 3}, Rollout(2, 0)),
        ({**ROLLING, "kind": "recreate"}, Rollout(6, 0)),
    ],
)
def test_instances_with_persistent_volumes_are_replaced_in_place(
    strategy: dict[str, Any], rollout: Rollout
) -> None:
    spec = make_spec(volumes=[{"path": "data", "size_mib": 10}], strategy=strategy)
    assert workload_of(spec, instances=6).rollout == rollout
