"""Checking a spec: the same errors, at the same paths, for the API and the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.core.serializers import checked
from apps.jobs.spec.fields import SpecFields
from apps.jobs.spec.strategy import StrategyFields, check_strategy_fits

Spec = dict[str, Any]


def spec_validate(data: Any, *, prefix: str = "spec") -> Spec:
    """The spec, complete with defaults. Raises InvalidInput with one error for each bad field
    (`spec.health_checks[0].path`)."""
    spec: Spec = _plain(checked(SpecFields(data=data), path=prefix))
    return spec


def strategy_given(strategy: Mapping[str, Any], *, spec: Mapping[str, Any]) -> dict[str, Any]:
    """A strategy for one publish of a spec. Raises InvalidInput with one error for each bad field
    (`strategy.batch`)."""
    fits: dict[str, Any] = dict(checked(FittingStrategy(data=strategy, spec=spec), path="strategy"))
    return fits


class FittingStrategy(StrategyFields):
    """A strategy that must fit what it publishes."""

    def __init__(self, *, spec: Mapping[str, Any], **options: Any) -> None:
        super().__init__(**options)
        self._spec = spec

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        check_strategy_fits(attrs, volumes=self._spec["volumes"])
        return attrs


def spec_merge(old: Spec, patch: Mapping[str, Any]) -> Spec:
    """The patch's top-level keys replace those of the old spec, whole."""
    return {**old, **patch}


def _plain(value: Any) -> Any:
    """OrderedDicts and ReturnDicts as plain JSON values."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
