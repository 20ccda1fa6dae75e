"""Reading jobs: querysets already scoped to the person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, QuerySet, Sum

from apps.accounts.rights import scope
from apps.core.models import Operation
from apps.jobs.models import Instance, Job, JobEvent, JobVersion

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from apps.accounts.models import User

    Person = User | AnonymousUser


def jobs_visible(user: Person) -> QuerySet[Job]:
    """The jobs that the person may know of, with what lists show, in a fixed number of queries."""
    return scope(Job.objects.alive(), user).select_related("product_line", "cluster")


def job_get(user: Person, tag: str) -> Job:
    """Raises Job.DoesNotExist for an unknown tag and for one that the person may not know of."""
    return jobs_visible(user).get(tag=tag)


def instances_of(job: Job) -> QuerySet[Instance]:
    return Instance.objects.filter(job=job).order_by("-started_at", "id")


def versions_of(job: Job) -> QuerySet[JobVersion]:
    return JobVersion.objects.filter(job=job).select_related("author").order_by("-number")


def history_of(job: Job) -> QuerySet[JobEvent]:
    return JobEvent.objects.filter(job=job).select_related("actor", "operation")


def operations_of(job: Job) -> QuerySet[Operation]:
    return Operation.objects.filter(target_type="job", target_id=job.pk).select_related("requested_by")


def active_operation(job: Job) -> Operation | None:
    return operations_of(job).filter(state__in=Operation.ACTIVE_STATES).first()


def job_counts(user: Person) -> dict[str, Any]:
    """How many of the person's jobs are in each state, and instances wanted / running / healthy: one query."""
    states = {
        f"state_{state.value}": Count("pk", filter=Q(state=state))
        for state in Job.State
        if state != Job.State.DELETED
    }
    return scope(Job.objects.alive(), user).aggregate(
        total=Count("pk"),
        wanted_sum=Sum("wanted", default=0),
        running_sum=Sum("running", default=0),
        healthy_sum=Sum("healthy", default=0),
        **states,
    )


def jobs_in_trouble(user: Person) -> QuerySet[Job]:
    """Those that are not as wanted, the longest-standing first."""
    return jobs_visible(user).filter(state=Job.State.DEGRADED).order_by("state_since", "id")
