"""The application of one cluster's Marathons: routes, and what surrounds every call.

From outside to inside: cache headers, basic auth, faults, leadership, errors. Sources: api/HttpModule.scala,
LeaderProxyFilter.scala, MarathonExceptionMapper.scala.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.definitions.schema import InvalidObjectError, Problems
from sandbox.faults.state import ApiFaultKind
from sandbox.marathon import apps, deployments, events, groups, info, queue, tasks
from sandbox.marathon.http import RUNTIME, ApiError, abort_connection, reply, runtime_of
from sandbox.runtime import ClusterRuntime
from sandbox.scheduler.deployments import AppLockedError, TooManyDeploymentsError
from sandbox.scheduler.plan import CyclicDependenciesError

log = logging.getLogger(__name__)

LEADER_PATIENCE_S = 2.5  # upstream tries about ten times every 250 ms
MAX_BODY_BYTES = 64 * 1024 * 1024

_CACHE_HEADERS = {
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Expires": "0",
}
_UNAUTHORIZED = (
    "<html>\n<head>\n<title>Error 401 Unauthorized</title>\n</head>\n<body>"
    "<h2>HTTP ERROR 401</h2>\n<p>Reason: <pre>    Unauthorized</pre></p></body>\n</html>\n"
)


def make_app(runtime: ClusterRuntime) -> web.Application:
    app = web.Application(
        middlewares=[_authenticate, _misbehave, _lead, _explain], client_max_size=MAX_BODY_BYTES
    )
    app[RUNTIME] = runtime
    app.on_response_prepare.append(_add_headers)
    # Sub-resources of apps before apps themselves, whose ids may contain slashes.
    for subject in (tasks, queue, apps, groups, deployments, events, info):
        subject.add_routes(app.router)
    return app


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_CACHE_HEADERS)
    leader = runtime_of(request).leadership.leader_address
    port = _local_port(request)
    if port != runtime_of(request).leadership.leader:
        response.headers["X-Marathon-Via"] = f"1.1 127.0.0.1:{port}"
    if leader is not None:
        response.headers["X-Marathon-Leader"] = f"http://{leader}"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["X-XSS-Protection"] = "1; mode=block"


@web.middleware
async def _authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    credentials = runtime_of(request).http_credentials
    if credentials is not None:
        wanted = "Basic " + base64.b64encode(credentials.encode()).decode()
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), wanted.encode()):
            return web.Response(
                status=401,
                text=_UNAUTHORIZED,
                content_type="text/html",
                headers={"WWW-Authenticate": 'Basic realm="Mesosphere"'},
            )
    return await handler(request)


@web.middleware
async def _misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The faults that were asked for at the admin door."""
    fault = runtime_of(request).faults.api_fault(request.method, request.path)
    if fault is None:
        return await handler(request)
    match fault.kind:
        case ApiFaultKind.ERROR:
            return reply({"message": "Service unavailable (a fault of the sandbox)"}, status=fault.status)
        case ApiFaultKind.DELAY:
            await asyncio.sleep(fault.delay_s)
            return await handler(request)
        case ApiFaultKind.LOSE_ANSWER:
            await handler(request)
            abort_connection(request)
            return web.Response(status=500)
        case ApiFaultKind.HANG:
            # Until the client gives up, or the fault is cleared and with it the connection.
            await fault.cleared.wait()
            abort_connection(request)
            return web.Response(status=500)


@web.middleware
async def _lead(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A standby proxies to the leader, which is the same process here; event streams are redirected."""
    leadership = runtime_of(request).leadership
    leader = await leadership.wait_for_leader(LEADER_PATIENCE_S)
    if leader is None:
        return reply({"message": "Could not determine the current leader"}, status=502)
    if _local_port(request) != leader and request.path == "/v2/events":
        url = request.url.with_host("127.0.0.1").with_port(leader)
        return web.Response(status=302, headers={"Location": str(url)})
    return await handler(request)


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors as Marathon words them."""
    try:
        return await handler(request)
    except ApiError as error:
        return reply(error.body, status=error.status)
    except InvalidObjectError as error:
        return reply({"message": str(error), "details": error.details}, status=422)
    except CyclicDependenciesError as error:
        problems = Problems()
        problems.add("/", str(error))
        return reply({"message": "Object is not valid", "details": problems.details()}, status=422)
    except AppLockedError as error:
        return reply(_locked(error), status=409)
    except TooManyDeploymentsError as error:
        return reply({"message": str(error)}, status=403)
    except web.HTTPNotFound:
        return reply({"message": f"URI not found: {request.path}"}, status=404)
    except web.HTTPException as error:
        return reply({"message": error.reason}, status=error.status)
    except Exception:
        log.exception("handler_failed", extra={"path": request.path})
        return reply({"message": "Internal error of the sandbox; see its log"}, status=500)


def _locked(error: AppLockedError) -> dict[str, object]:
    # <DEPLOYMENT_ID> is literal upstream too.
    return {
        "message": "App is locked by one or more deployments. Override with the option '?force=true'."
        " View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
        "deployments": [{"id": deployment_id} for deployment_id in error.deployments],
    }


def _local_port(request: web.Request) -> int | None:
    if request.transport is None:
        return None
    port: int = request.transport.get_extra_info("sockname")[1]
    return port
