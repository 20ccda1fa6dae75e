"""Canonical app JSON -> `App`. The JSON has passed validation; nothing is checked here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.definitions.app import (
    App,
    Artifact,
    Constraint,
    HealthCheck,
    Json,
    PersistentVolume,
    PortRequest,
    Protocol,
    ReadinessCheck,
    Unreachable,
    UpgradeStrategy,
)
from sandbox.ids import AppId


def app_from_definition(
    definition: Json, *, version: datetime, last_scaling_at: datetime, last_config_change_at: datetime
) -> App:
    """Read the typed view once; `definition` must not be changed afterwards."""
    container: Json = definition.get("container") or {}
    upgrade = definition["upgradeStrategy"]
    accepted = definition.get("acceptedResourceRoles")
    readiness = definition.get("readinessChecks") or []
    return App(
        id=AppId(definition["id"]),
        version=version,
        last_scaling_at=last_scaling_at,
        last_config_change_at=last_config_change_at,
        definition=definition,
        instances=definition["instances"],
        cpus=definition["cpus"],
        mem=definition["mem"],
        disk=definition["disk"],
        gpus=definition["gpus"],
        cmd=definition.get("cmd"),
        args=tuple(definition.get("args") or ()),
        image=(container.get("docker") or {}).get("image"),
        env={name: value for name, value in (definition.get("env") or {}).items() if isinstance(value, str)},
        labels=definition["labels"],
        role=definition.get("role"),
        accepted_roles=frozenset(accepted) if accepted else None,
        constraints=tuple(
            Constraint(c[0], c[1], c[2] if len(c) > 2 else None) for c in definition.get("constraints") or ()
        ),
        ports=ports_of(definition),
        host_network=is_host_network(definition),
        health_checks=tuple(_health_check(check) for check in definition.get("healthChecks") or ()),
        readiness_check=_readiness_check(readiness[0]) if readiness else None,
        upgrade=UpgradeStrategy(upgrade["minimumHealthCapacity"], upgrade["maximumOverCapacity"]),
        unreachable=_unreachable(definition["unreachableStrategy"]),
        backoff_s=definition["backoffSeconds"],
        backoff_factor=definition["backoffFactor"],
        max_launch_delay_s=definition["maxLaunchDelaySeconds"],
        kill_oldest_first=definition["killSelection"] == "OLDEST_FIRST",
        kill_grace_s=definition.get("taskKillGracePeriodSeconds"),
        dependencies=frozenset(definition.get("dependencies") or ()),
        volumes=tuple(
            PersistentVolume(volume["containerPath"], volume["persistent"]["size"])
            for volume in container.get("volumes") or ()
            if "persistent" in volume
        ),
        artifacts=tuple(
            Artifact(item["uri"], item["extract"], item["executable"], item.get("destPath"))
            for item in definition.get("fetch") or ()
        ),
    )


def is_host_network(definition: Json) -> bool:
    return any(network["mode"] == "host" for network in definition["networks"])


def ports_of(definition: Json) -> tuple[PortRequest, ...]:
    """The ports in their order: definitions with host networking, else the container's mappings."""
    if is_host_network(definition):
        fixed = definition["requirePorts"]
        return tuple(
            PortRequest(
                name=port.get("name"),
                protocol=port["protocol"],
                labels=port.get("labels") or {},
                requested=port["port"],
                host_port=port["port"] if fixed else 0,
                service_port=port["port"],
            )
            for port in definition.get("portDefinitions") or ()
        )
    container: Json = definition.get("container") or {}
    return tuple(
        PortRequest(
            name=mapping.get("name"),
            protocol=mapping["protocol"],
            labels=mapping.get("labels") or {},
            requested=mapping["containerPort"],
            host_port=mapping.get("hostPort"),
            service_port=mapping["servicePort"],
        )
        for mapping in container.get("portMappings") or ()
    )


def _health_check(check: Json) -> HealthCheck:
    return HealthCheck(
        protocol=Protocol(check["protocol"]),
        path=check.get("path") or "/",
        port_index=check.get("portIndex"),
        port=check.get("port"),
        command=(check.get("command") or {}).get("value", ""),
        grace_s=check["gracePeriodSeconds"],
        interval_s=check["intervalSeconds"],
        timeout_s=check["timeoutSeconds"],
        delay_s=check["delaySeconds"],
        max_failures=check["maxConsecutiveFailures"],
        ignore_http1xx=check.get("ignoreHttp1xx", False),
    )


def _readiness_check(check: Json) -> ReadinessCheck:
    return ReadinessCheck(
        name=check["name"],
        https=check["protocol"] == "HTTPS",
        path=check["path"],
        port_name=check["portName"],
        interval_s=check["intervalSeconds"],
        timeout_s=check["timeoutSeconds"],
        ready_statuses=frozenset(check["httpStatusCodesForReady"]),
        preserve_last_response=check["preserveLastResponse"],
    )


def _unreachable(strategy: Any) -> Unreachable:
    if strategy == "disabled":
        return Unreachable(None, None)
    return Unreachable(strategy["inactiveAfterSeconds"], strategy["expungeAfterSeconds"])
