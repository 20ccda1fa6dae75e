"""What should be in a cluster's Falcon, from rows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from apps.core.models import Cluster, NotificationGroup
from apps.elastic.falcon.names import Names
from apps.elastic.falcon.planning import WantedGroup, WantedTeam, WantedTemplate
from apps.elastic.falcon.rules import CONTAINER, HOST, waking
from apps.elastic.falcon.signing import Ring, callback_url
from apps.elastic.models import FalconEntry, ScalingPolicy
from apps.hosts.models import Host
from apps.jobs.models import Instance, Job
from clients.falcon.wire import Action


@dataclass(frozen=True, slots=True)
class JobWish:
    """A job's template and group, by the one name that both have. `entry`: what was done before. `callback_key`: what
    the URL in it is signed by."""

    policy_id: int
    job_id: int
    tag: str
    name: str
    template: WantedTemplate
    group: WantedGroup
    entry: FalconEntry | None
    callback_key: str

    @property
    def fingerprint(self) -> str:
        action, parent = self.template.action, self.template.parent
        return _digest(sorted(map(repr, self.template.strategies)), [repr(action), repr(parent)])

    @property
    def instances(self) -> str:
        return _digest(sorted(self.group.hosts))

    @property
    def is_new(self) -> bool:
        """Whether Ocean wants something else than it last put there."""
        return self.entry is None or self.entry.fingerprint != self.fingerprint


def policies_of(cluster: Cluster) -> QuerySet[ScalingPolicy]:
    """Those that a Falcon is to wake."""
    return ScalingPolicy.objects.filter(enabled=True, job__cluster=cluster, job__deleted_at__isnull=True)


def job_wishes(policies: QuerySet[ScalingPolicy], names: Names) -> list[JobWish]:
    """Two queries, however many policies there are."""
    rows = list(policies.select_related("job", "falcon"))
    tasks: defaultdict[int, set[str]] = defaultdict(set)
    running = Instance.objects.filter(
        job__in=[row.job_id for row in rows], state=Instance.State.RUNNING
    ).values_list("job_id", "task_id")
    for job_id, task_id in running:
        tasks[job_id].add(task_id)
    return [_wish(row, frozenset(tasks[row.job_id]), names) for row in rows]


def unscaled_names(cluster: Cluster, job_ids: Collection[int], names: Names) -> dict[str, str]:
    """Name and tag of the jobs among these that nothing is wanted for, nor for a newer job of the same tag."""
    tags = Job.objects.filter(pk__in=job_ids, cluster=cluster).values_list("tag", flat=True)
    scaled = policies_of(cluster).filter(job__tag__in=tags).values_list("job__tag", flat=True)
    return {names.job(tag): tag for tag in set(tags) - set(scaled)}


def default_templates(names: Names) -> dict[str, WantedTemplate]:
    """The usual strategies: a host's go to the groups for everybody, a container's come with its job's template."""
    teams = NotificationGroup.objects.filter(enabled=True, product_line=None).values_list("name", flat=True)
    uic = ",".join(names.team(name) for name in sorted(teams))
    return {
        names.container_template: WantedTemplate(frozenset(CONTAINER)),
        names.host_template: WantedTemplate(frozenset(HOST), Action(uic=uic)),
    }


def host_group(cluster: Cluster, names: Names) -> WantedGroup:
    hosts = Host.objects.filter(cluster=cluster).values_list("hostname", flat=True)
    return WantedGroup(frozenset(hosts), names.host_template)


def teams(names: Names) -> dict[str, WantedTeam]:
    """Notification groups as teams, of the members who have a mail address."""
    groups = NotificationGroup.objects.filter(enabled=True).prefetch_related("members")
    return {
        names.team(group.name): WantedTeam(
            group.title or group.name,
            {user.username: user.email for user in group.members.all() if user.email and user.is_active},
        )
        for group in groups
    }


def _wish(policy: ScalingPolicy, tasks: frozenset[str], names: Names) -> JobWish:
    job = policy.job
    name = names.job(job.tag)
    ring = Ring(job.pk, policy.callback_key)
    url = callback_url(settings.OCEAN_CALLBACK_URL, ring, secret=settings.SECRET_KEY)
    return JobWish(
        policy_id=policy.pk,
        job_id=job.pk,
        tag=job.tag,
        name=name,
        # No team: Ocean tells people itself, and a team is looked up before each callback.
        template=WantedTemplate(
            waking(policy.metrics), Action(url=url, callback=1), names.container_template
        ),
        group=WantedGroup(tasks, name),
        entry=getattr(policy, "falcon", None),
        callback_key=policy.callback_key,
    )


def _digest(*parts: Collection[str]) -> str:
    return hashlib.sha256("\0".join("\1".join(part) for part in parts).encode()).hexdigest()
