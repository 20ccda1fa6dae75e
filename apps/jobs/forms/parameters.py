"""A template's parameters as a form: what is typed is judged by the parameters' own rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.core.errors import FieldError
from apps.jobs.forms.fields import ChoiceField, FlagField, NumberField, PlainForm, TextField
from apps.jobs.templating.parameters import Parameter, help_of, label_of

PREFIX = "p"
SENT = "filled"
"""Tells a form that was sent from an address that only names a template: a box that is not ticked sends nothing."""


class ParameterForm(PlainForm):
    """A field for each parameter, under `p-`. Unbound it shows the defaults, or `values`."""

    def __init__(
        self,
        parameters: Sequence[Parameter],
        *,
        data: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(values or {}), prefix=PREFIX)
        self.parameters = parameters
        for parameter in parameters:
            self.fields[parameter["name"]] = _field(parameter)

    def given(self) -> dict[str, Any]:
        """What was typed; a field that was left empty counts as not given."""
        if not self.is_valid():
            return {}
        typed = {parameter["name"]: self.cleaned_data[parameter["name"]] for parameter in self.parameters}
        return {name: value for name, value in typed.items() if value != ""}

    def put_errors(self, errors: Iterable[FieldError]) -> list[FieldError]:
        """Put each error at its field; returns those that are none of a parameter's."""
        left = []
        for error in errors:
            name = error.field.removeprefix("parameters.")
            if error.field.startswith("parameters.") and name in self.fields:
                self.say(name, error.detail)
            else:
                left.append(error)
        return left


def _field(parameter: Parameter) -> forms.Field:
    options: dict[str, Any] = {
        "label": label_of(parameter),
        "help_text": _bounds(parameter),
        "initial": parameter.get("default", ""),
    }
    match parameter["type"]:
        case "integer":
            field: forms.Field = NumberField(**options)
        case "number":
            field = NumberField(decimal=True, **options)
        case "boolean":
            field = FlagField(**options)
        case "choice":
            empty = [("", "–")] if parameter["required"] else []
            field = ChoiceField(choices=[*empty, *((each, each) for each in parameter["choices"])], **options)
        case _:
            field = TextField(strip=False, **options)
    return field


def _bounds(parameter: Parameter) -> str:
    """The help, and between what a number may be."""
    said = help_of(parameter)
    low, high = (_shown(parameter.get(name)) for name in ("min", "max"))
    if parameter["type"] in {"integer", "number"} and (low or high):
        bounds = str(_("%(low)s to %(high)s.") % {"low": low or "…", "high": high or "…"})
        return f"{said} {bounds}".strip()
    return said


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
