"""What Falcon's alarm calls: an ASGI application of its own, in front of Django, for this one address.

Alarm calls one after the other, so that a slow answer holds up every alarm of the company. So nothing is done here but
to check the signature, to put the job's id and key into Redis (one round trip), and to answer; the loop does the rest
(`apps.elastic.loop.doorbell`, `apps.elastic.falcon.keys`). A callback only wakes the loop, which decides by the samples
themselves: one that is lost costs seconds, one that is repeated nothing.

Source: Open-Falcon's alarm, `modules/alarm/cron/callback.go` (docs/falcon.md): GET, no body, parameters in any order;
the status of the answer is not looked at, nothing is tried again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

import redis.asyncio
from django.conf import settings
from redis.exceptions import RedisError

from apps.elastic.falcon.signing import JOB, KEY, PATH, SIGNATURE, Ring, signed_ring
from apps.elastic.loop.doorbell import RUNG, written

log = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BYTES = 16_384
REMEMBERED_S = 3600
"""A repeat is known for so long; alarm itself sends the next event of an incident after 300 s, with another step."""
LATE_S = 120.0
ZONE_S = 900.0
"""Alarm tells the time of its own zone and not which; every zone is a whole number of quarters of an hour from UTC."""
RUNG_AT_MOST = 100_000
STATUSES: Final = frozenset({"PROBLEM", "OK"})
IDENTITY: Final = ("stra_id", "exp_id", "endpoint", "metric", "status", "step", "time")
"""What makes a callback the same as another, beside its job and its tags in any order (falcon.md §6)."""

_TAKE = """
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[3]), -1)
return 1
"""


class FalconCallback:
    """Answers `PATH`; everything else is `application`'s."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._redis: redis.asyncio.Redis | None = None
        self._take: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._application(scope, receive, send)
            return
        status, body = await self._answer(scope, receive)
        await _send(send, status, body)

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[HTTPStatus, dict[str, Any]]:
        if scope["method"] not in {"GET", "POST"}:
            return _problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", "Use GET or POST.")
        said = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if scope["method"] == "POST":
            said |= await _form(receive)
        ring = signed_ring(
            said.get(JOB, ""),
            said.get(KEY, ""),
            said.get(SIGNATURE, ""),
            secrets=[settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)],
        )
        if ring is None:
            log.warning("callback_forged", extra={"job": said.get(JOB, "")[:20]})
            return _problem(HTTPStatus.FORBIDDEN, "forbidden", "The signature is not one of Ocean's.")
        if said.get("status") not in STATUSES:
            return _problem(HTTPStatus.BAD_REQUEST, "malformed", "`status` must be PROBLEM or OK.")
        if is_late(said.get("time", ""), now_s=time.time()):
            log.info("callback_late", extra={"job": ring.job_id, "time": said["time"]})
            return HTTPStatus.OK, {"result": "late"}
        try:
            taken = await self._ring(ring, said)
        except (RedisError, OSError) as exc:
            log.warning("callback_not_queued", extra={"job": ring.job_id, "error": str(exc)})
            return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "Redis does not answer.")
        return HTTPStatus.OK, {"result": "accepted" if taken else "repeated"}

    async def _ring(self, ring: Ring, said: Mapping[str, str]) -> bool:
        """Put the job into the list, once for each event. Returns whether this was the first time."""
        if self._redis is None:
            self._redis = redis.asyncio.Redis.from_url(
                settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1
            )
            self._take = self._redis.register_script(_TAKE)
        keys = [f"ocean:scaling:callback:{identity(ring, said)}", RUNG]
        return bool(await self._take(keys=keys, args=[REMEMBERED_S, written(ring), RUNG_AT_MOST]))


def identity(ring: Ring, said: Mapping[str, str]) -> str:
    """What is the same for a callback that comes again. One by another key is another: it may not count."""
    tags = ",".join(sorted(said.get("tags", "").split(",")))
    parts = [str(ring.job_id), ring.key, tags, *(said.get(name, "") for name in IDENTITY)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def is_late(text: str, *, now_s: float) -> bool:
    """Whether the sample that it is about (`2023-11-15 06:14:00`, of any zone) is too old to wake anybody for."""
    try:
        at = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return True
    age_s = (now_s - at.timestamp()) % ZONE_S
    return LATE_S < age_s < ZONE_S - LATE_S  # a clock that is ahead is not late


async def _form(receive: Receive) -> dict[str, str]:
    """A form in the body; what is too long, or no form, is nothing."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BYTES or message["type"] != "http.request":
            return {}
        if not message.get("more_body"):
            return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _problem(status: HTTPStatus, slug: str, detail: str) -> tuple[HTTPStatus, dict[str, Any]]:
    return status, {
        "type": f"urn:ocean:problem:{slug}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "request_id": uuid.uuid4().hex,
    }


async def _send(send: Send, status: HTTPStatus, body: dict[str, Any]) -> None:
    is_problem = status >= HTTPStatus.BAD_REQUEST
    content = json.dumps(body).encode()
    headers = [
        (b"content-type", b"application/problem+json" if is_problem else b"application/json"),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if is_problem:
        headers.append((b"x-request-id", body["request_id"].encode()))
    await send({"type": "http.response.start", "status": int(status), "headers": headers})
    await send({"type": "http.response.body", "body": content})
