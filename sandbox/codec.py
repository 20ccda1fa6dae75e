"""Model dataclasses to JSON records and back, by their type annotations.

Times become text, enums their value, tuples and sets lists; fields that hold their default are left out, so
most records stay short and a new field with a default can read old records.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from sandbox.definitions.app import App
from sandbox.definitions.parse import app_from_definition
from sandbox.store import Record
from sandbox.timestamps import format_timestamp, parse_timestamp

T = TypeVar("T")
_Convert = Callable[[Any], Any]


def encode(value: Any) -> Any:
    """A dataclass (or anything one may contain) as JSON values."""
    kind: Any = type(value)
    return _encoder(kind)(value)


def decode(kind: type[T], record: Record) -> T:
    """The dataclass that `encode` made this record from."""
    hint: Any = kind
    result: T = _decoder(hint)(record)
    return result


def encode_app(app: App) -> Record:
    return {
        "definition": app.definition,
        "version": format_timestamp(app.version),
        "last_scaling_at": format_timestamp(app.last_scaling_at),
        "last_config_change_at": format_timestamp(app.last_config_change_at),
    }


def decode_app(record: Record) -> App:
    return app_from_definition(
        record["definition"],
        version=parse_timestamp(record["version"]),
        last_scaling_at=parse_timestamp(record["last_scaling_at"]),
        last_config_change_at=parse_timestamp(record["last_config_change_at"]),
    )


@cache
def _encoder(kind: type) -> _Convert:
    """Found once for each type: with 100,000 instances this is the sandbox's busiest code."""
    if kind in (str, int, float, bool, types.NoneType):
        return lambda value: value
    if kind is datetime:
        return format_timestamp
    if kind is App:
        return encode_app
    if is_dataclass(kind):
        return _dataclass_encoder(kind)
    if issubclass(kind, dict):
        return lambda values: {key: encode(value) for key, value in values.items()}
    if issubclass(kind, StrEnum):
        return str
    return lambda values: [encode(value) for value in values]


def _dataclass_encoder(kind: Any) -> _Convert:
    empty = object()  # a field without a default is always written

    def default_of(field: Field[Any]) -> Any:
        if field.default is not MISSING:
            return field.default
        return empty if field.default_factory is MISSING else field.default_factory()

    names = tuple((f.name, default_of(f)) for f in fields(kind))

    def convert(instance: Any) -> Record:
        record = {}
        for name, default in names:
            value = getattr(instance, name)
            if value is not default and value != default:
                record[name] = value if type(value) is str else encode(value)
        return record

    return convert


@cache
def _decoder(kind: Any) -> _Convert:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional(arguments)
    if origin in (list, tuple, set, frozenset):
        item = _decoder(arguments[0])
        return lambda values: origin(item(value) for value in values)
    if origin is dict or getattr(origin, "__name__", "") == "Mapping":
        value_of = _decoder(arguments[1])
        return lambda values: {key: value_of(value) for key, value in values.items()}
    if hasattr(kind, "__supertype__"):  # a NewType
        return _decoder(kind.__supertype__)
    if kind is App:
        return decode_app
    if kind is datetime:
        return parse_timestamp
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    if is_dataclass(kind):
        return _dataclass_decoder(kind)
    return lambda value: value


def _optional(arguments: tuple[Any, ...]) -> _Convert:
    kinds = [argument for argument in arguments if argument is not types.NoneType]
    if len(kinds) != 1:
        return lambda value: value  # str | float and the like are JSON values as they are
    inner = _decoder(kinds[0])
    return lambda value: None if value is None else inner(value)


def _dataclass_decoder(kind: Any) -> _Convert:
    hints = get_type_hints(kind)
    decoders = {f.name: _decoder(hints[f.name]) for f in fields(kind)}
    return lambda record: kind(**{name: decoders[name](value) for name, value in record.items()})
