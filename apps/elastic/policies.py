"""A policy as people write it: the fields of the API and the form, their rules, and what they come to in
`apps.elastic.planning`.

One metric is written flat (`{"metric": "cpu", "mode": "threshold", "out": …, "in": …}`), several stand side by side in
`metrics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.core.serializers import Strict
from apps.elastic import planning
from apps.elastic.models import ScalingPolicy
from apps.jobs.spec.fields import NumberField
from apps.jobs.spec.strategy import MAX_INSTANCES

METRICS = (
    ("cpu", _("average CPU usage")),
    ("memory", _("average memory usage")),
    ("qps", _("QPS")),
    ("latency", _("latency")),
)
MODES = (("target", _("hold at a value")), ("threshold", _("thresholds")))
UNITS = {"cpu": "%", "memory": "%", "qps": "req/s", "latency": "ms"}
"""Each of an instance: the share of what it asked for, requests a second, milliseconds."""
MAX_SAMPLES = 60
MAX_LIMIT = 1_000_000_000
DAY_S = 86_400
OF_METRIC = ("metric", "mode", "out", "in", "target", "share")
"""What belongs to one metric, and is written flat where there is only one."""
NO_LIMITS = _("Say `out` (when to add instances), `in` (when to take some away), or both.")


def _limit(**options: Any) -> NumberField:
    return NumberField(min_value=0, max_value=MAX_LIMIT, **options)


class OutFields(Strict):
    """Add instances after so many samples in a row above the threshold."""

    samples = serializers.IntegerField(min_value=1, max_value=MAX_SAMPLES, default=3)
    above = _limit()


class InFields(Strict):
    """Take instances away after so many samples in a row below the threshold."""

    samples = serializers.IntegerField(min_value=1, max_value=MAX_SAMPLES, default=3)
    below = _limit()


class MetricFields(Strict):
    """What one metric asks for. `target` holds its mean over the instances at a value; `share` (of `qps` only, 0 to 1):
    hold it at this share of what an instance turns out to do."""

    default_error_messages = {
        "needs_target": _("Say at which value to hold the metric."),
        "overlap": _("Must be less than the threshold for adding instances: else it would go to and fro."),
        "not_of_mode": _("Belongs to the other mode."),
        "share": _("Only requests a second have a share."),
    }

    metric = serializers.ChoiceField(choices=METRICS)
    mode = serializers.ChoiceField(choices=MODES, required=False)
    out = OutFields(required=False, allow_null=True)
    target = NumberField(min_value=0.001, max_value=MAX_LIMIT, required=False, allow_null=True)
    share = NumberField(min_value=0.05, max_value=0.95, required=False, allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        return {**super().get_fields(), "in": InFields(required=False, allow_null=True)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return self.of_mode({name: value for name, value in attrs.items() if value is not None})

    def of_mode(self, given: dict[str, Any]) -> dict[str, Any]:
        """The entry with its mode said. Raises ValidationError."""
        thresholds = {"out", "in"} & given.keys()
        mode = given.get("mode") or ("threshold" if thresholds and "target" not in given else "target")
        errors: dict[str, str] = {}
        if mode == "target":
            errors |= dict.fromkeys(thresholds, "not_of_mode")
            if "target" not in given:
                errors["target"] = "needs_target"
            if "share" in given and given["metric"] != "qps":
                errors["share"] = "share"
        else:
            errors |= dict.fromkeys({"target", "share"} & given.keys(), "not_of_mode")
            if not thresholds:
                raise serializers.ValidationError({"out": [_coded(NO_LIMITS, "required")]})
            if len(thresholds) == 2 and given["in"]["below"] >= given["out"]["above"]:
                raise serializers.ValidationError(
                    {"in": {"below": [_coded(self.error_messages["overlap"], "overlap")]}}
                )
        if errors:
            raise serializers.ValidationError(
                {name: [_coded(self.error_messages[code], code)] for name, code in errors.items()}
            )
        return {**given, "mode": mode}


class ScalingFields(MetricFields):
    """A job's policy. `version`: the one that was edited, to be told when somebody saved in between. `status` (what a
    GET adds) is not looked at."""

    default_error_messages = {
        "min_to_max": _("At least the smallest number of instances, %(min)s."),
        "twice": _("Each metric once."),
        "either": _("Write one metric in the policy itself, or several in `metrics`, not both."),
        "none": _("Say by which metric to scale."),
    }

    metric = serializers.ChoiceField(choices=METRICS, required=False)
    metrics = MetricFields(many=True, required=False)
    max = serializers.IntegerField(min_value=1, max_value=MAX_INSTANCES)
    min = serializers.IntegerField(min_value=1, max_value=MAX_INSTANCES, default=1)
    step = serializers.IntegerField(min_value=1, max_value=MAX_INSTANCES, default=1)
    cooldown_s = serializers.IntegerField(min_value=0, max_value=DAY_S, default=0)
    window_s = serializers.IntegerField(min_value=15, max_value=DAY_S, default=600)
    shrink_instances = serializers.IntegerField(min_value=1, max_value=MAX_INSTANCES, default=10)
    shrink_percent = serializers.IntegerField(min_value=1, max_value=100, default=30)
    shrinking = serializers.ChoiceField(choices=ScalingPolicy.Shrinking.choices, default="steps")
    predict = serializers.BooleanField(default=False)
    advise_only = serializers.BooleanField(default=False)
    notify = serializers.ListField(child=serializers.CharField(max_length=120), default=list, max_length=20)
    enabled = serializers.BooleanField(default=True)
    version = serializers.IntegerField(min_value=0, required=False)
    status = serializers.JSONField(required=False, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        flat = {name: attrs.pop(name) for name in OF_METRIC if attrs.get(name) is not None}
        attrs = {name: value for name, value in attrs.items() if name not in OF_METRIC}
        attrs.pop("status", None)
        attrs["notify"] = list(dict.fromkeys(attrs["notify"]))  # each group is told once
        attrs["metrics"] = self._metrics(flat, attrs.get("metrics"))
        if attrs["max"] < attrs["min"]:
            text = self.error_messages["min_to_max"] % {"min": attrs["min"]}
            raise serializers.ValidationError({"max": [_coded(text, "min_to_max")]})
        return attrs

    def _metrics(self, flat: dict[str, Any], several: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
        if several and flat:
            self._refuse("metrics", "either")
        if several:
            names = [entry["metric"] for entry in several]
            for index, name in enumerate(names):
                if name in names[:index]:
                    self._refuse(f"metrics[{index}].metric", "twice")
            return several
        if "metric" not in flat:
            self._refuse("metric", "none")
        return [self.of_mode(flat)]

    def _refuse(self, field: str, code: str) -> None:
        raise serializers.ValidationError({field: [_coded(self.error_messages[code], code)]})


def _coded(text: Any, code: str) -> serializers.ErrorDetail:
    return serializers.ErrorDetail(text, code=code)


def policy_body(policy: ScalingPolicy) -> dict[str, Any]:
    """The policy as it would be written: one metric flat, several side by side."""
    names = (
        "min", "max", "step", "cooldown_s", "window_s", "shrink_instances", "shrink_percent", "shrinking",
        "predict", "advise_only", "notify", "enabled", "version",
    )  # fmt: skip
    return flattened({"metrics": policy.metrics, **{name: getattr(policy, name) for name in names}})


def flattened(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A policy whose only metric is written flat; several stay side by side."""
    rest = {name: value for name, value in fields.items() if name != "metrics"}
    entries = fields["metrics"]
    return {**entries[0], **rest} if len(entries) == 1 else {"metrics": entries, **rest}


def planned(values: ScalingPolicy | Mapping[str, Any]) -> planning.Policy:
    """What the decision needs of a policy: a row, or what `ScalingFields` found valid. A cool-down holds growing only
    where thresholds alone decide: a value that is to be held must not wait."""
    get = values.__getitem__ if isinstance(values, Mapping) else lambda name: getattr(values, name)
    metrics = metrics_planned(get("metrics"))
    cautious = all(metric.mode is planning.Mode.THRESHOLD for metric in metrics)
    cooldown_s = float(get("cooldown_s"))
    return planning.Policy(
        metrics=metrics,
        min=get("min"),
        max=get("max"),
        step=get("step"),
        window_s=float(get("window_s")),
        cooldown_in_s=cooldown_s,
        cooldown_out_s=cooldown_s if cautious else 0.0,
        step_count_max=get("shrink_instances"),
        step_share_max=get("shrink_percent") / 100,
        shrinking=planning.Shrinking(get("shrinking")),
        predict=get("predict"),
    )


def metrics_planned(entries: Sequence[Mapping[str, Any]]) -> tuple[planning.MetricPolicy, ...]:
    return tuple(
        planning.MetricPolicy(
            metric=entry["metric"],
            mode=planning.Mode(entry["mode"]),
            out=_rule(entry.get("out"), "above"),
            in_=_rule(entry.get("in"), "below"),
            target=entry.get("target"),
            share=entry.get("share"),
        )
        for entry in entries
    )


def _rule(given: Mapping[str, Any] | None, limit: str) -> planning.Rule | None:
    return planning.Rule(samples=given["samples"], limit=given[limit]) if given else None
