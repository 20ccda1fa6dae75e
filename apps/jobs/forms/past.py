"""Choosing a part of a job's past."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.jobs.models import JobEvent
from apps.jobs.past import Wish
from apps.jobs.timeline import YEARS, Place

KINDS = [
    ("", _("Everything")),
    ("people", _("What people did")),
    ("operations", _("Operations")),
    ("versions", _("Versions")),
    ("instances", _("Instances that ended")),
    ("state", _("Fell ill, got well")),
]
LEVELS = [("", pgettext_lazy("of a time line", "All levels")), *JobEvent.Level.choices]


class HistoryForm(forms.Form):
    """Filters of the time line, all in the address."""

    kind = forms.ChoiceField(label=_("kind"), choices=KINDS, required=False)
    who = forms.ChoiceField(label=_("by"), required=False)
    level = forms.ChoiceField(label=_("level"), choices=LEVELS, required=False)
    before = forms.CharField(required=False, max_length=80, widget=forms.HiddenInput)

    def __init__(self, *args: Any, people: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.data.get("who", "")
        names = people if not chosen or chosen in people else [*people, chosen]
        self.fields["who"].choices = [("", _("Anybody")), *((name, name) for name in names)]  # type: ignore[attr-defined]

    def clean_before(self) -> Place | None:
        text: str = self.cleaned_data["before"]
        try:
            return Place.parse(text) if text else None
        except ValueError as exc:
            raise forms.ValidationError(_("This address does not lead to a place in the history.")) from exc

    def wish(self) -> Wish:
        """What was asked for; everything where that makes no sense."""
        given = self.cleaned_data if self.is_valid() else {}
        return Wish(
            before=given.get("before"),
            kinds=[given["kind"]] if given.get("kind") else [],
            who=given.get("who", ""),
            levels=[given["level"]] if given.get("level") else [],
        )


class _Clock(forms.DateTimeInput):
    """The browser's own field for a moment, in the reader's time zone."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(attrs={"step": "any", "class": "form-control"}, format="%Y-%m-%dT%H:%M:%S")


class MomentsForm(forms.Form):
    """Two moments: by the boxes of the time line (`at`, two of them), or by the clock."""

    start = forms.DateTimeField(label=_("One moment"), widget=_Clock())
    end = forms.DateTimeField(
        label=_("The other"), required=False, widget=_Clock(), help_text=_("Left empty, it is now.")
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for name in ("start", "end"):
            moment = cleaned.get(name)
            if moment and moment.year not in YEARS:
                self.add_error(name, _("Choose a year that this job can have had."))
        cleaned["end"] = cleaned.get("end") or timezone.now()
        return cleaned
