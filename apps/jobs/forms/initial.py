"""What a form starts with: a spec, however incomplete, with the defaults of what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from apps.jobs.spec.fields import SpecFields


def spec_with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Like `spec_validate`, without judging: a template may leave out what its user has to fill in."""
    return _complete(SpecFields(), given)


def _complete(fields: serializers.Serializer[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(field, given.get(name, serializers.empty)) for name, field in fields.fields.items()}


def _value(field: serializers.Field[Any, Any, Any, Any], given: Any) -> Any:
    if isinstance(field, serializers.ListSerializer):
        rows = given if isinstance(given, list) else []
        item = field.child
        assert isinstance(item, serializers.Serializer)
        return [_complete(item, row) for row in rows if isinstance(row, Mapping)]
    if isinstance(field, serializers.Serializer):
        return _complete(field, given if isinstance(given, Mapping) else {})
    if given is not serializers.empty:
        return given
    if field.default is serializers.empty:
        return None
    return field.default() if callable(field.default) else field.default
