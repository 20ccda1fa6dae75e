"""How Ocean's processes are started is said once, in the Procfile."""

import subprocess
from pathlib import Path

from embedded.stack import CHECKOUT, procfile_names

_SCRIPT = str(CHECKOUT / "scripts" / "process.sh")


def test_the_processes_of_the_architecture_are_there() -> None:
    assert procfile_names() == ["web", "worker", "beat", "watch", "scale"]


def test_a_process_gets_its_line_with_variables_filled_in(tmp_path: Path) -> None:
    uvicorn = tmp_path / "uvicorn"
    uvicorn.write_text('#!/bin/sh\necho "$@"\n')
    uvicorn.chmod(0o755)
    done = subprocess.run(
        [_SCRIPT, "web"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "OCEAN_PORT": "1234"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("ocean_portal.asgi:application --host 127.0.0.1 --port 1234 ")


def test_an_unknown_process_is_refused_with_the_known_ones() -> None:
    done = subprocess.run([_SCRIPT, "wroker"], capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert "web worker beat watch scale" in done.stderr
