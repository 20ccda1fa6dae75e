"""Setting a product line's secret."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class WriteOnlyTextarea(forms.Textarea):
    """Never sends back what was typed: a secret is not in any page."""

    def format_value(self, value: Any) -> str:
        return ""


class SecretForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=63,
        help_text=_("Environment variables of jobs refer to it by this name."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    value = forms.CharField(
        label=_("Value"),
        strip=False,
        max_length=65_536,
        help_text=_(
            "Encrypted, and never shown again. Running instances get a new value with the next publish."
        ),
        widget=WriteOnlyTextarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
    )
