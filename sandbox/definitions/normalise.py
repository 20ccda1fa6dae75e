"""Old forms to today's, and all defaults filled in: what Marathon does before it validates and stores an app.

Nothing is changed in place. Sources: Marathon's api/v2/AppNormalization.scala, NetworkNormalization.scala.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.definitions.app import Json
from sandbox.definitions.parse import is_host_network, ports_of
from sandbox.definitions.schema import Problems
from sandbox.ids import canonical_path, parent_group

_ARCHIVE = re.compile(r"\.(tgz|tar\.gz|tbz2|tar\.bz2|txz|tar\.xz|zip)$")
_HOST: Json = {"mode": "host"}

_DEFAULTS: Json = {
    "backoffFactor": 1.15,
    "backoffSeconds": 1,
    "cpus": 1,
    "disk": 0,
    "executor": "",
    "gpus": 0,
    "instances": 1,
    "killSelection": "YOUNGEST_FIRST",
    "labels": {},
    "maxLaunchDelaySeconds": 300,
    "mem": 128,
    "requirePorts": False,
}
# Printed only when there is something in them; portDefinitions may be `[]`, which means "no ports".
_LEFT_OUT_WHEN_EMPTY = (
    "acceptedResourceRoles",
    "args",
    "constraints",
    "dependencies",
    "env",
    "fetch",
    "healthChecks",
    "readinessChecks",
    "secrets",
)


def rewrite_old_forms(body: Json, problems: Problems) -> Json:
    """Rewrite what was spelled otherwise before 1.5, in a whole app or in an update; complains about
    both at once."""
    body = dict(body)
    _rewrite_ports(body, problems)
    _rewrite_uris(body, problems)
    _rewrite_networks(body, problems)
    return body


def complete(body: Json, *, default_role: str) -> Json:
    """The canonical definition: every default filled in, empty optional fields left out."""
    app = {**_DEFAULTS, **body}
    app["id"] = canonical_path(app["id"])
    app["networks"] = app.get("networks") or [_HOST]
    app["role"] = app.get("role") or default_role
    app.pop("version", None)
    for name in ("cpus", "mem", "disk"):
        app[name] = _plain_number(app[name])
    _complete_container(app)
    _complete_ports(app)
    _complete_checks(app)
    _complete_strategies(app)
    if "constraints" in app:
        app["constraints"] = [[c[0], c[1].upper(), *c[2:]] if len(c) > 1 else c for c in app["constraints"]]
    if "dependencies" in app:
        base = parent_group(app["id"])
        app["dependencies"] = [canonical_path(path, base) for path in app["dependencies"]]
    for key in _LEFT_OUT_WHEN_EMPTY:
        if not app.get(key, True):
            del app[key]
    return dict(sorted(app.items()))


def merge_update(current: Json, update: Json) -> Json:
    """A partial update: each key present replaces that whole field. Marathon forgets executorResources and
    resourceLimits when an update does not repeat them (raml/AppConversion.scala)."""
    merged = {**current, **update, "id": current["id"]}
    for forgotten in ("executorResources", "resourceLimits"):
        if forgotten not in update:
            merged.pop(forgotten, None)
    if "networks" in update and is_host_network(update) != is_host_network(current):
        # The ports belong to the other kind of network.
        if "portDefinitions" not in update:
            merged.pop("portDefinitions", None)
        if "container" not in update and "container" in merged:
            merged["container"] = {k: v for k, v in merged["container"].items() if k != "portMappings"}
    if "container" in update and "residency" not in update and not _has_persistent(merged["container"]):
        merged.pop("residency", None)
    return merged


def _rewrite_ports(body: Json, problems: Problems) -> None:
    ports = body.pop("ports", None)
    if not ports:
        if ports is not None:
            body.setdefault("portDefinitions", [])
        return
    if body.get("portDefinitions"):
        problems.add("/", "cannot specify both ports and port definitions")
        return
    body["portDefinitions"] = [
        {"port": port, "protocol": "tcp", **({"name": "default"} if n == 0 and len(ports) == 1 else {})}
        for n, port in enumerate(ports)
    ]


def _rewrite_uris(body: Json, problems: Problems) -> None:
    uris = body.pop("uris", None)
    if not uris:
        return
    if body.get("fetch"):
        problems.add("/uris", "may not be set in conjunction with fetch")
        return
    body["fetch"] = [
        {"uri": uri, "extract": bool(_ARCHIVE.search(uri)), "executable": False, "cache": False}
        for uri in uris
    ]


def _rewrite_networks(body: Json, problems: Problems) -> None:
    address = body.pop("ipAddress", None)
    container = body.get("container")
    docker = dict((container or {}).get("docker") or {})
    network = docker.pop("network", None)
    mappings = docker.pop("portMappings", None)
    if container and container.get("docker"):
        body["container"] = container = {**container, "docker": docker}
        if mappings and "portMappings" not in container:
            container["portMappings"] = mappings
    if network is not None and body.get("networks"):
        problems.add("/", "must not specify both container.docker.network and networks")
    if address is not None and body.get("networks"):
        problems.add("/", "must not specify both networks and ipAddress")
    if body.get("networks"):
        return
    if network == "BRIDGE":
        body["networks"] = [{"mode": "container/bridge"}]
    elif network == "USER" or (address is not None and network is None):
        body["networks"] = [_container_network(address or {})]
    elif network is not None:
        body["networks"] = [_HOST]
    elif mappings:
        body["networks"] = [{"mode": "container/bridge"}]
    discovered = ((address or {}).get("discovery") or {}).get("ports")
    if discovered and container is not None and "portMappings" not in container:
        body["container"]["portMappings"] = [
            {"containerPort": port["number"], "servicePort": 0, **{k: port[k] for k in ("name", "protocol")}}
            for port in discovered
        ]
    if body.get("networks") and not is_host_network(body) and body.get("portDefinitions") == []:
        del body["portDefinitions"]


def _container_network(address: Json) -> Json:
    network: Json = {"mode": "container"}
    if "networkName" in address:
        network["name"] = address["networkName"]
    if address.get("labels"):
        network["labels"] = address["labels"]
    return network


def _complete_container(app: Json) -> None:
    container = app.get("container")
    if container is None:
        if not is_host_network(app):
            app["container"] = {"type": "MESOS", "volumes": []}
        return
    container = {"volumes": [], **container}
    container["volumes"] = [
        {"mode": "RW", **volume} if "persistent" in volume else volume for volume in container["volumes"]
    ]
    app["container"] = container


def _complete_ports(app: Json) -> None:
    if is_host_network(app):
        app.setdefault("portDefinitions", [{"port": 0, "name": "default", "protocol": "tcp"}])
        app["portDefinitions"] = [
            {k: v for k, v in port.items() if k != "labels" or v} for port in app["portDefinitions"]
        ]
        return
    app["requirePorts"] = False
    if not app.get("portDefinitions"):
        app.pop("portDefinitions", None)
    bridge = any(network["mode"] == "container/bridge" for network in app["networks"])
    empty = {"containerPort": 0, "name": "default"}
    mappings = app["container"].get("portMappings", [empty])
    app["container"] = {
        **app["container"],
        "portMappings": [
            {
                "containerPort": 0,
                "labels": {},
                "protocol": "tcp",
                "servicePort": 0,
                **({"hostPort": 0} if bridge else {}),
                **mapping,
            }
            for mapping in mappings
        ],
    }


def _complete_checks(app: Json) -> None:
    checks = app.get("healthChecks")
    if not checks:
        return
    has_ports = bool(ports_of(app))
    completed = []
    for check in checks:
        check = dict(check)
        if check["protocol"] != "COMMAND":
            if "HTTP" in check["protocol"]:
                check.setdefault("path", "/")
            if "port" not in check and has_ports:
                check.setdefault("portIndex", 0)
        if check["protocol"] in ("HTTP", "HTTPS"):
            check.setdefault("ignoreHttp1xx", False)
        completed.append(check)
    app["healthChecks"] = completed


def _complete_strategies(app: Json) -> None:
    resident = _has_persistent(app.get("container"))
    stateful = resident or any(
        "external" in volume for volume in (app.get("container") or {}).get("volumes", ())
    )
    capacity = (0.5, 0) if stateful else (1, 1)
    app.setdefault(
        "upgradeStrategy", {"minimumHealthCapacity": capacity[0], "maximumOverCapacity": capacity[1]}
    )
    app.setdefault(
        "unreachableStrategy",
        "disabled" if resident else {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0},
    )
    if resident:
        app.setdefault(
            "residency", {"relaunchEscalationTimeoutSeconds": 3600, "taskLostBehavior": "WAIT_FOREVER"}
        )


def _has_persistent(container: Json | None) -> bool:
    return any("persistent" in volume for volume in (container or {}).get("volumes") or ())


def _plain_number(value: Any) -> Any:
    """`32.0` is printed `32`, as Marathon does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
