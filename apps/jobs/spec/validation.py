"""Checking a spec: the same errors, at the same paths, for the API and the form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework import serializers

from apps.core.errors import FieldError, InvalidInput
from apps.jobs.spec.fields import SpecFields

Spec = dict[str, Any]


def spec_validate(data: Any, *, prefix: str = "spec") -> Spec:
    """The spec, complete with defaults. Raises InvalidInput with one error for each bad field
    (`spec.health_checks[0].path`)."""
    data = _with_derived_defaults(data)
    serializer = SpecFields(data=data)
    if not serializer.is_valid():
        raise InvalidInput(*flatten_errors(serializer.errors, prefix))
    return _plain(serializer.validated_data)


def spec_merge(old: Spec, patch: Mapping[str, Any]) -> Spec:
    """The patch's top-level keys replace those of the old spec, whole."""
    return {**old, **patch}


def _with_derived_defaults(data: Any) -> Any:
    """A job with persistent volumes and no strategy of its own is replaced in place, one at a time."""
    if isinstance(data, dict) and data.get("volumes") and "strategy" not in data:
        return {**data, "strategy": {"max_unavailable": 1, "max_surge": 0}}
    return data


def flatten_errors(errors: Any, path: str) -> Iterator[FieldError]:
    """DRF's nested errors as flat paths: objects by `.name`, lists by `[index]`."""
    if isinstance(errors, dict):
        for key, value in errors.items():
            if key == "non_field_errors":
                yield from flatten_errors(value, path)
            elif isinstance(key, int) or str(key).startswith("["):
                yield from flatten_errors(
                    value, f"{path}{key}" if str(key).startswith("[") else f"{path}[{key}]"
                )
            else:
                yield from flatten_errors(value, f"{path}.{key}" if path else str(key))
    elif isinstance(errors, list | tuple):
        for index, item in enumerate(errors):
            if isinstance(item, dict):
                yield from flatten_errors(item, f"{path}[{index}]")
            elif isinstance(item, list):
                yield from flatten_errors(item, path)
            else:
                yield FieldError(field=path, code=getattr(item, "code", "invalid"), detail=str(item))
    elif isinstance(errors, serializers.ErrorDetail):
        yield FieldError(field=path, code=errors.code, detail=str(errors))


def _plain(value: Any) -> Any:
    """OrderedDicts and ReturnDicts as plain JSON values."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
