"""Which programs make up the embedded Ocean, and the environment that they share."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedded.clusters import ocean_clusters, sandbox_configuration
from embedded.errors import EmbeddedError
from embedded.folder import Folder
from embedded.leftovers import MARK
from embedded.ports import Ports
from embedded.postgres import Postgres
from embedded.redis import Redis
from embedded.supervision import Program, configuration

CHECKOUT = Path(__file__).resolve().parent.parent
SANDBOX = "sandbox"
FALCON = "falcon"
_FALCON_TOKEN = "falcon_token"  # noqa: S105 - the secret's name


@dataclass(frozen=True, slots=True)
class Stack:
    """One copy of Ocean. A server that the environment names another of is None here, or False."""

    folder: Folder
    ports: Ports
    postgres: Postgres | None
    redis: Redis | None
    sandbox: bool

    @classmethod
    def planned(cls, folder: Folder, ports: Ports, environment: Mapping[str, str]) -> "Stack":
        """What has to run: DATABASE_URL, REDIS_URL and OCEAN_CLUSTERS each replace an embedded server."""
        return cls(
            folder,
            ports,
            None
            if environment.get("DATABASE_URL")
            else Postgres(folder.root / "postgres", ports.postgres, folder.secret("postgres_password")),
            None
            if environment.get("REDIS_URL")
            else Redis(folder.root / "redis", ports.redis, folder.secret("redis_password")),
            sandbox=not environment.get("OCEAN_CLUSTERS"),
        )

    def listening(self) -> dict[str, int]:
        """Every port that it will listen on, by what for."""
        ports = {"web": self.ports.web}
        if self.postgres:
            ports["PostgreSQL"] = self.ports.postgres
        if self.redis:
            ports["Redis"] = self.ports.redis
        if self.sandbox:
            ports["the sandbox' admin door"] = self.ports.sandbox_admin
            ports["Falcon"] = self.ports.falcon
            for title, by_cluster in (
                ("Marathon", self.ports.marathon),
                ("Mesos", self.ports.mesos),
                ("Mesos agents", self.ports.agents),
                ("Chronos", self.ports.chronos),
            ):
                ports |= {f"{title} of {cluster}": port for cluster, port in by_cluster.items()}
        return ports

    def environment(self, inherited: Mapping[str, str]) -> dict[str, str]:
        """The environment of every process: the settings of docs/install.md, and the mark of this copy."""
        ours = {
            MARK: str(self.folder.root),
            "OCEAN_EMBEDDED": "1",
            "OCEAN_VAR": str(self.folder.root),
            "OCEAN_PORT": str(self.ports.web),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": "1",
        }
        for name in ("OCEAN_SECRET_KEY", "OCEAN_ENCRYPTION_KEYS"):
            if not inherited.get(name) and not inherited.get(f"{name}_FILE"):
                ours[f"{name}_FILE"] = str(self.folder.secret_file(name.removeprefix("OCEAN_").lower()))
        if self.postgres:
            ours["DATABASE_URL"] = self.postgres.url
        if self.redis:
            ours["REDIS_URL"] = self.redis.url
        if self.sandbox:
            ours["OCEAN_CLUSTERS"] = str(self.folder.clusters_file)
            ours["FALCON_DEFAULT_TOKEN"] = self.folder.secret(_FALCON_TOKEN)
            ours["FALCON_ROOT_PASSWORD"] = self.folder.secret("falcon_password")
        return {**inherited, **ours}

    def programs(self) -> list[Program]:
        """What the supervisor keeps running, in the order of starting: servers first, then the Procfile."""
        programs = []
        if self.postgres:
            programs.append(Program("postgres", self.postgres.command(), rank=10, stop_signal="INT"))
        if self.redis:
            programs.append(Program("redis", self.redis.command(), rank=11))
        if self.sandbox:
            command = [sys.executable, "-m", "sandbox", "--config", str(self.folder.sandbox_configuration)]
            data = str(self.folder.root / "sandbox")
            programs.append(Program(SANDBOX, [*command, "--data", data], rank=20))
            programs.append(Program(FALCON, self._falcon_command(), rank=21))
        programs += [
            Program(name, [str(CHECKOUT / "scripts" / "process.sh"), name], rank=30 + place)
            for place, name in enumerate(procfile_names())
        ]
        return programs

    def _falcon_command(self) -> list[str]:
        data = str(self.folder.root / "falcon")
        return [sys.executable, "-m", "sandbox.falcon", "--port", str(self.ports.falcon), "--data", data]

    def write(self) -> None:
        """Write what the programs read, and make the servers' data folders where they are missing."""
        self.ports.write(self.folder.ports_file)
        if self.postgres:
            self.postgres.create()
            self.postgres.forget_dead_server()
        if self.redis:
            self.redis.create()
        if self.sandbox:
            self.folder.sandbox_configuration.write_text(
                json.dumps(sandbox_configuration(self.ports), indent=1)
            )
            clusters = ocean_clusters(self.ports, falcon_token=self.folder.secret(_FALCON_TOKEN))
            self.folder.clusters_file.touch(mode=0o600)
            self.folder.clusters_file.chmod(0o600)
            self.folder.clusters_file.write_text(json.dumps(clusters, indent=1))
        self.folder.supervisor_configuration.write_text(
            configuration(self.folder, self.programs(), directory=CHECKOUT)
        )


def procfile_names() -> list[str]:
    """Ocean's own processes, as the Procfile names them."""
    lines = (CHECKOUT / "Procfile").read_text().splitlines()
    names = [line.partition(":")[0] for line in lines if line.strip()]
    if not names:
        raise EmbeddedError(f"{CHECKOUT / 'Procfile'} names no process.")
    return names
