"""Start a sandbox from a test: a process of its own on free ports, as clients meet it.

    with running_sandbox(tmp_path) as sandbox:
        requests.get(f"{sandbox.marathon}/v2/apps")
        sandbox.kill()      # kill -9
        sandbox.start()     # the same ports, the same data

Time constants are short (`FAST`), hosts are three on two racks. Nothing is left running afterwards,
whatever happened.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.config import EPHEMERAL_PORTS_FROM, FIRST_TASK_PORT
from sandbox.service import ClusterAddresses, SandboxAddresses

FAST: Mapping[str, float] = {
    "offer_interval_s": 0.1,
    "first_health_check_s": 0.4,
    "agent_timeout_s": 0.1,
    "unreachable_sweep_s": 0.1,
    "backoff_sweep_s": 0.2,
    "abdication_s": 0.1,
    "kill_grace_s": 2.0,
    "chronos_retry_s": 0.2,
}
PORTS_PER_HOST = 30
STOP_TIMEOUT_S = 15.0
_REPOSITORY = Path(__file__).parent.parent


class SandboxProcess:
    """A sandbox that is started, killed and started again by a test."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self._folder = folder
        self._config = json.loads(json.dumps(config))
        self._process: subprocess.Popen[str] | None = None
        self.addresses = SandboxAddresses(None, {})

    @property
    def marathon(self) -> str:
        """Base URL of the first cluster's Marathon."""
        address = next(iter(self.addresses.clusters.values())).marathon
        assert address is not None
        return address

    @property
    def admin(self) -> str:
        """Base URL of the admin door."""
        assert self.addresses.admin is not None
        return self.addresses.admin

    @property
    def data(self) -> Path:
        """Its data folder: state, sandbox folders of tasks, volumes."""
        return self._folder / "data"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start, or start again on the ports of the first time. Returns when it answers."""
        path = self._folder / "sandbox.json"
        path.write_text(json.dumps(self._config))
        with open(self._folder / "sandbox.log", "a") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "sandbox",
                    "--config",
                    str(path),
                    "--data",
                    str(self.data),
                    "--print-addresses",
                ],
                cwd=_REPOSITORY,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the sandbox did not start:\n{(self._folder / 'sandbox.log').read_text()}")
        self.addresses = _addresses(json.loads(line))
        self._keep_ports()

    def kill(self) -> None:
        """kill -9: its tasks live on."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """An orderly stop: its tasks end."""
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        finally:
            self._process.kill()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def _keep_ports(self) -> None:
        if self.addresses.admin is not None:
            self._config["admin_port"] = _port(self.addresses.admin)
        for cluster in self._config["clusters"]:
            bound = self.addresses.clusters[cluster["name"]]
            cluster["marathon_standby_ports"] = [_port(url) for url in bound.marathon_standbys]
            for name in ("marathon", "mesos", "agent", "chronos"):
                url = getattr(bound, name)
                if url is not None:
                    cluster[f"{name}_port"] = _port(url)


@contextmanager
def running_sandbox(
    folder: Path,
    *,
    hosts: Sequence[Mapping[str, Any]] | None = None,
    standbys: int = 0,
    timing: Mapping[str, float] = FAST,
    http_credentials: str | None = None,
    clusters: Sequence[Mapping[str, Any]] | None = None,
    **settings: Any,
) -> Iterator[SandboxProcess]:
    """A sandbox with one cluster `test` of these hosts (`HostConfig` as JSON), or with whole `clusters`.
    `settings`: further ones of `SandboxConfig`."""
    one = {
        "name": "test",
        "marathon_port": 0,
        "mesos_port": 0,
        "agent_port": 0,
        "chronos_port": 0,
        "marathon_standby_ports": [0] * standbys,
        "hosts": list(hosts or default_hosts()),
    }
    sandbox = SandboxProcess(
        folder,
        {
            "admin_port": 0,
            "http_credentials": http_credentials,
            "timing": dict(timing),
            **settings,
            "clusters": list(clusters or [one]),
        },
    )
    sandbox.start()
    try:
        yield sandbox
    finally:
        try:
            sandbox.stop()
        finally:
            _end_launcher(sandbox.data)


def default_hosts(count: int = 3) -> list[dict[str, Any]]:
    """Equal hosts on two racks. Port ranges depend on the process, so that test workers seldom meet."""
    room = (EPHEMERAL_PORTS_FROM - FIRST_TASK_PORT) // (PORTS_PER_HOST * count)
    first = FIRST_TASK_PORT + os.getpid() % room * PORTS_PER_HOST * count
    return [
        {
            "hostname": f"node{n + 1}",
            "attributes": {"rack": f"r{n % 2 + 1}"},
            "resources": "cpus:4;mem:4096;disk:10240;"
            f"ports:[{first + n * PORTS_PER_HOST}-{first + (n + 1) * PORTS_PER_HOST - 1}]",
        }
        for n in range(count)
    ]


def _end_launcher(data: Path) -> None:
    """After a kill without a restart the launcher still keeps the tasks: end both."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            arguments = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(a.endswith("launcher/process.py") for a in arguments) and str(data) in arguments:
            os.kill(int(path.parent.name), signal.SIGTERM)


def _addresses(body: Mapping[str, Any]) -> SandboxAddresses:
    return SandboxAddresses(
        admin=body["admin"],
        clusters={
            name: ClusterAddresses(**{**cluster, "marathon_standbys": tuple(cluster["marathon_standbys"])})
            for name, cluster in body["clusters"].items()
        },
    )


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
