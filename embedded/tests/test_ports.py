"""Blocks of ports: disjoint, written for others, and refused by name when taken."""

import json
import socket
from dataclasses import asdict
from pathlib import Path

import pytest

from embedded.errors import EmbeddedError
from embedded.ports import BLOCK, CLUSTERS, Ports, refuse_busy


def _all_numbers(ports: Ports) -> list[int]:
    numbers: list[int] = []
    for value in asdict(ports).values():
        numbers += value.values() if isinstance(value, dict) else [value]
    return numbers


def test_every_port_is_its_own_and_in_the_block() -> None:
    numbers = _all_numbers(Ports.from_web_port(8000))
    assert len(numbers) == len(set(numbers)) == 5 + 4 * len(CLUSTERS)
    assert min(numbers) == 8000
    assert max(numbers) < 8000 + BLOCK


def test_copies_next_to_each_other_share_no_port() -> None:
    first, second = Ports.from_web_port(8000), Ports.from_web_port(8100)
    assert not set(_all_numbers(first)) & set(_all_numbers(second))
    assert first.first_task_port != second.first_task_port


@pytest.mark.parametrize("web", [80, 65530])
def test_a_web_port_without_room_for_the_block_is_refused(web: int) -> None:
    with pytest.raises(EmbeddedError, match=f"OCEAN_PORT is {web}"):
        Ports.from_web_port(web)


def test_what_is_written_is_read_and_has_the_documented_names(tmp_path: Path) -> None:
    ports = Ports.from_web_port(8000)
    ports.write(tmp_path / "ports.json")
    assert Ports.read(tmp_path / "ports.json") == ports
    content = json.loads((tmp_path / "ports.json").read_text())
    assert (content["web"], content["falcon"]) == (8000, 8004)
    assert set(content["marathon"]) == {"staging", "production-lg", "production-c3"}


def test_a_taken_port_is_named_with_what_it_is_for() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(EmbeddedError, match=rf"port {port} \(Redis\)\. Set OCEAN_PORT"):
            refuse_busy({"Redis": port})
    refuse_busy({"Redis": port})
