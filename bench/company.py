"""The company that the benchmarks imagine: who the n-th job, product line and host are. One numbering for the seeded
database and the pretended cluster, so that they fit."""

from __future__ import annotations

from dataclasses import dataclass

CLUSTER = "bench"
SEED = 20261120
LINES = 200
SERVICES = 50
"""Of each product line; a service has as many jobs as come out."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large the company is."""

    jobs: int
    instances: int
    hosts: int
    operations: int
    large: tuple[int, ...] = ()
    """Instances of the first jobs, where those are larger than the others."""

    @property
    def per_job(self) -> int:
        return self.instances // self.jobs


FULL = Size(jobs=10_000, instances=100_000, hosts=5_000, operations=200_000, large=(5_000, 700))
SMALL = Size(jobs=1_000, instances=10_000, hosts=500, operations=20_000, large=(500, 70))


def line(number: int) -> str:
    """The name of the product line of the n-th job."""
    return f"line-{number % LINES:03}"


def service(number: int) -> str:
    return f"service-{number // LINES % SERVICES:02}"


def name(number: int) -> str:
    return f"job-{number:05}"


def workload_id(number: int) -> str:
    """The n-th job's app on Marathon."""
    return f"/bench/company/{line(number)}/{CLUSTER}/{service(number)}/{name(number)}"


def tag(number: int) -> str:
    """The n-th job's."""
    where = f"service.{service(number)}_cluster.{CLUSTER}_pdl.{line(number)}_owt.company_cop.bench"
    return f"job.{name(number)}_{where}"


def host(number: int) -> str:
    return f"host-{number:04}.bench"
