"""What stands beside a template's document: its name, titles and owner."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import ProductLine
from apps.jobs.forms.fields import PlainForm, TextField


class TitlesForm(PlainForm):
    title = TextField(label=_("Title"), required=True, max_length=120)
    title_zh = TextField(label=_("Title (Chinese)"), max_length=120)
    note = TextField(
        label=_("Note for this version"),
        max_length=300,
        attrs={"placeholder": _("what changed, and why"), "spellcheck": "true"},
    )


class NewTemplateForm(TitlesForm):
    """`everybody`: whether the person may keep templates for all product lines."""

    name = TextField(
        label=_("Name"),
        required=True,
        max_length=63,
        attrs={"placeholder": "web-service", "class": "font-monospace"},
        help_text=_("Lower-case letters, digits and hyphens; it never changes."),
    )
    product_line = forms.ModelChoiceField(
        label=_("Product line"),
        queryset=ProductLine.objects.none(),
        to_field_name="tag",
        required=False,
        help_text=_("Whose it is: the line's developers keep it."),
    )
    field_order = ("name", "product_line", "title", "title_zh", "note")

    def __init__(self, *args: Any, lines: Any, everybody: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["product_line"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = lines
        field.empty_label = str(_("everybody's")) if everybody else "–"
        field.required = not everybody
