"""`GET /live/?topics=job:12,operations`: server-sent events that say which topics changed."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET

from apps.core.live import hub
from apps.core.live_topics import allowed


@login_not_required  # answers 401 itself: an EventSource cannot follow to the login page
@require_GET
async def live(request: HttpRequest) -> HttpResponseBase:
    """What the person may see is checked once, when the page opens its stream; 204 tells the browser not to come
    back when nothing is left to listen to."""
    user = await request.auser()
    if not user.is_authenticated:
        return HttpResponse(status=401)
    asked = filter(None, request.GET.get("topics", "").split(","))
    topics = await sync_to_async(allowed)(user, asked)
    if not topics:
        return HttpResponse(status=204)
    # Django would keep the request's connection for as long as the page is open, and a few hundred leave none.
    await sync_to_async(close_old_connections)()
    return StreamingHttpResponse(
        hub.messages(topics),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )
