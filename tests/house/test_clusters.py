"""The demo clusters: the sandbox takes them, and Ocean and the sandbox mean the same ones."""

from itertools import pairwise

from embedded.clusters import ocean_clusters, sandbox_configuration
from embedded.ports import CLUSTERS, Ports
from sandbox.config import EPHEMERAL_PORTS_FROM, config_from_json

_PORTS = Ports.from_web_port(8000)


def test_the_sandbox_takes_them_and_opens_the_ports_that_ocean_is_told() -> None:
    config = config_from_json(sandbox_configuration(_PORTS))
    assert config.bind == "127.0.0.1"
    assert [
        (
            cluster.name,
            cluster.idc,
            [f"http://127.0.0.1:{cluster.marathon_port}"],
            [f"http://127.0.0.1:{cluster.mesos_port}"],
            [f"http://127.0.0.1:{cluster.chronos_port}"],
        )
        for cluster in config.clusters
    ] == [
        (entry["name"], entry["idc"], entry["marathon"], entry["mesos"], entry["chronos"])
        for entry in ocean_clusters(_PORTS, falcon_token="t")
    ]
    assert tuple(cluster.name for cluster in config.clusters) == CLUSTERS


def test_hosts_are_spread_over_racks_and_share_no_task_port() -> None:
    config = config_from_json(sandbox_configuration(_PORTS))
    hosts = [host for cluster in config.clusters for host in cluster.hosts]
    assert len({host.hostname for host in hosts}) == len(hosts) == 16
    assert {len({host.attributes["rack"] for host in cluster.hosts}) for cluster in config.clusters} == {2, 3}
    ranges = [part for host in hosts for part in host.parsed_resources().all_ports()]
    assert all(first.end < second.begin for first, second in pairwise(ranges))
    assert ranges[-1].end < EPHEMERAL_PORTS_FROM


def test_what_the_agents_push_is_where_ocean_reads() -> None:
    config = config_from_json(sandbox_configuration(_PORTS))
    entries = ocean_clusters(_PORTS, falcon_token="t")

    assert config.falcon is not None
    assert {f"{entry['metrics_url']}/v1/push" for entry in entries} == {config.falcon.push_url}
    assert {(entry["metrics"], entry["metrics_password"]) for entry in entries} == {("falcon", "t")}
