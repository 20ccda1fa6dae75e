from __future__ import annotations

from typing import Any

import pytest

from apps.jobs.rollout_words import PlannedRollout
from apps.jobs.spec.strategy import complete_strategy

STRATEGY = complete_strategy({})


def planned(**changes: Any) -> PlannedRollout:
    strategy = {**STRATEGY, **changes.pop("strategy", {})}
    values = {"version": 4, "instances": 6, "old_version": 3, "present": 6, **changes}
    return PlannedRollout(strategy=strategy, **values)


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (
            {},
            [
                "Replaces 6 instances by version 4, at most 1 at a time.",
                "At most 1 extra instance runs meanwhile.",
                "None is missing at any moment.",
                "Not healthy after 300 s, it is given up and version 3 serves on.",
            ],
        ),
        (
            {"strategy": {"batch": 3, "max_surge": 0, "max_unavailable": 5}, "instances": 9},
            [
                "Replaces 6 instances by version 4, at most 3 at a time.",
                "None runs extra.",
                "At most 3 instances are missing at any moment.",
                "Instances afterwards: 9; now: 6.",
                "Not healthy after 300 s, it is given up and version 3 serves on.",
            ],
        ),
        (
            {"strategy": {"kind": "recreate"}},
            [
                "Stops all 6 instances, then starts 6 of version 4: nothing serves in between.",
                "Not healthy after 300 s, it is given up and version 3 serves on.",
            ],
        ),
        (
            {"strategy": {"kind": "canary", "canary_percent": 25, "hold_s": None, "slow_tolerated": 1}},
            [
                "Starts 2 of 6 instances of version 4 first, beside the old ones.",
                "When well, as many old ones end, and it waits for you: go on with the rest, or undo.",
                "Replaces 6 instances by version 4, at most 1 at a time.",
                "At most 1 extra instance runs meanwhile.",
                "None is missing at any moment.",
                "1 instance may still be starting when it is over; that is said.",
                "Not healthy after 300 s, it is given up and version 3 serves on.",
            ],
        ),
        (
            {
                "strategy": {"kind": "canary", "canary_instances": 1, "hold_s": 60},
                "present": 3,
                "instances": 3,
            },
            [
                "Starts 1 of 3 instances of version 4 first, beside the old ones.",
                "When well, as many old ones end; 60 s later the rest follows, unless you undo.",
                "Replaces 3 instances by version 4, at most 1 at a time.",
                "At most 1 extra instance runs meanwhile.",
                "None is missing at any moment.",
                "Not healthy after 300 s, it is given up and version 3 serves on.",
            ],
        ),
        (
            {"strategy": {"kind": "blue-green", "hold_s": None}},
            [
                "Starts all 6 instances of version 4 beside the old ones, which serve on.",
                "When all are well, they serve. Old instances that are kept to switch back to: 6.",
                "Then it waits for you: go on, and the old ones end; or undo, which switches back at once.",
                "Not healthy after 300 s, it is given up and version 3 serves on.",
            ],
        ),
        (
            {"old_version": None, "present": 0, "instances": 1},
            [
                "Starts 1 instance of version 4; none runs now.",
                "Not healthy after 300 s, it is given up, and the reason is kept.",
            ],
        ),
        (
            {"old_version": 4, "present": 1, "instances": 1},
            [
                "Replaces 1 instance by version 4, at most 1 at a time.",
                "At most 1 extra instance runs meanwhile.",
                "None is missing at any moment.",
                "Not healthy after 300 s, it is given up; version 4 stays.",
            ],
        ),
    ],
)
def test_a_publish_is_said_in_words_and_numbers(changes: dict[str, Any], sentences: list[str]) -> None:
    assert planned(**changes).sentences() == sentences
