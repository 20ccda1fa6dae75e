"""Fields that keep what was typed and leave judging to the spec's own rules."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
_INTEGER = re.compile(r"[+-]?\d{1,15}")
_DECIMAL = re.compile(r"[+-]?\d{0,15}\.\d{1,15}")


class TextField(forms.CharField):
    """A text as typed. `sign` stands before it, `unit` behind it, or of `units` that whose words name what the row's
    `measures` choice says. `rows` above 0 makes it a text area, which keeps line ends. It is shown for these values of
    the row's switch (`shown_for`) and of its `measures` choice (`shown_of`)."""

    def __init__(
        self,
        *,
        sign: Text = "",
        unit: Text = "",
        units: Mapping[str, str] | None = None,
        rows: int = 0,
        shown_for: str = "",
        shown_of: str = "",
        attrs: Mapping[str, Text] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("required", False)
        given = {"autocomplete": "off", "spellcheck": "false", **(attrs or {})}
        if rows:
            kwargs.setdefault("widget", forms.Textarea({"rows": rows, **given}))
        kwargs.setdefault("widget", forms.TextInput(given))
        super().__init__(**kwargs)
        self.sign, self.unit, self.units = sign, unit, units or {}
        self.shown_for, self.shown_of = shown_for, shown_of

    def to_python(self, value: Any) -> str:
        # Browsers send a text area's line ends as CR LF, which no shell or config file wants.
        return (super().to_python(value) or "").replace("\r\n", "\n")


class NumberField(TextField):
    """A number. One that is none stays the text it was, for the spec's rules to name."""

    def __init__(self, *, decimal: bool = False, **kwargs: Any) -> None:
        kwargs["attrs"] = {"inputmode": "decimal" if decimal else "numeric", **kwargs.get("attrs", {})}
        super().__init__(**kwargs)

    def clean(self, value: Any) -> int | float | str:
        text: str = super().clean(value)
        if _INTEGER.fullmatch(text):
            return int(text)
        return float(text) if _DECIMAL.fullmatch(text) else text


class WordsField(TextField):
    """A list of words, written as in a shell: quotes keep spaces together."""

    def clean(self, value: Any) -> list[str]:
        try:
            return shlex.split(super().clean(value))
        except ValueError as exc:
            raise ValidationError(
                _("A quotation mark is not closed: put every argument with a quote or a space in quotes."),
                code="invalid",
            ) from exc


class ChoiceField(forms.ChoiceField):
    """A choice; a value that is none of them is kept and named by the spec's rules. `labels`: each choice in words;
    `switches_off`: the choice that makes the rest of the row say nothing; `measures`: it says in which of their `units`
    the row's other fields are."""

    unit = ""

    def __init__(
        self,
        *,
        choices: Iterable[tuple[str, Text]],
        switches_off: str = "",
        measures: bool = False,
        **kwargs: Any,
    ) -> None:
        self.switches_off, self.measures = switches_off, measures
        super().__init__(**{"required": False, "choices": choices, **kwargs})
        self.labels = dict(choices)

    def validate(self, value: Any) -> None:
        return


class FlagField(forms.BooleanField):
    unit = ""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, **kwargs})


class PlainForm(forms.Form):
    """A form that says what is wrong with it in the page's words, not the browser's: a control on a tab that is not
    shown could not even be complained about."""

    use_required_attribute = False

    def say(self, field: str, text: str) -> None:
        """Put an error at a field, once."""
        if text not in self.errors.get(field, []):
            self.add_error(field, text)


def filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Only what was filled in: what is left out gets the spec's default, or its 'required'."""
    return {name: value for name, value in values.items() if value not in ("", None)}
