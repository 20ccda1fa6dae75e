"""Reading jobs: querysets already scoped to the person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    F,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from apps.accounts.models import Membership, ProductLine
from apps.accounts.rights import product_lines_visible, scope, sees_everything
from apps.core.models import Cluster, ClusterWatch, Operation
from apps.core.operations.kinds import controls_of
from apps.hosts.models import Host
from apps.jobs.explain import (
    Problem,
    draft,
    holding,
    paused,
    render_problem,
    stale_mirror,
    stopped,
    unpublished_version,
)
from apps.jobs.models import Instance, Job, JobEvent, JobVersion, Release, ReleaseItem, Secret, Slot
from apps.jobs.planning import RolloutCount

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.contrib.auth.models import AnonymousUser

    from apps.accounts.models import User

    Person = User | AnonymousUser

MAX_LIVES = 20
"""Migrations that a history reaches back over."""
STALE_AFTER_S = 30
"""The mirror looks every few seconds; what is older than this deserves a word."""


IN_TROUBLE = Q(state=Job.State.DEGRADED) | Q(
    state=Job.State.DEPLOYING, problems__contains=[{"severity": "error"}]
)
"""Jobs that somebody should look at: not as wanted, or on their way there and held up."""

ENDED = (Instance.State.FAILED, Instance.State.FINISHED, Instance.State.KILLED)


def jobs_visible(user: Person) -> QuerySet[Job]:
    """The jobs that the person may know of, with what lists show, in a fixed number of queries."""
    return scope(Job.objects.alive(), user).select_related("product_line", "cluster", "expiry")


def with_active_operation(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Adds `active_operation_id`: the operation that holds the job now, or None."""
    active = Operation.objects.active().filter(target_type="job", target_id=OuterRef("pk"))
    return jobs.annotate(active_operation_id=Subquery(active.values("pk")[:1]))


def with_latest_spec(jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Adds `latest_spec`: what the latest version says."""
    latest = JobVersion.objects.filter(job=OuterRef("pk"), number=OuterRef("latest_version"))
    return jobs.annotate(latest_spec=Subquery(latest.values("spec")[:1]))


def dependents_of(user: Person, tags: Sequence[str], *, limit: int = 20) -> list[str]:
    """The running jobs, of those that the person may know of, that depend on one of `tags`. It reads the versions that
    run, so it is for plans, not for pages."""
    running = JobVersion.objects.filter(
        job__in=scope(Job.objects.alive(), user).filter(wanted__gt=0),
        number=F("job__target_version"),
        spec__depends_on__has_any_keys=list(tags),
    )
    return list(running.order_by("job__tag").values_list("job__tag", flat=True)[:limit])


def releases_visible(user: Person) -> QuerySet[Release]:
    """The releases that have a job of the person's product lines, or that they asked for; all for those who see all.
    With `is_whole`: the person may know of every job of it, and so may read its words, which name them."""
    releases = Release.objects.select_related("requested_by", "operation")
    if sees_everything(user):
        return releases.annotate(is_whole=Value(True, output_field=BooleanField()))
    items, known = ReleaseItem.objects.filter(release=OuterRef("pk")), product_lines_visible(user)
    releases = releases.annotate(is_whole=~Exists(items.exclude(job__product_line__in=known)))
    return releases.filter(Q(Exists(items.filter(job__product_line__in=known))) | Q(requested_by=user.pk))


def speaking_operation(release: Release) -> Operation | None:
    """The operation of a row of `releases_visible`, where the person may read what it says."""
    return release.operation if getattr(release, "is_whole") else None  # noqa: B009 - an annotation of the query


def with_items(releases: QuerySet[Release], user: Person) -> QuerySet[Release]:
    """With the `items` whose jobs the person may know of (deleted ones too), by stage."""
    items = scope(ReleaseItem.objects.order_by("stage", "position"), user, path="job__product_line")
    items = items.select_related("job__cluster", "job__product_line", "operation", "undo_operation")
    return releases.prefetch_related(Prefetch("items", queryset=items))


def instances_of(job: Job) -> QuerySet[Instance]:
    return Instance.objects.filter(job=job).order_by("-started_at", "id")


def with_serving(instances: QuerySet[Instance], job: Job) -> QuerySet[Instance]:
    """Adds `is_serving`: whether an instance is to be sent requests (during a blue-green publish one side is)."""
    return instances.annotate(
        is_serving=Q(slot=job.serving) if job.serving else Value(True, output_field=BooleanField())
    )


def versions_of(job: Job) -> QuerySet[JobVersion]:
    return JobVersion.objects.filter(job=job).select_related("author").order_by("-number")


def history_of(job: Job) -> QuerySet[JobEvent]:
    """What happened to it, also before it was migrated here."""
    return JobEvent.objects.filter(job__in=_lives_of(job)).select_related("actor", "operation")


def _lives_of(job: Job) -> list[int]:
    """The job, and those that it was migrated from, one after the other."""
    lives, source_id = [job.pk], job.cloned_from_id
    while source_id is not None and len(lives) < MAX_LIVES:
        source = Job.objects.filter(pk=source_id, moved_to=lives[-1]).only("cloned_from_id").first()
        if source is None:
            break
        lives.append(source.pk)
        source_id = source.cloned_from_id
    return lives


def operations_of(job: Job) -> QuerySet[Operation]:
    return Operation.objects.filter(target_type="job", target_id=job.pk).select_related("requested_by")


def active_operation(job: Job) -> Operation | None:
    return operations_of(job).filter(state__in=Operation.ACTIVE_STATES, after__isnull=True).first()


def rollout_of(job: Job, *, version: int | None = None) -> RolloutCount:
    """How far the mirror has seen a rollout come. New are the instances of the scheduler's newest definition, and
    of `version` where one is given (the mirror may not have seen the newest definition yet). What runs beside the
    job's own is counted by itself."""
    own = Q(slot=Slot.MAIN)
    new = own if version is None else own & Q(version=version)
    if job.config_changed_at is not None:
        new &= Q(engine_version__gte=job.config_changed_at)
    well = Q(state=Instance.State.RUNNING)
    if job.has_health_checks:
        well &= Q(healthy=True)
    alive = Instance.objects.filter(job=job).exclude(state__in=ENDED)
    counts = alive.aggregate(
        all=Count("pk", filter=own),
        beside=Count("pk", filter=~own),
        new=Count("pk", filter=new),
        new_healthy=Count("pk", filter=new & well),
    )
    return RolloutCount(
        wanted=job.wanted,
        new=counts["new"],
        new_healthy=counts["new_healthy"],
        old=counts["all"] - counts["new"],
        beside=counts["beside"],
    )


def failing_instance(job: Job) -> Instance | None:
    """The newest instance that failed or fails its health check: the one whose log is worth a look."""
    bad = Q(healthy=False) | Q(state__in=[Instance.State.FAILED, Instance.State.UNREACHABLE])
    return instances_of(job).filter(bad).first()


def secret_names(user: Person, *, product_line: str) -> list[str]:
    """The names of a product line's secrets, by the line's tag; none where the person may not know of it."""
    secrets = scope(Secret.objects.filter(product_line__tag=product_line), user)
    return list(secrets.order_by("name").values_list("name", flat=True))


def job_counts(
    user: Person, *, product_line: ProductLine | None = None, only: Q | None = None
) -> dict[str, Any]:
    """How many of the person's jobs (on a product line; `only` those) are in each state (`state_…`), `in_trouble`, and
    in all (`total`), and their instances wanted / running / healthy (`…_sum`): one query."""
    states = {
        f"state_{state.value}": Count("pk", filter=Q(state=state))
        for state in Job.State
        if state != Job.State.DELETED
    }
    jobs = scope(Job.objects.alive(), user)
    if product_line is not None:
        jobs = jobs.filter(product_line=product_line)
    if only is not None:
        jobs = jobs.filter(only)
    return jobs.aggregate(
        total=Count("pk"),
        in_trouble=Count("pk", filter=IN_TROUBLE),
        wanted_sum=Sum("wanted", default=0),
        running_sum=Sum("running", default=0),
        healthy_sum=Sum("healthy", default=0),
        **states,
    )


def jobs_in_trouble(user: Person) -> QuerySet[Job]:
    """Those that are not as wanted, the longest-standing first."""
    return jobs_visible(user).filter(IN_TROUBLE).order_by("state_since", "id")


def jobs_worst_first(user: Person) -> QuerySet[Job]:
    """Those in trouble, those under way, and the others."""
    worst = Case(
        When(IN_TROUBLE, then=Value(0)), When(state=Job.State.DEPLOYING, then=Value(1)), default=Value(2)
    )
    return jobs_visible(user).order_by(worst, "tag", "id")


def job_explain(job: Job, *, now: datetime, operation: Operation | None = None) -> list[dict[str, Any]]:
    """Why the job is not as wanted, in the active language (see `explain.render_problem`); first of all where the
    mirror itself is old. Where all is well, what is remarkable all the same; last, what the `operation` at work on it
    waits for a person to say."""
    stored = [*(problem.as_json() for problem in mirror_problems(job.cluster, now=now)), *job.problems]
    stored = stored or [problem.as_json() for problem in _remarkable(job)]
    if operation is not None:
        stored += [problem.as_json() for problem in _waits_for_a_word(operation)]
    return [render_problem(one) for one in stored]


def _remarkable(job: Job) -> list[Problem]:
    """Why it is no surprise that nothing, or nothing new, runs."""
    if not job.is_published:
        return [draft(version=job.latest_version)]
    if job.state == Job.State.STOPPED:
        return [stopped(before=job.wanted_before_stop)]
    if job.state == Job.State.RUNNING and job.target_version and job.latest_version > job.target_version:
        return [unpublished_version(latest=job.latest_version, running=job.target_version)]
    return []


def _waits_for_a_word(operation: Operation) -> list[Problem]:
    if operation.paused_at is not None:
        return [paused(at=operation.paused_at)]
    return [holding()] if "go-on" in controls_of(operation) else []


def mirror_problems(cluster: Cluster, *, now: datetime) -> list[Problem]:
    """What to say where a cluster's mirror is old, or cut off from the scheduler and about to be; empty where it is
    fresh."""
    watch = ClusterWatch.objects.filter(cluster=cluster).first()
    synced_at = watch.synced_at if watch else None
    age_s = int((now - synced_at).total_seconds()) if synced_at else None
    error = watch.error if watch and watch.is_alive else ""
    if age_s is not None and age_s < STALE_AFTER_S and not error:
        return []
    return [stale_mirror(cluster=cluster.name, age_s=age_s, error=error)]


def instances_on(host: Host, *, user: Person) -> QuerySet[Instance]:
    """The instances on a host that belong to the person's jobs."""
    on_host = Instance.objects.filter(job__cluster=host.cluster_id, host=host.hostname)
    return scope(on_host, user, path="job__product_line").select_related("job", "job__product_line")


def lines_with_counts(user: Person) -> QuerySet[ProductLine]:
    """The person's product lines, with how many jobs (`jobs_count`), of them in trouble (`trouble_count`), and
    members (`members_count`)."""
    jobs = Job.objects.alive().filter(product_line=OuterRef("pk"))
    members = Membership.objects.filter(product_line=OuterRef("pk"))
    return product_lines_visible(user).annotate(
        jobs_count=_count(jobs),
        trouble_count=_count(jobs.filter(IN_TROUBLE)),
        members_count=_count(members),
    )


def _count(rows: QuerySet[Any]) -> Coalesce:
    """A subquery that counts: joins would multiply the counts with each other."""
    counted = rows.order_by().values("product_line").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)
