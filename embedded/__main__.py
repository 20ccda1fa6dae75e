"""`python -m embedded run|status|reset`: the whole of Ocean on one machine.

OCEAN_VAR (data folder) and OCEAN_PORT (web port) say which copy is meant.
"""

import argparse
import os
import sys
from pathlib import Path

from embedded.errors import EmbeddedError
from embedded.folder import Folder
from embedded.run import run
from embedded.stack import CHECKOUT
from embedded.status import status
from embedded.terminal import say


def main() -> int:
    """Do one command. Returns the exit code: 0, or 1 after saying what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m embedded", description=__doc__)
    parser.add_argument("command", choices=("run", "status", "reset"))
    parser.add_argument("--end-with-parent", action="store_true", help="run: stop when the caller has ended")
    arguments = parser.parse_args()
    command = arguments.command
    folder = Folder(Path(os.environ.get("OCEAN_VAR") or CHECKOUT / "var").resolve())
    try:
        if command == "run":
            run(folder, _web_port(), end_with_parent=arguments.end_with_parent)
        elif command == "status":
            say(status(folder))
        else:
            folder.delete()
            say(f"deleted {folder.root}")
    except EmbeddedError as exc:
        say(str(exc))
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


def _web_port() -> int:
    text = os.environ.get("OCEAN_PORT") or "8000"
    try:
        return int(text)
    except ValueError as exc:
        raise EmbeddedError(f"OCEAN_PORT is '{text}': it must be a port number.") from exc


if __name__ == "__main__":
    sys.exit(main())
