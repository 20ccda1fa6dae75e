"""A PostgreSQL and a Redis for as long as a `with` block, for tests and benchmarks."""

import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals

from embedded.errors import EmbeddedError
from embedded.postgres import Postgres
from embedded.privileges import ending_with_parent
from embedded.redis import Redis
from embedded.waiting import wait_until

_START_S = 60.0
_STOP_S = 20.0


@dataclass(frozen=True, slots=True)
class Services:
    """Where they are, in the words of DATABASE_URL and REDIS_URL."""

    database_url: str
    redis_url: str


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def temporary_services(folder: Path, *, durable: bool = False) -> Iterator[Services]:
    """Run both with their files in `folder`; tuned for speed, so that a crash of the machine may lose the data, unless
    `durable`.

    They end with the block, and on Linux also with this process, however it ends. Raises EmbeddedError, with
    the last lines of its log, when one does not start within a minute.
    """
    postgres = Postgres(folder / "postgres", free_port(), secrets.token_hex(16), durable=durable)
    redis = Redis(folder / "redis", free_port(), secrets.token_hex(16), durable=durable)
    with ExitStack() as stack:
        for server, end in ((postgres, SIGINT), (redis, SIGTERM)):
            server.create()
            stack.enter_context(_running(server, end=end))
        postgres.create_database()
        yield Services(postgres.url, redis.url)


@contextmanager
def _running(server: Postgres | Redis, *, end: Signals) -> Iterator[None]:
    log = server.data.with_name(f"{server.data.name}.log")
    command = server.command(before=ending_with_parent(end))
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def answers() -> bool:
        if process.poll() is not None:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise EmbeddedError(f"{server.data.name} ended with {process.returncode} while starting:\n{tail}")
        return server.answers()

    try:
        wait_until(answers, what=f"{server.data.name} answers", timeout_s=_START_S)
        yield
    finally:
        process.send_signal(end)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
