"""Series of a Falcon: last points and history, many in a call.

Source: falcon-plus modules/api/app/controller/graph/graph_controller.go.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from clients.errors import ProtocolError
from clients.falcon.transport import FalconTransport
from clients.falcon.wire import Consolidation, LastPoint, Series


class FalconGraph:
    """Raises the errors of `clients.errors`. Callers keep calls to a bearable size; the server asks graph for one
    series after the other."""

    def __init__(self, transport: FalconTransport) -> None:
        self._transport = transport

    def last_points(self, counters: Collection[tuple[str, str]]) -> list[LastPoint]:
        """The newest value of each (endpoint, counter) that there is one of."""
        operation = f"last points of {len(counters)}"
        body = [{"endpoint": endpoint, "counter": counter} for endpoint, counter in counters]
        rows = self._transport.ask("POST", "/graph/lastpoint", operation=operation, body=body)
        try:
            return [
                LastPoint(row["endpoint"], row["counter"], value["timestamp"], value["value"])
                for row in rows
                # A graph that does not answer leaves a null in the list.
                if row is not None and (value := row["value"])["timestamp"] > 0 and value["value"] is not None
            ]
        except (KeyError, TypeError) as exc:
            raise self._strange(exc, operation) from exc

    def history(
        self,
        endpoints: Sequence[str],
        counters: Sequence[str],
        *,
        start_s: int,
        end_s: int,
        function: Consolidation = "AVERAGE",
    ) -> list[Series]:
        """endpoints × counters from `start_s` to `end_s`; unknown ones are left out.

        A call that begins more than 720 steps ago reads the disk alone, where up to 30 minutes of the newest are not
        yet: ask for those in a call of their own."""
        operation = f"history of {len(endpoints)} × {len(counters)}"
        body = {
            "hostnames": list(endpoints),
            "counters": list(counters),
            "consol_fun": function,
            "start_time": start_s,
            "end_time": end_s,
        }
        rows = self._transport.ask("POST", "/graph/history", operation=operation, body=body)
        try:
            return [
                Series(
                    row["endpoint"],
                    row["counter"],
                    row["step"],
                    tuple((point["timestamp"], point["value"]) for point in row["Values"] or ()),
                )
                for row in rows or ()
                if row is not None
            ]
        except (KeyError, TypeError) as exc:
            raise self._strange(exc, operation) from exc

    def _strange(self, exc: Exception, operation: str) -> ProtocolError:
        text = f"an answer of another shape: {type(exc).__name__} {exc}"
        return ProtocolError(text, remote=self._transport.name, operation=operation)
