"""A small JSON schema in the manner of Marathon's generated readers.

Reading drops unknown keys and nulls, brings enum values to their canonical case, and collects problems as
Marathon words them (`error.path.missing`, `error.expected.jsnumber` …) under paths such as
`/healthChecks(0)/path`. Source: the RAML types and play-json; the codes are listed in
MarathonExceptionMapper's replies (422 "Invalid JSON").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Protocol

INT32_MAX = 2**31 - 1


class Problems:
    """Messages by path, in the order found."""

    def __init__(self) -> None:
        self._by_path: dict[str, list[str]] = {}

    def add(self, path: str, message: str) -> None:
        messages = self._by_path.setdefault(path or "/", [])
        if message not in messages:
            messages.append(message)

    def __bool__(self) -> bool:
        return bool(self._by_path)

    def details(self) -> list[dict[str, Any]]:
        """`[{"path": "/instances", "errors": ["error.expected.jsnumber"]}]`."""
        return [{"path": path, "errors": errors} for path, errors in self._by_path.items()]


class InvalidObjectError(Exception):
    """Refused with 422; `details` as in `Problems.details`."""

    def __init__(self, message: str, problems: Problems) -> None:
        super().__init__(message)
        self.details = problems.details()


class Schema(Protocol):
    def read(self, value: Any, path: str, problems: Problems) -> Any:
        """The value in canonical form; after a problem was added the return value is of no meaning."""


@dataclass(frozen=True, slots=True)
class Text:
    min_length: int = 0
    max_length: int | None = None
    pattern: str | None = None

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        if not isinstance(value, str):
            problems.add(path, "error.expected.jsstring")
        elif len(value) < self.min_length:
            problems.add(path, "error.minLength")
        elif self.max_length is not None and len(value) > self.max_length:
            problems.add(path, "error.maxLength")
        elif self.pattern is not None and re.fullmatch(self.pattern, value) is None:
            problems.add(path, "error.pattern")
        return value


@dataclass(frozen=True, slots=True)
class Number:
    minimum: float | None = None
    maximum: float | None = None

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float):
            problems.add(path, "error.expected.jsnumber")
        elif self.minimum is not None and value < self.minimum:
            problems.add(path, "error.min")
        elif self.maximum is not None and value > self.maximum:
            problems.add(path, "error.max")
        return value


@dataclass(frozen=True, slots=True)
class Integer:
    minimum: int | None = None
    maximum: int = INT32_MAX

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, float) or (isinstance(value, int) and value > INT32_MAX):
            problems.add(path, "error.expected.int")
            return value
        Number(self.minimum, self.maximum).read(value, path, problems)
        return value


@dataclass(frozen=True, slots=True)
class Boolean:
    def read(self, value: Any, path: str, problems: Problems) -> Any:
        if not isinstance(value, bool):
            problems.add(path, "error.expected.jsboolean")
        return value


@dataclass(frozen=True, slots=True)
class Choice:
    """An enum: any case on input, the canonical one on output."""

    values: tuple[str, ...]

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        if not isinstance(value, str):
            problems.add(path, "error.expected.jsstring")
            return value
        for canonical in self.values:
            if canonical.lower() == value.lower():
                return canonical
        problems.add(path, "error.unknown.enum.literal")
        return value


@dataclass(frozen=True, slots=True)
class ListOf:
    item: Schema
    min_items: int = 0

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        if not isinstance(value, list):
            problems.add(path, "error.expected.jsarray")
            return value
        if len(value) < self.min_items:
            problems.add(path, "error.minLength")
        return [self.item.read(item, f"{path}({n})", problems) for n, item in enumerate(value)]


@dataclass(frozen=True, slots=True)
class MapOf:
    """An object whose keys are free."""

    value: Schema

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        if not isinstance(value, dict):
            problems.add(path, "error.expected.jsobject")
            return value
        return {key: self.value.read(item, f"{path}/{key}", problems) for key, item in value.items()}


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known keys; others are ignored, null is the same as absent."""

    fields: Mapping[str, Schema]
    required: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        if not isinstance(value, dict):
            problems.add(path, "error.expected.jsobject")
            return value
        result = {}
        for key, schema in self.fields.items():
            if value.get(key) is not None:
                result[key] = schema.read(value[key], f"{path}/{key}", problems)
            elif key in self.required:
                problems.add(f"{path}/{key}", "error.path.missing")
            elif key in self.defaults:
                result[key] = copy(self.defaults[key])
        return result


@dataclass(frozen=True, slots=True)
class ByType:
    """Text or something else, told apart by the JSON type alone (env values, unreachableStrategy, limits)."""

    text: Schema
    other: Schema

    def read(self, value: Any, path: str, problems: Problems) -> Any:
        return (self.text if isinstance(value, str) else self.other).read(value, path, problems)
