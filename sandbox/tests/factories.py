"""Small valid things for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sandbox.definitions.app import App
from sandbox.definitions.build import new_definition
from sandbox.definitions.parse import app_from_definition
from sandbox.ids import HostId
from sandbox.model import Host
from sandbox.resources import parse_resources

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def make_app(version: datetime = NOW, **overrides: Any) -> App:
    definition = new_definition({"id": "/web", "cmd": "sleep 100", **overrides}, default_role="*")
    return app_from_definition(
        definition, version=version, last_scaling_at=version, last_config_change_at=version
    )


def make_host(
    name: str = "node1",
    *,
    resources: str = "cpus:4;mem:4096;disk:1000;ports:[21000-21009]",
    **attributes: Any,
) -> Host:
    return Host(
        id=HostId(f"master-{name}"),
        number=1,
        hostname=name,
        attributes=attributes,
        resources=parse_resources(resources),
        registered_at=NOW,
    )
