"""One look for many steps: asked for once, whoever wants to know."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest

from apps.accounts.tests.factories import make_member, make_product_line
from apps.core.tests.factories import make_cluster
from apps.jobs import masking
from apps.jobs.operations import looks
from apps.jobs.operations.base import prepare_works
from apps.jobs.operations.looks import SharedLook
from apps.jobs.services import job_scale
from apps.jobs.tests.factories import make_running_job
from clients.errors import Unavailable
from engines.base import Engine, WorkloadId

PATHS = [WorkloadId(f"/job-{number}") for number in range(8)]


class Counting:
    """A scheduler of which only the first workload is there; `away`, it does not answer."""

    def __init__(self, *, away: bool = False) -> None:
        self.asked: list[Mapping[WorkloadId, str]] = []
        self.away = away

    def get_some(self, tags: Mapping[WorkloadId, str]) -> Mapping[WorkloadId, str]:
        self.asked.append(dict(tags))
        if self.away:
            raise Unavailable("connection refused", remote="marathon", operation="get")
        return {PATHS[0]: "found"}


def shared(engine: Counting) -> SharedLook:
    look = SharedLook(cast(Engine, engine))
    for path in PATHS:
        look.add(path, tag=f"tag of {path}")
    return look


def test_who_asks_first_asks_for_all() -> None:
    engine = Counting()
    look = shared(engine)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(look.take, PATHS))
    assert [one is not None and str(one[0]) for one in taken] == ["found", *["None"] * 7]
    assert len({one and one[1] for one in taken}) == 1
    assert engine.asked == [{path: f"tag of {path}" for path in PATHS}]


def test_a_second_look_and_that_of_a_stranger_are_their_own() -> None:
    look = shared(Counting())
    assert look.take(PATHS[0]) is not None
    assert look.take(PATHS[0]) is None
    assert look.take(WorkloadId("/stranger")) is None


def test_one_that_comes_late_looks_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "FRESH_S", -1.0)
    engine = Counting()
    look = shared(engine)
    assert [look.take(path) for path in PATHS] == [None] * 8
    assert len(engine.asked) == 1


def test_a_scheduler_that_is_away_is_asked_once() -> None:
    engine = Counting(away=True)
    look = shared(engine)
    for path in PATHS:
        with pytest.raises(Unavailable):
            look.take(path)
    assert len(engine.asked) == 1


@pytest.mark.django_db
def test_what_was_asked_for_is_looked_at_together_but_for_the_large(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Counting()
    monkeypatch.setattr(masking, "get_engine", lambda cluster: engine)
    line, cluster = make_product_line(), make_cluster()
    by = make_member(line)
    jobs = [make_running_job(product_line=line, cluster=cluster, instances=1) for _ in range(4)]
    operations = [job_scale(job=job, instances=2 + 100 * (job is jobs[3]), by=by) for job in jobs]
    for operation in operations[1:]:
        operation.memory["asked"] = True
    prepare_works(operations)
    looks = [operation.prepared.together for operation in operations]
    taken = [look.take(WorkloadId(job.workload_id)) for look, job in zip(looks, jobs, strict=True)]
    assert [one is None for one in taken] == [True, False, False, True]
    assert engine.asked == [{job.workload_id: job.tag for job in jobs[1:3]}]
