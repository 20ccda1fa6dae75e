"""The cluster that the contract tests run against; see `Target` for how to name a real one."""

from collections.abc import Iterator

import pytest
import requests

from sandbox.testing import SandboxProcess, running_sandbox
from tests.contract.target import Faults, Target


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a real cluster nothing is broken on purpose."""
    if Target.from_environment() is None:
        return
    dropped = [item for item in items if "faults" in getattr(item, "fixturenames", ())]
    items[:] = [item for item in items if item not in dropped]
    config.hook.pytest_deselected(items=dropped)


@pytest.fixture(scope="session")
def contract_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A sandbox with a standby Marathon, shared by all contract tests."""
    with running_sandbox(tmp_path_factory.mktemp("contract"), standbys=1) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    real = Target.from_environment()
    if real is not None:
        return real
    sandbox: SandboxProcess = request.getfixturevalue("contract_sandbox")
    addresses = sandbox.addresses.clusters["test"]
    assert addresses.marathon is not None
    assert addresses.mesos is not None
    return Target(
        marathon_urls=(addresses.marathon, *addresses.marathon_standbys), mesos_urls=(addresses.mesos,)
    )


@pytest.fixture
def faults(contract_sandbox: SandboxProcess) -> Iterator[Faults]:
    """The sandbox's fault door; everything is mended afterwards."""
    yield Faults(f"{contract_sandbox.admin}/test")
    requests.delete(f"{contract_sandbox.admin}/", timeout=10).raise_for_status()
