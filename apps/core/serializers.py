"""What the house adds to DRF's serializers: unknown keys are named, and nested errors become flat paths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.core.errors import FieldError, InvalidInput
from apps.core.models import MAX_REASON


class Strict(serializers.Serializer[Any]):
    """A serializer that names the keys it does not know instead of dropping them."""

    default_error_messages = {"unknown": _("There is no such field. Known here: %(known)s.")}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := [key for key in data if key not in self.fields]):
            text = self.error_messages["unknown"] % {"known": ", ".join(self.fields)}
            raise serializers.ValidationError(
                {str(key): [serializers.ErrorDetail(text, code="unknown_field")] for key in unknown}
            )
        return super().to_internal_value(data)


class Reasoned(Strict):
    """The body of an action: why it is asked for, which is kept with its operation. May be empty, or `{}`."""

    reason = serializers.CharField(max_length=MAX_REASON, allow_blank=True, default="")


def checked(serializer: serializers.BaseSerializer[Any], *, path: str = "") -> Any:
    """The serializer's validated data. Raises InvalidInput with every bad field, their paths under `path`."""
    if not serializer.is_valid():
        raise InvalidInput(*flatten_errors(serializer.errors, path))
    return serializer.validated_data


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
                yield FieldError(field=path, code=str(getattr(item, "code", "invalid")), detail=str(item))
    elif isinstance(errors, serializers.ErrorDetail):
        yield FieldError(field=path, code=str(errors.code), detail=str(errors))
