from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.testing import SandboxProcess, running_sandbox
from sandbox.tests.api import Marathon


@pytest.fixture(scope="package")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """One for all tests that neither kill nor break it."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def marathon(shared_sandbox: SandboxProcess) -> Iterator[Marathon]:
    """The shared sandbox, left empty."""
    api = Marathon(shared_sandbox.marathon)
    yield api
    api.done("DELETE", "/v2/groups?force=true")


@pytest.fixture
def own_sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    """One for a test that kills or breaks it."""
    with running_sandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
def own_marathon(own_sandbox: SandboxProcess) -> Marathon:
    return Marathon(own_sandbox.marathon)
