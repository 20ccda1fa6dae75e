"""How fast Marathon lets instances start, and how often Mesos offers: what a real cluster imposes, and the sandbox only
where it is told to (`LaunchLimits`).

Sources: Marathon's command-line flags (docs/command-line-flags.md) and core/matcher/manager/impl/
OfferMatcherManagerActor.scala (launch tokens); Mesos' `--allocation_interval`.
"""

from __future__ import annotations

from collections import Counter

from sandbox.config import LaunchLimits
from sandbox.ids import HostId


class Limiter:
    """Counts by the clock it is given (`now`: seconds of any steady clock)."""

    def __init__(self, limits: LaunchLimits, *, offer_interval_s: float) -> None:
        self._limits = limits
        self._interval_s = offer_interval_s
        self._tokens = limits.launch_tokens
        self._refreshed_at = self._revived_at = float("-inf")
        self._demanded = False
        self._taken: Counter[HostId] = Counter()

    @property
    def has_cycle(self) -> bool:
        """Whether offers come at fixed times only."""
        return self._limits.offer_cycle

    def wait_s(self, now: float, *, waiting: bool) -> float:
        """How long until the next round of offers. `waiting`: whether anything wants one. New demand has the offers
        revived, which Marathon does so often and no oftener; they come with Mesos' next cycle."""
        if not waiting:
            self._demanded = False
            return 0.0
        revive_at = now
        if not self._demanded:
            revive_at = max(now, self._revived_at + self._limits.min_revive_offers_interval_s)
            self._demanded, self._revived_at = True, revive_at
        if not self._limits.offer_cycle:
            return revive_at - now
        cycles = -(-revive_at // self._interval_s)
        return cycles * self._interval_s - now

    def begin_round(self, now: float) -> None:
        """Every host is offered anew."""
        self._taken.clear()
        if now >= self._refreshed_at + self._limits.launch_token_refresh_s:
            self._tokens, self._refreshed_at = self._limits.launch_tokens, now

    @property
    def exhausted(self) -> bool:
        """Whether nothing more may be launched in this round, wherever."""
        return bool(self._limits.launch_tokens) and self._tokens <= 0

    def is_used_up(self, host_id: HostId) -> bool:
        """Whether the host's offer of this round has had as many launches as one may."""
        most = self._limits.max_instances_per_offer
        return bool(most) and self._taken[host_id] >= most

    def launched(self, host_id: HostId) -> None:
        self._taken[host_id] += 1
        self._tokens -= 1

    def confirmed(self) -> None:
        """A task runs: Marathon gives its token back."""
        self._tokens = min(self._limits.launch_tokens, self._tokens + 1)
