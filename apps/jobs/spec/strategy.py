"""How a publish replaces what runs: its fields, their rules, and what they come to in instances."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import ceil
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.core.serializers import Strict

MAX_INSTANCES = 100_000

STRATEGIES = ("rolling", "canary", "blue-green", "recreate")


class StrategyFields(Strict):
    """How a publish replaces the old version; counts are instances. A canary is so many instances or so many percent
    of them (one, where neither is said). `hold_s` null: until a person says go on. `min_up_s`: how long a new instance
    that nothing checks must have run to be called well."""

    kind = serializers.ChoiceField(choices=STRATEGIES, default="rolling")
    batch = serializers.IntegerField(min_value=1, max_value=MAX_INSTANCES, default=1)
    max_unavailable = serializers.IntegerField(min_value=0, max_value=MAX_INSTANCES, default=0)
    max_surge = serializers.IntegerField(min_value=0, max_value=MAX_INSTANCES, default=1)
    deadline_s = serializers.IntegerField(min_value=5, max_value=86_400, default=300)
    canary_instances = serializers.IntegerField(
        min_value=1, max_value=MAX_INSTANCES, allow_null=True, default=None
    )
    canary_percent = serializers.IntegerField(min_value=1, max_value=99, allow_null=True, default=None)
    hold_s = serializers.IntegerField(min_value=0, max_value=7 * 86_400, allow_null=True, default=None)
    slow_tolerated = serializers.IntegerField(min_value=0, max_value=MAX_INSTANCES, default=0)
    min_up_s = serializers.IntegerField(min_value=0, max_value=3_600, default=3)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        in_batches = attrs["kind"] in {"rolling", "canary"}
        if in_batches and attrs["max_unavailable"] + attrs["max_surge"] == 0:
            raise _field(
                "max_surge",
                "min_value",
                _(
                    "With 0 unavailable and 0 extra instances nothing could ever be replaced: allow one of them."
                ),
            )
        if attrs["canary_instances"] is not None and attrs["canary_percent"] is not None:
            raise _field(
                "canary_percent", "invalid", _("Say how many instances or how many percent, not both.")
            )
        return attrs


def complete_strategy(strategy: Mapping[str, Any]) -> dict[str, Any]:
    """With the defaults of the fields that a version saved by an earlier release does not have."""
    return {**{name: field.default for name, field in StrategyFields().fields.items()}, **strategy}


def in_batches(strategy: Mapping[str, Any]) -> dict[str, Any]:
    """The strategy of a restart: old and new are the same version, so there is nothing to try first."""
    kind = "recreate" if strategy["kind"] == "recreate" else "rolling"
    return {**complete_strategy(strategy), "kind": kind}


def check_strategy_fits(strategy: Mapping[str, Any], *, volumes: Collection[Any], path: str = "kind") -> None:
    """Raises ValidationError at `path` where data stands in the way: its instance and another cannot both have it."""
    if volumes and strategy["kind"] in {"canary", "blue-green"}:
        text = _(
            "With persistent volumes no new instance can run beside an old one: use rolling or recreate."
        )
        raise _field(path, "invalid", text)


def instances_aside(strategy: Mapping[str, Any], *, instances: int) -> int:
    """How many new instances run beside the old ones first: all of them blue-green, a canary's share rounded up. A
    canary leaves at least one for the rest, where there are two."""
    if strategy["kind"] == "blue-green":
        return instances
    if strategy["kind"] != "canary":
        return 0
    percent = strategy["canary_percent"]
    share = strategy["canary_instances"] or (ceil(instances * percent / 100) if percent else 1)
    return max(1, min(share, instances - 1))


def _field(path: str, code: str, text: Any) -> serializers.ValidationError:
    return serializers.ValidationError({path: [serializers.ErrorDetail(str(text), code=code)]})
