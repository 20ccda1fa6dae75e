"""The three demo clusters: as the sandbox is told to run them, and as Ocean is told to find them."""

from dataclasses import dataclass
from typing import Any

from embedded.ports import Ports

_TASK_PORTS_PER_HOST = 100
_RESOURCES = "cpus:4;mem:8192;disk:51200;disk_io:200;bandwidth:1000"  # MiB, MiB/s and Mbit/s


@dataclass(frozen=True, slots=True)
class _DemoCluster:
    name: str
    idc: str
    environment: str
    hosts: int
    racks: int


_DEMO = (
    _DemoCluster("staging", "lg", "staging", hosts=6, racks=3),
    _DemoCluster("production-lg", "lg", "production", hosts=6, racks=3),
    _DemoCluster("production-c3", "c3", "production", hosts=4, racks=2),
)


def sandbox_configuration(ports: Ports) -> dict[str, Any]:
    """What `python -m sandbox --config` reads: hosts with racks and finite resources, each its task ports."""
    first = ports.first_task_port
    clusters = []
    for cluster in _DEMO:
        hosts = []
        for number in range(cluster.hosts):
            hosts.append(
                {
                    "hostname": f"{cluster.idc}-ocean-node{number + 1:02}.{cluster.name}",
                    "attributes": {
                        "idc": cluster.idc,
                        "rack": f"{cluster.idc}-r{number % cluster.racks + 1}",
                    },
                    "resources": f"{_RESOURCES};ports:[{first}-{first + _TASK_PORTS_PER_HOST - 1}]",
                }
            )
            first += _TASK_PORTS_PER_HOST
        clusters.append(
            {
                "name": cluster.name,
                "idc": cluster.idc,
                "marathon_port": ports.marathon[cluster.name],
                "mesos_port": ports.mesos[cluster.name],
                "agent_port": ports.agents[cluster.name],
                "chronos_port": ports.chronos[cluster.name],
                "hosts": hosts,
            }
        )
    return {
        "bind": "127.0.0.1",
        "admin_port": ports.sandbox_admin,
        "falcon": {"push_url": f"http://127.0.0.1:{ports.falcon}/v1/push"},
        "clusters": clusters,
    }


def ocean_clusters(ports: Ports, *, falcon_token: str) -> list[dict[str, Any]]:
    """What OCEAN_CLUSTERS says. One Falcon measures all clusters; without a user name its password is a token."""
    return [
        {
            "name": cluster.name,
            "idc": cluster.idc,
            "environment": cluster.environment,
            "marathon": [f"http://127.0.0.1:{ports.marathon[cluster.name]}"],
            "mesos": [f"http://127.0.0.1:{ports.mesos[cluster.name]}"],
            "chronos": [f"http://127.0.0.1:{ports.chronos[cluster.name]}"],
            "metrics": "falcon",
            "metrics_url": f"http://127.0.0.1:{ports.falcon}",
            "metrics_password": falcon_token,
        }
        for cluster in _DEMO
    ]
