"""With Redis away nobody waits for it: pages and workers make good what it would have told."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery
from django.core.cache.backends.redis import RedisCache

from apps.accounts import throttle
from apps.core import live
from apps.core.operations import dispatch

PATIENCE_S = 3.0
"""What the first of many requests may lose to a Redis that accepts and says nothing."""


@pytest.fixture(params=["refuses", "says nothing"])
def away(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Redis of which nothing comes: its address for everything that asks."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        url = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        if request.param == "says nothing":
            server.listen()
        options = settings.CACHES["default"]["OPTIONS"]
        settings.REDIS_URL = settings.CELERY_BROKER_URL = url
        broker = Celery("away", set_as_current=False)
        broker.config_from_object("django.conf:settings", namespace="CELERY")
        monkeypatch.setattr(dispatch, "current_app", broker)
        monkeypatch.setattr(live, "_publisher", None)
        monkeypatch.setattr(dispatch, "_bell", None)
        monkeypatch.setattr(throttle, "cache", RedisCache(url, {"OPTIONS": options}))
        yield
        dispatch.breaker.reset()
        live.breaker.reset()


def took_s(call: Callable[[], object]) -> float:
    begun = time.monotonic()
    call()
    return time.monotonic() - begun


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize("call", [lambda: dispatch.ring("operations"), lambda: live.announce("jobs")])
def test_a_request_loses_little_time_and_those_that_follow_none(call: Callable[[], object]) -> None:
    assert took_s(call) < PATIENCE_S
    assert took_s(lambda: [call() for _ in range(20)]) < 0.1


@pytest.mark.usefixtures("away")
def test_people_can_sign_in() -> None:
    allowed: list[bool] = []
    assert took_s(lambda: allowed.append(throttle.attempt(username="ann", address="::1"))) < PATIENCE_S
    assert allowed == [True]
