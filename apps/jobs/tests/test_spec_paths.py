"""Changing one place of a spec, named by its path."""

from __future__ import annotations

from typing import Any

import pytest

from apps.jobs.spec.paths import spec_changed

SPEC: dict[str, Any] = {
    "cpus": 4.0,
    "constraints": [{"field": "rakc", "value": "r1"}, {"field": "hostname", "value": None}],
    "strategy": {"max_unavailable": 0},
}


@pytest.mark.parametrize(
    ("path", "before", "to", "expected"),
    [
        ("cpus", 4, 2.5, {"cpus": 2.5}),
        (
            "constraints[0].field",
            "rakc",
            "rack",
            {"constraints": [{"field": "rack", "value": "r1"}, SPEC["constraints"][1]]},
        ),
        ("constraints[0]", SPEC["constraints"][0], None, {"constraints": [SPEC["constraints"][1]]}),
        ("strategy.max_unavailable", 0, 1, {"strategy": {"max_unavailable": 1}}),
    ],
)
def test_a_place_is_changed_or_left_out(path: str, before: Any, to: Any, expected: dict[str, Any]) -> None:
    assert spec_changed(SPEC, path, before=before, to=to) == {**SPEC, **expected}


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ("cpus", 3),
        ("memory_mib", 64),
        ("constraints[7].field", "rakc"),
        ("cpus[0]", 4),
        ("", None),
        ("a b", None),
    ],
)
def test_what_is_not_there_or_not_as_it_was_is_not_changed(path: str, before: Any) -> None:
    assert spec_changed(SPEC, path, before=before, to=1) is None
