"""A whole Ocean for tests, started as `make run` starts it, with its own data folder and ports."""

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGINT, SIGKILL

from embedded.errors import EmbeddedError
from embedded.folder import Folder
from embedded.ports import BLOCK, Ports, refuse_busy
from embedded.probes import http_status
from embedded.stack import CHECKOUT
from embedded.supervision import Supervisor
from embedded.waiting import wait_until

_UP_S = 180.0
_DOWN_S = 90.0
# What the test session, or the person's shell, says of other servers and data.
_NOT_INHERITED = ("DATABASE_URL", "REDIS_URL", "MAKEFLAGS", "MAKELEVEL")


@dataclass(frozen=True, slots=True)
class Person:
    """One of the demo people."""

    password: str
    token: str


@dataclass(slots=True)
class RunningStack:
    """`python -m embedded run` with the data in `root`; `up()` and `down()` may alternate.

    Programs are named as in the Procfile, and `postgres`, `redis`, `sandbox`.
    """

    root: Path
    ports: Ports = field(default_factory=lambda: free_block())
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The console's address, without a slash at the end."""
        return f"http://127.0.0.1:{self.ports.web}"

    @property
    def people(self) -> dict[str, Person]:
        """The demo people by login: dev, dev2, dba, sre."""
        content = json.loads(Folder(self.root).demo_file.read_text())
        return {name: Person(**person) for name, person in content.items()}

    @property
    def output(self) -> str:
        """What the foreground has said since the latest `up()`."""
        return self._output_file.read_text()

    @property
    def _output_file(self) -> Path:
        return self.root.with_name(f"{self.root.name}.out")

    def begin(self, output_file: Path) -> subprocess.Popen[bytes]:
        """Start a foreground process and return at once. (A second one ends by itself, saying why.)"""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("OCEAN_") and name not in _NOT_INHERITED
        }
        environment |= {"OCEAN_VAR": str(self.root), "OCEAN_PORT": str(self.ports.web)}
        environment["OCEAN_STEP_LIMIT_S"] = "15"  # a drill waits for the leases of the workers that it kills
        with output_file.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "embedded", "run", "--end-with-parent"],
                cwd=CHECKOUT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def up(self) -> None:
        """Start it and return when the console is healthy."""
        process = self._process = self.begin(self._output_file)

        def is_up() -> bool:
            assert process.poll() is None, f"the stack ended with {process.returncode}:\n{self.output}"
            return "ocean: up in" in self.output

        wait_until(is_up, what="the stack is up", timeout_s=_UP_S)

    def down(self) -> None:
        """End it as Ctrl-C does, and wait until it has."""
        if self._process is not None:
            self._process.send_signal(SIGINT)
            self._process.wait(_DOWN_S)
            self._process = None

    @property
    def pid_of_foreground(self) -> int:
        """The number of the process that `make run` waits for."""
        assert self._process is not None, "the stack is not up"
        return self._process.pid

    def pid(self, program: str) -> int:
        """The number of the program's main process."""
        return Supervisor(Folder(self.root)).state(program).pid

    def kill(self, program: str) -> None:
        """kill -9 its main process, and return when the supervisor runs it again."""
        killed = self.pid(program)
        os.kill(killed, SIGKILL)
        self._wait_for(program, not_pid=killed)

    def stop(self, program: str) -> None:
        """Stop it, and keep it stopped."""
        Supervisor(Folder(self.root)).stop(program)

    def start(self, program: str) -> None:
        """Start it again after `stop`."""
        Supervisor(Folder(self.root)).start(program)
        self._wait_for(program, not_pid=0)

    def is_healthy(self) -> bool:
        """Whether `GET /healthz` says that all is alive."""
        return http_status(self.ports.web, "/healthz") == 200

    def wait_until_healthy(self, *, timeout_s: float = 60.0) -> None:
        """Return as soon as it is."""
        wait_until(self.is_healthy, what="/healthz is 200", timeout_s=timeout_s)

    def _wait_for(self, program: str, *, not_pid: int) -> None:
        supervisor = Supervisor(Folder(self.root))

        def runs_anew() -> bool:
            state = supervisor.state(program)
            return state.state == "RUNNING" and state.pid != not_pid

        wait_until(runs_anew, what=f"{program} runs again", timeout_s=60)


def free_block() -> Ports:
    """A block of ports of which none is taken at this moment, below the ephemeral ones."""
    for web in random.sample(range(9000, 19000, 100), 100):
        try:
            refuse_busy({str(port): port for port in range(web, web + BLOCK)})
        except EmbeddedError:
            continue
        return Ports.from_web_port(web)
    raise EmbeddedError("no free block of ports from 9000 to 19000")
