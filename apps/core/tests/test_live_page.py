"""`/live/`: who hears of what, and how soon."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from apps.accounts.models import User
from apps.accounts.tests.factories import make_member, make_sre, make_user
from apps.core.live import Hub, announce
from apps.core.live_topics import MAX_TOPICS, allowed
from apps.core.tests.factories import make_operation
from embedded.services import free_port

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
async def no_connection_stays_open() -> AsyncIterator[None]:
    """Database connections belong to threads: the one that async views use would outlive the test."""
    yield
    await sync_to_async(connections.close_all)()


async def heard(stream: AsyncIterator[bytes]) -> list[str]:
    """The next topics that the page is told of."""
    async for chunk in stream:
        if chunk.startswith(b"data: "):
            topics: list[str] = json.loads(chunk.removeprefix(b"data: "))
            return topics
    raise AssertionError("the stream ended")


async def open_page(client: AsyncClient, *topics: str) -> AsyncIterator[bytes]:
    """A page's stream, once it listens: a page that comes first hears of all its topics when the hub is ready."""
    response = await client.get("/live/", {"topics": ",".join(topics)})
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-cache"
    stream: AsyncIterator[bytes] = aiter(cast("AsyncIterator[bytes]", response))
    assert await anext(stream) == b"retry: 2000\n\n"
    return stream


async def test_a_page_hears_within_a_second_of_what_it_shows_and_of_nothing_else() -> None:
    client = AsyncClient()
    await client.aforce_login(await sync_to_async(make_user)())
    async with asyncio.timeout(10):
        stream = await open_page(client, "operations", "jobs")
        assert await heard(stream) == ["jobs", "operations"]
    async with asyncio.timeout(1):
        await sync_to_async(announce)("hosts")
        await sync_to_async(announce)("jobs", "hosts")
        assert await heard(stream) == ["jobs"]


async def test_a_page_that_listens_holds_no_connection_to_the_database() -> None:
    client = AsyncClient()
    await client.aforce_login(await sync_to_async(make_user)())
    response = await client.get("/live/", {"topics": "jobs"})
    assert response.status_code == 200
    assert await sync_to_async(lambda: connections["default"].connection)() is None


async def test_a_topic_of_somebody_elses_is_dropped() -> None:
    mine, theirs = await sync_to_async(_two_operations)()
    client = AsyncClient()
    await client.aforce_login(mine[0])
    async with asyncio.timeout(10):
        stream = await open_page(client, f"operation:{mine[1]}", f"operation:{theirs}")
        assert await heard(stream) == [f"operation:{mine[1]}"]


async def test_while_redis_is_away_a_page_is_sent_to_look_by_itself(settings: Any) -> None:
    settings.REDIS_URL = f"redis://127.0.0.1:{free_port()}/0"
    messages = Hub().messages(frozenset({"jobs"}))
    assert await anext(messages) == "retry: 2000\n\n"
    async with asyncio.timeout(3):
        assert await anext(messages) == 'data: ["jobs"]\n\n'
    await messages.aclose()  # type: ignore[attr-defined]  # it is a generator


async def test_nothing_to_listen_to_is_204_and_nobody_signed_in_is_401() -> None:
    client = AsyncClient()
    assert (await client.get("/live/?topics=jobs")).status_code == 401
    await client.aforce_login(await sync_to_async(make_user)())
    for topics in ("", "nonsense", "operation:1", "operation:x", "job:99999999999999999999999", "jobs:1"):
        assert (await client.get("/live/", {"topics": topics})).status_code == 204, topics


def test_topics_follow_rights() -> None:
    mine, theirs = _two_operations()
    both = [f"operation:{mine[1]}", f"operation:{theirs}"]
    assert allowed(mine[0], both) == {both[0]}
    assert allowed(make_sre(), both) == set(both)
    assert allowed(make_user(), both) == set()


def test_a_page_listens_to_a_bounded_number_of_topics() -> None:
    user = make_user()
    topics = [f"operation:{make_operation(requested_by=user).pk}" for _ in range(MAX_TOPICS + 5)]
    assert allowed(user, topics) == set(topics[:MAX_TOPICS])


def _two_operations() -> tuple[tuple[User, int], int]:
    """A member with an operation of theirs, and one of another product line."""
    member, stranger = make_member(), make_member()
    line, other = member.product_lines.get(), stranger.product_lines.get()
    return (member, make_operation(product_line=line).pk), make_operation(product_line=other).pk
