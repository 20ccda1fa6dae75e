"""`GET /healthz`: is Ocean alive, and if not, which part."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from apps.core.models import Cluster, Heartbeat

BEATS_WITHIN = timedelta(seconds=20)


@login_not_required
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when database, broker, a worker, the scaling loop and each cluster's watcher are alive; 503 with the parts
    that are not.

    A scheduler that is away does not make Ocean ill: its watcher is alive and says so on the dashboard.
    """
    parts: dict[str, Any] = {"web": "ok", "broker": _broker()}
    try:
        parts |= {"database": "ok", "worker": _beats("worker"), "scale": _beats("scale")}
        parts["watch"] = _watchers()
    except DatabaseError as exc:
        parts["database"] = f"error: {type(exc).__name__}"
    ok = all(
        state == "ok"
        for part in parts.values()
        for state in (part.values() if isinstance(part, dict) else [part])
    )
    return JsonResponse({"status": "ok" if ok else "error", **parts}, status=200 if ok else 503)


def _broker() -> str:
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1
        ) as connection:
            connection.ping()
    except redis.RedisError as exc:
        return f"error: {type(exc).__name__}"
    return "ok"


def _beats(name: str) -> str:
    beat = Heartbeat.objects.filter(name=name).first()
    if beat is None:
        return "no sign of life yet"
    silent = timezone.now() - beat.at
    return "ok" if silent < BEATS_WITHIN else f"silent for {int(silent.total_seconds())} s"


def _watchers() -> dict[str, str]:
    clusters = Cluster.objects.filter(enabled=True).select_related("watch")
    return {cluster.name: _watcher(cluster) for cluster in clusters}


def _watcher(cluster: Cluster) -> str:
    watch = getattr(cluster, "watch", None)
    return "ok" if watch is not None and watch.is_alive else "no watcher"
