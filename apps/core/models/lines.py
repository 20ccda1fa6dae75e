"""Sentences for people, stored so that each reader gets their language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext


class TranslatedLine(models.Model):
    """A sentence for people, kept as its English source and values, so that each reader gets their language."""

    text = models.CharField(max_length=500, blank=True)
    values = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True

    @property
    def rendered(self) -> str:
        return render_line(self.text, self.values)


def render_line(text: str, values: Mapping[str, Any]) -> str:
    """The stored sentence in the active language. `text` was marked with `gettext_noop` where it was written.

    A value may be a sentence of its own (`{"text", "values"}`), a list of them, or a `{"moment": ISO 8601}`, which is
    said in the active time zone.
    """
    if not text:
        return ""
    translated = gettext(text)
    try:
        return (
            (translated % {name: _render_value(value) for name, value in values.items()})
            if values
            else translated
        )
    except (KeyError, ValueError, TypeError):
        # A sentence stored by an older release: better shown raw than a broken page.
        return text


def _render_value(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(str(_render_value(item)) for item in value)
    if isinstance(value, Mapping) and "text" in value:
        return render_line(value["text"], value.get("values", {}))
    if isinstance(value, Mapping) and "moment" in value:
        moment = datetime.fromisoformat(value["moment"])
        return date_format(timezone.localtime(moment), "Y-m-d H:i O")
    return value
