"""The plain fields of the job form's tabs, by the names and units of the spec."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.accounts.models import ProductLine, validate_name
from apps.core.models import Cluster
from apps.jobs.forms.fields import ChoiceField, NumberField, PlainForm, TextField, WordsField
from apps.jobs.spec.strategy import StrategyFields

_MONO = {"class": "font-monospace"}


class PlaceForm(PlainForm):
    """Where a new job stands in the service tree; these make its tag and never change."""

    product_line = forms.ModelChoiceField(
        label=_("Product line"), queryset=ProductLine.objects.none(), to_field_name="tag", empty_label="–"
    )
    service = TextField(
        label=_("Service"),
        required=True,
        validators=[validate_name],
        attrs={"placeholder": "weather-api"},
        help_text=_("What the job is part of. Lower-case letters, digits and hyphens."),
    )
    cluster = forms.ModelChoiceField(
        label=_("Cluster"), queryset=Cluster.objects.none(), to_field_name="name", empty_label="–"
    )
    name = TextField(
        label=_("Job name"),
        required=True,
        validators=[validate_name],
        attrs={"placeholder": "weather-api"},
        help_text=_("One of the service's jobs; often the service's own name."),
    )

    def __init__(self, *args: Any, product_lines: Any, clusters: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (("product_line", product_lines), ("cluster", clusters)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows


class WhatForm(PlainForm):
    """What runs: an image, a command, or both."""

    command = TextField(
        label=_("Command"),
        rows=3,
        attrs={**_MONO, "placeholder": "python3 -m http.server $PORT0"},
        help_text=_("Run by a shell. $PORT0 is the first port, $HOST the host."),
    )
    image = TextField(
        label=_("Image"),
        attrs={**_MONO, "placeholder": "registry.example.com/weather-api:1.4"},
        help_text=_("Without one the command runs on the host itself."),
    )
    args = WordsField(
        label=_("Arguments"),
        attrs=_MONO,
        help_text=_("For the image's own entry point, in place of a command. Quotes keep spaces together."),
    )


class ResourcesForm(PlainForm):
    """What one instance gets, and how many there are."""

    cpus = NumberField(label=_("CPU"), decimal=True, unit=pgettext_lazy("unit", "CPUs"))
    memory_mib = NumberField(label=_("Memory"), unit="MiB")
    disk_mib = NumberField(label=_("Disk"), unit="MiB")
    disk_io_mib_s = NumberField(
        label=_("Disk I/O"),
        unit="MiB/s",
        help_text=_("Told to the instance, which limits itself; empty: no limit."),
    )
    bandwidth_mbit_s = NumberField(
        label=_("Bandwidth"),
        unit="Mbit/s",
        help_text=_("Told to the instance, which limits itself; empty: no limit."),
    )
    gpus = NumberField(label=_("GPUs"))
    instances = NumberField(
        label=pgettext_lazy("number", "Instances"),
        help_text=_("Scaling a running job changes their number without a new version."),
    )


class StrategyForm(PlainForm):
    """How a publish replaces the old version. Each field is shown for the kinds that it says something for."""

    switch = "kind"

    kind = ChoiceField(
        label=pgettext_lazy("strategy", "Kind"),
        choices=[
            ("rolling", _("rolling (in batches)")),
            ("canary", _("canary (a few first)")),
            ("blue-green", _("blue-green (all beside, then switch)")),
            ("recreate", _("recreate (stop all first)")),
        ],
        initial="rolling",
    )
    canary_instances = NumberField(
        label=_("First"),
        unit=pgettext_lazy("number", "instances"),
        shown_for="canary",
        help_text=_("So many of the new version first; nothing here and no percentage: one."),
    )
    canary_percent = NumberField(
        label=_("Or first"),
        unit="%",
        shown_for="canary",
        help_text=_("So many percent of the instances first, rounded up."),
    )
    hold_s = NumberField(
        label=_("Then wait"),
        unit=_("s"),
        shown_for="canary blue-green",
        help_text=_("Empty: until a person says go on."),
    )
    batch = NumberField(
        label=_("Batch"),
        unit=pgettext_lazy("instances", "at a time"),
        shown_for="rolling canary",
        help_text=_("How many are replaced in one step at most."),
    )
    max_unavailable = NumberField(
        label=_("May be missing"),
        unit=pgettext_lazy("instances", "at most"),
        shown_for="rolling canary",
        help_text=_("How many may be missing while the publish runs."),
    )
    max_surge = NumberField(
        label=_("May be extra"),
        unit=pgettext_lazy("instances", "at most"),
        shown_for="rolling canary",
        help_text=_("How many may run above the number asked for meanwhile."),
    )
    deadline_s = NumberField(
        label=_("Deadline"),
        unit=_("s"),
        help_text=_("Not healthy by then: the publish fails and the old version serves on."),
    )
    slow_tolerated = NumberField(
        label=_("May be slow"),
        unit=pgettext_lazy("instances", "at most"),
        help_text=_("How many may still be starting, past their grace, when the publish is over."),
    )
    min_up_s = NumberField(
        label=_("Must stay up"),
        unit=_("s"),
        help_text=_(
            "Without a health check a new instance counts as well when it has run so long; 0: at once."
        ),
    )

    def clean(self) -> dict[str, Any]:
        """An empty field is none, where the strategy knows none."""
        known = StrategyFields().fields
        for name, value in self.cleaned_data.items():
            if value == "" and known[name].allow_null:
                self.cleaned_data[name] = None
        return self.cleaned_data


class BackoffForm(PlainForm):
    """The delay before a crashed instance is started again."""

    first_s = NumberField(label=_("First delay"), unit=_("s"))
    factor = NumberField(
        label=_("Factor"), decimal=True, unit="×", help_text=_("Each next delay is so much longer.")
    )
    max_s = NumberField(label=_("Longest delay"), unit=_("s"))


class AdvancedForm(PlainForm):
    kill_grace_s = NumberField(
        label=_("Kill grace"),
        unit=_("s"),
        help_text=_("Between asking an instance to end (SIGTERM) and ending it (SIGKILL)."),
    )


class NoteForm(PlainForm):
    note = TextField(
        label=_("Note for this version"),
        max_length=300,
        attrs={"placeholder": _("what changed, and why"), "spellcheck": "true"},
    )
