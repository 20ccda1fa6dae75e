"""The whole of Falcon on one port: its parts, their routes, what runs in the background."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.falcon import faults, pushes
from sandbox.falcon.aggregator import Aggregators
from sandbox.falcon.alarm import Alarm
from sandbox.falcon.faults import FAULTS, FalconFaults, misbehave
from sandbox.falcon.graph import Graph
from sandbox.falcon.hbs import HbsCrashError, Watched, watched
from sandbox.falcon.judge import Judge
from sandbox.falcon.nodata import NoDataWatch
from sandbox.falcon.portal import conditions, events, hosts, metrics, people, queries, templates
from sandbox.falcon.portal.binding import DEFAULT_TOKEN, TABLES, PortalError, error_reply
from sandbox.falcon.portal.people import hashed
from sandbox.falcon.portal.tables import Tables, User
from sandbox.falcon.profile import Profile
from sandbox.falcon.transfer import Transfer
from sandbox.store import Store

log = logging.getLogger(__name__)

_FLUSH_S = 0.2
_FORGET_S = 5 * 3600.0
_MOST_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use the portal from the first moment: `root` with this password, and whoever has the token."""

    root_password: str
    default_token: str


class Falcon:
    """Everything but the port. `app` is served by whoever makes it."""

    def __init__(self, data: Path, profile: Profile, access: Access) -> None:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._profile = profile
        self._store = Store(data / "falcon.sqlite")
        self._tables = Tables(self._store)
        self._faults = FalconFaults()
        self._graph = Graph(self._store, data / "series", disk_flush_s=profile.disk_flush_s)
        self._alarm = Alarm(self._tables, blocked=lambda: self._faults.no_callbacks)
        self._judge = Judge(self._alarm.push, min_interval_s=profile.alarm_min_interval_s)
        self._transfer = Transfer(self._judge, self._graph, min_step_s=profile.min_step_s)
        self._hbs = Watched()
        self._hbs_looked_at: tuple[int, int] | None = None
        self._running: list[asyncio.Task[None]] = []
        self._make_root(access.root_password)
        self.app = self._make_app(access.default_token)

    async def start(self) -> None:
        self._look_at_portal()
        self._judge.watched = self._hbs
        push = self._transfer.take
        for work in (
            self._reload_hbs(),
            self._reload_judge(),
            self._forget_idle(),
            self._flush(),
            self._alarm.run(),
            Aggregators(self._tables, self._graph, push, self._profile).run(),
            NoDataWatch(self._tables, self._graph, push, self._profile).run(),
        ):
            self._running.append(asyncio.create_task(self._guarded(work)))

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        for task in self._running:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._graph.save()
        self._store.close()

    def _make_root(self, password: str) -> None:
        users = self._tables.users
        root = users.first(lambda user: user.name == "root")
        if root is None:
            users.add(lambda number: User(number, "root", hashed(password), cnname="root", role=2))
        elif root.passwd != hashed(password):
            root.passwd = hashed(password)
            users.changed(root)

    def _make_app(self, default_token: str) -> web.Application:
        app = web.Application(middlewares=[misbehave, _explain], client_max_size=_MOST_BODY_BYTES)
        app[TABLES] = self._tables
        app[DEFAULT_TOKEN] = default_token
        app[FAULTS] = self._faults
        app[queries.GRAPH] = self._graph
        app[events.ALARM] = self._alarm
        app[pushes.TRANSFER] = self._transfer
        app[pushes.JUDGE] = self._judge
        for module in (faults, pushes, people, hosts, metrics, templates, conditions, queries, events):
            app.router.add_routes(module.routes())
        return app

    async def _reload_hbs(self) -> None:
        while True:
            await asyncio.sleep(self._profile.hbs_reload_s)
            self._look_at_portal()

    async def _reload_judge(self) -> None:
        while True:
            await asyncio.sleep(self._profile.judge_reload_s)
            self._judge.watched = self._hbs

    def _look_at_portal(self) -> None:
        now = datetime.now().astimezone()
        # Rows change what holds, and so do the minutes: a strategy's hours, a host's maintenance.
        look = (self._tables.version, int(now.timestamp()) // 60)
        if look == self._hbs_looked_at:
            return
        self._hbs_looked_at = look
        try:
            self._hbs = watched(self._tables, now=now)
        except HbsCrashError as error:
            # Upstream's hbs is away until the row is paused; judge goes on with what it has.
            log.error("hbs_crashed", extra={"row": str(error)})

    async def _forget_idle(self) -> None:
        while True:
            await asyncio.sleep(_FORGET_S)
            self._judge.forget_idle(now=time.time())

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            self._store.flush()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """A part that fails ends the process, visibly, rather than go missing."""
        try:
            await work
        except Exception:
            log.exception("part_failed")
            raise SystemExit(1) from None


@web.middleware
async def _explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except PortalError as error:
        return error_reply(error)
