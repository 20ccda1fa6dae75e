"""The quick way to the addresses in lists' rows says what Django's own says."""

from __future__ import annotations

import pytest
from django.urls import reverse, set_script_prefix

from apps.core.addresses import address


@pytest.mark.parametrize("name", ["host-1", "a b", "ü", "100%", "~x:@", "a{0}b", "x?y#z", "<&>", "a;b,c=d"])
def test_an_address_is_djangos(name: str) -> None:
    assert address("jobs:host", "main", name) == reverse("jobs:host", args=["main", name])
    assert address("jobs:detail", name) == reverse("jobs:detail", args=[name])


def test_an_address_is_below_the_scripts_prefix() -> None:
    set_script_prefix("/ocean/")
    try:
        assert address("jobs:detail", "job") == "/ocean/jobs/job/"
    finally:
        set_script_prefix("/")
    assert address("jobs:detail", "job") == "/jobs/job/"
