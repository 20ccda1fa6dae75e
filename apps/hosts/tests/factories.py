"""Rows for tests: minimal, valid, each in its own right. `overrides` are the model's fields."""

from __future__ import annotations

from itertools import count
from typing import Any

from apps.core.tests.factories import make_cluster
from apps.hosts.models import Host

_numbers = count(1)


def make_host(**overrides: Any) -> Host:
    number = next(_numbers)
    cluster = overrides.pop("cluster", None) or make_cluster()
    return Host.objects.create(
        cluster=cluster,
        **{
            "agent_id": f"agent-{number}",
            "hostname": f"lg-ocean-node{number:03}.{cluster.name}",
            "address": "127.0.0.1",
            "rack": "lg-r1",
            "attributes": {"rack": "lg-r1", "idc": "lg"},
            "resources": {"cpus": 4.0, "mem": 8192.0, "disk": 51200.0},
            "used": {"cpus": 1.0, "mem": 1024.0, "disk": 0.0},
            **overrides,
        },
    )
