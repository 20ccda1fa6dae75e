"""`python -m bench [name …]`: start an Ocean of its own and run every benchmark, or those named."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench import pages, thousand
from tests.running_stack import RunningStack

BENCHMARKS = {"thousand": thousand.run, "pages": pages.run}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all when none is given")
    names = parser.parse_args().names or list(BENCHMARKS)
    with tempfile.TemporaryDirectory(prefix="ocean-bench-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs under another account when this runs as root
        stack = RunningStack(Path(folder) / "var")
        stack.up()
        try:
            for name in names:
                for line in BENCHMARKS[name](stack):
                    print(line, flush=True)
        finally:
            stack.down()


if __name__ == "__main__":
    main()
