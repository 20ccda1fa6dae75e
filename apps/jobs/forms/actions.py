"""The small forms of a job's actions."""

from __future__ import annotations

import uuid
from typing import Any, TypedDict

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from apps.core.models import MAX_REASON
from apps.jobs.forms.fields import FlagField, PlainForm, TextField
from apps.jobs.models import Job
from apps.jobs.planning import is_large_shrink
from apps.jobs.spec.strategy import MAX_INSTANCES


def new_key() -> str:
    return uuid.uuid4().hex


class Asked(TypedDict):
    """What every service takes of a form."""

    idempotency_key: str
    reason: str


class ActionForm(PlainForm):
    """Every action carries a key of its own, so that a second click is not a second request, and may say why."""

    key = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64, initial=new_key)

    reason = TextField(
        label=gettext_lazy("Reason"),
        max_length=MAX_REASON,
        help_text=gettext_lazy("Kept with the operation and in the job's history."),
    )
    reason_required = False

    def __init__(self, *args: Any, job: Job, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.job = job
        self.fields["reason"].required = self.reason_required

    @property
    def idempotency_key(self) -> str:
        key = self.cleaned_data.get("key", "")
        return f"page:{self.job.pk}:{key}" if key else ""

    @property
    def asked(self) -> Asked:
        """What every service takes: the key and the reason."""
        return {"idempotency_key": self.idempotency_key, "reason": self.cleaned_data["reason"]}


class ConfirmForm(ActionForm):
    """Asks for the job's name to be typed before it is stopped or deleted, and for the reason."""

    reason_required = True
    confirm = TextField(label=gettext_lazy("The job's name, to confirm"), required=True)

    def clean_confirm(self) -> str:
        typed = str(self.cleaned_data["confirm"])
        if typed != self.job.name:
            raise forms.ValidationError(
                _("This is not the job's name: type %(name)s."),
                code="mismatch",
                params={"name": self.job.name},
            )
        return typed


class ScaleForm(ActionForm):
    """Asks for the job's name and the reason as well when more than half of the instances would end."""

    instances = forms.IntegerField(
        label=pgettext_lazy("number", "Instances"),
        min_value=0,
        max_value=MAX_INSTANCES,
        widget=forms.NumberInput({"inputmode": "numeric"}),
    )
    until = forms.DateTimeField(
        label=gettext_lazy("Until"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"],
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    confirm = TextField(label=gettext_lazy("The job's name, to confirm"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = {"zone": timezone.get_current_timezone_name()}
        self.fields["until"].help_text = (
            _("Then it goes back by itself. In your time zone, %(zone)s. Empty: for good.") % zone
        )

    @property
    def asks_for_name(self) -> bool:
        """Whether the number that was typed needs the name."""
        asked = self.cleaned_data.get("instances") if self.is_bound else None
        return asked is not None and is_large_shrink(current=self.job.wanted, asked=asked)

    def clean(self) -> dict[str, Any]:
        if self.asks_for_name and not self.cleaned_data.get("reason"):
            self.add_error("reason", self.fields["reason"].error_messages["required"])
        if self.asks_for_name and self.cleaned_data.get("confirm") != self.job.name:
            ends = self.job.wanted - self.cleaned_data["instances"]
            text = ngettext(
                "This ends %(count)s of %(all)s instance. Type %(name)s to go on.",
                "This ends %(count)s of %(all)s instances. Type %(name)s to go on.",
                self.job.wanted,
            )
            self.add_error("confirm", text % {"count": ends, "all": self.job.wanted, "name": self.job.name})
        return self.cleaned_data


class KillForm(ActionForm):
    shrink = FlagField(label=gettext_lazy("Do not replace it: lower the number of instances by one"))
