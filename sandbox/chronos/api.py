"""Chronos' HTTP API over one cluster's Chronos."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from sandbox.chronos import reports
from sandbox.chronos.jobs import LINE_2, LINE_3, Job, JobError, Line, read_job
from sandbox.chronos.schedule import ScheduleError
from sandbox.chronos.service import Chronos

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_NO_CONTENT = 204
_RUNS_SHOWN = 20


def chronos_app(chronos: Chronos) -> web.Application:
    """Chronos' routes, for one port."""

    @web.middleware
    async def away(request: web.Request, handler: Handler) -> web.StreamResponse:
        if chronos.away:
            return web.Response(text="the fault door says that Chronos is away", status=503)
        return await handler(request)

    app = web.Application(middlewares=[_allow_any_origin, away])
    app.router.add_get("/ping", _ping)
    for line in (LINE_2, LINE_3):
        api = _LineApi(chronos, line)
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

    def __init__(self, chronos: Chronos, line: Line) -> None:
        self._chronos = chronos
        self._registry = chronos.registry
        self._scheduler = chronos.scheduler
        self._history = chronos.history
        self._line = line

    def routes(self) -> list[web.RouteDef]:
        prefix = self._line.prefix
        put = [web.put] if self._line is LINE_2 else []
        routes = [
            web.get(f"{prefix}/leader", self.leader),
            web.get(f"{prefix}/jobs", self.show_all),
            web.get(f"{prefix}/jobs/search", self.search),
            web.get(f"{prefix}/graph/csv", self.graph_csv),
            web.get(f"{prefix}/graph/dot", self.graph_dot),
            web.get(f"{prefix}/stats/{{percentile}}", self.stats),
            web.get(f"{prefix}/job/stat/{{name}}", self.stat),
            web.put(f"{prefix}/job/success/{{name}}", self.mark_success),
            web.put(f"{prefix}/job/{{name}}", self.run_now),
            web.delete(f"{prefix}/job/{{name}}", self.delete),
            web.delete(f"{prefix}/task/kill/{{name}}", self.kill),
            *(method(f"{prefix}/iso8601", self.put_scheduled) for method in (web.post, *put)),
            *(method(f"{prefix}/dependency", self.put_dependent) for method in (web.post, *put)),
        ]
        if self._line is LINE_3:
            routes.append(web.get(f"{prefix}/jobs/summary", self.summary))
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
        self._scheduler.forget(name)
        return web.Response(status=_NO_CONTENT)

    async def run_now(self, request: web.Request) -> web.Response:
        """Accepted and ignored for a disabled job, and for one that waits already."""
        name = request.match_info["name"]
        job = self._registry.get(name)
        if job is None:
            return self._not_found(name)
        self._scheduler.run_now(job, request.query.get("arguments", ""), now=self._chronos.clock())
        return web.Response(status=_NO_CONTENT)

    async def kill(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if self._registry.get(name) is None:
            return self._not_found(name)
        self._scheduler.kill(name)
        return web.Response(status=_NO_CONTENT)

    async def mark_success(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        known = self._registry.get(name) is not None
        if known:
            self._scheduler.succeed(name, now=self._chronos.clock())
        return web.Response(text=f"marked job {name} as successful: {str(known).lower()}")

    async def stat(self, request: web.Request) -> web.Response:
        """How long the job takes, and its last runs."""
        name = request.match_info["name"]
        if self._registry.get(name) is None:
            return self._not_found(name)
        now = self._chronos.clock()
        runs = [reports.task_stat(run, now=now) for run in self._history.of(name)[:_RUNS_SHOWN]]
        return web.json_response(
            {"histogram": reports.histogram(self._history.measures(name)), "taskStatHistory": runs}
        )

    async def stats(self, request: web.Request) -> web.Response:
        """One percentile of every job, the slowest first."""
        asked = request.match_info["percentile"]
        if asked not in reports.PERCENTILES:
            return self._failed(f"Unknown statistic {asked}", 400)
        times = [
            {
                "jobNameLabel": job["name"],
                "time": reports.percentile(self._history.measures(job["name"]), asked),
            }
            for job in self._registry
        ]
        return web.json_response(sorted(times, key=lambda item: -item["time"]))

    async def summary(self, request: web.Request) -> web.Response:
        jobs = [reports.summary(job, state=self._scheduler.state(job["name"])) for job in self._registry]
        return web.json_response({"jobs": jobs})

    async def graph_csv(self, request: web.Request) -> web.Response:
        jobs = ((job, self._scheduler.state(job["name"])) for job in self._registry)
        return web.Response(text=reports.graph_csv(jobs, self._registry.edges()))

    async def graph_dot(self, request: web.Request) -> web.Response:
        return web.Response(text=reports.graph_dot(self._registry, self._registry.edges()))

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
            self._scheduler.changed(job["name"])
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
