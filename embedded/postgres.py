"""The embedded PostgreSQL: its data folder, its command line, and whether it answers."""

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from embedded.errors import EmbeddedError
from embedded.privileges import account_id, as_account, give_to_account
from embedded.programs import postgres_bin

USER = "ocean"
DATABASE = "ocean"

_DURABLE = {"fsync": "on", "shared_buffers": "128MB"}
# For data that nobody will miss: a test session's.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """One PostgreSQL on 127.0.0.1, with `data` as its folder. `durable=False` trades safety for speed."""

    data: Path
    port: int
    password: str
    durable: bool = True

    @property
    def url(self) -> str:
        """What DATABASE_URL says for Ocean's own database."""
        return self._url(DATABASE)

    def _url(self, database: str) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make the data folder unless it is there: a superuser `ocean` with the password, UTF-8, C order.

        The folder gets its name only when it is complete, so that a run cut off in the middle leaves none.
        Raises EmbeddedError with initdb's own words, and when the folder is another account's.
        """
        if self.data.exists():
            if self.data.stat().st_uid != account_id():
                raise EmbeddedError(f"{self.data} was made by another account: run Ocean as that one.")
            return
        self.data.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", prefix="ocean-pw-") as password_file:
            password_file.write(self.password)
            password_file.flush()
            give_to_account(password_file.fileno())
            fresh = Path(tempfile.mkdtemp(prefix=f"{self.data.name}-", dir=self.data.parent))
            give_to_account(fresh)
            done = subprocess.run(
                [
                    *as_account(reached=(postgres_bin() / "initdb", fresh)),
                    str(postgres_bin() / "initdb"),
                    f"--pgdata={fresh}",
                    f"--username={USER}",
                    f"--pwfile={password_file.name}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    # PostgreSQL's own locale: the same order on every machine, whatever locales it has.
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                    *([] if self.durable else ["--no-sync"]),
                ],
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode != 0:
            raise EmbeddedError(f"initdb could not make {self.data}:\n{done.stdout}{done.stderr}")
        fresh.rename(self.data)

    def forget_dead_server(self) -> None:
        """Remove the lock file that a killed server left. Call it only when none can be running on `data`.

        PostgreSQL does so itself unless its old process number belongs to some other process by now, which
        after a reboot or in a new container it often does.
        """
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def command(self, *, before: Sequence[str] = ()) -> list[str]:
        """The command that runs the server in the foreground, logging to stderr. SIGINT stops it fast.

        The words of `before` come right before the program: after the change of account, where there is one.
        """
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",  # a path in a deep folder is longer than a socket's may be
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "io_method": "sync",  # the default's extra worker processes bring nothing at this size
            **(_DURABLE if self.durable else _FAST),
        }
        return [
            *as_account(reached=(postgres_bin() / "postgres", self.data)),
            *before,
            str(postgres_bin() / "postgres"),
            "-D",
            str(self.data),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]

    def answers(self) -> bool:
        """Whether the server takes connections by now."""
        try:
            psycopg2.connect(self._url("postgres"), connect_timeout=3).close()
        except psycopg2.OperationalError:
            return False
        return True

    def create_database(self) -> None:
        """Make Ocean's database on the running server unless it is there."""
        connection = psycopg2.connect(self._url("postgres"), connect_timeout=10)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
                if cursor.fetchone() is None:
                    cursor.execute(f"CREATE DATABASE {DATABASE}")
        finally:
            connection.close()
