"""Chronos' HTTP API over a Registry."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.chronos.jobs import LINE_2, LINE_3, Job, JobError, Line, read_job
from sandbox.chronos.registry import Registry
from sandbox.chronos.schedule import ScheduleError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_NO_CONTENT = 204


def chronos_app(registry: Registry) -> web.Application:
    """Chronos' routes, for one port."""
    app = web.Application(middlewares=[_allow_any_origin])
    app.router.add_get("/ping", _ping)
    for line in (LINE_2, LINE_3):
        api = _LineApi(registry, line)
        app.router.add_routes(api.routes())
    return app


async def _ping(request: web.Request) -> web.Response:
    return web.Response(text="pong")


@web.middleware
async def _allow_any_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


class _LineApi:
    """The routes of one line under its prefix."""

    def __init__(self, registry: Registry, line: Line) -> None:
        self._registry = registry
        self._line = line

    def routes(self) -> list[web.RouteDef]:
        prefix = self._line.prefix
        put = [web.put] if self._line is LINE_2 else []
        routes = [
            web.get(f"{prefix}/leader", self.leader),
            web.get(f"{prefix}/jobs", self.show_all),
            web.get(f"{prefix}/jobs/search", self.search),
            web.get(f"{prefix}/graph/csv", self.graph_csv),
            web.delete(f"{prefix}/job/{{name}}", self.delete),
            *(method(f"{prefix}/iso8601", self.put_scheduled) for method in (web.post, *put)),
            *(method(f"{prefix}/dependency", self.put_dependent) for method in (web.post, *put)),
        ]
        if self._line is LINE_3:
            routes.append(web.get(f"{prefix}/job/{{name}}", self.get))
        return routes

    async def leader(self, request: web.Request) -> web.Response:
        return web.json_response({"leader": request.host})

    async def show_all(self, request: web.Request) -> web.Response:
        return web.json_response([self._shown(job) for job in self._registry])

    async def search(self, request: web.Request) -> web.Response:
        """`any` is looked at only where `name` or `command` did not match; alone it finds everything."""
        try:
            limit, offset = (int(request.query.get(key, default)) for key, default in _PAGE)
        except ValueError:
            return self._failed("limit and offset are numbers", 400)
        found = [self._shown(job) for job in self._registry if _matches(job, request)]
        return web.json_response(found[offset : offset + limit])

    async def get(self, request: web.Request) -> web.Response:
        job = self._registry.get(request.match_info["name"])
        if job is None:
            return self._not_found(request.match_info["name"])
        return web.json_response(self._shown(job))

    async def put_scheduled(self, request: web.Request) -> web.Response:
        return await self._put(request, dependent=False)

    async def put_dependent(self, request: web.Request) -> web.Response:
        return await self._put(request, dependent=True)

    async def delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if self._registry.get(name) is None:
            return self._not_found(name)
        self._registry.delete(name)
        return web.Response(status=_NO_CONTENT)

    async def graph_csv(self, request: web.Request) -> web.Response:
        """Third column the last outcome, fourth the present state: nothing has run, nothing runs."""
        nodes = [f"node,{job['name']},{_last_outcome(job)},idle" for job in self._registry]
        links = [f"link,{parent},{child}" for parent, child in self._registry.edges()]
        return web.Response(text="".join(f"{line}\n" for line in (*nodes, *links)))

    async def _put(self, request: web.Request, *, dependent: bool) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(status=415)
        try:
            body = await request.json()
            # Input that names parents is a dependent job, whichever door it comes through.
            names_parents = isinstance(body, dict) and "parents" in body
            job = read_job(body, self._line, dependent=dependent or names_parents)
            self._refuse_new_orphan(job)
            self._registry.put(job)
        except json.JSONDecodeError as error:
            return self._failed(f"Unexpected character: {error}", 400)
        except ScheduleError as error:
            # 2.4 says nothing at all here.
            return web.Response(status=400) if self._line is LINE_2 else self._failed(str(error), 400)
        except JobError as error:
            return self._failed(str(error), error.status)
        return web.Response(status=_NO_CONTENT)

    def _refuse_new_orphan(self, job: Job) -> None:
        """2.x does not take a new dependent job before its parents; 3.x stores it and waits for them."""
        unknown = [name for name in job.get("parents", ()) if self._registry.get(name) is None]
        if unknown and self._line is LINE_2 and self._registry.get(job["name"]) is None:
            raise JobError(f"Job {job['name']} does not have all parents defined!")

    def _shown(self, job: Job) -> Job:
        """The job with the fields of this line: the other may have written it."""
        foreign = LINE_2 if self._line is LINE_3 else LINE_3
        hidden = {field for field, _ in foreign.extra_fields}
        own = {field: default for field, default in self._line.extra_fields if field not in job}
        return {**{field: value for field, value in job.items() if field not in hidden}, **own}

    def _not_found(self, name: str) -> web.Response:
        """There is no 404 for a job anywhere, only a 400 that says so."""
        if self._line is LINE_2:
            return self._failed(f"Job '{name}' not found", 400)
        return self._failed(
            f"java.lang.IllegalArgumentException: requirement failed: Job '{name}' not found\n"
            "\tat scala.Predef$.require(Predef.scala:224)\n",
            400,
        )

    def _failed(self, message: str, status: int) -> web.Response:
        if self._line is LINE_2:
            return web.Response(text=message, status=status)
        reason = "Bad Request" if status == 400 else "Internal Server Error"
        return web.json_response({"status": reason, "message": message}, status=status)


_PAGE = (("limit", "10"), ("offset", "0"))


def _matches(job: Job, request: web.Request) -> bool:
    """Lower-case substring tests, as upstream combines them."""
    name, command = job["name"].lower(), job["command"].lower()
    wanted = {key: request.query.get(key, "").lower() for key in ("name", "command", "any")}
    if wanted["name"] in name and wanted["command"] in command:
        return True
    return bool(wanted["any"]) and (wanted["any"] in name or wanted["any"] in command)


def _last_outcome(job: Job) -> str:
    """From the times that are part of the job, and that a client may write."""
    if not job["lastSuccess"] and not job["lastError"]:
        return "fresh"
    return "success" if job["lastSuccess"] >= job["lastError"] else "failure"
