"""A template's parameters: what they may be, and the values that somebody gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core.errors import FieldError, InvalidInput
from apps.core.serializers import Strict, checked
from apps.jobs.spec.fields import NumberField
from apps.jobs.templating.placeholders import NAME

MAX_PARAMETERS = 50
TYPES = ("text", "integer", "number", "boolean", "choice")
Parameter = dict[str, Any]

validate_parameter_name = RegexValidator(
    rf"^{NAME}\Z",
    _("Use lower-case letters, digits and underscores, starting with a letter."),
    code="invalid_name",
)


@extend_schema_field(OpenApiTypes.ANY)
class PlainField(serializers.Field):  # type: ignore[type-arg] # generic only in the stubs
    """A text, number or truth value as it is."""

    default_error_messages = {"invalid": _("Write a text, a number, true or false.")}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str | int | float | bool):
            self.fail("invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class ParameterFields(Strict):
    """One parameter. It is required unless it has a default. `min` and `max` bound numbers, and a text's length."""

    name = serializers.CharField(max_length=63, validators=[validate_parameter_name])
    type = serializers.ChoiceField(choices=TYPES, default="text")
    label_en = serializers.CharField(max_length=120, allow_blank=True, default="")
    label_zh = serializers.CharField(max_length=120, allow_blank=True, default="")
    help_en = serializers.CharField(max_length=300, allow_blank=True, default="")
    help_zh = serializers.CharField(max_length=300, allow_blank=True, default="")
    default = PlainField(required=False)
    required = serializers.BooleanField(default=False)  # type: ignore[assignment]
    min = NumberField(required=False)
    max = NumberField(required=False)
    choices = serializers.ListField(
        child=serializers.CharField(max_length=500), required=False, min_length=1, max_length=100
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["type"] == "choice" and "choices" not in attrs:
            raise _error("choices", "required", _("Say which values can be chosen."))
        if attrs["type"] != "choice" and "choices" in attrs:
            raise _error("choices", "invalid", _("Only a parameter of the type 'choice' has choices."))
        if "min" in attrs and "max" in attrs and attrs["min"] > attrs["max"]:
            raise _error("max", "min_value", _("This is below the smallest value."))
        if attrs["required"] and "default" in attrs:
            raise _error(
                "default", "invalid", _("A required parameter has no default: leave out one of the two.")
            )
        if not attrs["required"] and "default" not in attrs:
            raise _error("default", "required", _("Give a default, or make the parameter required."))
        if "default" in attrs:
            field = value_field(attrs)
            try:
                attrs["default"] = field.run_validation(attrs["default"])
            except serializers.ValidationError as exc:
                raise serializers.ValidationError({"default": exc.detail}) from exc
        return attrs


class _Parameters(serializers.ListSerializer):  # type: ignore[type-arg] # generic only in the stubs
    child = ParameterFields()
    max_length = MAX_PARAMETERS


def parameters_validate(data: Any) -> list[Parameter]:
    """The parameters, complete. Raises InvalidInput (`parameters[0].name`)."""
    rows = checked(_Parameters(data=data), path="parameters")
    found = [dict(row) for row in rows]
    seen: set[str] = set()
    for index, row in enumerate(found):
        if row["name"] in seen:
            text = str(_("Two parameters have this name."))
            raise InvalidInput(FieldError(f"parameters[{index}].name", "unique", text))
        seen.add(row["name"])
    return found


def values_validate(parameters: Sequence[Parameter], given: Any) -> dict[str, Any]:
    """A value for each parameter, of its type: the given one or the default. Raises InvalidInput (`parameters.name`),
    also for a value that no parameter asks for."""
    fields = {parameter["name"]: value_field(parameter) for parameter in parameters}
    shape = type("ValuesFields", (Strict,), fields)
    return dict(checked(shape(data=given), path="parameters"))


def values_still_asked_for(parameters: Sequence[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a job's values that another version of its template asks for, too."""
    names = {parameter["name"] for parameter in parameters}
    return {name: value for name, value in values.items() if name in names}


def sample_values(parameters: Sequence[Parameter]) -> dict[str, Any]:
    """A value for each: the default, or something of the type that its bounds allow."""
    return {parameter["name"]: parameter.get("default", _sample(parameter)) for parameter in parameters}


def value_field(parameter: Parameter) -> serializers.Field:  # type: ignore[type-arg] # generic only in the stubs
    """The field that takes a parameter's value, with its bounds and default."""
    options: dict[str, Any] = {}
    if "default" in parameter:
        options["default"] = parameter["default"]
    low, high = parameter.get("min"), parameter.get("max")
    match parameter["type"]:
        case "integer":
            return serializers.IntegerField(min_value=_whole(low), max_value=_whole(high), **options)
        case "number":
            return NumberField(min_value=low, max_value=high, **options)
        case "boolean":
            return serializers.BooleanField(**options)
        case "choice":
            return serializers.ChoiceField(choices=parameter["choices"], **options)
        case _:
            return serializers.CharField(
                min_length=_whole(low),
                max_length=_whole(high) or 32_768,
                allow_blank=not parameter["required"],
                trim_whitespace=False,
                **options,
            )


def label_of(parameter: Parameter) -> str:
    """What people call it, in the reader's language where that is there."""
    return _localised(parameter, "label") or str(parameter["name"])


def help_of(parameter: Parameter) -> str:
    return _localised(parameter, "help")


def _localised(parameter: Parameter, what: str) -> str:
    chinese = (get_language() or "").startswith("zh")
    return str((parameter.get(f"{what}_zh") if chinese else "") or parameter.get(f"{what}_en", ""))


def _sample(parameter: Parameter) -> Any:
    low = parameter.get("min")
    match parameter["type"]:
        case "integer":
            return _whole(low) or 1
        case "number":
            return low or 1.0
        case "boolean":
            return False
        case "choice":
            return parameter["choices"][0]
        case _:
            return "x" * max(_whole(low) or 0, 1)


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _error(field: str, code: str, text: Any) -> serializers.ValidationError:
    return serializers.ValidationError({field: [serializers.ErrorDetail(str(text), code=code)]})
