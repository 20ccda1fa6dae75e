"""What a canonical app must fulfil, in Marathon's words (422 "Object is not valid").

Sources: Marathon's api/v2/validation/AppValidation.scala and neighbours, state/PathId.scala.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from sandbox.definitions.app import SINGLE_INSTANCE_LABEL, Json
from sandbox.definitions.parse import ports_of
from sandbox.definitions.schema import Problems
from sandbox.definitions.validate_networks import check_networks

_SEGMENT = re.compile(
    r"^(([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])\.)*([a-z0-9]|[a-z0-9][a-z0-9\-]*[a-z0-9])|(\.|\.\.)$"
)
_RESERVED_ENDINGS = ("restart", "tasks", "versions", ".", "..")
_OPERATORS = ("UNIQUE", "CLUSTER", "GROUP_BY", "LIKE", "MAX_PER", "UNLIKE", "IS")


def check_app(app: Json, problems: Problems) -> None:
    """Add everything that is wrong with this canonical definition."""
    check_path(app["id"], "/id", problems)
    check_command(app, problems)
    _check_features(app, problems)
    _check_resources(app, problems)
    check_networks(app, problems)
    _check_volumes(app, problems)
    _check_constraints(app.get("constraints", ()), problems)
    _check_health_checks(app, problems)
    _check_readiness(app, problems)
    _check_strategies(app, problems)
    for n, path in enumerate(app.get("dependencies", ())):
        check_path(path, f"/dependencies({n})", problems)
    for n, artifact in enumerate(app.get("fetch", ())):
        if not _is_uri(artifact["uri"]):
            problems.add(f"/fetch({n})/uri", "URI has invalid syntax.")


def check_path(path: str, place: str, problems: Problems) -> None:
    """An absolute path of an app or a group."""
    segments = [segment for segment in path.split("/") if segment]
    if not segments:
        problems.add(place, "Path must contain at least one path element")
        return
    if any(_SEGMENT.fullmatch(segment) is None for segment in segments):
        problems.add(place, f"must fully match regular expression '{_SEGMENT.pattern}'")
    if segments[-1] in _RESERVED_ENDINGS:
        problems.add(
            place, f"must not end with any of the following reserved keywords: {', '.join(_RESERVED_ENDINGS)}"
        )


def check_command(app: Json, problems: Problems) -> None:
    cmd, args, container = app.get("cmd"), app.get("args"), app.get("container") or {}
    # The validator really tests for more than one character (reference 10.1).
    if cmd is not None and len(cmd) <= 1:
        problems.add("/cmd", "must not be an empty string")
    has_image = bool((container.get("docker") or {}).get("image"))
    if (cmd is not None and args) or (cmd is None and not args and not has_image):
        problems.add("/", "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.")
    if container.get("type") == "DOCKER" and not container.get("docker"):
        problems.add("/container/docker", "not defined")


def check_resident_change(old: Json, new: Json, problems: Problems) -> None:
    """What may not change while persistent volumes hold instances to their hosts."""
    before, after = _persistent_volumes(old), _persistent_volumes(new)
    if not before:
        return
    if before != after:
        problems.add("/", "Persistent volumes can not be changed!")
    if any(old[name] != new[name] for name in ("cpus", "mem", "disk", "gpus")):
        problems.add("/", "Resident Tasks may not change resource requirements!")
    if [p.host_port for p in ports_of(old)] != [p.host_port for p in ports_of(new)]:
        problems.add("/", "Resident Tasks may not change host ports!")


def _check_features(app: Json, problems: Problems) -> None:
    if app.get("secrets"):
        problems.add("/secrets", _feature_missing("secrets"))
    for name, value in (app.get("env") or {}).items():
        if not isinstance(value, str):
            problems.add(
                f"/env/{name}",
                "use of secret-references in the environment requires the secrets feature to be enabled",
            )
            if value["secret"] not in (app.get("secrets") or {}):
                problems.add(f"/env/{name}", "references an undefined secret")


def _check_resources(app: Json, problems: Problems) -> None:
    if app["gpus"] > 0:
        problems.add("/gpus", _feature_missing("gpu_resources"))
        if (app.get("container") or {}).get("type") == "DOCKER":
            problems.add("/", "GPU resources only work with the Mesos containerizer")
    for name, limit in (app.get("resourceLimits") or {}).items():
        if limit != "unlimited" and limit < app[name]:
            problems.add(
                f"/resourceLimits/{name}",
                f"resource limit must be greater than or equal to requested resource ({app[name]})",
            )
    accepted, role = app.get("acceptedResourceRoles"), app["role"]
    if accepted and not set(accepted) <= {"*", role}:
        problems.add("/acceptedResourceRoles", f"acceptedResourceRoles can only contain * and {role}")


def _check_volumes(app: Json, problems: Problems) -> None:
    for n, volume in enumerate((app.get("container") or {}).get("volumes") or ()):
        place = f"/container/volumes({n})"
        kinds = [kind for kind in ("hostPath", "persistent", "external", "secret") if kind in volume]
        if len(kinds) != 1:
            problems.add(place, "illegal volume specification")
        elif "persistent" in volume:
            if "/" in volume["containerPath"]:
                problems.add(f"{place}/containerPath", 'value must not contain "/"')
            if volume["mode"] != "RW":
                problems.add(f"{place}/mode", "must be RW for persistent volumes")
            if volume["persistent"]["size"] <= 0:
                problems.add(f"{place}/persistent/size", "size must be greater than 0")
        elif "external" in volume:
            problems.add(
                place,
                _feature_missing("external_volumes"),
            )
        elif "secret" in volume:
            problems.add(place, _feature_missing("secrets"))
        elif "mode" not in volume:
            problems.add(f"{place}/mode", "undefined")


def _check_constraints(constraints: Sequence[list[str]], problems: Problems) -> None:
    for n, constraint in enumerate(constraints):
        message = _constraint_mistake(constraint)
        if message is not None:
            problems.add(f"/constraints({n})", message)


def _constraint_mistake(constraint: list[str]) -> str | None:
    if len(constraint) not in (2, 3):
        return "Each constraint must have either 2 or 3 fields"
    operator, value = constraint[1], constraint[2] if len(constraint) == 3 else None
    if operator not in _OPERATORS:
        return "operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS"
    if operator == "UNIQUE" and value is not None:
        return "UNIQUE does not accept a value"
    if operator in ("MAX_PER", "GROUP_BY") and not (value or "").isdigit():
        if operator == "GROUP_BY":
            return None if value is None else "GROUP BY may define an optional integer value"
        return "MAX_PER requires an integer value"
    if operator == "IS" and not value:
        return "IS requires a value"
    if operator in ("LIKE", "UNLIKE"):
        if not value:
            return "LIKE and UNLIKE require a non-empty, regular expression value"
        try:
            re.compile(value)
        except re.error:
            return f"'{value}' is not a valid regular expression"
    return None


def _check_health_checks(app: Json, problems: Problems) -> None:
    checks, ports = app.get("healthChecks", ()), len(ports_of(app))
    for n, check in enumerate(checks):
        place = f"/healthChecks({n})"
        if check["protocol"] == "COMMAND":
            if not (check.get("command") or {}).get("value"):
                problems.add(place, "COMMAND health checks must define a command")
            continue
        if "command" in check:
            problems.add(place, "Only COMMAND health checks may define a command")
        if "port" not in check and not 0 <= check.get("portIndex", -1) < ports:
            problems.add(
                place,
                "Health check port indices must address an element of the ports array"
                " or container port mappings.",
            )
    if sum(check["protocol"].startswith(("MESOS_", "COMMAND")) for check in checks) > 1:
        problems.add("/healthChecks", "AppDefinition can contain at most one Mesos health check")


def _check_readiness(app: Json, problems: Problems) -> None:
    checks = app.get("readinessChecks", ())
    if len(checks) > 1:
        problems.add("/readinessChecks", "requires at most one readiness check")
    names = {port.name for port in ports_of(app)}
    for n, check in enumerate(checks):
        if check["timeoutSeconds"] >= check["intervalSeconds"]:
            problems.add(
                f"/readinessChecks({n})/timeoutSeconds", "timeoutSeconds must be less than intervalSeconds"
            )
        if check["portName"] not in names:
            problems.add(
                f"/readinessChecks({n})/portName",
                f"No port definition reference for portName {check['portName']}",
            )


def _check_strategies(app: Json, problems: Problems) -> None:
    upgrade, unreachable = app["upgradeStrategy"], app["unreachableStrategy"]
    resident = bool(_persistent_volumes(app))
    if resident and upgrade["maximumOverCapacity"] != 0:
        problems.add("/upgradeStrategy/maximumOverCapacity", "must be equal to 0.0 for resident tasks")
    if app["labels"].get(SINGLE_INSTANCE_LABEL, "").lower() == "true":
        if app["instances"] > 1:
            problems.add("/instances", "Single instance app may only have one instance")
        for key in ("minimumHealthCapacity", "maximumOverCapacity"):
            if upgrade[key] != 0:
                problems.add(f"/upgradeStrategy/{key}", "must be equal to 0.0 for a single instance app")
    if unreachable == "disabled":
        return
    if resident:
        problems.add("/unreachableStrategy", "unreachableStrategy must be disabled for resident tasks")
    if unreachable["inactiveAfterSeconds"] > unreachable["expungeAfterSeconds"]:
        problems.add(
            "/unreachableStrategy/inactiveAfterSeconds", "must be less than or equal to expungeAfterSeconds"
        )


def _feature_missing(name: str) -> str:
    """The stray parenthesis is upstream's."""
    return f"Feature {name} is not enabled. Enable with --enable_features {name})"


def _persistent_volumes(app: Json) -> list[Json]:
    return [v for v in (app.get("container") or {}).get("volumes") or () if "persistent" in v]


def _is_uri(text: str) -> bool:
    try:
        urlsplit(text)
    except ValueError:
        return False
    return not re.search(r"[\s<>\"{}|\\^`]", text)
