"""What Falcon's API says and is told, parsed. Unknown fields are left alone, missing ones refused loudly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Operator = Literal["=", "==", "!=", "<", "<=", ">", ">="]
Consolidation = Literal["AVERAGE", "MAX", "MIN"]


@dataclass(frozen=True, slots=True)
class HostGroup:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Strategy:
    """A condition of a template. `function`: `all(#3)` and so on; `max_step`: PROBLEMs an incident at most (not 0);
    `priority` 0–6, of which 0–2 have a queue of their own. `note` (≤ 128) is not told to a callback."""

    metric: str
    function: str
    operator: Operator
    threshold: float
    tags: str = ""
    max_step: int = 3
    priority: int = 0
    note: str = ""
    run_begin: str = ""
    run_end: str = ""

    def body(self) -> dict[str, Any]:
        """Every field: an update overwrites them all. The threshold goes as text, without an exponent."""
        return {
            "metric": self.metric,
            "tags": self.tags,
            "max_step": self.max_step,
            "priority": self.priority,
            "func": self.function,
            "op": self.operator,
            "right_value": number_text(self.threshold),
            "note": self.note,
            "run_begin": self.run_begin,
            "run_end": self.run_end,
        }

    @classmethod
    def parsed(cls, row: Mapping[str, Any]) -> Strategy:
        return cls(
            metric=row["metric"],
            function=row["func"],
            operator=row["op"],
            threshold=float(row["right_value"]),
            tags=row["tags"],
            max_step=row["max_step"],
            priority=row["priority"],
            note=row["note"],
            run_begin=row["run_begin"],
            run_end=row["run_end"],
        )


@dataclass(frozen=True, slots=True)
class Action:
    """What a template does. `uic`: names of teams, by comma; `callback` 1: the URL (≤ 255) is called."""

    uic: str = ""
    url: str = ""
    callback: int = 0
    before_callback_sms: int = 0
    before_callback_mail: int = 0
    after_callback_sms: int = 0
    after_callback_mail: int = 0

    def body(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parsed(cls, row: Mapping[str, Any]) -> Action:
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Template:
    """A template with all that hangs on it. `action_id` 0: none, and then `action` is empty."""

    id: int
    name: str
    parent_id: int
    action_id: int
    action: Action
    strategies: Mapping[int, Strategy]


@dataclass(frozen=True, slots=True)
class User:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Team:
    id: int
    name: str
    resume: str
    users: tuple[User, ...]


@dataclass(frozen=True, slots=True)
class LastPoint:
    """The newest value of a counter; `time_s` 0: nothing is known of it."""

    endpoint: str
    counter: str
    time_s: int
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """A counter's values, oldest first, None where nothing was stored. `step_s` 0: unknown."""

    endpoint: str
    counter: str
    step_s: int
    points: tuple[tuple[int, float | None], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A value to push. `time_s` is a whole second, one for each step: a second value of a step is dropped."""

    endpoint: str
    metric: str
    value: float
    time_s: int
    step_s: int
    kind: Literal["GAUGE", "COUNTER", "DERIVE"] = "GAUGE"
    tags: str = ""

    def body(self) -> dict[str, Any]:
        return {
            "endpoint": self.endpoint,
            "metric": self.metric,
            "value": self.value,
            "timestamp": self.time_s,
            "step": self.step_s,
            "counterType": self.kind,
            "tags": self.tags,
        }


def number_text(value: float) -> str:
    """`80`, `-1.5`: Falcon takes no exponent."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
