"""The embedded Redis: its configuration, its command line, and whether it answers."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import redis

from embedded.programs import redis_server


@dataclass(frozen=True, slots=True)
class Redis:
    """One Redis on 127.0.0.1, with `data` as its folder. `durable=False` keeps nothing on disk."""

    data: Path
    port: int
    password: str
    durable: bool = True

    @property
    def url(self) -> str:
        """What REDIS_URL says."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def create(self) -> None:
        """Write the data folder and its `redis.conf`, readable by the owner only: it holds the password."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self.password,
            "dir": f'"{self.data}"',
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "set-proc-title": "no",  # it would overwrite the environment, by which leftovers are known
            "maxmemory-policy": "noeviction",  # the broker's messages must not be evicted
        }
        descriptor = os.open(self._configuration, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(f"{name} {value}\n" for name, value in settings.items())

    @property
    def _configuration(self) -> Path:
        return self.data / "redis.conf"

    def command(self, *, before: Sequence[str] = ()) -> list[str]:
        """The command that runs the server in the foreground, logging to stdout. SIGTERM stops it."""
        return [*before, str(redis_server()), str(self._configuration)]

    def answers(self) -> bool:
        """Whether the server takes commands by now (not while it still loads its data)."""
        client = redis.Redis.from_url(self.url, socket_connect_timeout=3, socket_timeout=3)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()
