"""What docs/api.md shows works when it is pasted into a shell."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.running_stack import RunningStack

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.mark.stack
def test_the_documented_main_flow(stack: RunningStack) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", DOCUMENT.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 6
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", "\n".join(blocks)],
        env={**os.environ, "OCEAN_PORT": str(stack.ports.web), "OCEAN_VAR": str(stack.root)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "urn:ocean:problem" not in said, said
    ended = re.findall(r'\{"id":\d+,"kind":"job\.(\w+)"[^[]*?"state":"(\w+)"', said)
    assert ended == [
        ("publish", "succeeded"),
        ("scale", "succeeded"),
        ("publish", "succeeded"),
        ("rollback", "succeeded"),
        ("delete", "succeeded"),
    ], said
    assert "GET / HTTP/1.1" in said, "the log of an instance shows its health checks"
