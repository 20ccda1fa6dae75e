"""A list of rows that grows and shrinks in the browser, with or without a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.formsets import ManagementForm
from django.utils.translation import gettext as _

from apps.core.errors import FieldError
from apps.jobs.forms.rows import NamedRowForm, RowForm

if TYPE_CHECKING:
    _Rows = forms.BaseFormSet[RowForm]
else:
    _Rows = forms.BaseFormSet

MAX_ROWS = 1000
"""More are refused in words. A list that has more already is shown whole."""


class RowSet(_Rows):
    """The rows of one list of the spec, under its name as prefix.

    A script adds rows from `empty_form` and takes rows out of the page, so what is sent may have gaps; without one
    there is a spare row (`spare`) and a box to tick for removal. Both are read by the same rule: `RowForm.is_used`.
    """

    form: type[RowForm]
    extra = 0
    can_order = False
    can_delete = True
    can_delete_extra = True
    edit_only = False
    min_num = 0
    absolute_max = MAX_ROWS
    validate_min = validate_max = False
    renderer = None

    def __init__(
        self,
        row: type[RowForm],
        *,
        key: str,
        items: Iterable[Any] = (),
        data: Mapping[str, Any] | None = None,
    ) -> None:
        self.form = row
        self.key = key
        self.renderer = forms.renderers.get_default_renderer()
        initial = [{**row.row_of(item), "kept": "1"} for item in items]
        self.extra = len(initial)
        self.max_num = max(MAX_ROWS, self.extra)
        super().__init__(data, initial=initial, prefix=key)
        self.errors_of_all: list[str] = []

    def initial_form_count(self) -> int:
        """None of the rows is tied to one that was there before: the list is sent whole."""
        return 0

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        """`index` is None for `empty_form`: a row that somebody added counts even if nothing in it is changed."""
        return {"initial": {"kept": "1", **self.form.fresh}} if index is None else {}

    @cached_property
    def rows(self) -> list[RowForm]:
        """The rows to show and to send: those that were there, or those that somebody filled in."""
        if not self.is_bound:
            return list(self.forms)
        self.full_clean()
        return [row for row in self.forms if row.is_used]

    @property
    def spare(self) -> RowForm:
        """An empty row behind the others, which is not sent unless something is typed into it."""
        return self.form(prefix=self.add_prefix(self._end), empty_permitted=True)

    @property
    def shown_management_form(self) -> ManagementForm:
        """The count of rows as the page has them, the spare one included."""
        counts = {"TOTAL_FORMS": self._end + 1, "INITIAL_FORMS": 0}
        return ManagementForm(auto_id=self.auto_id, prefix=self.prefix, initial=counts)

    @property
    def _end(self) -> int:
        """The first index behind the rows that are shown."""
        return 1 + max((int(row.prefix.rpartition("-")[2]) for row in self.rows if row.prefix), default=-1)

    def items(self) -> list[Any]:
        """The rows as the spec's list. Call it when `own_errors` is empty."""
        return [row.item() for row in self.rows]

    def mapping(self) -> dict[str, Any]:
        """The rows as the spec's mapping, by name."""
        return dict(self.items())

    def own_errors(self) -> list[FieldError]:
        """What cannot be said in a spec at all: two values for one name, or fields that are no text."""
        path = f"spec.{self.key}"
        found = [FieldError(path, "invalid", str(text)) for text in self.non_form_errors()]
        for index, row in enumerate(self.rows):
            for name, texts in row.errors.items():
                found += [FieldError(f"{path}[{index}].{name}", "invalid", str(text)) for text in texts]
        if not found and issubclass(self.form, NamedRowForm):
            found = self._repeated_names()
        return found

    def place(self, error: FieldError, *, index: int | None, field: str | None) -> None:
        """Put an error at its row and field; at the list as a whole where it names neither."""
        row = self.rows[index] if index is not None and index < len(self.rows) else self._named(field)
        if row is None:
            self.errors_of_all.append(error.detail)
        elif index is not None and field in row.fields:
            row.say(field, error.detail)
        else:
            row.say(row.field_at_fault(error.code), error.detail)

    @property
    def has_errors(self) -> bool:
        return bool(self.errors_of_all) or any(row.errors for row in self.rows)

    def _named(self, name: str | None) -> RowForm | None:
        if not issubclass(self.form, NamedRowForm):
            return None
        return next((row for row in self.rows if row.cleaned_data.get("name") == name), None)

    def _repeated_names(self) -> list[FieldError]:
        seen: set[str] = set()
        found = []
        for index, row in enumerate(self.rows):
            name = row.cleaned_data.get("name", "")
            if name in seen:
                text = _("Two rows have the name %(name)s.") % {"name": name or "–"}
                found.append(FieldError(f"spec.{self.key}[{index}].name", "unique", text))
            seen.add(name)
        return found
