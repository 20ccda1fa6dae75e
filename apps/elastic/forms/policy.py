"""The fields of a scaling policy, by the names and units of `apps.elastic.policies`, whose rules judge them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.elastic.models import ScalingPolicy
from apps.elastic.policies import METRICS, MODES, UNITS, ScalingFields
from apps.jobs.forms.fields import ChoiceField, FlagField, NumberField, PlainForm, TextField, filled
from apps.jobs.forms.rows import RowForm

SCHEDULED = "scheduled"
INSTANCES = pgettext_lazy("unit", "instances")
SLIDE: dict[str, Any] = {
    "metric": "cpu",
    "mode": "target",
    "target": 65,
    "out_samples": 3,
    "out_above": 80,
    "in_samples": 3,
    "in_below": 60,
}
"""What a new row says: hold the CPU; and where thresholds are chosen, those of the slide."""


OF_METRIC = {
    unit: " ".join(metric for metric, its in UNITS.items() if its == unit)
    for unit in dict.fromkeys(UNITS.values())
}
"""The metrics that each unit is of."""


class MetricRow(RowForm):
    """One metric, in one of two ways. The thresholds' four numbers are the slide's own."""

    switch = "mode"
    fresh = SLIDE

    metric = ChoiceField(
        label=_("Scaling metric"),
        choices=[*METRICS, (SCHEDULED, _("scheduled only"))],
        initial=SLIDE["metric"],  # what a browser sends of an untouched row: it is no row
        switches_off=SCHEDULED,
        measures=True,
    )
    mode = ChoiceField(label=_("How"), choices=MODES, initial="target")
    target = NumberField(
        label=_("Hold at"),
        units=OF_METRIC,
        decimal=True,
        shown_for="target",
        help_text=_("The mean over the instances; of CPU and memory, the share of what each asked for."),
    )
    share = NumberField(
        label=_("Share of what one can do"),
        decimal=True,
        shown_for="target",
        shown_of="qps",
        help_text=_("0.05 to 0.95 of it, learned as it runs. Empty: the value beside it."),
    )
    out_samples = NumberField(
        label=_("Scale out after"),
        unit=pgettext_lazy("threshold", "samples"),
        shown_for="threshold",
        help_text=_("So many in a row …"),
    )
    out_above = NumberField(
        label=_("above"),
        sign=">",
        units=OF_METRIC,
        decimal=True,
        shown_for="threshold",
        help_text=_("… above this value."),
    )
    in_samples = NumberField(
        label=_("Scale in after"),
        unit=pgettext_lazy("threshold", "samples"),
        shown_for="threshold",
        help_text=_("So many in a row …"),
    )
    in_below = NumberField(
        label=_("below"),
        sign="<",
        units=OF_METRIC,
        decimal=True,
        shown_for="threshold",
        help_text=_("… below this value."),
    )

    @property
    def is_scheduled(self) -> bool:
        """The slide's fifth metric: none at all, but for the rows of times below."""
        return bool(self.cleaned_data.get("metric") == SCHEDULED)

    def item(self) -> dict[str, Any]:
        values = self.cleaned_data
        entry = {"metric": values["metric"], "mode": values["mode"]}
        if values["mode"] == "threshold":
            out = filled({"samples": values["out_samples"], "above": values["out_above"]})
            in_ = filled({"samples": values["in_samples"], "below": values["in_below"]})
            # Samples alone say nothing: without a value that side is left out.
            return {
                **entry,
                **({"out": out} if "above" in out else {}),
                **({"in": in_} if "below" in in_ else {}),
            }
        share = values["share"] if values["metric"] == "qps" else ""
        return {**entry, **filled({"target": values["target"], "share": share})}

    @staticmethod
    def entry_of(item: Mapping[str, Any]) -> dict[str, Any]:
        """An entry as a row gives it back."""
        return {name: value for name, value in item.items() if value is not None}

    @classmethod
    def row_of(cls, item: Any) -> dict[str, Any]:
        row = {**SLIDE, "target": "", **item}
        for side, limit in (("out", "above"), ("in", "below")):
            rule = row.pop(side, None)
            if item["mode"] == "threshold":
                row[f"{side}_samples"] = rule["samples"] if rule else ""
                row[f"{side}_{limit}"] = rule[limit] if rule else ""
        return {name: as_typed(value) for name, value in row.items()}

    @staticmethod
    def field_of(path: str) -> str:
        """The row's field for a path within an entry: `out.above` is `out_above`."""
        return path.replace(".", "_")

    def field_at_fault(self, code: str) -> str:
        if self.cleaned_data.get("mode") == "threshold":
            return "out_above"
        return "target"


class PolicyForm(PlainForm):
    """The policy but for its metrics."""

    enabled = FlagField(
        label=_("Scale by metric"),
        help_text=_("Off, the policy is kept and nothing is decided by it; schedules go on."),
    )
    max = NumberField(label=_("Max instances"), unit=INSTANCES)
    min = NumberField(label=_("Min instances"), unit=INSTANCES)
    step = NumberField(
        label=_("Step"),
        unit=INSTANCES,
        help_text=_("So many more or fewer each time a threshold is passed."),
    )
    notify = forms.MultipleChoiceField(
        label=_("Notification groups (UIC)"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Told when it was scaled, may not grow any further, has no metrics, waits for an approval or missed a time."
        ),
    )
    cooldown_s = NumberField(
        label=_("Cool-down"),
        unit=_("s"),
        help_text=_(
            "Least time between two changes. Growing waits for it only where thresholds alone decide."
        ),
    )
    window_s = NumberField(
        label=_("Look-back before scaling in"),
        unit=_("s"),
        help_text=_("It scales in only to the most that was wanted in this time."),
    )
    shrink_instances = NumberField(label=_("One step in takes at most"), unit=INSTANCES)
    shrink_percent = NumberField(
        label=_("… and at most"), unit="%", help_text=_("More at once needs a person's approval.")
    )
    shrinking = ChoiceField(
        label=_("A larger step meanwhile"), choices=ScalingPolicy.Shrinking.choices, initial="steps"
    )
    predict = FlagField(
        label=_("Predict"),
        help_text=_("Also learns the shape of days and weeks, and grows ahead of it; never below the rest."),
    )
    advise_only = FlagField(
        label=_("Advise only"), help_text=_("Decides and writes down what it would do, and changes nothing.")
    )
    version = NumberField(widget=forms.HiddenInput)
    shown = TextField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, groups: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["notify"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = groups

    def values(self) -> dict[str, Any]:
        """What was typed, as the policy's rules take it: an empty number is left to its default."""
        return filled({name: value for name, value in self.cleaned_data.items() if name != "shown"})


def initial_of(policy: ScalingPolicy | None) -> Mapping[str, Any]:
    """What the form shows: the policy, or for a new one the slide's numbers and the defaults."""
    if policy is None:
        rules = ScalingFields().fields
        values: dict[str, Any] = {name: rules[name].default for name in _DEFAULTED}
        values |= {"max": 5, "version": 0}
    else:
        values = {name: getattr(policy, name) for name in PolicyForm.base_fields if name != "shown"}
    return {name: as_typed(value) for name, value in values.items()}


def as_typed(value: Any) -> Any:
    """A number as somebody would type it; anything else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{value:.12g}"


_DEFAULTED = (
    "min",
    "step",
    "cooldown_s",
    "window_s",
    "shrink_instances",
    "shrink_percent",
    "shrinking",
    "predict",
)
