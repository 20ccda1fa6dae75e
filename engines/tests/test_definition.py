from dataclasses import replace
from typing import Any, cast

import pytest

from clients.errors import Refused
from engines.base import (
    Backoff,
    Constraint,
    Fetch,
    HealthCheck,
    Port,
    Rollout,
    Volume,
    Workload,
    WorkloadId,
)
from engines.marathon.definition import app_definition

BARE = Workload(
    id=WorkloadId("/xiaomi/web"), version=3, instances=4, cpus=0.5, memory_mib=64, command="./serve"
)


def test_a_bare_workload_says_every_field_so_that_what_was_taken_out_goes() -> None:
    assert app_definition(BARE) == {
        "id": "/xiaomi/web",
        "cmd": "./serve",
        "instances": 4,
        "cpus": 0.5,
        "mem": 64,
        "disk": 0,
        "gpus": 0,
        "env": {},
        "labels": {"OCEAN_VERSION": "3", "OCEAN_ROLLOUT": "0/1"},
        "constraints": [],
        "dependencies": [],
        "fetch": [],
        "healthChecks": [],
        "backoffSeconds": 1,
        "backoffFactor": 1.15,
        "maxLaunchDelaySeconds": 300,
        "taskKillGracePeriodSeconds": 3,
        "killSelection": "YOUNGEST_FIRST",
        "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0.375},
        "unreachableStrategy": {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
        "networks": [{"mode": "host"}],
        "portDefinitions": [],
        "requirePorts": False,
    }


def test_a_replacement_at_once_leaves_later_restarts_as_they_usually_are() -> None:
    found = app_definition(
        replace(
            BARE, instances=4, rollout=Rollout(max_unavailable=4), usual_rollout=Rollout(max_unavailable=1)
        )
    )
    assert found["upgradeStrategy"]["minimumHealthCapacity"] == 0
    assert found["labels"]["OCEAN_ROLLOUT"] == "1/1"


def test_everything_that_a_workload_can_say_is_said() -> None:
    found = app_definition(
        replace(
            BARE,
            env={"LEVEL": "info"},
            labels={"team": "a", "OCEAN_TAG": "job.web"},
            constraints=(Constraint("rack", "GROUP_BY", "3"), Constraint("hostname", "UNIQUE")),
            depends_on=(WorkloadId("/xiaomi/db"),),
            fetch=(Fetch("https://files/a.tgz", extract=False, executable=True, cache=True),),
            backoff=Backoff(first_s=2, factor=1.5, max_s=60),
            kill_grace_s=10,
            rollout=Rollout(max_unavailable=2, max_surge=0),
            gpus=1,
            disk_mib=5,
        )
    )

    said = {
        "env": {"LEVEL": "info"},
        "labels": {"team": "a", "OCEAN_TAG": "job.web", "OCEAN_VERSION": "3", "OCEAN_ROLLOUT": "2/0"},
        "constraints": [["rack", "GROUP_BY", "3"], ["hostname", "UNIQUE"]],
        "dependencies": ["/xiaomi/db"],
        "fetch": [{"uri": "https://files/a.tgz", "extract": False, "executable": True, "cache": True}],
        "backoffSeconds": 2,
        "backoffFactor": 1.5,
        "maxLaunchDelaySeconds": 60,
        "taskKillGracePeriodSeconds": 10,
        "upgradeStrategy": {"minimumHealthCapacity": 0.375, "maximumOverCapacity": 0},
        "gpus": 1,
        "disk": 5,
    }
    assert {key: found[key] for key in said} == said


class TestNetwork:
    ports = (Port("http", container_port=8080), Port("admin", protocol="udp"))

    def test_without_an_image_the_ports_are_the_hosts(self) -> None:
        found = app_definition(replace(BARE, ports=self.ports))

        assert found["networks"] == [{"mode": "host"}]
        assert found["portDefinitions"] == [
            {"port": 0, "protocol": "tcp", "name": "http"},
            {"port": 0, "protocol": "udp", "name": "admin"},
        ]
        assert "container" not in found

    def test_with_an_image_they_are_mapped(self) -> None:
        found = app_definition(replace(BARE, command=None, image="nginx:1", ports=self.ports))

        assert found["networks"] == [{"mode": "container/bridge"}]
        assert "portDefinitions" not in found
        assert found["container"] == {
            "type": "DOCKER",
            "docker": {"image": "nginx:1"},
            "volumes": [],
            "portMappings": [
                {"containerPort": 8080, "hostPort": 0, "protocol": "tcp", "name": "http"},
                {"containerPort": 0, "hostPort": 0, "protocol": "udp", "name": "admin"},
            ],
        }

    def test_an_image_that_needs_gpus_is_run_by_mesos(self) -> None:
        assert app_definition(replace(BARE, image="cuda", gpus=1))["container"]["type"] == "MESOS"

    def test_args_stand_for_a_command(self) -> None:
        found = app_definition(replace(BARE, command=None, args=("./serve", "-v")))

        assert (found.get("cmd"), found["args"]) == (None, ["./serve", "-v"])

    def test_an_image_alone_runs_its_own_command(self) -> None:
        found = app_definition(replace(BARE, command=None, image="nginx:1"))

        assert not {"cmd", "args"} & found.keys()


class TestVolumes:
    def test_a_persistent_volume_binds_the_instance(self) -> None:
        found = app_definition(replace(BARE, volumes=(Volume("data", size_mib=100),), rollout=Rollout(1, 2)))

        volume = {"containerPath": "data", "mode": "RW", "persistent": {"type": "root", "size": 100}}
        assert found["container"] == {"type": "MESOS", "volumes": [volume]}
        assert found["unreachableStrategy"] == "disabled"
        assert found["upgradeStrategy"]["maximumOverCapacity"] == 0

    def test_another_is_part_of_the_sandbox_folders_disk(self) -> None:
        found = app_definition(
            replace(BARE, disk_mib=10, volumes=(Volume("tmp", size_mib=100, persistent=False),))
        )

        assert (found["disk"], "container" in found) == (110, False)
        assert found["unreachableStrategy"] != "disabled"


class TestHealthChecks:
    ports = (Port("http"), Port("admin"))

    def checks(self, *checks: HealthCheck) -> list[dict[str, Any]]:
        found = app_definition(replace(BARE, ports=self.ports, health_checks=checks))
        return cast(list[dict[str, Any]], found["healthChecks"])

    def test_http_and_tcp_are_marathons_which_kills_at_one_failure_more_than_it_is_told(self) -> None:
        common = {"grace_s": 10, "interval_s": 5, "timeout_s": 3, "failures": 4}
        times = {"gracePeriodSeconds": 10, "intervalSeconds": 5, "timeoutSeconds": 3}

        assert self.checks(
            HealthCheck(type="http", port="admin", path="/ok", **common),  # type: ignore[arg-type]
            HealthCheck(type="tcp", **common),  # type: ignore[arg-type]
        ) == [
            {"protocol": "HTTP", "path": "/ok", "portIndex": 1, "maxConsecutiveFailures": 3, **times},
            {"protocol": "TCP", "portIndex": 0, "maxConsecutiveFailures": 3, **times},
        ]

    def test_a_command_is_mesos_which_counts_as_told(self) -> None:
        assert self.checks(HealthCheck(type="command", command="test -e ok", failures=4)) == [
            {
                "protocol": "COMMAND",
                "command": {"value": "test -e ok"},
                "maxConsecutiveFailures": 4,
                "gracePeriodSeconds": 300,
                "intervalSeconds": 60,
                "timeoutSeconds": 20,
            }
        ]

    def test_one_failure_is_never_said_as_zero_which_means_never(self) -> None:
        (check,) = self.checks(HealthCheck(type="tcp", failures=1))

        assert check["maxConsecutiveFailures"] == 1

    @pytest.mark.parametrize(("port", "ports"), [("nosuch", ports), (None, ())])
    def test_a_port_that_is_not_there_is_refused(self, port: str | None, ports: tuple[Port, ...]) -> None:
        check = HealthCheck(type="http", port=port)

        with pytest.raises(Refused) as caught:
            app_definition(replace(BARE, ports=ports, health_checks=(check,)))
        assert caught.value.details == (("/healthChecks(0)/portIndex", "no such port"),)
