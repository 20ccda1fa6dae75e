"""From a job's version to the workload that an engine runs. Pure: names in, values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apps.jobs.spec.files import content_secrets, file_environment, writing_lines
from apps.jobs.spec.hooks import hooked_command
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
    """The workload of one version. `secrets` holds the values of the names that the spec's env and files use.
    Raises FilesTooLarge.

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
    """The secrets that a spec's environment and files name."""
    return {name for _path, name in secret_uses(spec)}


def secret_uses(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each field that names a secret, by its path in the spec, and the secret's name."""
    for variable, value in spec["env"].items():
        if isinstance(value, dict):
            yield f"env.{variable}", value["secret"]
    for index, file in enumerate(spec["files"]):
        for name in content_secrets(file["content"]):
            yield f"files[{index}].content", name


def _command(spec: Mapping[str, Any]) -> str | None:
    """The command with its hooks around it, after the lines that write the config files."""
    if spec["command"] is None:
        return None
    command = hooked_command(spec["command"], hooks=spec["hooks"], kill_grace_s=spec["kill_grace_s"])
    lines = writing_lines(spec["files"])
    return "\n".join(["set -e", *lines, "set +e", command]) if lines else command


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
    env |= file_environment(spec["files"], secrets=secrets)
    return env


def _labels(spec: Mapping[str, Any], *, tag: str) -> dict[str, str]:
    labels = {**spec["labels"], TAG_LABEL: tag}
    if spec["disk_io_mib_s"]:
        labels[DISK_IO_ENV] = str(spec["disk_io_mib_s"])
    if spec["bandwidth_mbit_s"]:
        labels[BANDWIDTH_ENV] = str(spec["bandwidth_mbit_s"])
    return labels
