"""The launch queue: which apps wait for offers, since when, and why the offers they saw were declined.

Source: Marathon's core/launchqueue/, raml/QueueInfoConversion.scala, OfferMatchStatisticsActor.scala.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.ids import AppId, HostId, InstanceId
from sandbox.model import Instance
from sandbox.scheduler.matching import Decline
from sandbox.timestamps import now

LAST_UNUSED_OFFERS = 10


@dataclass(frozen=True, slots=True)
class Look:
    """What became of the last offer of one host."""

    host_id: HostId
    reason: Decline | None  # None: it was used
    at: datetime
    offer_id: str


@dataclass(slots=True)
class Entry:
    """One app's waiting instances and what their offers came to."""

    app_id: AppId
    since: datetime
    waiting: dict[InstanceId, Instance] = field(default_factory=dict)
    last_looks: dict[HostId, Look] = field(default_factory=dict)
    reasons: Counter[Decline] = field(default_factory=Counter)  # since it entered the queue
    processed: int = 0
    last_used_at: datetime | None = None
    last_unused_at: datetime | None = None

    @property
    def unused(self) -> int:
        return self.reasons.total()

    def used(self, host_id: HostId) -> None:
        self.processed += 1
        self.last_used_at = now()
        self.last_looks[host_id] = Look(host_id, None, self.last_used_at, _offer_id())

    def declined(self, host_id: HostId, reason: Decline) -> None:
        self.processed += 1
        self.reasons[reason] += 1
        self.last_unused_at = now()
        self.last_looks[host_id] = Look(host_id, reason, self.last_unused_at, _offer_id())

    def last_reasons(self) -> Counter[Decline]:
        """By reason, over the latest offer of each host."""
        return Counter(look.reason for look in self.last_looks.values() if look.reason is not None)

    def last_unused_offers(self) -> list[Look]:
        unused = [look for look in self.last_looks.values() if look.reason is not None]
        return sorted(unused, key=lambda look: look.at)[-LAST_UNUSED_OFFERS:]


class LaunchQueue:
    def __init__(self) -> None:
        self._entries: dict[AppId, Entry] = {}

    def add(self, instance: Instance) -> None:
        entry = self._entries.get(instance.app_id)
        if entry is None:
            entry = self._entries[instance.app_id] = Entry(instance.app_id, now())
        entry.waiting[instance.id] = instance

    def remove(self, instance: Instance) -> None:
        """Launched, or not wanted any more."""
        entry = self._entries.get(instance.app_id)
        if entry is None:
            return
        entry.waiting.pop(instance.id, None)
        if not entry.waiting:
            del self._entries[instance.app_id]

    def get(self, app_id: AppId) -> Entry | None:
        return self._entries.get(app_id)

    def entries(self) -> list[Entry]:
        return list(self._entries.values())


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """How many offers came to this reason's test and how many failed it."""

    reason: Decline
    declined: int
    processed: int


def funnel(reasons: Counter[Decline], processed: int) -> Iterable[FunnelStep]:
    """All reasons in their order; each sees what the ones before let pass."""
    for reason in Decline:
        yield FunnelStep(reason, reasons[reason], processed)
        processed -= reasons[reason]


def _offer_id() -> str:
    return f"{uuid.uuid4()}-O0"
