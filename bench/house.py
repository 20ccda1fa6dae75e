"""A part of Ocean for a benchmark: its database and Redis, the processes that matter, and the pretended Marathon."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

import psycopg2
import requests

from bench.company import CLUSTER, Size
from embedded.services import free_port, temporary_services
from embedded.waiting import wait_until
from sandbox.config import LaunchLimits
from sandbox.testing import running_sandbox

CHECKOUT = Path(__file__).resolve().parent.parent
_STOP_S = 20.0
TASK_CPUS = 0.01
"""Of each task that rings for a schedule (apps.elastic.schedules.chronos_jobs)."""


@dataclass(slots=True)
class Program:
    """A process that runs until the block ends."""

    process: subprocess.Popen[str]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def peak_mib(self) -> float:
        """The most memory that it, or the largest of its children, ever held (VmHWM)."""
        return max(_status_kib(pid, "VmHWM") for pid in self._pids) / 1024

    @property
    def cpu_s(self) -> float:
        """User and system time so far, its children's counted."""
        return sum(map(_cpu_s, self._pids))

    @property
    def _pids(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(SIGTERM)
            try:
                self.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.process.send_signal(SIGKILL)
                self.process.wait()


@dataclass(slots=True)
class Marathon:
    """The pretended one (`bench.marathon`). `on_probe` is called with each probe's time, app, task and state."""

    url: str
    program: Program
    session: requests.Session = field(default_factory=requests.Session)
    on_probe: Callable[[float, int, str, str], None] | None = None

    def post(self, path: str, **body: Any) -> Any:
        answer = self.session.post(f"{self.url}/bench/{path}", json=body, timeout=None)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        answer = self.session.get(f"{self.url}/bench/{path}", timeout=120)
        answer.raise_for_status()
        return answer.json()

    def listen(self) -> None:
        """Read what it prints, for as long as it lives."""
        assert self.program.process.stdout is not None
        for line in self.program.process.stdout:
            if self.on_probe is not None:
                at, app, task, state = json.loads(line)
                self.on_probe(at, app, task, state)


class House:
    """Made by `house`; what is started through it ends with it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], stack: ExitStack) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self._stack = stack

    @property
    def url(self) -> str:
        """The console's address, once `web` runs."""
        return f"http://127.0.0.1:{self.environment['OCEAN_PORT']}"

    @property
    def people(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = json.loads((self.folder / "demo.json").read_text())
        return found

    def connect(self) -> Any:
        """A database connection of the benchmark's own."""
        connection = psycopg2.connect(self.environment["DATABASE_URL"])
        connection.autocommit = True
        return self._stack.enter_context(_closing(connection))

    def manage(self, *commands: str) -> None:
        self._run([sys.executable, "scripts/manage_each.py", *commands])

    def python(self, module: str, *arguments: str) -> None:
        """Run one of our modules to its end, in the house's environment."""
        self._run([sys.executable, "-m", module, *arguments])

    def start(self, name: str) -> Program:
        """A process of the Procfile."""
        return self._start([str(CHECKOUT / "scripts" / "process.sh"), name], name)

    def module(self, name: str, *arguments: str) -> Program:
        """One of our modules, running beside us; `said` has what it prints."""
        return self._start([sys.executable, "-m", name, *arguments], name)

    def said(self, name: str) -> list[str]:
        """The lines that a module has printed so far."""
        return (self.folder / f"{name}.log").read_text().splitlines()

    def web(self) -> Program:
        """The console; returns when it answers."""
        program = self.start("web")
        wait_until(self._answers, what="the console answers", timeout_s=60)
        return program

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/accounts/login/", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def _run(self, command: list[str]) -> None:
        with (self.folder / "commands.log").open("a") as log:
            done = subprocess.run(
                command, cwd=CHECKOUT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, check=False
            )
        if done.returncode:
            raise RuntimeError(f"{command}:\n{(self.folder / 'commands.log').read_text()[-3000:]}")

    def _start(self, command: list[str], name: str) -> Program:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("w"))
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, text=True
        )
        program = Program(process)
        self._stack.callback(program.end)
        return program


@contextmanager
def house(size: Size, *, marathon: bool = True) -> Iterator[tuple[House, Marathon | None]]:
    """A migrated database with the demo people and the cluster `bench`; with the pretended Marathon behind it, or
    with an address where nobody answers."""
    with _servers() as (folder, environment, stack):
        fake = stack.enter_context(pretended_marathon(size)) if marathon else None
        url = fake.url if fake else "http://127.0.0.1:9"
        yield _built(folder, environment, stack, marathon=url, mesos=url), fake


@contextmanager
def whole_house(*, launch_limits: LaunchLimits) -> Iterator[tuple[House, str]]:
    """All of Ocean's processes, over a sandbox of 20 large hosts, and that sandbox's Marathon."""
    with _servers() as (folder, environment, stack):
        cluster = {
            "name": CLUSTER,
            "marathon_port": 0,
            "mesos_port": 0,
            "generate": {"count": 20, "racks": 4},
        }
        data = folder / "sandbox"
        data.mkdir()
        sandbox = stack.enter_context(
            running_sandbox(data, clusters=[cluster], timing={}, launch_limits=asdict(launch_limits))
        )
        [addresses] = sandbox.addresses.clusters.values()
        assert addresses.marathon is not None
        assert addresses.mesos is not None
        built = _built(folder, environment, stack, marathon=addresses.marathon, mesos=addresses.mesos)
        for name in ("worker", "beat", "watch"):
            built.start(name)
        built.web()
        yield built, addresses.marathon


@contextmanager
def ringing_house(*, at_once: int) -> Iterator[tuple[House, str]]:
    """Web, worker and beat over a sandbox whose hosts have room for so many of Chronos' small tasks at once, and that
    Chronos' address."""
    with _servers() as (folder, environment, stack):
        resources = f"cpus:{at_once * TASK_CPUS:.2f};mem:65536;disk:65536"
        cluster = {
            "name": CLUSTER,
            "marathon_port": 0,
            "mesos_port": 0,
            "chronos_port": 0,
            "hosts": [{"hostname": "host1", "resources": resources}],
        }
        data = folder / "sandbox"
        data.mkdir()
        sandbox = stack.enter_context(running_sandbox(data, clusters=[cluster], timing={}))
        [addresses] = sandbox.addresses.clusters.values()
        assert addresses.marathon is not None
        assert addresses.mesos is not None
        assert addresses.chronos is not None
        built = _built(
            folder,
            environment,
            stack,
            marathon=addresses.marathon,
            mesos=addresses.mesos,
            chronos=addresses.chronos,
        )
        for name in ("worker", "beat"):
            built.start(name)
        built.web()
        yield built, addresses.chronos


def _built(
    folder: Path,
    environment: dict[str, str],
    stack: ExitStack,
    *,
    marathon: str,
    mesos: str,
    chronos: str | None = None,
) -> House:
    addresses = {"marathon": [marathon], "mesos": [mesos], "chronos": [chronos] if chronos else []}
    clusters = [{"name": CLUSTER, "idc": CLUSTER, "environment": CLUSTER, **addresses}]
    environment["OCEAN_CLUSTERS"] = json.dumps(clusters)
    built = House(folder, environment, stack)
    built.manage("migrate --no-input", "clusters_sync", "demo")
    return built


@contextmanager
def _servers() -> Iterator[tuple[Path, dict[str, str], ExitStack]]:
    """PostgreSQL and Redis, as durable as those of `make run`, and the environment of Ocean's processes."""
    with tempfile.TemporaryDirectory(prefix="ocean-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs under another account when this runs as root
        services = stack.enter_context(temporary_services(folder, durable=True))
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("OCEAN_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "OCEAN_EMBEDDED": "1",
            "OCEAN_VAR": str(folder),
            "OCEAN_PORT": str(free_port()),
            "OCEAN_LOG_LEVEL": "INFO",
            "OCEAN_SECRET_KEY": secrets.token_urlsafe(48),
            "OCEAN_ENCRYPTION_KEYS": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "DATABASE_URL": services.database_url,
            "REDIS_URL": services.redis_url,
        }
        yield folder, environment, stack


@contextmanager
def pretended_marathon(size: Size) -> Iterator[Marathon]:
    """A Marathon (and Mesos master) that only pretends, in a process of its own."""
    shape = ["--apps", str(size.jobs), "--per-app", str(size.per_job), "--hosts", str(size.hosts)]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.marathon", *shape], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    program = Program(process)
    try:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        marathon = Marathon(f"http://127.0.0.1:{port}", program)
        threading.Thread(target=marathon.listen, daemon=True).start()
        yield marathon
    finally:
        program.end()


@contextmanager
def _closing(connection: Any) -> Iterator[Any]:
    try:
        yield connection
    finally:
        connection.close()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status_kib(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise ValueError(name)
