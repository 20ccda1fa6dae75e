"""Making a cluster's Falcon agree with the policies, re-entrantly: what changed soon, and everything by and by.

`follow` does what is known to have changed. `sweep` looks at what there is: it makes what is missing, removes what
belongs to nothing any more, keeps the usual templates and teams, follows instances that no hint told of, and compares
some jobs' content in turn. What somebody else changed there is not overwritten silently: it becomes a drift.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from apps.core.drift import drift_clear, drift_record
from apps.core.models import Cluster, Drift
from apps.elastic.falcon.found import Listing, details, listing
from apps.elastic.falcon.names import Names
from apps.elastic.falcon.planning import (
    Found,
    Step,
    group_steps,
    orphan_steps,
    team_steps,
    template_steps,
)
from apps.elastic.falcon.steps import Doing
from apps.elastic.falcon.wanted import (
    JobWish,
    default_templates,
    host_group,
    job_wishes,
    policies_of,
    teams,
    unscaled_names,
)
from apps.elastic.falcon.words import as_found, as_wanted
from apps.elastic.models import FalconEntry
from clients.errors import Conflict, Refused
from clients.falcon import FalconPortal

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

KIND = "falcon"
FALCON_LOCK = 7203
"""The first key of `pg_try_advisory_lock(int, int)`; the second is the cluster's id. Never reused for another use."""
COMPARED_AT_ONCE = 200
"""Jobs whose content a sweep reads, of which each costs three calls."""


@dataclass(slots=True)
class Report:
    """What was done: `steps` at the Falcon, `drifts` noticed."""

    steps: int = 0
    drifts: int = 0
    kinds: dict[str, int] = field(default_factory=dict)

    def count(self, step: Step) -> None:
        self.steps += 1
        name = type(step).__name__
        self.kinds[name] = self.kinds.get(name, 0) + 1


def follow(cluster: Cluster, *, portal: FalconPortal, job_ids: Collection[int], now: datetime) -> Report:
    """Bring these jobs' templates and groups up to date, or away. Raises the errors of `clients.errors`."""
    names, report = names_of(cluster), Report()
    wishes = job_wishes(policies_of(cluster).filter(job__in=job_ids), names)
    gone = unscaled_names(cluster, job_ids, names)
    if not wishes and not gone:
        return report
    known = listing(portal, names)
    parents = default_templates(names) if wishes else {}
    mine = [wish.name for wish in wishes]
    found = details(portal, known, templates=[*mine, *parents], groups=mine)
    doing = Doing(portal, found)
    for name, template in parents.items():
        _do(doing, template_steps(name, template, found), report)
    for wish in wishes:
        _apply(cluster, doing, wish, found, report, now=now)
    there = {name: number for name, number in known.templates.items() if name in gone}
    groups = {name: number for name, number in known.groups.items() if name in gone}
    _do(doing, orphan_steps(template_ids=there, group_ids=groups, templates=(), groups=()), report)
    FalconEntry.objects.filter(policy__job__tag__in=gone.values()).delete()
    drift_clear(kind=KIND, cluster=cluster, objects=list(gone.values()))
    return report


def sweep(cluster: Cluster, *, portal: FalconPortal, now: datetime) -> Report:
    """Look at all there is. Raises the errors of `clients.errors`."""
    names, report = names_of(cluster), Report()
    known = listing(portal, names)
    wishes = job_wishes(policies_of(cluster), names)
    parents, hosts = default_templates(names), host_group(cluster, names)
    chosen = _chosen(wishes, known)
    mine = [wish.name for wish in chosen]
    found = details(portal, known, templates=[*mine, *parents], groups=[*mine, names.hosts])
    doing = Doing(portal, found)
    _keep_teams(doing, portal, names, report)
    for name, template in parents.items():
        _do(doing, template_steps(name, template, found), report)
    _do(doing, group_steps(names.hosts, hosts, found), report)
    for wish in chosen:
        if _somebody_changed(wish, found):
            _note(cluster, wish, found, report)
            _do(doing, group_steps(wish.name, wish.group, found), report)
            _remember(wish, now=now)
        else:
            _apply(cluster, doing, wish, found, report, now=now)
    wanted = {wish.name for wish in wishes}
    _do(doing, orphan_steps(
        template_ids=_of_jobs(known.templates, names),
        group_ids=_of_jobs(known.groups, names),
        templates=wanted,
        groups=wanted,
    ), report)  # fmt: skip
    left = Drift.objects.filter(kind=KIND, cluster=cluster).exclude(object__in=[wish.tag for wish in wishes])
    drift_clear(kind=KIND, cluster=cluster, objects=list(left.values_list("object", flat=True)))
    return report


def _keep_teams(doing: Doing, portal: FalconPortal, names: Names, report: Report) -> None:
    """A person or team that Falcon refuses holds up nobody else; it is tried again by the next sweep."""
    known = {user.name for user in portal.users()}
    for step in team_steps(teams(names), teams=portal.teams(), users=known):
        try:
            _do(doing, [step], report)
        except (Refused, Conflict) as exc:
            log.warning("falcon_refused", extra={"step": type(step).__name__, "error": str(exc)})


def names_of(cluster: Cluster) -> Names:
    return Names(settings.OCEAN_FALCON_PREFIX, cluster.name)


@contextmanager
def locked(cluster: Cluster) -> Iterator[bool]:
    """Whether nobody else reconciles this cluster now; two at once would make everything twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [FALCON_LOCK, cluster.pk])
        row = cursor.fetchone()
    if not (row and row[0]):
        yield False
        return
    try:
        yield True
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [FALCON_LOCK, cluster.pk])


def _chosen(wishes: list[JobWish], known: Listing) -> list[JobWish]:
    """All that need something as far as names and fingerprints tell, and of the others those compared longest ago."""
    needy, settled = [], []
    for wish in wishes:
        entry = wish.entry
        present = wish.name in known.templates and wish.name in known.groups
        if entry is None or not present or wish.is_new or entry.instances != wish.instances:
            needy.append(wish)
        else:
            settled.append((entry.checked_at, wish.policy_id, wish))
    return [*needy, *(wish for _, _, wish in sorted(settled)[:COMPARED_AT_ONCE])]


def _somebody_changed(wish: JobWish, found: Found) -> bool:
    """The template is not as wanted, though Ocean made it so."""
    if wish.is_new or wish.name not in found.templates:
        return False
    return any(template_steps(wish.name, wish.template, found))


def _note(cluster: Cluster, wish: JobWish, found: Found, report: Report) -> None:
    report.drifts += 1
    drift_record(
        kind=KIND,
        cluster=cluster,
        object=wish.tag,
        wanted=as_wanted(wish.template),
        found=as_found(found.templates[wish.name]),
    )


def _apply(
    cluster: Cluster, doing: Doing, wish: JobWish, found: Found, report: Report, *, now: datetime
) -> None:
    """One that Falcon refuses holds up no other; it is tried again by the next sweep."""
    try:
        _do(doing, template_steps(wish.name, wish.template, found), report)
        _do(doing, group_steps(wish.name, wish.group, found), report)
    except (Refused, Conflict) as exc:
        log.warning("falcon_refused", extra={"job": wish.tag, "error": str(exc)})
        _remember(wish, now=now, fingerprint="")
        return
    _remember(wish, now=now, fingerprint=wish.fingerprint, callback_key=wish.callback_key)
    drift_clear(kind=KIND, cluster=cluster, objects=[wish.tag])


def _do(doing: Doing, steps: Iterable[Step], report: Report) -> None:
    for step in steps:
        doing.do(step)
        report.count(step)


def _remember(wish: JobWish, *, now: datetime, **put: str) -> None:
    """`put`: the columns that say what was put there just now; none where the template was only looked at."""
    values: dict[str, object] = {"instances": wish.instances, "checked_at": now}
    if put:
        values |= {**put, "applied_at": now}
        FalconEntry.objects.update_or_create(policy_id=wish.policy_id, defaults=values)
    else:
        FalconEntry.objects.filter(policy=wish.policy_id).update(**values)


def _of_jobs(ids: dict[str, int], names: Names) -> dict[str, int]:
    return {name: number for name, number in ids.items() if name.startswith(names.of_jobs)}
