"""App JSON in, canonical definition or Marathon's own complaint out."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.definitions.build import new_definition, update_body, updated_definition
from sandbox.definitions.schema import InvalidObjectError


def build(**body: Any) -> dict[str, Any]:
    return new_definition({"id": "web", "cmd": "sleep 1", **body}, default_role="*")


def complaints(**body: Any) -> tuple[str, list[dict[str, Any]]]:
    with pytest.raises(InvalidObjectError) as caught:
        build(**body)
    return str(caught.value), caught.value.details


def test_the_least_app_gets_every_default() -> None:
    assert build() == {
        "backoffFactor": 1.15,
        "backoffSeconds": 1,
        "cmd": "sleep 1",
        "cpus": 1,
        "disk": 0,
        "executor": "",
        "gpus": 0,
        "id": "/web",
        "instances": 1,
        "killSelection": "YOUNGEST_FIRST",
        "labels": {},
        "maxLaunchDelaySeconds": 300,
        "mem": 128,
        "networks": [{"mode": "host"}],
        "portDefinitions": [{"port": 0, "name": "default", "protocol": "tcp"}],
        "requirePorts": False,
        "role": "*",
        "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
        "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 1},
    }


def test_unknown_keys_and_nulls_are_ignored() -> None:
    assert build(storeUrls=["x"], networkBandwidth=5, container=None, env=None) == build()


def test_enums_are_read_in_any_case() -> None:
    assert build(killSelection="oldest_first")["killSelection"] == "OLDEST_FIRST"


@pytest.mark.parametrize(
    ("body", "path", "error"),
    [
        ({"instances": "2"}, "/instances", "error.expected.jsnumber"),
        ({"instances": True}, "/instances", "error.expected.jsnumber"),
        ({"instances": -1}, "/instances", "error.min"),
        ({"cpus": 0}, "/cpus", "error.min"),
        ({"cmd": ""}, "/cmd", "error.minLength"),
        ({"labels": {"a": 1}}, "/labels/a", "error.expected.jsstring"),
        ({"env": []}, "/env", "error.expected.jsobject"),
        ({"healthChecks": [{"path": 1}]}, "/healthChecks(0)/path", "error.expected.jsstring"),
        ({"healthChecks": [{"protocol": "UDP"}]}, "/healthChecks(0)/protocol", "error.unknown.enum.literal"),
        (
            {"upgradeStrategy": {"minimumHealthCapacity": 1}},
            "/upgradeStrategy/maximumOverCapacity",
            "error.path.missing",
        ),
        (
            {"upgradeStrategy": {"minimumHealthCapacity": 1.5, "maximumOverCapacity": 1}},
            "/upgradeStrategy/minimumHealthCapacity",
            "error.max",
        ),
        ({"portDefinitions": [{"name": "A_b"}]}, "/portDefinitions(0)/name", "error.pattern"),
    ],
)
def test_what_breaks_the_schema(body: dict[str, Any], path: str, error: str) -> None:
    assert complaints(**body) == ("Invalid JSON", [{"path": path, "errors": [error]}])


NO_COMMAND = "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."
BRIDGE = {"networks": [{"mode": "container/bridge"}], "container": {"docker": {"image": "busybox"}}}
DISK = {"containerPath": "data", "mode": "RW", "persistent": {"size": 10}}


@pytest.mark.parametrize(
    ("body", "path", "error"),
    [
        ({"cmd": None}, "/", NO_COMMAND),
        ({"args": ["a"]}, "/", NO_COMMAND),
        ({"cmd": "x"}, "/cmd", "must not be an empty string"),
        ({"container": {"volumes": []}}, "/container/docker", "not defined"),
        ({"constraints": [["hostname"]]}, "/constraints(0)", "Each constraint must have either 2 or 3 fields"),
        ({"constraints": [["hostname", "unique", "x"]]}, "/constraints(0)", "UNIQUE does not accept a value"),
        ({"constraints": [["rack", "MAX_PER", "x"]]}, "/constraints(0)", "MAX_PER requires an integer value"),
        ({"constraints": [["rack", "LIKE", "("]]}, "/constraints(0)", "'(' is not a valid regular expression"),
        (
            {"constraints": [["rack", "NEAR"]]},
            "/constraints(0)",
            "operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS",
        ),
        (
            {"healthChecks": [{"portIndex": 3}]},
            "/healthChecks(0)",
            "Health check port indices must address an element of the ports array or container port mappings.",
        ),
        (
            {"healthChecks": [{"protocol": "MESOS_TCP"}, {"protocol": "COMMAND", "command": {"value": "true"}}]},
            "/healthChecks",
            "AppDefinition can contain at most one Mesos health check",
        ),
        (
            {"readinessChecks": [{"portName": "admin"}]},
            "/readinessChecks(0)/portName",
            "No port definition reference for portName admin",
        ),
        ({"networks": [{"mode": "host", "name": "x"}]}, "/networks(0)", "Host networks may not have names or labels"),
        (
            {"networks": [{"mode": "container"}]},
            "/networks",
            "Network name must be specified when container network is selected.",
        ),
        ({**BRIDGE, "portDefinitions": [{"port": 1}]}, "/portDefinitions",
         "portDefinitions are only allowed with host-networking"),
        ({"portDefinitions": [{"port": 80}, {"port": 80}]}, "/portDefinitions", "Ports must be unique."),
        ({"ports": [1], "portDefinitions": [{"port": 2}]}, "/", "cannot specify both ports and port definitions"),
        ({"uris": ["http://a"], "fetch": [{"uri": "http://b"}]}, "/uris", "may not be set in conjunction with fetch"),
        (
            {"secrets": {"a": {"source": "b"}}},
            "/secrets",
            "Feature secrets is not enabled. Enable with --enable_features secrets)",
        ),
        (
            {"acceptedResourceRoles": ["other"]},
            "/acceptedResourceRoles",
            "acceptedResourceRoles can only contain * and *",
        ),
        (
            {"labels": {"MARATHON_SINGLE_INSTANCE_APP": "true"}, "instances": 2,
             "upgradeStrategy": {"minimumHealthCapacity": 0, "maximumOverCapacity": 0}},
            "/instances",
            "Single instance app may only have one instance",
        ),
        (
            {"container": {"type": "MESOS", "volumes": [DISK]}, "unreachableStrategy": {}},
            "/unreachableStrategy",
            "unreachableStrategy must be disabled for resident tasks",
        ),
        (
            {"container": {"type": "MESOS", "volumes": [{**DISK, "containerPath": "a/b"}]}},
            "/container/volumes(0)/containerPath",
            'value must not contain "/"',
        ),
    ],
)  # fmt: skip
def test_what_breaks_a_rule(body: dict[str, Any], path: str, error: str) -> None:
    assert complaints(**body) == ("Object is not valid", [{"path": path, "errors": [error]}])


@pytest.mark.parametrize("bad_id", ["Web", "a_b", "/prod/-web", "/a//b!"])
def test_ids_have_a_pattern(bad_id: str) -> None:
    [detail] = complaints(id=bad_id)[1]
    assert detail["path"] == "/id"
    assert detail["errors"][0].startswith("must fully match regular expression '^(([a-z0-9]|")


@pytest.mark.parametrize("ending", ["restart", "tasks", "versions"])
def test_ids_do_not_end_like_a_sub_resource(ending: str) -> None:
    assert (
        "reserved keywords: restart, tasks, versions" in complaints(id=f"/prod/{ending}")[1][0]["errors"][0]
    )


class TestOldForms:
    def test_ports_become_port_definitions(self) -> None:
        assert build(ports=[8080])["portDefinitions"] == [
            {"port": 8080, "name": "default", "protocol": "tcp"}
        ]

    def test_uris_become_fetch_and_only_archives_are_extracted(self) -> None:
        found = build(uris=["http://a/b.tgz", "http://a/b.txt"])["fetch"]
        assert [(item["uri"], item["extract"]) for item in found] == [
            ("http://a/b.tgz", True),
            ("http://a/b.txt", False),
        ]

    def test_a_docker_bridge_becomes_a_bridge_network_with_port_mappings(self) -> None:
        app = build(
            container={
                "docker": {"image": "nginx", "network": "bridge", "portMappings": [{"containerPort": 80}]}
            }
        )
        assert app["networks"] == [{"mode": "container/bridge"}]
        assert app["container"]["docker"] == {
            "image": "nginx",
            "forcePullImage": False,
            "privileged": False,
            "parameters": [],
        }
        assert app["container"]["portMappings"] == [
            {"containerPort": 80, "hostPort": 0, "labels": {}, "protocol": "tcp", "servicePort": 0}
        ]
        assert "portDefinitions" not in app

    def test_an_ip_address_becomes_a_container_network(self) -> None:
        app = build(ipAddress={"networkName": "dcos"})
        assert app["networks"] == [{"mode": "container", "name": "dcos"}]


class TestDependentDefaults:
    def test_persistent_volumes_make_an_app_resident(self) -> None:
        app = build(container={"type": "MESOS", "volumes": [DISK]})
        assert app["upgradeStrategy"] == {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}
        assert app["unreachableStrategy"] == "disabled"
        assert app["residency"]["taskLostBehavior"] == "WAIT_FOREVER"

    def test_a_health_check_gets_the_first_port(self) -> None:
        [check] = build(healthChecks=[{}])["healthChecks"]
        assert check["portIndex"] == 0
        assert check["path"] == "/"

    def test_relative_dependencies_start_at_the_parent_group(self) -> None:
        assert build(id="/prod/web", dependencies=["../db", "cache"])["dependencies"] == [
            "/db",
            "/prod/cache",
        ]


class TestUpdates:
    def test_a_key_replaces_the_whole_field_and_absent_ones_stay(self) -> None:
        current = build(env={"A": "1", "B": "2"}, mem=64)
        updated = updated_definition(current, update_body({"env": {"C": "3"}}), default_role="*")
        assert updated == {**current, "env": {"C": "3"}}

    def test_limits_are_forgotten_when_they_are_not_repeated(self) -> None:
        current = build(resourceLimits={"mem": "unlimited"})
        assert "resourceLimits" not in updated_definition(current, update_body({"mem": 64}), default_role="*")

    def test_an_old_version_comes_alone(self) -> None:
        with pytest.raises(InvalidObjectError) as caught:
            update_body({"version": "2024-05-01T12:00:00.000Z", "mem": 64})
        assert caught.value.details[0]["errors"] == [
            "The 'version' field may only be combined with the 'id' field."
        ]

    def test_persistent_volumes_stay_as_they_are(self) -> None:
        current = build(container={"type": "MESOS", "volumes": [DISK]})
        larger = {**DISK, "persistent": {"size": 20}}
        update = update_body({"container": {"type": "MESOS", "volumes": [larger]}})
        with pytest.raises(InvalidObjectError) as caught:
            updated_definition(current, update, default_role="*")
        assert "Persistent volumes can not be changed!" in caught.value.details[0]["errors"]
