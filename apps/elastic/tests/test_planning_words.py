"""Every code that the planning names has words."""

from __future__ import annotations

import re

from apps.elastic import planning
from apps.elastic.words import CLAMPS, REASONS


def test_every_code_of_the_catalogue_has_words() -> None:
    catalogue = (planning.__doc__ or "").split("reasons of a wish", 1)[1]
    reasons, clamps = catalogue.split("clamps:")
    named = set(re.findall(r"(\w+) \{", reasons))
    assert len(named) >= 20
    assert named - set(REASONS) == set()
    assert set(re.findall(r"\w+", clamps.split("\n", 1)[1])) - set(CLAMPS) == set()
