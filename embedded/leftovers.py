"""Ending what a killed run left behind.

Every process of a run inherits one variable that names the data folder, so that a later run knows them for
its own. (Written-down process numbers would miss children of children, and name strangers after a reboot.)
"""

from contextlib import suppress
from pathlib import Path

import psutil

MARK = "OCEAN_STACK"
_GRACE_S = 15.0


def end_leftovers(root: Path) -> int:
    """End every process marked with this data folder, and its descendants. Returns how many there were.

    They get SIGTERM, and SIGKILL 15 s later. Call it only while holding the data folder.
    """
    found = {
        process
        for marked in psutil.process_iter()
        if _is_marked(marked, root)
        for process in (marked, *_descendants(marked))
    }
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=_GRACE_S)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=_GRACE_S)
    return len(found)


def _is_marked(process: psutil.Process, root: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(root)
    except psutil.Error:  # ended meanwhile, or another user's
        return False


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []
