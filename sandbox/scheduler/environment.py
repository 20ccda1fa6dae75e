"""The environment of a task, variable by variable as Marathon and Mesos set it. Pure.

Sources: Marathon's mesosphere/mesos/EnvironmentHelper.scala and TaskBuilder.scala; Mesos' command executor.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.definitions.app import App
from sandbox.timestamps import format_timestamp

_MAX_LABEL_NAME = 493
_MAX_LABEL_VALUE = 512


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a task runs."""

    task_id: str
    hostname: str
    host_id: str
    agent_pid: str  # "slave(1)@127.0.0.1:5051"
    framework_id: str
    directory: str
    ports: tuple[int, ...]


def task_environment(app: App, placement: Placement, *, base: Mapping[str, str]) -> dict[str, str]:
    """`base` comes first and the definition's own `env` last: it overrides everything."""
    return {
        **base,
        **mesos_variables(placement),
        **_app_variables(app),
        **_label_variables(app.labels),
        "MESOS_TASK_ID": placement.task_id,
        "HOST": placement.hostname,
        **port_variables(app, placement.ports),
        **app.env,
    }


def mesos_variables(placement: Placement) -> dict[str, str]:
    """What the agent and the command executor add."""
    return {
        "MESOS_SANDBOX": placement.directory,
        "MESOS_DIRECTORY": placement.directory,
        "MESOS_FRAMEWORK_ID": placement.framework_id,
        "MESOS_EXECUTOR_ID": placement.task_id,
        "MESOS_SLAVE_ID": placement.host_id,
        "MESOS_SLAVE_PID": placement.agent_pid,
        "MESOS_AGENT_ENDPOINT": placement.agent_pid.partition("@")[2],
        "MESOS_CHECKPOINT": "1",
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs",
        "LIBPROCESS_PORT": "0",
    }


def port_variables(app: App, host_ports: tuple[int, ...]) -> dict[str, str]:
    """PORT, PORTS, PORTn, PORT_<requested> and PORT_<NAME>; nothing at all for an app without ports."""
    variables: dict[str, str] = {}
    listed: list[int] = []
    given = iter(host_ports)
    for n, request in enumerate(app.ports):
        if request.host_port is not None:
            port = next(given)
            listed.append(port)
        elif request.requested:
            port = request.requested
        else:
            # A container port of its own choice, which nothing outside reaches.
            port = random.randint(1025, 65535)  # noqa: S311 - not a secret
            listed.append(port)
        variables[f"PORT{n}"] = str(port)
        variables[f"PORT_{request.requested or port}"] = str(port)
        if request.name:
            variables[f"PORT_{request.name.upper()}"] = str(port)
    if app.ports:
        variables["PORTS"] = ",".join(map(str, listed))
        if listed:
            variables["PORT"] = str(listed[0])
    return variables


def _app_variables(app: App) -> dict[str, str]:
    variables = {
        "MARATHON_APP_ID": app.id,
        "MARATHON_APP_VERSION": format_timestamp(app.version),
        "MARATHON_APP_RESOURCE_CPUS": str(float(app.cpus)),
        "MARATHON_APP_RESOURCE_MEM": str(float(app.mem)),
        "MARATHON_APP_RESOURCE_DISK": str(float(app.disk)),
        "MARATHON_APP_RESOURCE_GPUS": str(int(app.gpus)),
        "MARATHON_APP_ENFORCE_GROUP_ROLE": "FALSE",
    }
    if app.image is not None and app.definition["container"]["type"] == "DOCKER":
        variables["MARATHON_APP_DOCKER_IMAGE"] = app.image
    return variables


def _label_variables(labels: Mapping[str, str]) -> dict[str, str]:
    fitting = {
        re.sub("[^A-Z0-9_]", "_", name.upper()): value
        for name, value in labels.items()
        if len(name) < _MAX_LABEL_NAME and len(value) < _MAX_LABEL_VALUE
    }
    return {
        "MARATHON_APP_LABELS": " ".join(fitting),
        **{f"MARATHON_APP_LABEL_{name}": value for name, value in fitting.items()},
    }
