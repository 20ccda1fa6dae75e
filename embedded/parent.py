"""The process that started us, usually `make`: has it ended, or been told to end without our hearing of it?"""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Parent:
    """Our parent as it was when we looked first."""

    pid: int
    catches_interrupt: bool

    @classmethod
    def now(cls) -> Self:
        """Our parent at this moment."""
        pid = os.getppid()
        return cls(pid, _catches_interrupt(pid))

    def wants_end(self) -> bool:
        """Whether it is gone, or has been interrupted.

        A Ctrl-C reaches everyone at the terminal, but a SIGINT to `make` alone does not reach us: GNU make takes
        its handler away and waits for us. (A SIGTERM it passes on.)
        """
        if os.getppid() != self.pid:
            return True
        return self.catches_interrupt and not _catches_interrupt(self.pid)


def _catches_interrupt(pid: int) -> bool:
    """Whether the process handles SIGINT. False where the system does not tell (it is not Linux)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    _, _, after = status.partition("SigCgt:")
    return bool(int(after.split(maxsplit=1)[0], 16) & 1 << (signal.SIGINT - 1))
