"""The whole run in the foreground: start in order, say where everything is, keep watch, stop everything."""

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.errors import EmbeddedError
from embedded.folder import Folder
from embedded.leftovers import end_leftovers
from embedded.parent import Parent
from embedded.ports import Ports, refuse_busy
from embedded.probes import http_get, http_status
from embedded.stack import CHECKOUT, FALCON, SANDBOX, Stack, procfile_names
from embedded.supervision import Supervisor
from embedded.terminal import event_line, logins, say
from embedded.waiting import wait_until

_SERVER_START_S = 60.0
_HEALTHY_S = 120.0
_STOP_S = 60.0


def run(folder: Folder, web_port: int, *, end_with_parent: bool) -> None:
    """Run until SIGINT, SIGTERM or SIGHUP (or, if so asked, until the parent has ended); leave nothing running.

    Raises EmbeddedError when something is in the way or does not start.
    """
    began = time.monotonic()
    parent = Parent.now() if end_with_parent else None
    # From here on a signal is KeyboardInterrupt wherever we are, and every `finally` below does its part.
    # SIGINT too: a script's background job starts with it ignored. Only `nohup` means its wish.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    folder.prepare()
    with folder.held():
        if ended := end_leftovers(folder.root):
            say(f"ended {ended} processes that an earlier run had left")
        stack = Stack.planned(folder, Ports.from_web_port(web_port), os.environ)
        refuse_busy(stack.listening())
        environment = stack.environment(os.environ)
        with _supervisord(stack, environment) as process:
            supervisor = Supervisor(folder)
            _start_servers(stack, supervisor)
            _prepare_database(stack, environment)
            _start_ocean(stack, supervisor)
            say(f"up in {time.monotonic() - began:.0f} s: http://127.0.0.1:{web_port}/")
            say(logins(folder))
            _keep_watch(process, parent)


@contextmanager
def _supervisord(stack: Stack, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    stack.write()
    process = subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(stack.folder.supervisor_configuration)],
        env=environment,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # a Ctrl-C at the terminal is for us alone: we stop it in order
    )

    def answers() -> bool:
        if process.poll() is not None:
            log = stack.folder.logs / "supervisord.log"
            raise EmbeddedError(f"supervisord does not start:\n{_tail(log)}")
        return Supervisor(stack.folder).answers()

    try:
        wait_until(answers, what="supervisord answers", timeout_s=_SERVER_START_S)
        yield process
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say("stopping everything …")
        _stop(stack, process)
        say("stopped")


def _stop(stack: Stack, process: subprocess.Popen[bytes]) -> None:
    supervisor = Supervisor(stack.folder)
    try:
        # All of Ocean at once; supervisord then stops what is left, one after the other, servers last.
        for name in reversed([*procfile_names(), FALCON, SANDBOX]):
            supervisor.stop(name, wait=False)
    except EmbeddedError:
        pass  # supervisord itself is gone, or has no such program: what follows ends the processes
    process.terminate()
    try:
        process.communicate(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    end_leftovers(stack.folder.root)


def _start_servers(stack: Stack, supervisor: Supervisor) -> None:
    answers: dict[str, Callable[[], bool]] = {}
    if stack.postgres:
        answers["postgres"] = stack.postgres.answers
    if stack.redis:
        answers["redis"] = stack.redis.answers
    if stack.sandbox:
        marathons = stack.ports.marathon.values()
        answers[SANDBOX] = lambda: all(http_status(port, "/ping") == 200 for port in marathons)
        answers[FALCON] = lambda: http_status(stack.ports.falcon, "/health") == 200
    for name in answers:
        supervisor.start(name)
    for name, answer in answers.items():
        _wait_for(stack, supervisor, name, answer, timeout_s=_SERVER_START_S)
        say(f"{name} is up")


def _prepare_database(stack: Stack, environment: dict[str, str]) -> None:
    if stack.postgres:
        stack.postgres.create_database()
    commands = ["migrate --no-input", "clusters_sync"]
    if stack.postgres:  # demo people with known tokens have no place in a database of someone else's
        commands.append("demo")
    log = stack.folder.logs / "manage.log"
    with log.open("wb") as output:
        done = subprocess.run(
            [sys.executable, "scripts/manage_each.py", *commands],
            env=environment,
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise EmbeddedError(f"the database could not be prepared ({', '.join(commands)}):\n{_tail(log)}")
    say("database is ready")


def _start_ocean(stack: Stack, supervisor: Supervisor) -> None:
    names = procfile_names()
    for name in names:
        supervisor.start(name)
    for name in names:
        _wait_for(stack, supervisor, name, lambda: True, timeout_s=_SERVER_START_S)
    health = ""

    def is_healthy() -> bool:
        nonlocal health
        for name in names:
            _refuse_failed(stack, supervisor, name)
        status, health = http_get(stack.ports.web, "/healthz")
        return status == 200

    try:
        wait_until(is_healthy, what="GET /healthz answers 200", timeout_s=_HEALTHY_S)
    except EmbeddedError as exc:
        raise EmbeddedError(f"{exc}; it says: {health or 'nothing'}. Logs: {stack.folder.logs}") from exc


def _wait_for(
    stack: Stack, supervisor: Supervisor, name: str, answers: Callable[[], bool], *, timeout_s: float
) -> None:
    def is_up() -> bool:
        _refuse_failed(stack, supervisor, name)
        return answers()

    wait_until(is_up, what=f"{name} is up", timeout_s=timeout_s)


def _refuse_failed(stack: Stack, supervisor: Supervisor, name: str) -> None:
    if supervisor.state(name).state in {"BACKOFF", "FATAL", "EXITED"}:
        raise EmbeddedError(f"{name} does not start:\n{_tail(stack.folder.logs / f'{name}.log')}")


def _keep_watch(process: subprocess.Popen[bytes], parent: Parent | None) -> None:
    """Show what supervisord says until a signal comes or the parent wants an end."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while parent is None or not parent.wants_end():
            if not selector.select(timeout=1.0):
                continue
            # Not through the text layer: it may keep a line back that no further event announces.
            said = os.read(process.stdout.fileno(), 65536)
            if not said:
                raise EmbeddedError("supervisord has ended without being asked to.")
            for line in said.decode(errors="replace").splitlines():
                if text := event_line(line):
                    say(text)


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(lines[-20:] or [f"(nothing in {log})"])
