"""Pushed samples: what is taken and what is not. Pure.

Sources: falcon-plus common/model/metric.go, common/utils/tags.go, modules/transfer/receiver/rpc/rpc_transfer.go.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TYPES = frozenset({"GAUGE", "COUNTER", "DERIVE"})
_MOST_BYTES = 510  # of metric and raw tags together
_TEXTS = ("metric", "endpoint", "countertype", "tags")
_INTEGERS = ("timestamp", "step")


class UndecodableError(ValueError):
    """The body is no list of samples: Go's decoder gives up on all of it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value as judge and graph get it. `tags` are sorted by key."""

    endpoint: str
    metric: str
    tags: tuple[tuple[str, str], ...]
    kind: str  # GAUGE, COUNTER or DERIVE
    step: int
    time: int  # floored
    value: float

    @property
    def counter(self) -> str:
        """`metric/k1=v1,k2=v2`."""
        return counter_name(self.metric, self.tags)


def counter_name(metric: str, tags: tuple[tuple[str, str], ...]) -> str:
    return f"{metric}/{sorted_tags(tags)}" if tags else metric


def sorted_tags(tags: tuple[tuple[str, str], ...]) -> str:
    return ",".join(f"{key}={value}" for key, value in tags)


def parse_tags(text: str) -> tuple[tuple[str, str], ...]:
    """Blanks go, parts without `=` go, of a repeated key the last value stays."""
    if not text:
        return ()
    found = {}
    for part in text.replace(" ", "").split(","):
        key, equals, value = part.partition("=")
        if equals and key:
            found[key] = value
    return tuple(sorted(found.items()))


def decode_push(body: bytes) -> list[Mapping[str, Any]]:
    """The list of objects, keys in lower case (Go matches them so). One wrong type spoils the whole batch.

    Raises UndecodableError."""
    try:
        content = json.loads(body)
    except ValueError as error:
        raise UndecodableError(str(error)) from error
    if not isinstance(content, list):
        raise UndecodableError("not a list")
    return [_decoded(item) for item in content]


def _decoded(item: Any) -> Mapping[str, Any]:
    if item is None:
        return {}
    if not isinstance(item, dict):
        raise UndecodableError("not an object")
    found = {key.lower(): value for key, value in item.items()}
    for key in _TEXTS:
        if not isinstance(found.get(key, ""), str | None):
            raise UndecodableError(f"{key} is no string")
    for key in _INTEGERS:
        value = found.get(key, 0)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise UndecodableError(f"{key} is no integer")
    return found


def checked_sample(item: Mapping[str, Any], *, now: int, min_step_s: int) -> Sample | None:
    """The sample as transfer sends it on, or None where it is invalid."""
    metric, endpoint = item.get("metric") or "", item.get("endpoint") or ""
    kind, step, raw_tags = item.get("countertype") or "", item.get("step") or 0, item.get("tags") or ""
    if not metric or not endpoint or metric == "kernel.hostname" or kind not in _TYPES or step <= 0:
        return None
    if len(metric.encode()) + len(raw_tags.encode()) > _MOST_BYTES:
        return None
    value = _number(item.get("value"))
    if value is None:
        return None
    time = item.get("timestamp") or 0
    if time <= 0 or time > 2 * now:
        time = now
    grain = max(step, min_step_s)
    return Sample(endpoint, metric, parse_tags(raw_tags), kind, grain, time - time % grain, value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and value and "_" not in value and value == value.strip():
        try:
            return float(value)
        except ValueError:
            return None
    return None


def is_storable(sample: Sample) -> bool:
    """Graph refuses what its files and queries cannot hold; judge does not mind."""
    text = sample.endpoint + sample.counter
    return math.isfinite(sample.value) and text.isprintable() and not any(sign in text for sign in "\"'`>")
