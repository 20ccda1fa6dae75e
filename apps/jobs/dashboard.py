"""What the dashboard says, worked out only as far as the part that is shown needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet

from apps.accounts.rights import Right, lines_with
from apps.core.models import Cluster, Operation
from apps.core.selectors import clusters_shown, operations_visible
from apps.hosts.capacity import Capacity, capacity_by_cluster
from apps.jobs.explain import render_problem
from apps.jobs.models import Job
from apps.jobs.selectors import job_counts, jobs_in_trouble

if TYPE_CHECKING:
    from apps.accounts.models import User

TROUBLE_SHOWN = 10
OPERATIONS_SHOWN = 6
_ORDER = (Job.State.DRAFT, Job.State.DEPLOYING, Job.State.RUNNING, Job.State.DEGRADED, Job.State.STOPPED)


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many of the person's jobs are in a state."""

    state: Job.State
    count: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """A job that is not as wanted, and the most telling reason why (a rendered problem; None: not known yet)."""

    job: Job
    problem: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ClusterState:
    """A cluster, how its mirror is doing, and how full it is (None: no host known)."""

    cluster: Cluster
    capacity: Capacity | None

    @property
    def watch(self) -> Any:
        return getattr(self.cluster, "watch", None)

    @property
    def all_well(self) -> bool:
        watch = self.watch
        return bool(watch and watch.is_alive and watch.connected and not watch.error)


def state_counts(totals: Mapping[str, Any]) -> list[StateCount]:
    """The states of `selectors.job_counts`, in the order of a job's life."""
    return [StateCount(state, totals[f"state_{state.value}"]) for state in _ORDER]


class Dashboard:
    """One person's dashboard: of all that they see, or `only` of those jobs. Each property asks the database once,
    when a template first looks at it."""

    def __init__(self, user: User, *, url: str, only: Q | None = None, query: str = "") -> None:
        """`url` is the page that shows it, `query` the filter of `only` for the list of jobs: `mine=true`."""
        self.user, self.only = user, only
        self.url, self.query = url, query

    @cached_property
    def may_create(self) -> bool:
        """Whether the person may create jobs at all."""
        return lines_with(self.user, Right.CHANGE).exists()

    @cached_property
    def totals(self) -> dict[str, Any]:
        """`total`, `in_trouble`, `wanted_sum`, `running_sum`, `healthy_sum`, and `state_…` for each state."""
        return job_counts(self.user, only=self.only)

    @property
    def states(self) -> list[StateCount]:
        return state_counts(self.totals)

    @property
    def in_trouble(self) -> int:
        return int(self.totals["in_trouble"])

    @cached_property
    def troubles(self) -> list[Trouble]:
        """The longest-standing first, at most `TROUBLE_SHOWN`."""
        if not self.in_trouble:
            return []
        jobs = jobs_in_trouble(self.user)
        if self.only is not None:
            jobs = jobs.filter(self.only)
        return [
            Trouble(job, render_problem(job.problems[0]) if job.problems else None)
            for job in jobs[:TROUBLE_SHOWN]
        ]

    @cached_property
    def running_operations(self) -> QuerySet[Operation]:
        return self._operations.filter(state__in=Operation.ACTIVE_STATES)[:OPERATIONS_SHOWN]

    @cached_property
    def latest_operations(self) -> QuerySet[Operation]:
        return self._operations.exclude(state__in=Operation.ACTIVE_STATES)[:OPERATIONS_SHOWN]

    @property
    def _operations(self) -> QuerySet[Operation]:
        operations = operations_visible(self.user)
        if self.only is None:
            return operations
        return operations.filter(target_type="job", target_id__in=Job.objects.filter(self.only).values("pk"))

    @cached_property
    def clusters(self) -> list[ClusterState]:
        capacities = capacity_by_cluster()
        return [ClusterState(cluster, capacities.get(cluster.pk)) for cluster in self._clusters]

    @property
    def out_of_sight(self) -> list[ClusterState]:
        """Clusters of which we cannot say at the moment how they are: what is shown of them may be old."""
        states = [ClusterState(cluster, None) for cluster in self._clusters]
        return [state for state in states if not state.all_well]

    @cached_property
    def _clusters(self) -> list[Cluster]:
        return list(clusters_shown())
