"""Judge: each point is judged as it arrives; what is remembered lives in memory only.

Source: falcon-plus modules/judge/store/{judge,linkedlist}.go.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from sandbox.falcon.functions import REMAIN, JudgeCrashError, Points, Verdict, evaluate, oldest_needed
from sandbox.falcon.hbs import Rule, Watched
from sandbox.falcon.samples import Sample, sorted_tags

log = logging.getLogger(__name__)

_FORGET_AFTER_S = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Event:
    """A change of an incident. `step` counts the PROBLEMs of one incident, 1 for OK; `time` is the data's."""

    id: str
    rule: Rule
    status: Literal["PROBLEM", "OK"]
    endpoint: str
    value: float
    step: int
    time: int
    tags: tuple[tuple[str, str], ...]

    def shown(self) -> dict[str, Any]:
        """As upstream puts it into Redis."""
        rule = self.rule.shown()
        return {
            "id": self.id,
            "strategy": rule if self.rule.is_strategy else None,
            "expression": None if self.rule.is_strategy else rule,
            "status": self.status,
            "endpoint": self.endpoint,
            "leftValue": self.value,
            "currentStep": self.step,
            "eventTime": self.time,
            "pushedTags": dict(self.tags),
        }


class Judge:
    """`send` gets each event."""

    def __init__(self, send: Callable[[Event], None], *, min_interval_s: int) -> None:
        self._send = send
        self._min_interval_s = min_interval_s
        self.watched = Watched()
        self._points: dict[tuple[str, str], deque[tuple[int, float]]] = {}
        self._last_events: dict[str, Event] = {}

    def judge(self, sample: Sample) -> None:
        """Take a point and judge it. Unwatched metrics are not even remembered."""
        if sample.metric not in self.watched.metrics:
            return
        key = (sample.endpoint, sample.counter)
        points = self._points.get(key)
        if points is None:
            points = self._points[key] = deque(maxlen=REMAIN)
        if points and sample.time <= points[0][0]:
            return
        points.appendleft((sample.time, sample.value))
        try:
            self._apply_rules(sample, points)
        except JudgeCrashError as error:
            # Upstream's process dies, and a supervisor starts an empty one.
            log.error("judge_crashed", extra={"function": str(error)})
            self._points.clear()
            self._last_events.clear()

    def forget_idle(self, *, now: float) -> None:
        """Series that have been silent for a week."""
        for key in [key for key, points in self._points.items() if points[0][0] < now - _FORGET_AFTER_S]:
            del self._points[key]

    def history(self, endpoint: str, counter: str) -> Points:
        """For the debug view: newest first."""
        return tuple(self._points.get((endpoint, counter), ()))

    def _apply_rules(self, sample: Sample, points: Iterable[tuple[int, float]]) -> None:
        strategies = self.watched.strategies.get((sample.endpoint, sample.metric), ())
        expressions = self.watched.expressions.get(sample.metric, ())
        if not strategies and not expressions:
            return
        tags = dict(sample.tags)
        usable = tuple(points) if sample.kind == "GAUGE" else _rates(tuple(points))
        for rule in strategies:
            if all(tags.get(key) == value for key, value in rule.tags.items()):
                self._apply(rule, sample, usable)
        for rule in expressions:
            if all(
                (sample.endpoint if key == "endpoint" else tags.get(key)) == value
                for key, value in rule.tags.items()
            ):
                self._apply(rule, sample, usable)

    def _apply(self, rule: Rule, sample: Sample, points: Points) -> None:
        verdict = evaluate(rule.func, rule.operator, rule.threshold, points)
        oldest = oldest_needed(rule.func, points)
        if verdict is None or oldest is None:
            return
        event_id = _event_id(rule, sample)
        last = self._last_events.get(event_id)
        step = self._next_step(rule, verdict, last, oldest=oldest)
        if step is None:
            return
        event = Event(
            event_id,
            rule,
            "PROBLEM" if verdict.fires else "OK",
            sample.endpoint,
            verdict.value,
            step,
            sample.time,
            sample.tags,
        )
        self._last_events[event_id] = event
        self._send(event)

    def _next_step(self, rule: Rule, verdict: Verdict, last: Event | None, *, oldest: int) -> int | None:
        """The step of the event to send, None for none."""
        problem = last is not None and last.status == "PROBLEM"
        if not verdict.fires:
            return 1 if problem else None
        if last is None or not problem:
            return 1 if rule.max_step > 0 else None
        if last.step >= rule.max_step or oldest <= last.time:
            return None
        return last.step + 1 if time.time() - last.time >= self._min_interval_s else None


def _rates(points: Points) -> Points:
    """Per second, also negative: a reset can fire `<`."""
    return [(newer[0], (newer[1] - older[1]) / (newer[0] - older[0])) for newer, older in pairwise(points)]


def _event_id(rule: Rule, sample: Sample) -> str:
    text = f"{sample.endpoint}/{sample.metric}"
    if sample.tags:
        text = f"{text}/{sorted_tags(sample.tags)}"
    digest = hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - as upstream
    return f"{'s' if rule.is_strategy else 'e'}_{rule.id}_{digest}"
