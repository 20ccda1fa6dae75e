"""Forms as Bootstrap wants them, and domain errors at the fields that caused them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting

from apps.core.errors import InvalidInput


class BootstrapField(forms.BoundField):
    """Gives a widget Bootstrap's classes. The field's frame (label, help, errors) is `django/forms/field.html`."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        widget = widget or self.field.widget
        attrs = super().build_widget_attrs(attrs, widget)
        if not widget.is_hidden:
            classes = [str(widget.attrs.get("class", "")), _css_class(widget)]
            if self.errors:
                classes.append("is-invalid")
            attrs["class"] = " ".join(filter(None, classes))
        return attrs


class Renderer(TemplatesSetting):
    """The project's FORM_RENDERER."""

    bound_field_class = BootstrapField


def _css_class(widget: forms.Widget) -> str:
    if isinstance(widget, forms.CheckboxInput | forms.RadioSelect | forms.CheckboxSelectMultiple):
        return "form-check-input"
    return "form-select" if isinstance(widget, forms.Select) else "form-control"


def add_errors(form: forms.BaseForm, error: InvalidInput) -> None:
    """Put a service's errors at the form's fields of the same names; what fits none goes above the form."""
    for found in error.errors:
        form.add_error(found.field if found.field in form.fields else None, found.detail)


class LinesField(forms.CharField):
    """A list of texts, one on each line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 60})

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value
