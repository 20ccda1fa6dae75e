"""What to run: clusters, their hosts and ports, and the constants that tests like shorter.

Read from a JSON file (`docs/sandbox.md` describes it) or made from the command line by `simple_config`. A
mistake raises ConfigError naming the place, the key and what is known there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from sandbox.resources import UNRESERVED, HostResources, parse_attributes, parse_resources

T = TypeVar("T")

DEFAULT_RESOURCES = "cpus:4;mem:8192;disk:51200"
PORTS_PER_HOST = 100
FIRST_TASK_PORT = 20000
# Linux hands out ephemeral ports from here up: a task port above could be taken by any outgoing connection.
EPHEMERAL_PORTS_FROM = 32768


class ConfigError(ValueError):
    """The configuration cannot be used; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. The defaults are upstream's unless said otherwise."""

    offer_interval_s: float = 1.0  # Mesos' allocation interval; new demand is matched at once all the same
    sse_keep_alive_s: float = 10.0
    kill_grace_s: float = 3.0  # SIGTERM -> SIGKILL when the app does not say
    first_health_check_s: float = 5.0  # Marathon's first probe comes after min(interval, this)
    agent_timeout_s: float = 5.0  # a lost host becomes unreachable after this; upstream: 75
    unreachable_sweep_s: float = 1.0  # how often unreachable instances are looked at; upstream: 30
    backoff_sweep_s: float = 10.0
    abdication_s: float = 0.5  # between DELETE /v2/leader and the new leader
    noop_step_s: float = 0.02  # each change of state of a no-op task
    chronos_retry_s: float = 60.0  # between a failed run of Chronos and the next try
    flush_interval_s: float = 0.05  # how long changes of instances may wait for the disk


@dataclass(frozen=True, slots=True)
class LaunchLimits:
    """What slows starting down on a real cluster; all off, so that a demo is quick. Zero: no limit."""

    offer_cycle: bool = False  # offers come every `offer_interval_s` only, not as soon as anything wants one
    max_instances_per_offer: int = 0
    launch_tokens: int = 0  # launches at once; a running task gives one back, and all come back every …
    launch_token_refresh_s: float = 30.0
    min_revive_offers_interval_s: float = (
        0.0  # new demand waits so long after the last that had offers revived
    )


MESOS_CYCLE = LaunchLimits(offer_cycle=True)
MARATHON_DEFAULTS = LaunchLimits(
    offer_cycle=True, max_instances_per_offer=5, launch_tokens=100, min_revive_offers_interval_s=5.0
)


@dataclass(frozen=True, slots=True)
class HostConfig:
    """One virtual host."""

    hostname: str
    attributes: dict[str, str | float] = field(default_factory=dict)
    resources: str = DEFAULT_RESOURCES
    default_role: str = UNRESERVED

    def parsed_resources(self) -> HostResources:
        return parse_resources(self.resources, default_role=self.default_role)


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """One Marathon with its Mesos and Chronos. A port of None (or left out) is not opened, 0 is any free
    one."""

    name: str
    hosts: tuple[HostConfig, ...]
    idc: str = ""
    marathon_port: int | None = None
    marathon_standby_ports: tuple[int, ...] = ()
    mesos_port: int | None = None
    agent_port: int | None = None
    chronos_port: int | None = None
    chronos_line: int = 3  # whose rules: 2 skips what is more than `epsilon` late, 3 runs it however late
    mesos_role: str = UNRESERVED


@dataclass(frozen=True, slots=True)
class FalconConfig:
    """Where hosts and containers push what is measured of them, and how often."""

    push_url: str  # an agent's /v1/push
    step_s: int = 5


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    clusters: tuple[ClusterConfig, ...]
    bind: str = "127.0.0.1"
    admin_port: int | None = None
    http_credentials: str | None = None  # "user:password" asked for by Marathon's API
    timing: Timing = field(default_factory=Timing)
    launch_limits: LaunchLimits = field(default_factory=LaunchLimits)
    log_max_bytes: int = 10 * 1024 * 1024  # of a task's stdout or stderr, as Mesos' logrotate logger has it
    log_files: int = 9  # and so many older ones of each
    falcon: FalconConfig | None = None  # nothing is measured without


def load_config(path: Path) -> SandboxConfig:
    """Read a configuration file. Raises ConfigError."""
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: is not JSON: {error}") from error
    return config_from_json(content)


def config_from_json(content: Any) -> SandboxConfig:
    """Build the configuration from parsed JSON. Raises ConfigError."""
    content = dict(_object(content, "configuration"))
    clusters = _list(content.pop("clusters", None), "clusters")
    timing = _build(Timing, _object(content.pop("timing", {}), "timing"), "timing")
    limits = _build(LaunchLimits, _object(content.pop("launch_limits", {}), "launch_limits"), "launch_limits")
    falcon = content.pop("falcon", None)
    if falcon is not None:
        falcon = _build(FalconConfig, _object(falcon, "falcon"), "falcon")
    ports = _PortCounter()
    return _checked(
        _build(
            SandboxConfig,
            content,
            "configuration",
            falcon=falcon,
            timing=timing,
            launch_limits=limits,
            clusters=tuple(_cluster(item, f"clusters[{n}]", ports) for n, item in enumerate(clusters)),
        )
    )


def simple_config(
    *,
    hosts: int,
    marathon_port: int,
    mesos_port: int | None,
    agent_port: int | None,
    chronos_port: int | None,
    admin_port: int | None,
    bind: str,
    http_credentials: str | None,
) -> SandboxConfig:
    """One cluster of equal hosts on three racks, for people who only want a Marathon."""
    ports = _PortCounter()
    return _checked(
        SandboxConfig(
            bind=bind,
            admin_port=admin_port,
            http_credentials=http_credentials,
            clusters=(
                ClusterConfig(
                    name="sandbox",
                    idc="local",
                    hosts=tuple(
                        HostConfig(
                            hostname=f"node{n + 1}",
                            attributes={"rack": f"r{n % 3 + 1}"},
                            resources=ports.complete(DEFAULT_RESOURCES),
                        )
                        for n in range(hosts)
                    ),
                    marathon_port=marathon_port,
                    mesos_port=mesos_port,
                    agent_port=agent_port,
                    chronos_port=chronos_port,
                ),
            ),
        )
    )


class _PortCounter:
    """Gives each host without `ports` a range of its own: all virtual hosts share one network namespace."""

    def __init__(self) -> None:
        self._next = FIRST_TASK_PORT

    def complete(self, resources: str) -> str:
        if "ports" in resources:
            return resources
        begin, self._next = self._next, self._next + PORTS_PER_HOST
        if self._next > EPHEMERAL_PORTS_FROM:
            raise ConfigError(
                f"too many hosts: there are no {PORTS_PER_HOST} ports left below {EPHEMERAL_PORTS_FROM}; "
                "give the hosts smaller ranges (resources: 'ports:[begin-end]')"
            )
        return f"{resources};ports:[{begin}-{self._next - 1}]"


def _cluster(value: Any, place: str, ports: _PortCounter) -> ClusterConfig:
    content = dict(_object(value, place))
    hosts = [
        _host(item, f"{place}.hosts[{n}]", ports)
        for n, item in enumerate(_list(content.pop("hosts", []), place))
    ]
    generate = content.pop("generate", None)
    if generate is not None:
        hosts.extend(_generated(_object(generate, f"{place}.generate"), f"{place}.generate"))
    standby = tuple(content.pop("marathon_standby_ports", ()))
    return _build(ClusterConfig, content, place, hosts=tuple(hosts), marathon_standby_ports=standby)


def _host(value: Any, place: str, ports: _PortCounter) -> HostConfig:
    content = dict(_object(value, place))
    attributes = parse_attributes(_object(content.pop("attributes", {}), f"{place}.attributes"))
    resources = ports.complete(content.pop("resources", DEFAULT_RESOURCES))
    return _build(HostConfig, content, place, attributes=attributes, resources=resources)


def _generated(content: Mapping[str, Any], place: str) -> list[HostConfig]:
    """Many equal hosts for no-op tasks, `count` of them on `racks` racks. They share one port range, which is
    harmless for tasks that open none."""
    content = dict(content)
    count, racks = int(content.pop("count", 0)), int(content.pop("racks", 1))
    prefix = content.pop("prefix", "gen")
    attributes = parse_attributes(_object(content.pop("attributes", {}), f"{place}.attributes"))
    resources = content.pop("resources", "cpus:64;mem:262144;disk:1048576;ports:[31000-32000]")
    if content:
        raise ConfigError(f"{place}: unknown key {sorted(content)[0]!r}")
    return [
        HostConfig(
            hostname=f"{prefix}{n + 1}",
            attributes={"rack": f"g{n % racks + 1}", **attributes},
            resources=resources,
        )
        for n in range(count)
    ]


def _checked(config: SandboxConfig) -> SandboxConfig:
    if config.log_max_bytes < 1 or config.log_files < 0:
        raise ConfigError("log_max_bytes: at least 1 is needed, and log_files: at least 0")
    if config.falcon is not None and config.falcon.step_s < 1:
        raise ConfigError("falcon: step_s: at least 1 is needed")
    if not config.clusters:
        raise ConfigError("clusters: at least one is needed")
    names = [cluster.name for cluster in config.clusters]
    if len(set(names)) != len(names):
        raise ConfigError(f"clusters: names must differ, found {', '.join(names)}")
    for cluster in config.clusters:
        seen: set[str] = set()
        for host in cluster.hosts:
            if host.hostname in seen:
                raise ConfigError(f"cluster {cluster.name}: host {host.hostname} appears twice")
            seen.add(host.hostname)
            try:
                host.parsed_resources()
            except ValueError as error:
                raise ConfigError(f"cluster {cluster.name}, host {host.hostname}: {error}") from error
        if cluster.chronos_line not in (2, 3):
            raise ConfigError(f"cluster {cluster.name}: chronos_line: 2 or 3 is needed")
    return config


def _build(kind: type[T], content: Mapping[str, Any], place: str, **given: Any) -> T:
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    for key in content:
        if key not in known or key in given:
            raise ConfigError(f"{place}: unknown key {key!r}; known are {', '.join(sorted(known))}")
    for name, f in known.items():
        required = f.default is MISSING and f.default_factory is MISSING
        if required and name not in content and name not in given:
            raise ConfigError(f"{place}: key {name!r} is missing")
    return kind(**content, **given)


def _object(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{place}: an object is needed")
    return value


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list):
        raise ConfigError(f"{place}: a list is needed")
    return value
