"""The servers that tests get: they answer, and they never outlive the process that asked for them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from signal import SIGKILL

import psutil
import psycopg2
import pytest
import redis

from embedded.errors import EmbeddedError
from embedded.postgres import Postgres
from embedded.services import free_port, temporary_services
from embedded.waiting import wait_until

_HOLD_THEM = """
import sys
from pathlib import Path
from embedded.services import temporary_services
with temporary_services(Path(sys.argv[1])):
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder below one that only its owner may enter: as root, PostgreSQL's account is not the owner."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    inside = closed / "var"
    inside.mkdir()
    return inside


@pytest.fixture
def holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds services in `folder`, up."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD_THEM, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process
        process.kill()


def _children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def _assert_all_end(processes: list[psutil.Process]) -> None:
    wait_until(
        lambda: not any(process.is_running() for process in processes), what="servers end", timeout_s=20
    )


def test_both_answer_in_a_closed_folder_and_end_with_the_block(folder: Path) -> None:
    with temporary_services(folder) as services:
        connection = psycopg2.connect(services.database_url)
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_encoding")
            assert cursor.fetchone() == ("UTF8",)
        connection.close()
        assert redis.Redis.from_url(services.redis_url).ping() is True
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(services.redis_url).ping()
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(services.database_url)


def test_a_password_is_needed(folder: Path) -> None:
    with temporary_services(folder) as services:
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(services.redis_url.replace("redis://:", "redis://:not")).ping()
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(services.database_url.replace("ocean:", "ocean:not"))


def test_servers_end_when_their_process_is_killed(holder: subprocess.Popen[str]) -> None:
    servers = _children(holder)
    assert {"postgres", "redis-server"} <= {process.name() for process in servers}
    os.kill(holder.pid, SIGKILL)
    _assert_all_end(servers)


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    port = free_port()
    postgres = Postgres(folder / "postgres", port, "secret", durable=False)
    postgres.create()
    (postgres.data / "PG_VERSION").write_text("9\n")
    done = subprocess.run(postgres.command(), cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "incompatible" in done.stderr


def test_creation_that_fails_leaves_no_data_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedded.postgres.USER", "pg_reserved")  # PostgreSQL refuses names that begin so
    postgres = Postgres(folder / "postgres", free_port(), "secret", durable=False)
    with pytest.raises(EmbeddedError, match="pg_"):
        postgres.create()
    assert not postgres.data.exists()
