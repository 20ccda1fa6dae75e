"""Fixtures of the tests of operations."""

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def trusted_at_once(settings: Any) -> None:
    """Instances that nothing checks are well as soon as they run; a test that is about that says otherwise."""
    settings.OCEAN_MIN_UP_S = 0
