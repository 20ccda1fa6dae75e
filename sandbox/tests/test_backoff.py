from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sandbox.scheduler.backoff import RateLimiter
from sandbox.tests.factories import NOW, make_app

LIMITS: dict[str, Any] = {"backoffSeconds": 1, "backoffFactor": 2.0, "maxLaunchDelaySeconds": 5}


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_each_failure_multiplies_the_delay_up_to_the_maximum() -> None:
    limiter, app = RateLimiter(), make_app(**LIMITS)
    waits = []
    for _ in range(5):
        limiter.raise_delay(app, NOW)
        waits.append(limiter.waits(app, NOW))
    assert waits == [1, 2, 4, 5, 5]


def test_the_delay_runs_out() -> None:
    limiter, app = RateLimiter(), make_app(**LIMITS)
    limiter.raise_delay(app, NOW)
    assert limiter.waits(app, NOW + after(0.25)) == pytest.approx(0.75)
    assert limiter.waits(app, NOW + after(1)) == 0


def test_another_configuration_starts_without_delay() -> None:
    limiter, app = RateLimiter(), make_app(**LIMITS)
    limiter.raise_delay(app, NOW)
    assert limiter.waits(make_app(NOW + after(1), **LIMITS), NOW) == 0


def test_a_long_good_time_forgets_the_failures() -> None:
    limiter, app = RateLimiter(), make_app(**LIMITS)
    for _ in range(3):
        limiter.raise_delay(app, NOW)
    limiter.forget_old(NOW + after(6))
    limiter.raise_delay(app, NOW + after(6))
    assert limiter.waits(app, NOW + after(6)) == 1


def test_a_running_task_keeps_the_memory_alive_but_holds_up_nobody() -> None:
    limiter, app = RateLimiter(), make_app(**LIMITS)
    limiter.raise_delay(app, NOW)
    limiter.refresh(app, NOW + after(4))
    assert limiter.waits(app, NOW + after(4)) == 0
    limiter.forget_old(NOW + after(6))
    limiter.raise_delay(app, NOW + after(6))
    assert limiter.waits(app, NOW + after(6)) == 2
