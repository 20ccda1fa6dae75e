"""A workload in Marathon's words: the app definition, complete, so that what was taken out really goes.

Source: Marathon's `app.raml` and its validators (1.5 – 1.11).
"""

from __future__ import annotations

from typing import Any

from clients.errors import Refused
from engines.base import VERSION_LABEL, HealthCheck, Port, Volume, Workload
from engines.marathon.rollout import ROLLOUT_LABEL, rollout_label, upgrade_strategy


def app_definition(workload: Workload) -> dict[str, Any]:
    """The body of `PUT /v2/apps/{id}?partialUpdate=false`.

    Without an image the processes share the host's network and listen on `$PORT0`…, so a port's
    `container_port` says nothing there; with one they are bridged. Volumes that are not persistent are part
    of the sandbox folder, which the instance may fill itself: their sizes are added to the disk.
    """
    resident = any(volume.persistent for volume in workload.volumes)
    labels = {
        **workload.labels,
        VERSION_LABEL: str(workload.version),
        ROLLOUT_LABEL: rollout_label(workload.usual_rollout or workload.rollout),
    }
    definition: dict[str, Any] = {
        "id": workload.id,
        "instances": workload.instances,
        "cpus": workload.cpus,
        "mem": workload.memory_mib,
        "disk": workload.disk_mib + sum(v.size_mib for v in workload.volumes if not v.persistent),
        "gpus": workload.gpus,
        "env": dict(workload.env),
        "labels": labels,
        "constraints": [
            [c.field, c.operator, *([] if c.value is None else [c.value])] for c in workload.constraints
        ],
        "dependencies": list(workload.depends_on),
        "fetch": [
            {"uri": f.uri, "extract": f.extract, "executable": f.executable, "cache": f.cache}
            for f in workload.fetch
        ],
        "healthChecks": [
            _health_check(check, workload.ports, at=f"/healthChecks({i})")
            for i, check in enumerate(workload.health_checks)
        ],
        "backoffSeconds": workload.backoff.first_s,
        "backoffFactor": workload.backoff.factor,
        "maxLaunchDelaySeconds": workload.backoff.max_s,
        "taskKillGracePeriodSeconds": workload.kill_grace_s,
        "killSelection": "YOUNGEST_FIRST",
        "upgradeStrategy": upgrade_strategy(
            workload.rollout, instances=workload.instances, resident=resident, labels=labels
        ),
        # A lost host's instances are replaced at once, except where their data is: those wait for it.
        "unreachableStrategy": (
            "disabled" if resident else {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0}
        ),
        **_network(workload),
    }
    if workload.command is not None:
        definition["cmd"] = workload.command
    elif workload.args:
        definition["args"] = list(workload.args)
    return definition


def _network(workload: Workload) -> dict[str, Any]:
    """Networks, ports and container. Ports are always said: Marathon would reserve one by default."""
    volumes = [_volume(volume) for volume in workload.volumes if volume.persistent]
    if workload.image is None:
        container = {"container": {"type": "MESOS", "volumes": volumes}} if volumes else {}
        return {
            "networks": [{"mode": "host"}],
            "portDefinitions": [
                {"port": 0, "protocol": port.protocol, "name": port.name} for port in workload.ports
            ],
            "requirePorts": False,
            **container,
        }
    return {
        "networks": [{"mode": "container/bridge"}],
        "container": {
            # Docker's containerizer gives no GPUs; Mesos' own runs the same images.
            "type": "MESOS" if workload.gpus else "DOCKER",
            "docker": {"image": workload.image},
            "volumes": volumes,
            "portMappings": [
                {
                    "containerPort": port.container_port,
                    "hostPort": 0,
                    "protocol": port.protocol,
                    "name": port.name,
                }
                for port in workload.ports
            ],
        },
    }


def _volume(volume: Volume) -> dict[str, Any]:
    return {
        "containerPath": volume.path,
        "mode": "RW",
        "persistent": {"type": "root", "size": volume.size_mib},
    }


def _health_check(check: HealthCheck, ports: tuple[Port, ...], *, at: str) -> dict[str, Any]:
    """HTTP and TCP checks are made by Marathon from outside, commands run beside the instance by Mesos.

    They count differently: Mesos kills at failure number `maxConsecutiveFailures`, Marathon at the one after
    it (SRC/core/health/impl/HealthCheckActor.scala), and 0 means never. So `failures` becomes
    `failures - 1` for Marathon's own; 1 cannot be said, and is 2 there.
    """
    common = {
        "gracePeriodSeconds": check.grace_s,
        "intervalSeconds": check.interval_s,
        "timeoutSeconds": check.timeout_s,
    }
    if check.type == "command":
        return {
            "protocol": "COMMAND",
            "command": {"value": check.command or ""},
            "maxConsecutiveFailures": check.failures,
            **common,
        }
    outside = {
        "portIndex": _port_index(check.port, ports, at=at),
        "maxConsecutiveFailures": max(check.failures - 1, 1),
        **common,
    }
    if check.type == "tcp":
        return {"protocol": "TCP", **outside}
    return {"protocol": "HTTP", "path": check.path, **outside}


def _port_index(name: str | None, ports: tuple[Port, ...], *, at: str) -> int:
    names = [port.name for port in ports]
    if name is None and names:
        return 0
    if name in names:
        return names.index(name)
    have = ", ".join(names) or "none"
    raise Refused(
        f"a health check asks for port {name or '0'}, but the workload's ports are: {have}",
        remote="marathon",
        operation="definition",
        details=((f"{at}/portIndex", "no such port"),),
    )
