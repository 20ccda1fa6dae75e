"""Nodata: a mock value for a series that fell silent. Source: falcon-plus modules/nodata/judge/judge_cron.go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.falcon.graph import Graph
from sandbox.falcon.portal.tables import NoData, Tables
from sandbox.falcon.profile import Profile
from sandbox.falcon.samples import counter_name, parse_tags


class NoDataWatch:
    def __init__(
        self,
        tables: Tables,
        graph: Graph,
        push: Callable[[list[Mapping[str, Any]]], object],
        profile: Profile,
    ) -> None:
        self._tables = tables
        self._graph = graph
        self._push = push
        self._profile = profile

    async def run(self) -> None:
        rows: list[NoData] = []
        reloaded = 0.0
        while True:
            await asyncio.sleep(self._profile.nodata_interval_s)
            now = time.time()
            if now - reloaded >= self._profile.nodata_reload_s:
                rows, reloaded = list(self._tables.nodata), now
            mocks = [mock for row in rows for mock in self._mocks(row, int(now))]
            if mocks:
                self._push(mocks)

    def _mocks(self, row: NoData, now: int) -> Iterator[Mapping[str, Any]]:
        """Also after a value that is the mock itself: it stays mocked until something real comes."""
        counter = counter_name(row.metric, parse_tags(row.tags))
        patience = max(self._profile.nodata_silence_s, 3 * row.step)
        for endpoint in self._endpoints(row):
            last = self._graph.last_point(endpoint, counter)
            if last.time < now - patience or last.value == row.mock:
                yield {
                    "endpoint": endpoint,
                    "metric": row.metric,
                    "tags": row.tags,
                    "step": row.step,
                    "countertype": row.dstype,
                    "timestamp": now - now % row.step - 2 * row.step,
                    "value": row.mock,
                }

    def _endpoints(self, row: NoData) -> Iterator[str]:
        for name in row.obj.split("\n"):
            if row.obj_type != "group":
                yield name
                continue
            group = self._tables.groups.first(lambda found, name=name: found.grp_name == name)  # type: ignore[misc]
            for number in group.hosts if group else ():
                host = self._tables.hosts.get(number)
                if host is not None:
                    yield host.hostname
