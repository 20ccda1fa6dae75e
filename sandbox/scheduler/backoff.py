"""How long an app's launches wait after failures. Times are passed in.

Keyed by app and config version. The first failure gives `backoffSeconds`, each further one multiplies by
`backoffFactor` up to `maxLaunchDelaySeconds`. Source: Marathon's core/launchqueue/impl/RateLimiter.scala.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sandbox.definitions.app import App
from sandbox.ids import AppId


@dataclass(frozen=True, slots=True)
class Delay:
    config_version: datetime
    seconds: float
    deadline: datetime  # launches wait until then
    reference: datetime  # when the app last gave a sign of life, good or bad
    max_s: float


class RateLimiter:
    def __init__(self) -> None:
        self._delays: dict[AppId, Delay] = {}

    def raise_delay(self, app: App, now: datetime) -> Delay:
        """A task of this app failed, or finished, which is as bad for something meant to run on."""
        current = self._of(app)
        seconds = app.backoff_s if current is None else current.seconds * app.backoff_factor
        seconds = min(seconds, app.max_launch_delay_s)
        delay = Delay(
            config_version=app.last_config_change_at,
            seconds=seconds,
            deadline=now + timedelta(seconds=seconds),
            reference=now,
            max_s=app.max_launch_delay_s,
        )
        self._delays[app.id] = delay
        return delay

    def refresh(self, app: App, now: datetime) -> None:
        """A task is coming up: the delay is remembered longer, but nobody waits longer for it."""
        current = self._of(app)
        if current is not None:
            self._delays[app.id] = replace(current, reference=now)

    def deadline(self, app: App) -> datetime | None:
        """Until when launches wait; it may lie in the past. None: there is no delay."""
        current = self._of(app)
        return None if current is None else current.deadline

    def waits(self, app: App, now: datetime) -> float:
        """Seconds until the next launch is allowed, 0 when it is."""
        deadline = self.deadline(app)
        return 0.0 if deadline is None else max(0.0, (deadline - now).total_seconds())

    def reset(self, app_id: AppId) -> None:
        self._delays.pop(app_id, None)

    def forget_old(self, now: datetime) -> None:
        """Drop delays whose app has behaved for longer than its maximum delay."""
        self._delays = {
            app_id: delay
            for app_id, delay in self._delays.items()
            if now <= delay.reference + timedelta(seconds=delay.max_s)
        }

    def _of(self, app: App) -> Delay | None:
        delay = self._delays.get(app.id)
        if delay is not None and delay.config_version != app.last_config_change_at:
            return None
        return delay
