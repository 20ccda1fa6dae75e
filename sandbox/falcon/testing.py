"""Start a Falcon from a test: a process of its own on a free port, as clients meet it.

with running_falcon(tmp_path) as falcon:
    requests.get(f"{falcon.url}/api/v1/hostgroup", headers=falcon.headers)
    falcon.kill()       # kill -9
    falcon.start()      # the same port, the same data
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

TOKEN, PASSWORD = "falcon-token", "falcon-password"
_REPOSITORY = Path(__file__).parent.parent.parent
_STOP_TIMEOUT_S = 10.0


class FalconProcess:
    """A Falcon that is started, killed and started again by a test."""

    def __init__(self, folder: Path, profile: str) -> None:
        self._folder = folder
        self._profile = profile
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of root, by the server's own token."""
        return {"Apitoken": json.dumps({"name": "root", "sig": TOKEN})}

    def start(self) -> None:
        """Start, or start again on the port of the first time. Returns when it answers."""
        command = [
            sys.executable,
            "-m",
            "sandbox.falcon",
            "--port",
            str(self._port),
            "--profile",
            self._profile,
        ]
        with open(self._folder / "falcon.log", "a") as log:
            self._process = subprocess.Popen(
                [*command, "--data", str(self._folder / "falcon")],
                cwd=_REPOSITORY,
                env={**os.environ, "FALCON_DEFAULT_TOKEN": TOKEN, "FALCON_ROOT_PASSWORD": PASSWORD},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            raise RuntimeError(f"Falcon did not start:\n{(self._folder / 'falcon.log').read_text()}")
        self._port = int(self.url.rpartition(":")[2])

    def misbehave(self, **fault: object) -> None:
        """At the fault door: `kind="error", status=503, path="^/api/v1"`."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=5)
        connection.request("POST", "/faults/api", json.dumps(fault))
        if connection.getresponse().status != 201:
            raise ValueError(f"not a fault: {fault}")
        connection.close()

    def kill(self) -> None:
        """kill -9."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(_STOP_TIMEOUT_S)
        finally:
            self._process.kill()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None


@contextmanager
def running_falcon(folder: Path, *, profile: str = "fast") -> Iterator[FalconProcess]:
    """A Falcon with its data in `folder`; nothing of it is left running."""
    falcon = FalconProcess(folder, profile)
    falcon.start()
    try:
        yield falcon
    finally:
        falcon.stop()
