"""What the loop tells a policy's notification groups: what it did, what waits for a person, and what it cannot do.

Each matter has one key, so that a storm of a hundred jobs is one message (`apps.core.notifications`); what lasts is
told when it begins.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_noop

from apps.core.models import Severity
from apps.core.notifications.groups import groups_named
from apps.core.notifications.telling import notify
from apps.core.notifications.words import Sentence
from apps.elastic.loop.seen import Seen
from apps.elastic.words import reason_sentence
from apps.jobs.models import Job

SCALED = gettext_noop("%(job)s: from %(instances)s to %(wanted)s instances.")
APPROVAL = gettext_noop(
    "%(job)s: scaling in from %(instances)s to %(wanted)s instances waits for an approval."
)
BLIND = gettext_noop("%(job)s: no metrics for long. Its %(instances)s instances stay as they are.")
AT_MOST = gettext_noop("%(job)s: wants %(wanted)s instances, and may not have more than %(instances)s.")
BECAUSE = gettext_noop("%(reason)s.")
_LIMITS = frozenset({"max", "quota", "capacity"})


@dataclass(frozen=True, slots=True)
class News:
    """One thing to be told of one job."""

    seen: Seen
    key: str
    text: str
    wanted: int
    severity: Severity


def tell(seen: Iterable[Seen]) -> None:
    """Write what there is to be told; most ticks have nothing. Two queries where there is something, and a row for each
    group and matter."""
    news = [one for each in seen for one in news_of(each) if each.entry.notify]
    if not news:
        return
    jobs = Job.objects.select_related("product_line").in_bulk({one.seen.entry.job_id for one in news})
    groups = {group.name: group for group in groups_named({n for one in news for n in one.seen.entry.notify})}
    for one in news:
        job = jobs.get(one.seen.entry.job_id)
        told = [groups[name] for name in one.seen.entry.notify if name in groups]
        if job is None or not told:
            continue
        values = {"job": job.tag, "instances": one.seen.observation.wanted, "wanted": one.wanted}
        with transaction.atomic():
            notify(
                told,
                subject=Sentence(one.text, values),
                lines=[Sentence(BECAUSE, {"reason": reason_sentence(one.seen.row)})],
                key=one.key,
                severity=one.severity,
                product_line=job.product_line,
                path=reverse("elastic:scaling", args=[job.tag]),
            )


def news_of(seen: Seen) -> Iterable[News]:
    """What is new of a job; remembers what was told."""
    entry, decision = seen.entry, seen.decision
    if seen.acted:
        yield News(seen, "elastic.scaled", SCALED, decision.wanted, Severity.INFO)
    asks = decision.asks if decision.needs_approval else None
    if asks is not None and entry.proposed is None:
        yield News(seen, "elastic.approval", APPROVAL, asks, Severity.WARNING)
    if decision.alarm and not entry.alarmed:
        yield News(seen, "elastic.blind", BLIND, decision.wanted, Severity.CRITICAL)
    entry.alarmed = decision.alarm
    wish = max((_wish(clamp.values) for clamp in decision.clamps if clamp.code in _LIMITS), default=None)
    limited = wish is not None and decision.wanted == seen.observation.wanted
    if limited and not entry.limited and wish is not None:
        yield News(seen, "elastic.at_most", AT_MOST, wish, Severity.WARNING)
    entry.limited = limited


def _wish(values: object) -> int:
    return int(values["wish"]) if isinstance(values, dict) and "wish" in values else 0
