"""How a process ended, from the scheduler's words to an exit code or a signal.

Sources: Mesos' command executor (`Command exited with status 3`, `Command terminated with signal Killed`), its
Docker executor (`Container exited with status 3`), its memory and disk limits, and Marathon's own kill after failed
health checks.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

_STATUS = re.compile(r"(?:exited|terminated) with (?:status|exit code|code) (\d+)", re.IGNORECASE)
_SIGNAL = re.compile(r"terminated with signal ([^()]+)", re.IGNORECASE)
_UNHEALTHY = re.compile(
    r"killed since health check failed\.?(?: Reason: (?P<cause>.*))?", re.IGNORECASE | re.DOTALL
)
_BY_NAME = {
    name: one for one in signal.Signals for name in (signal.strsignal(one), one.name) if name is not None
}


@dataclass(frozen=True, slots=True)
class Exit:
    """`code`: the exit code, where there is one. `signal`: what killed it, also as a shell "
    "tells it (128 + n)."""

    code: int | None = None
    signal: int | None = None

    @property
    def signal_name(self) -> str:
        try:
            return signal.Signals(self.signal or 0).name
        except ValueError:
            return f"signal {self.signal}"


def read_exit(message: str) -> Exit:
    """The end that the scheduler's words tell of; empty where they tell of neither code nor signal."""
    if match := _STATUS.search(message):
        code = int(match[1])
        return Exit(code=code, signal=code - 128 if 128 < code < 128 + 65 else None)
    if match := _SIGNAL.search(message):
        words = match[1].strip()
        if words.isdigit():
            return Exit(signal=int(words))
        if words in _BY_NAME:
            return Exit(signal=_BY_NAME[words].value)
    return Exit()


def unhealthy_cause(message: str) -> str | None:
    """Why the scheduler killed it after failed health checks; None where it ended otherwise."""
    match = _UNHEALTHY.search(message)
    return None if match is None else (match["cause"] or "").strip()
