"""Prometheus' HTTP API, as far as Ocean uses it: one PromQL expression, evaluated at one moment or over a range.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/ (v1, stable since 2.0).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests

from clients.addresses import Addresses
from clients.errors import Call, ProtocolError, Refused, RemoteError, Unauthorized, Unavailable
from clients.http import Credentials, HttpClient, Timeouts

_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True, slots=True)
class PromSeries:
    """One series of an answer: its labels, and (second, value) oldest first; NaN and infinities are left out."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


class PrometheusApi:
    """One Prometheus, or anything that speaks its API (Thanos, VictoriaMetrics). Raises the errors of `clients.errors`.

    Expressions go in a POST's body, since one that names many tasks is longer than a URL may be."""

    def __init__(
        self,
        url: str,
        *,
        name: str = "prometheus",
        credentials: Credentials | None = None,
        token: str | None = None,
        timeouts: Timeouts | None = None,
        ca_bundle: str | None = None,
    ) -> None:
        """`token`: sent as a bearer token. Raises ValueError for an address that is none."""
        self.name = name
        self._url = Addresses([url]).preferred
        self._headers = {**_HEADERS, **({"Authorization": f"Bearer {token}"} if token else {})}
        self._http = HttpClient(name, credentials=credentials, timeouts=timeouts, ca_bundle=ca_bundle)

    def ping(self) -> None:
        """Raises Unavailable, TimedOut or Unauthorized unless it answers a query."""
        self.query("vector(1)", time_s=0)

    def query(self, expression: str, *, time_s: float) -> list[PromSeries]:
        """The expression's value at one moment; each series has one point."""
        rows = self._ask("query", {"query": expression, "time": time_s}, expected="vector")
        return [self._series(row, [row["value"]]) for row in rows]

    def query_range(
        self, expression: str, *, start_s: float, end_s: float, step_s: float
    ) -> list[PromSeries]:
        """The expression at `start_s` and each `step_s` later, up to `end_s`: at most 11,000 points a series."""
        params = {"query": expression, "start": start_s, "end": end_s, "step": step_s}
        rows = self._ask("query_range", params, expected="matrix")
        return [self._series(row, row["values"]) for row in rows]

    def _ask(self, call: str, params: Mapping[str, object], *, expected: str) -> list[Any]:
        url = f"{self._url}/api/v1/{call}"
        response = self._http.send("POST", url, operation=call, data=urlencode(params), headers=self._headers)
        try:
            content: Any = response.json()
        except requests.exceptions.JSONDecodeError:
            content = {}
        error = self._error(response, content, operation=call)
        if error is not None:
            raise error
        data = content.get("data") or {}
        if data.get("resultType") != expected:
            text = f"the expression is a {data.get('resultType')}, where a {expected} is needed"
            raise Refused(text, remote=self.name, operation=call)
        rows: list[Any] = data["result"]
        return rows

    def _error(self, response: requests.Response, content: Any, *, operation: str) -> RemoteError | None:
        status = response.status_code
        where: Call = {"remote": self.name, "operation": operation}
        said = content.get("error") if isinstance(content, dict) else None
        message = str(said or f"HTTP {status} {response.reason}")
        if status == 200:
            if not isinstance(content, dict) or content.get("status") != "success":
                return ProtocolError("not Prometheus' JSON", **where)
            return None
        if status in (401, 403):
            return Unauthorized(message, **where)
        if status == 404:
            return ProtocolError(f"no such call there; is this Prometheus? ({message})", **where)
        # 503: the query ran into its own time limit, or the server is starting.
        return Unavailable(message, **where) if status >= 500 else Refused(message, **where)

    def _series(self, row: Any, points: list[Any]) -> PromSeries:
        numbers = ((float(time), float(value)) for time, value in points)
        return PromSeries(row["metric"], tuple(point for point in numbers if math.isfinite(point[1])))
