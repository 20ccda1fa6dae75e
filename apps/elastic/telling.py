"""What the loop tells a policy's notification groups: what it did, what waits for a person, and what it cannot do.

Each matter has one key, so that a storm of ten thousand jobs is one message (`apps.core.notifications`), and a fixed
number of queries. What lasts is told when it begins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_noop

from apps.core.models import Severity
from apps.core.notifications.groups import groups_named
from apps.core.notifications.telling import Event, notify_all
from apps.core.notifications.words import Sentence
from apps.elastic.loop.seen import Seen
from apps.elastic.words import reason_sentence
from apps.jobs.models import Job

log = logging.getLogger(__name__)

SCALED = gettext_noop("%(job)s: from %(instances)s to %(wanted)s instances.")
APPROVAL = gettext_noop(
    "%(job)s: scaling in from %(instances)s to %(wanted)s instances waits for an approval."
)
BLIND = gettext_noop("%(job)s: no metrics for long. Its %(instances)s instances stay as they are.")
AT_MOST = gettext_noop("%(job)s: wants %(wanted)s instances, and may not have more than %(instances)s.")
BECAUSE = gettext_noop("%(reason)s.")
OVER_AFTER = timedelta(minutes=5)
"""What lasts is over when it has not been seen for so long: a load about a limit goes above it and below it all the
time, and is told of once."""
_LIMITS = frozenset({"max", "quota", "capacity"})


@dataclass(frozen=True, slots=True)
class News:
    """One thing to be told of one job."""

    seen: Seen
    key: str
    text: str
    wanted: int
    severity: Severity
    lasts: bool = True


def tell(seen: Iterable[Seen]) -> None:
    """Write what there is to be told; most ticks have nothing. What could not be written is told by the next tick, but
    for what was done, which the job's page says."""
    news = [one for each in seen if each.entry.notify for one in news_of(each)]
    if not news:
        return
    with transaction.atomic():
        notify_all(_events(news))
    for one in news:
        if one.lasts:
            one.seen.entry.told[one.key] = one.seen.at


def news_of(seen: Seen) -> Iterable[News]:
    """What is new of a job."""
    if seen.acted:
        yield News(seen, "elastic.scaled", SCALED, seen.decision.wanted, Severity.INFO, lasts=False)
    told = seen.entry.told
    for one in _lasting(seen):
        last = told.get(one.key)
        if last is None or seen.at - last > OVER_AFTER:
            yield one
        else:
            told[one.key] = seen.at


def _lasting(seen: Seen) -> Iterable[News]:
    """What goes on now, whether it was told or not."""
    decision = seen.decision
    if decision.needs_approval and decision.asks is not None:
        yield News(seen, "elastic.approval", APPROVAL, decision.asks, Severity.WARNING)
    if decision.alarm:
        yield News(seen, "elastic.blind", BLIND, decision.wanted, Severity.CRITICAL)
    if decision.clamps and decision.wanted == seen.observation.wanted:
        wish = max(
            (int(clamp.values["wish"]) for clamp in decision.clamps if clamp.code in _LIMITS), default=0
        )
        if wish > decision.wanted:
            yield News(seen, "elastic.at_most", AT_MOST, wish, Severity.WARNING)


def _events(news: Sequence[News]) -> Iterable[Event]:
    """Two queries."""
    found = groups_named({name for one in news for name in one.seen.entry.notify})
    groups = {group.name: group for group in found}
    jobs = {
        job_id: (tag, line_id)
        for job_id, tag, line_id in Job.objects.filter(pk__in={one.seen.job_id for one in news}).values_list(
            "pk", "tag", "product_line"
        )
    }
    for one in news:
        told = [groups[name] for name in one.seen.entry.notify if name in groups]
        if not told or one.seen.job_id not in jobs:
            continue
        tag, line_id = jobs[one.seen.job_id]
        yield Event(
            told,
            subject=Sentence(
                one.text, {"job": tag, "instances": one.seen.observation.wanted, "wanted": one.wanted}
            ),
            lines=partial(_because, one.seen),
            key=one.key,
            severity=one.severity,
            product_line_id=line_id,
            path=reverse("elastic:scaling", args=[tag]),
        )


def _because(seen: Seen) -> list[Sentence]:
    try:
        return [Sentence(BECAUSE, {"reason": reason_sentence(seen.row)})]
    except Exception:  # the news go out without; nobody else's wait for it
        log.exception("reason_not_told", extra={"job": seen.job_id})
        return []
