"""Logs as events: `event=operation_step operation=12 target=… request=…`, one line each.

What is bound (request, operation, user) comes from a context variable, set once by the middleware or the
task, so that no call repeats it. Secrets and whole environments are never passed as fields.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_bound: ContextVar[dict[str, Any]] = ContextVar("ocean_log_fields", default={})  # noqa: B039 - never mutated
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {
    "message",
    "asctime",
    "taskName",
    "request",
    "server_time",
}


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Every log line inside the block carries these fields."""
    token = _bound.set({**_bound.get(), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def bound_fields() -> dict[str, Any]:
    return _bound.get()


class EventFormatter(logging.Formatter):
    """`<time> <LEVEL> event=<message> key=value …`, then a traceback where there is one."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            **_bound.get(),
            **{key: value for key, value in record.__dict__.items() if key not in _STANDARD},
        }
        parts = [
            self.formatTime(record),
            record.levelname,
            f"logger={record.name}",
            f"event={_quoted(record.getMessage())}",
        ]
        parts += [f"{key}={_quoted(str(value))}" for key, value in fields.items() if not key.startswith("_")]
        line = " ".join(parts)
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line


def _quoted(text: str) -> str:
    text = text.replace("\n", "\\n")
    return f'"{text}"' if " " in text else text
