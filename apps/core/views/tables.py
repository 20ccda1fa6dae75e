"""The base of all list pages."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from html import escape
from typing import Any, ClassVar

from django import forms
from django.forms.utils import flatatt
from django.http import HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django_filters import FilterSet
from django_filters.views import FilterView
from django_tables2 import SingleTableMixin

from apps.core.views.pages import render_page


def options(choices: Iterable[tuple[object, object]], chosen: Container[str] = ()) -> SafeString:
    """A drop-down's choices, made without templates: Django's own renders two for each, and a filter of two hundred
    product lines would cost more than the rows below it."""
    made = (
        f'<option value="{escape(str(value))}"{" selected" if str(value) in chosen else ""}>'
        f"{escape(str(label))}</option>"
        for value, label in choices
    )
    return SafeString("\n".join(made))


class DropDown(forms.Select):
    """A drop-down of many choices."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        given = flatatt(self.build_attrs(self.attrs, attrs))
        chosen = set(self.format_value(value))
        return format_html('<select name="{}"{}>{}</select>', name, given, options(self.choices, chosen))


class OneOf(DropDown):
    """For a filter that takes one value or several: a page offers one, an address may hold more."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return data.getlist(name)


class TablePage(SingleTableMixin, FilterView):  # type: ignore[misc]  # both are untyped
    """A list: filtered, sorted and paged by its address. Give `table_class`, `filterset_class`, `template_name` and
    `get_queryset` (scoped to the person).

    `toolbar` names the filters that stand above the table; `choices` gives those of them that have no choices of
    their own a drop-down. Other filters work by the address and stay in it.
    """

    toolbar: ClassVar[tuple[str, ...]] = ("search",)

    def choices(self) -> Mapping[str, Iterable[tuple[str, str]]]:
        """Value and label of each choice, by filter."""
        return {}

    def get_filterset(self, filterset_class: type[FilterSet]) -> FilterSet:
        filters = super().get_filterset(filterset_class)
        choices = self.choices()
        for name, field in filters.form.fields.items():
            if name not in self.toolbar:
                field.widget = field.hidden_widget()
            elif name in choices:
                field.widget = DropDown(choices=[("", _nothing_chosen(field)), *choices[name]])
            elif isinstance(field, forms.ChoiceField):
                offered = [choice for choice in field.widget.choices if choice[0]]
                widget = OneOf if isinstance(field, forms.MultipleChoiceField) else DropDown
                field.widget = widget(choices=[("", _nothing_chosen(field)), *offered])
        return filters

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        form = self.filterset.form
        given = {field.name for field in form if field.data not in (None, "", [], [""])}
        table = context["table"]
        table.is_filtered = bool(given)
        table.toolbar = [form[name] for name in self.toolbar]
        table.kept_filters = [form[name] for name in given.difference(self.toolbar)]
        return context

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        table = context["table"]
        template = self.get_template_names()[0]
        return render_page(self.request, template, context, parts={table.region: table.region_template})


def _nothing_chosen(field: forms.Field) -> str:
    return f"{capfirst(str(field.label))}…"
