from collections.abc import Iterator

import pytest

from engines.base import Port, Rollout, Workload, WorkloadId
from engines.marathon import MarathonEngine
from tests.contract.engine.looking import settle, until
from tests.contract.target import Target


@pytest.fixture(scope="session")
def engine(target: Target) -> MarathonEngine:
    if not target.mesos_urls:
        pytest.skip("OCEAN_CONTRACT_MESOS_URL names no Mesos")
    return target.engine()


@pytest.fixture
def workload(engine: MarathonEngine, target: Target) -> Iterator[Workload]:
    """A workload of this test's own, not applied yet; it is gone afterwards."""
    found = Workload(
        id=WorkloadId(f"{target.new_path()}/web"),
        version=1,
        instances=2,
        cpus=0.02,
        memory_mib=16,
        command="echo started on $PORT0; exec sleep 1000",
        ports=(Port("http"),),
        rollout=Rollout(max_unavailable=0, max_surge=1),
        kill_grace_s=1,
    )
    yield found
    engine.delete(found.id)
    until(lambda: engine.get(found.id) is None, f"{found.id} is gone")


@pytest.fixture
def web(engine: MarathonEngine, workload: Workload) -> Workload:
    """The workload, running."""
    settle(engine, engine.apply(workload))
    return workload
