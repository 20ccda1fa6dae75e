import json
from typing import Any

import pytest

from sandbox.falcon.samples import UndecodableError, checked_sample, decode_push, parse_tags

NOW = 1_700_000_043
GOOD = {
    "metric": "qps",
    "endpoint": "shop",
    "timestamp": 1_700_000_041,
    "step": 5,
    "value": 1,
    "countertype": "GAUGE",
}


@pytest.mark.parametrize(
    ("changes", "time", "step"),
    [
        ({}, 1_700_000_040, 5),
        ({"step": 60}, 1_700_000_040 // 60 * 60, 60),
        ({"step": 1}, 1_700_000_040, 5),
        ({"timestamp": 0}, 1_700_000_040, 5),
        ({"timestamp": NOW * 1000}, 1_700_000_040, 5),
        ({"timestamp": NOW + 100}, 1_700_000_140, 5),
    ],
    ids=["floored", "long step", "below minStep", "missing", "milliseconds", "ahead of the clock"],
)
def test_timestamps_are_floored_to_the_larger_step(changes: dict[str, Any], time: int, step: int) -> None:
    sample = checked_sample({**GOOD, **changes}, now=NOW, min_step_s=5)

    assert sample is not None
    assert (sample.time, sample.step) == (time, step)


@pytest.mark.parametrize(
    "changes",
    [
        {"metric": ""},
        {"endpoint": None},
        {"metric": "kernel.hostname"},
        {"metric": "m" * 300, "tags": "t=" + "v" * 300},
        {"step": 0},
        {"value": ""},
        {"value": None},
        {"value": True},
        {"value": [1]},
        {"value": "many"},
        {"countertype": "gauge"},
    ],
    ids=str,
)
def test_what_transfer_calls_invalid(changes: dict[str, Any]) -> None:
    assert checked_sample({**GOOD, **changes}, now=NOW, min_step_s=5) is None


def test_numbers_may_come_as_text() -> None:
    sample = checked_sample({**GOOD, "value": "120.5"}, now=NOW, min_step_s=5)

    assert sample is not None
    assert sample.value == 120.5


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("idc=a, app = shop", (("app", "shop"), ("idc", "a"))),
        ("a=1,b,a=2", (("a", "2"),)),
        ("", ()),
    ],
)
def test_tags_are_sorted_and_bare_words_dropped(text: str, tags: tuple[tuple[str, str], ...]) -> None:
    assert parse_tags(text) == tags


def test_keys_match_in_any_case() -> None:
    assert decode_push(b'[{"counterType": "GAUGE", "METRIC": "x"}]') == [
        {"countertype": "GAUGE", "metric": "x"}
    ]


@pytest.mark.parametrize(
    "body",
    [GOOD, [1], [{"step": "60"}], [{"timestamp": 1.0}], [GOOD, {"tags": {"a": "b"}}]],
    ids=["no list", "no object", "step as text", "timestamp as float", "one of two"],
)
def test_one_wrong_type_spoils_the_batch(body: object) -> None:
    with pytest.raises(UndecodableError):
        decode_push(json.dumps(body).encode())
