"""/v2/queue. Source: api/v2/QueueResource.scala, raml/QueueInfoConversion.scala."""

from __future__ import annotations

import math
from collections import Counter

from aiohttp import web

from sandbox.definitions.app import App, Json
from sandbox.marathon.apps import path_id
from sandbox.marathon.http import not_found, reply, runtime_of
from sandbox.model import Host
from sandbox.resources import UNRESERVED, attribute_text
from sandbox.runtime import ClusterRuntime
from sandbox.scheduler.matching import Decline
from sandbox.scheduler.queue import Entry, Look, funnel
from sandbox.scheduler.views import app_json
from sandbox.timestamps import format_timestamp, now


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/v2/queue", list_queue)
    router.add_delete("/v2/queue/{id:.+}/delay", reset_delay)


async def list_queue(request: web.Request) -> web.Response:
    runtime = runtime_of(request)
    with_offers = "lastUnusedOffers" in request.query.getall("embed", [])
    items = []
    for entry in runtime.queue.entries():
        state = runtime.cluster.apps.get(entry.app_id)
        if state is not None:
            items.append(_item(runtime, entry, state.app, with_offers=with_offers))
    return reply({"queue": items})


async def reset_delay(request: web.Request) -> web.Response:
    runtime, app_id = runtime_of(request), path_id(request)
    if runtime.queue.get(app_id) is None:
        raise not_found(f"Application {app_id} not found in tasks queue.")
    runtime.limiter.reset(app_id)
    runtime.matcher.look_again()
    return web.Response(status=204)


def _item(runtime: ClusterRuntime, entry: Entry, app: App, *, with_offers: bool) -> Json:
    wait_s = runtime.limiter.waits(app, now())
    summary: Json = {
        "processedOffersCount": entry.processed,
        "unusedOffersCount": entry.unused,
        "rejectSummaryLastOffers": _funnel(entry.last_reasons(), len(entry.last_looks)),
        "rejectSummaryLaunchAttempt": _funnel(entry.reasons, entry.processed),
    }
    if entry.last_unused_at is not None:
        summary["lastUnusedOfferAt"] = format_timestamp(entry.last_unused_at)
    if entry.last_used_at is not None:
        summary["lastUsedOfferAt"] = format_timestamp(entry.last_used_at)
    item: Json = {
        "count": len(entry.waiting),
        "delay": {"timeLeftSeconds": math.ceil(wait_s), "overdue": wait_s <= 0},
        "since": format_timestamp(entry.since),
        "processedOffersSummary": summary,
        "app": app_json(app),
    }
    if with_offers:
        item["lastUnusedOffers"] = [
            _offer(runtime.cluster.hosts[look.host_id], look) for look in entry.last_unused_offers()
        ]
    return item


def _funnel(reasons: Counter[Decline], processed: int) -> list[Json]:
    return [
        {"reason": step.reason.value, "declined": step.declined, "processed": step.processed}
        for step in funnel(reasons, processed)
    ]


def _offer(host: Host, look: Look) -> Json:
    return {
        "offer": {
            "id": look.offer_id,
            "agentId": host.id,
            "hostname": host.hostname,
            "resources": _free_resources(host),
            "attributes": [
                {"name": name, "text": value} if isinstance(value, str) else {"name": name, "scalar": value}
                for name, value in host.attributes.items()
                if attribute_text(value)
            ],
        },
        "timestamp": format_timestamp(look.at),
        "reason": [look.reason.value] if look.reason else [],
    }


def _free_resources(host: Host) -> list[Json]:
    resources: list[Json] = [
        {"name": name, "role": role, "scalar": host.resources.free(name, role), "set": []}
        for role, by_name in host.resources.scalars.items()
        for name in by_name
    ]
    resources += [
        {
            "name": "ports",
            "role": role,
            "ranges": [{"begin": part.begin, "end": part.end} for part in ranges],
            "set": [],
        }
        for role, ranges in host.resources.ports.items()
        if role == UNRESERVED or ranges
    ]
    return resources
