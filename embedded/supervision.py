"""The supervisor (supervisord) that starts, restarts and stops the processes, and asking it things."""

import os
import resource
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.xmlrpc import Faults, SupervisorTransport

from embedded.errors import EmbeddedError
from embedded.folder import Folder

# Enough for 200 live pages and a sandbox with hundreds of tasks; the usual soft limit is 1,024.
_OPEN_FILES = 16_384


@dataclass(frozen=True, slots=True)
class Program:
    """One process to keep running. Programs stop from the highest `rank` to the lowest."""

    name: str
    command: Sequence[str]
    rank: int
    stop_signal: str = "TERM"
    stop_wait_s: int = 20


@dataclass(frozen=True, slots=True)
class ProgramState:
    """How a program is: `state` in supervisord's words (RUNNING, BACKOFF, STOPPED …), `pid` 0 without one."""

    name: str
    state: str
    pid: int
    description: str


def configuration(folder: Folder, programs: Iterable[Program], *, directory: Path) -> str:
    """The text of supervisord.conf. Nothing starts by itself: `embedded.run` starts them in order."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_files = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    socket = folder.supervisor_socket
    sections = [
        f"""\
[supervisord]
nodaemon = true
directory = {_literal(directory)}
logfile = {_literal(folder.logs / "supervisord.log")}
logfile_maxbytes = 5MB
logfile_backups = 2
pidfile = {_literal(folder.supervisor_configuration.with_name("supervisord.pid"))}
minfds = {open_files}
{"user = root" if os.geteuid() == 0 else ""}

[unix_http_server]
file = {_literal(socket)}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{_literal(socket)}
"""
    ]
    sections += [
        f"""\
[program:{program.name}]
command = {_literal(shlex.join(program.command))}
priority = {program.rank}
autostart = false
autorestart = true
startsecs = 1
startretries = 1000000
stopsignal = {program.stop_signal}
stopwaitsecs = {program.stop_wait_s}
killasgroup = true
redirect_stderr = true
stdout_logfile = {_literal(folder.logs / program.name)}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""
        for program in programs
    ]
    return "\n".join(sections)


def _literal(text: Path | str) -> str:
    return str(text).replace("%", "%%")


class NotRunningError(EmbeddedError):
    """No supervisord answers for this data folder."""


class Supervisor:
    """Talks to the running supervisord of one data folder."""

    def __init__(self, folder: Folder) -> None:
        self._address = f"unix://{folder.supervisor_socket}"

    def answers(self) -> bool:
        """Whether supervisord is there."""
        try:
            self._call("getPID")
        except NotRunningError:
            return False
        return True

    def states(self) -> list[ProgramState]:
        """Every program, by name. This and all below raise NotRunningError without supervisord."""
        return [
            ProgramState(row["name"], row["statename"], row["pid"], row["description"])
            for row in self._call("getAllProcessInfo")
        ]

    def state(self, name: str) -> ProgramState:
        """One program."""
        return next(state for state in self.states() if state.name == name)

    def start(self, name: str) -> None:
        """Start it unless it runs, without waiting."""
        self._call("startProcess", name, False, tolerated=Faults.ALREADY_STARTED)

    def stop(self, name: str, *, wait: bool = True) -> None:
        """Stop it and keep it stopped."""
        self._call("stopProcess", name, wait, tolerated=Faults.NOT_RUNNING)

    def _call(self, method: str, *arguments: object, tolerated: int | None = None) -> Any:
        # A connection for each call: a kept one is unusable after a failed request.
        transport = SupervisorTransport(serverurl=self._address)
        try:
            proxy: Any = ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        except Fault as exc:
            if exc.faultCode != tolerated:
                raise EmbeddedError(f"supervisord refused {method} {arguments}: {exc.faultString}") from exc
        except (OSError, HTTPException) as exc:
            raise NotRunningError("Ocean does not run with this data folder: `make run` starts it.") from exc
        finally:
            transport.close()
