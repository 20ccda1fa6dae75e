"""From a job's version to the workload that an engine runs. Pure: names in, values out."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from engines.base import (
    TAG_LABEL,
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

DISK_IO_ENV = "OCEAN_DISK_IO_MIB_S"
BANDWIDTH_ENV = "OCEAN_BANDWIDTH_MBIT_S"
FILE_ENV = "OCEAN_FILE_{index}"


def make_workload(
    *,
    workload_id: str,
    tag: str,
    version: int,
    spec: Mapping[str, Any],
    instances: int,
    secrets: Mapping[str, str],
    depends_on: tuple[WorkloadId, ...] = (),
    strategy: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Workload:
    """The workload of one version. `secrets` holds the values of the names that the spec's env uses.

    Marathon cannot ask for disk I/O and bandwidth, so they reach the task as environment and labels
    (source: seeds 000, 'extended Mesos resources, passed by environment').
    """
    return Workload(
        id=WorkloadId(workload_id),
        version=version,
        instances=instances,
        cpus=spec["cpus"],
        memory_mib=spec["memory_mib"],
        disk_mib=spec["disk_mib"],
        gpus=spec["gpus"],
        command=_command(spec),
        args=tuple(spec["args"]),
        image=spec["image"],
        ports=tuple(Port(**port) for port in spec["ports"]),
        env=_env(spec, secrets=secrets, tag=tag, version=version),
        labels={**_labels(spec, tag=tag), **(labels or {})},
        health_checks=tuple(HealthCheck(**check) for check in spec["health_checks"]),
        constraints=tuple(Constraint(**constraint) for constraint in spec["constraints"]),
        volumes=tuple(Volume(**volume) for volume in spec["volumes"]),
        fetch=tuple(Fetch(**fetch) for fetch in spec["fetch"]),
        rollout=make_rollout(
            strategy or spec["strategy"], instances=instances, in_place=bool(spec["volumes"])
        ),
        kill_grace_s=spec["kill_grace_s"],
        backoff=Backoff(**spec["backoff"]),
        depends_on=depends_on,
    )


def make_rollout(strategy: Mapping[str, Any], *, instances: int, in_place: bool) -> Rollout:
    """A batch bounds both how many may be missing and how many may be extra at once; 'recreate' stops all first.

    `in_place`: with persistent volumes an instance and its successor cannot both run, so none is extra and at least
    one may be missing (Marathon refuses anything else for resident apps).
    """
    if strategy["kind"] == "recreate":
        return Rollout(max_unavailable=instances, max_surge=0)
    batch = strategy["batch"]
    unavailable, surge = (min(strategy[name], batch) for name in ("max_unavailable", "max_surge"))
    if in_place:
        return Rollout(max_unavailable=max(1, unavailable), max_surge=0)
    return Rollout(max_unavailable=unavailable, max_surge=surge)


def secret_names(spec: Mapping[str, Any]) -> set[str]:
    """The secrets that a spec's environment names."""
    return {value["secret"] for value in spec["env"].values() if isinstance(value, dict)}


def _command(spec: Mapping[str, Any]) -> str | None:
    """The command, after a line for each config file that writes it into the instance's folder."""
    command: str | None = spec["command"]
    lines = []
    for index, file in enumerate(spec["files"]):
        path = PurePosixPath(file["path"])
        if str(path.parent) != ".":
            lines.append(f"mkdir -p {shlex.quote(str(path.parent))}")
        variable = FILE_ENV.format(index=index)
        lines.append(f'printf %s "${variable}" | base64 -d > {shlex.quote(str(path))}')
    return "\n".join(["set -e", *lines, "set +e", command or ""]) if lines else command


def _env(spec: Mapping[str, Any], *, secrets: Mapping[str, str], tag: str, version: int) -> dict[str, str]:
    env = {
        name: secrets[value["secret"]] if isinstance(value, dict) else value
        for name, value in spec["env"].items()
    }
    env |= {"OCEAN_TAG": tag, "OCEAN_VERSION": str(version)}
    if spec["disk_io_mib_s"]:
        env[DISK_IO_ENV] = str(spec["disk_io_mib_s"])
    if spec["bandwidth_mbit_s"]:
        env[BANDWIDTH_ENV] = str(spec["bandwidth_mbit_s"])
    for index, file in enumerate(spec["files"]):
        env[FILE_ENV.format(index=index)] = base64.b64encode(file["content"].encode()).decode()
    return env


def _labels(spec: Mapping[str, Any], *, tag: str) -> dict[str, str]:
    labels = {**spec["labels"], TAG_LABEL: tag}
    if spec["disk_io_mib_s"]:
        labels[DISK_IO_ENV] = str(spec["disk_io_mib_s"])
    if spec["bandwidth_mbit_s"]:
        labels[BANDWIDTH_ENV] = str(spec["bandwidth_mbit_s"])
    return labels
