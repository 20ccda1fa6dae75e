"""The ports of one copy of Ocean: a block that starts at the web port, so that copies lie side by side."""

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from embedded.errors import EmbeddedError

BLOCK = 40
CLUSTERS = ("staging", "production-lg", "production-c3")
# Task ports: below Linux' ephemeral ports (32768), which any outgoing connection may take.
_FIRST_TASK_PORT = 20000
_TASK_PORTS_PER_COPY = 1600
_TASK_RANGES = 7


@dataclass(frozen=True, slots=True)
class Ports:
    """What is written to `ports.json`; the mappings are by cluster."""

    web: int
    postgres: int
    redis: int
    sandbox_admin: int
    falcon: int
    marathon: dict[str, int]
    mesos: dict[str, int]
    agents: dict[str, int]
    chronos: dict[str, int]

    @classmethod
    def from_web_port(cls, web: int) -> Self:
        """The block `web` … `web + 39`, each port always at the same place in it."""
        if not 1024 <= web <= 65535 - BLOCK:
            raise EmbeddedError(f"OCEAN_PORT is {web}: it must be from 1024 to {65535 - BLOCK}.")

        def of_each_cluster(offset: int) -> dict[str, int]:
            return {name: web + 10 * (row + 1) + offset for row, name in enumerate(CLUSTERS)}

        return cls(
            web=web,
            postgres=web + 1,
            redis=web + 2,
            sandbox_admin=web + 3,
            falcon=web + 4,
            marathon=of_each_cluster(0),
            mesos=of_each_cluster(1),
            agents=of_each_cluster(2),
            chronos=of_each_cluster(3),
        )

    @property
    def first_task_port(self) -> int:
        """Where the sandbox' tasks may begin to listen; copies 100 ports apart get different ranges."""
        return _FIRST_TASK_PORT + self.web // 100 % _TASK_RANGES * _TASK_PORTS_PER_COPY

    def write(self, path: Path) -> None:
        """Write them as JSON for other programs."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read what `write` wrote; None where nothing is."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None


def refuse_busy(ports: dict[str, int]) -> None:
    """Raise EmbeddedError, naming each port that another program holds and what it was for (the key)."""
    if busy := [f"{port} ({purpose})" for purpose, port in ports.items() if _is_busy(port)]:
        raise EmbeddedError(
            f"Taken by another program on this machine: port {', '.join(busy)}. Set OCEAN_PORT to a number "
            f"that is free together with the {BLOCK - 1} after it, or end that program."
        )


def _is_busy(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: TIME_WAIT is not busy
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False
