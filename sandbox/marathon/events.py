"""GET /v2/events: the stream of server-sent events, byte for byte as Marathon writes it."""

from __future__ import annotations

from aiohttp import web

from sandbox.events import Subscriber
from sandbox.marathon.http import abort_connection, runtime_of

_NOT_ACCEPTED = "<html><head><title>Error 405 </title></head><body><h2>HTTP ERROR: 405</h2></body></html>"


class PlainStream(web.StreamResponse):
    """A body that ends with the connection: HTTP/1.1 without chunked framing, which upstream does not use."""

    _length_check = False


def add_routes(router: web.UrlDispatcher) -> None:
    router.add_get("/v2/events", stream)


async def stream(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Accept") != "text/event-stream":
        return web.Response(status=405, text=_NOT_ACCEPTED, content_type="text/html")
    runtime = runtime_of(request)
    subscriber = Subscriber(
        kinds=frozenset(request.query.getall("event_type", [])),
        light=request.query.get("plan-format") == "light",
        remote=request.remote or "",
    )
    response = PlainStream(headers={"Content-Type": "text/event-stream;charset=utf-8"})
    response.force_close()
    await response.prepare(request)
    # A reader that does not read keeps `write` waiting; only cutting the connection ends that.
    subscriber.on_close = lambda: abort_connection(request)
    runtime.bus.attach(subscriber)
    try:
        while not subscriber.closed:
            frames = await subscriber.fetch(runtime.timing.sse_keep_alive_s)
            if not subscriber.closed and not runtime.faults.events.silent:
                await response.write(frames or b"\r\n")
    except ConnectionError:
        subscriber.closed = True
    finally:
        runtime.bus.detach(subscriber)
    return response
