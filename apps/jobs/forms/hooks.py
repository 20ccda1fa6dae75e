"""The hooks, as two small forms of the Advanced tab."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.jobs.forms.fields import FlagField, NumberField, PlainForm, TextField, filled

_MONO = {"class": "font-monospace"}


class HookForm(PlainForm):
    """A hook is there when it has a command."""

    def hook(self) -> dict[str, Any]:
        values = filled(self.cleaned_data)
        return values if "command" in values else {}


class PreStopForm(HookForm):
    command = TextField(
        label=_("Before the stop"),
        rows=2,
        attrs={**_MONO, "placeholder": "curl -fsS -X POST http://127.0.0.1:$PORT0/drain"},
        help_text=_("Run before the instance is told to stop, in its folder and environment."),
    )
    timeout_s = NumberField(
        label=_("Time-out"),
        unit=_("s"),
        help_text=_("Ended after this; less than the kill grace. A failure is logged and stops nothing."),
    )


class PostStartForm(HookForm):
    command = TextField(
        label=_("After the start"),
        rows=2,
        attrs={**_MONO, "placeholder": "./warm-up.sh"},
        help_text=_("Run beside the command, as soon as it was started."),
    )
    timeout_s = NumberField(label=_("Time-out"), unit=_("s"), help_text=_("Ended after this."))
    required = FlagField(label=_("the instance ends when it fails"))
