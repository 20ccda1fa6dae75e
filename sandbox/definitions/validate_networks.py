"""Networks and ports of an app, in Marathon's words. Source: api/v2/validation/NetworkValidation.scala."""

from __future__ import annotations

from sandbox.definitions.app import Json
from sandbox.definitions.parse import is_host_network
from sandbox.definitions.schema import Problems


def check_networks(app: Json, problems: Problems) -> None:
    networks = app["networks"]
    for n, network in enumerate(networks):
        if network["mode"] == "host" and (network.get("name") or network.get("labels")):
            problems.add(f"/networks({n})", "Host networks may not have names or labels")
        elif network["mode"] == "container/bridge" and network.get("name"):
            problems.add(f"/networks({n})", "Bridge networks may not have names")
        elif network["mode"] == "container" and not network.get("name"):
            problems.add("/networks", "Network name must be specified when container network is selected.")
    names = [network.get("name") for network in networks if network["mode"] == "container"]
    if len(set(names)) < len(names):
        problems.add("/networks", "Duplicate networks are not allowed")
    if len(networks) > 1 and any(network["mode"] != "container" for network in networks):
        problems.add(
            "/networks",
            "May specify a single host network, single bridge network, or else 1-to-n container networks",
        )
    mappings = (app.get("container") or {}).get("portMappings")
    if is_host_network(app):
        if mappings:
            problems.add("/container/portMappings", "portMappings are not allowed with host-networking")
        _check_unique(app["portDefinitions"], "/portDefinitions", "port", "Ports must be unique.", problems)
        return
    if app.get("portDefinitions"):
        problems.add("/portDefinitions", "portDefinitions are only allowed with host-networking")
    _check_unique(mappings or [], "/container/portMappings", "servicePort", "Ports must be unique.", problems)


def _check_unique(items: list[Json], place: str, number: str, message: str, problems: Problems) -> None:
    numbers = [item[number] for item in items if item.get(number)]
    if len(set(numbers)) < len(numbers):
        problems.add(place, message)
    names = [item["name"] for item in items if item.get("name")]
    if len(set(names)) < len(names):
        problems.add(place, "Port names must be unique.")
