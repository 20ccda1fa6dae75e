from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.__main__ import configuration, parse_arguments
from sandbox.config import ConfigError, config_from_json, load_config
from sandbox.resources import format_ranges, parse_attributes, parse_resources


def cluster(**overrides: Any) -> dict[str, Any]:
    return {"name": "test", "marathon_port": 0, "hosts": [{"hostname": "a"}, {"hostname": "b"}], **overrides}


def test_a_host_without_ports_gets_a_range_of_its_own() -> None:
    [test] = config_from_json({"clusters": [cluster()]}).clusters
    first, second = (host.parsed_resources().all_ports()[0] for host in test.hosts)
    assert (first.begin, first.end, second.begin) == (20000, 20099, 20100)


def test_attributes_that_look_like_numbers_are_scalars() -> None:
    [test] = config_from_json(
        {"clusters": [cluster(hosts=[{"hostname": "a", "attributes": {"rack": "r1", "level": 3}}])]}
    ).clusters
    assert test.hosts[0].attributes == {"rack": "r1", "level": 3.0}


def test_many_hosts_are_generated() -> None:
    [test] = config_from_json({"clusters": [cluster(generate={"count": 30, "racks": 3})]}).clusters
    assert len(test.hosts) == 32
    assert {host.attributes["rack"] for host in test.hosts[2:]} == {"g1", "g2", "g3"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "configuration: an object is needed"),
        ({"clusters": []}, "clusters: at least one is needed"),
        ({"clusters": [{"hosts": []}]}, "clusters[0]: key 'name' is missing"),
        ({"clusters": [cluster(marathon=1)]}, "clusters[0]: unknown key 'marathon'; known are agent_port"),
        ({"clusters": [cluster()], "timing": {"offer": 1}}, "timing: unknown key 'offer'"),
        ({"clusters": [cluster(), cluster()]}, "clusters: names must differ, found test, test"),
        ({"clusters": [cluster(hosts=[{"hostname": "a"}] * 2)]}, "cluster test: host a appears twice"),
        (
            {"clusters": [cluster(hosts=[{"hostname": "a", "resources": "cpus4;ports:[1-2]"}])]},
            "host a: Bad value for resources, missing or extra ':' in cpus4",
        ),
        (
            {"clusters": [cluster(generate={"count": 1, "size": 2})]},
            "clusters[0].generate: unknown key 'size'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(content: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_from_json(content)
    assert message in str(caught.value)


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "clusters.json"
    path.write_text("{")
    with pytest.raises(ConfigError, match=r"clusters\.json: is not JSON"):
        load_config(path)


def test_the_command_line_makes_one_cluster() -> None:
    config = configuration(parse_arguments(["--marathon-port", "18080", "--hosts", "2"]))
    [test] = config.clusters
    assert config.bind == "127.0.0.1"
    assert (test.marathon_port, test.mesos_port, len(test.hosts)) == (18080, None, 2)


def test_too_many_hosts_for_the_ports_are_refused() -> None:
    with pytest.raises(ConfigError, match="too many hosts"):
        configuration(parse_arguments(["--hosts", "200"]))


class TestResources:
    def test_roles_ranges_and_custom_scalars(self) -> None:
        found = parse_resources("cpus:4;cpus(web):1.5;mem:4096;ports:[1-2, 5-5];disk_io:200")
        assert found.scalars == {"*": {"cpus": 4, "mem": 4096, "disk_io": 200}, "web": {"cpus": 1.5}}
        assert [(part.begin, part.end) for part in found.all_ports()] == [(1, 2), (5, 5)]
        assert (found.total("cpus"), found.names()) == (5.5, ["cpus", "gpus", "mem", "disk", "disk_io"])

    def test_a_default_role_takes_what_names_none(self) -> None:
        assert parse_resources("cpus:4", default_role="web").scalars == {"web": {"cpus": 4}}

    def test_text_is_no_quantity(self) -> None:
        with pytest.raises(ValueError, match="Bad type for resource cpus"):
            parse_resources("cpus:many")

    def test_ranges_are_printed_as_mesos_does(self) -> None:
        assert format_ranges([31001, 31000, 31005]) == "[31000-31001, 31005-31005]"

    def test_attributes(self) -> None:
        assert parse_attributes({"a": "3", "b": "x3"}) == {"a": 3.0, "b": "x3"}
