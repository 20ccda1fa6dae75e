"""Answers of Marathon that are too long, or too endless, to be read whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Protocol, cast

import ijson

from clients.marathon.wire import MalformedError

READ_BYTES = 64 * 1024
MAX_EVENT_BYTES = 64 * 1024 * 1024
"""A deployment event of Marathon up to 1.6 holds the whole root group twice."""


class RawBody(Protocol):
    """What is read from a response whose body is still to come (urllib3's)."""

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end."""

    def read1(self, size: int) -> bytes:
        """What is there, as soon as anything is; b'' at the end."""


def listed(body: RawBody, key: str) -> Iterator[object]:
    """The items of `{"<key>": [ … ]}`, each as it arrives; only one is held at a time.

    Raises MalformedError for any other body: an answer without the list must not pass for an empty one.
    """
    try:
        yield from ijson.items(_ListBody(body, key), f"{key}.item", use_float=True)
    except ijson.JSONError as exc:
        raise MalformedError(f"the list of {key} broke off or is not JSON: {exc}") from exc


def server_sent_events(body: RawBody) -> Iterator[dict[str, Any]]:
    """The JSON of each event until the stream ends. Keep-alives (empty lines) are swallowed.

    It reads what is there (`read1`): the package's `iter_lines` waits until 512 bytes have gathered, which
    keeps a lone event back for as long as the cluster is quiet, because Marathon's stream has no chunks.
    """
    data: list[bytes] = []
    for line in _lines(body):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif not line and data:
            yield _event(b"\n".join(data))
            data = []


def _event(data: bytes) -> dict[str, Any]:
    try:
        event = json.loads(data)
    except ValueError as exc:
        raise MalformedError(f"an event is not JSON: {data[:200]!r}") from exc
    if not isinstance(event, dict) or "eventType" not in event:
        raise MalformedError(f"an event has no eventType: {data[:200]!r}")
    return cast(dict[str, Any], event)


def _lines(body: RawBody) -> Iterator[bytes]:
    rest = bytearray()
    searched = 0
    while piece := body.read1(READ_BYTES):
        rest += piece
        while (end := rest.find(b"\n", searched)) >= 0:
            yield bytes(rest[:end]).rstrip(b"\r")
            del rest[: end + 1]
            searched = 0
        searched = len(rest)
        if searched > MAX_EVENT_BYTES:
            raise MalformedError(f"an event is longer than {MAX_EVENT_BYTES} bytes")


class _ListBody:
    """A file for ijson that has looked whether the list is there at all."""

    def __init__(self, body: RawBody, key: str) -> None:
        self._body = body
        self._key = key
        self._seen = False

    def read(self, size: int = -1) -> bytes:
        data = self._body.read(size)
        if data and not self._seen:
            self._seen = True
            if not re.match(rb'\s*\{\s*"%b"\s*:\s*\[' % self._key.encode(), data):
                raise MalformedError(f"expected a list of {self._key}, got {data[:80]!r}")
        return data
