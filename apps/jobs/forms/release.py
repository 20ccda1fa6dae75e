"""The form of a new release: what to do, with which jobs, and what if one fails."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from apps.core.models import MAX_REASON
from apps.jobs.forms.actions import new_key
from apps.jobs.forms.fields import PlainForm, TextField
from apps.jobs.models import Job, Release
from apps.jobs.releases.plan import MAX_PARALLEL, PARALLEL, ItemWish, Wish

VERSION = "version:"
"""Before the tag: the name of a job's version."""
OFFERED = 20
"""Versions in a menu; older ones by the API."""


class ReleaseForm(PlainForm):
    """What is not given has a default, so that an address with an action and jobs alone is a whole form. Stopping asks
    for the reason."""

    key = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    action = forms.ChoiceField(label=_("What to do"), choices=Release.Action.choices, required=False)
    on_failure = forms.ChoiceField(label=_("If one fails"), choices=Release.OnFailure.choices, required=False)
    parallel = forms.IntegerField(
        label=_("At once, at most"), min_value=1, max_value=MAX_PARALLEL, required=False
    )
    reason = TextField(
        label=_("Reason"),
        max_length=MAX_REASON,
        help_text=_("Kept with every job's operation and in its history."),
    )

    def __init__(self, data: QueryDict, *, sent: bool) -> None:
        whole = data.copy()
        defaults = {
            "key": new_key(),
            "action": Release.Action.PUBLISH,
            "on_failure": Release.OnFailure.UNDO,
            "parallel": str(PARALLEL),
        }
        for name, value in defaults.items():
            if name not in data:
                whole[name] = value
        super().__init__(whole)
        self.fields["reason"].required = sent and data.get("action") == Release.Action.STOP

    def wish(self, items: Sequence[ItemWish]) -> Wish:
        """What the valid form asks for."""
        cleaned = self.cleaned_data
        return Wish(
            action=Release.Action(cleaned["action"] or Release.Action.PUBLISH),
            items=items,
            on_failure=Release.OnFailure(cleaned["on_failure"] or Release.OnFailure.UNDO),
            parallel=cleaned["parallel"] or PARALLEL,
            reason=cleaned["reason"],
        )


class UndoForm(PlainForm):
    reason = TextField(label=_("Reason"), max_length=MAX_REASON)


@dataclass(slots=True)
class JobRow:
    """A job that is chosen, or could be. `versions`: those offered, the latest first; `version`: the chosen one, or
    None for the latest."""

    job: Job
    chosen: bool
    version: int | None
    errors: list[str] = field(default_factory=list)

    @property
    def versions(self) -> list[int]:
        latest = self.job.latest_version
        offered = list(range(latest, max(0, latest - OFFERED), -1))
        return offered if self.version is None or self.version in offered else [*offered, self.version]


def job_rows(jobs: Iterable[Job], data: QueryDict) -> list[JobRow]:
    chosen = set(data.getlist("job"))
    return [JobRow(job, job.tag in chosen, _number(data.get(f"{VERSION}{job.tag}", ""))) for job in jobs]


def item_wishes(data: QueryDict, *, publish: bool) -> list[ItemWish]:
    """The chosen jobs in the order of the address, each once."""
    return [
        ItemWish(tag, version=_number(data.get(f"{VERSION}{tag}", "")) if publish else None)
        for tag in dict.fromkeys(data.getlist("job"))
    ]


def _number(text: Any) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 10 else None
