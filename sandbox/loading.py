"""A cluster as it was when the sandbox last ran, or a new one."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sandbox.codec import decode, decode_app, encode
from sandbox.config import ClusterConfig
from sandbox.ids import ROOT, AppId, GroupId, HostId
from sandbox.model import (
    AppState,
    Cluster,
    Condition,
    Deployment,
    Drain,
    Framework,
    Group,
    Host,
    Instance,
    RootVersion,
    Task,
    TaskFailure,
)
from sandbox.store import Record, Store
from sandbox.timestamps import VersionClock, format_timestamp, now, parse_timestamp


def load_cluster(config: ClusterConfig, store: Store, clock: VersionClock) -> Cluster:
    """Read everything stored under the cluster's name; hosts follow the configuration."""
    identity = dict(store.load(config.name, "identity")).get("cluster") or _new_identity(config, store)
    started = now()
    marathon = Framework(
        id=f"{identity['master_id']}-0000",
        name="marathon",
        registered_at=parse_timestamp(identity["registered_at"]),
        webui_url="" if config.marathon_port is None else f"http://127.0.0.1:{config.marathon_port}",
        user="root",
        role=config.mesos_role,
    )
    cluster = Cluster(
        name=config.name,
        idc=config.idc,
        master_id=identity["master_id"],
        marathon=marathon,
        started_at=started,
        elected_at=started,
        frameworks={marathon.id: marathon},
        maintenance=identity.get("maintenance", []),
    )
    _load_hosts(cluster, config, store)
    _load_tree(cluster, store, clock)
    for _, record in store.load(config.name, "instance"):
        _place(cluster, decode(Instance, record))
    marathon.completed.extend(
        sorted(
            (decode(Task, record) for _, record in store.load(config.name, "completed")),
            key=lambda task: task.statuses[-1].at,
        )
    )
    return cluster


def save_host(store: Store, cluster: Cluster, host: Host) -> None:
    """Remember the host's id and what operators did to it."""
    store.mark(cluster.name, "host", host.hostname, lambda: _host_record(host))


def save_identity(store: Store, cluster: Cluster) -> None:
    """Remember what the master is, and its maintenance schedule."""
    store.mark(cluster.name, "identity", "cluster", lambda: _identity_record(cluster))


def _identity_record(cluster: Cluster) -> Record:
    return {
        "master_id": cluster.master_id,
        "registered_at": format_timestamp(cluster.marathon.registered_at),
        "maintenance": cluster.maintenance,
    }


def _new_identity(config: ClusterConfig, store: Store) -> Record:
    identity = {"master_id": str(uuid.uuid4()), "registered_at": format_timestamp(now())}
    store.mark(config.name, "identity", "cluster", lambda: identity)
    return identity


def _host_record(host: Host) -> Record:
    return {
        "number": host.number,
        "id": host.id,
        "registered_at": format_timestamp(host.registered_at),
        "deactivated": host.deactivated,
        "down": host.down,
        "drain": None if host.drain is None else encode(host.drain),
        "maintenance_start": None
        if host.maintenance_start is None
        else format_timestamp(host.maintenance_start),
    }


def _load_hosts(cluster: Cluster, config: ClusterConfig, store: Store) -> None:
    known = dict(store.load(cluster.name, "host"))
    numbers = iter(range(1 + max((r["number"] for r in known.values()), default=0), 10**9))
    for host_config in config.hosts:
        record = known.get(host_config.hostname, {})
        number = record.get("number") or next(numbers)
        start = record.get("maintenance_start")
        host = Host(
            id=HostId(record.get("id") or f"{cluster.master_id}-S{number - 1}"),
            number=number,
            hostname=host_config.hostname,
            attributes=host_config.attributes,
            resources=host_config.parsed_resources(),
            registered_at=parse_timestamp(record["registered_at"]) if record else now(),
            agent_port=config.agent_port,
            deactivated=record.get("deactivated", False),
            down=record.get("down", False),
            drain=decode(Drain, record["drain"]) if record.get("drain") else None,
            maintenance_start=parse_timestamp(start) if start else None,
        )
        cluster.hosts[host.id] = cluster.hosts_by_name[host.hostname] = host
        if not record:
            save_host(store, cluster, host)


def _load_tree(cluster: Cluster, store: Store, clock: VersionClock) -> None:
    name = cluster.name
    for key, record in store.load(name, "group"):
        cluster.groups[GroupId(key)] = decode(Group, record)
    if ROOT not in cluster.groups:
        group = cluster.groups[ROOT] = Group(ROOT, clock.next())
        store.mark(name, "group", ROOT, lambda: encode(group))
    versions: dict[str, dict[str, Record]] = {}
    for key, record in store.load(name, "version"):
        app_id, _, version = key.partition(" ")
        versions.setdefault(app_id, {})[version] = record
    failures = dict(store.load(name, "failure"))
    for key, record in store.load(name, "app"):
        history = {v: decode_app(body) for v, body in sorted(versions[key].items())}
        state = AppState(history[record["version"]], {app.version: app for app in history.values()})
        if key in failures:
            state.last_failure = decode(TaskFailure, failures[key])
        cluster.apps[AppId(key)] = state
        clock.seen(state.app.version)
    for key, record in store.load(name, "removed"):
        cluster.removed[AppId(key)] = AppState(decode_app(record))
    for _, record in store.load(name, "history"):
        cluster.history.append(decode(RootVersion, record))
        clock.seen(cluster.history[-1].version)
    for _, record in _oldest_first(store.load(name, "deployment")):
        deployment = decode(Deployment, record)
        cluster.deployments[deployment.id] = deployment
        clock.seen(deployment.version)


def _place(cluster: Cluster, instance: Instance) -> None:
    """Put an instance where it belongs, its resources in its host's account."""
    state = cluster.apps.get(instance.app_id) or cluster.removed.get(instance.app_id)
    if state is None:
        return
    state.instances[instance.id] = cluster.instances[instance.id] = instance
    host = cluster.hosts.get(instance.host_id) if instance.host_id else None
    if host is None:
        # No host yet, or one that has left the configuration.
        instance.host_id = instance.task = instance.reserved = None
        instance.ports = ()
        instance.condition = Condition.SCHEDULED
        return
    if instance.reserved is not None:
        host.resources.take(instance.reserved)
    if instance.task is not None:
        host.add(instance.task, reserved=instance.reserved is not None)


def _oldest_first(records: Iterable[tuple[str, Record]]) -> list[tuple[str, Record]]:
    return sorted(records, key=lambda item: str(item[1]["version"]))
