"""docs/install.md lists exactly the variables that the code reads."""

import re

from embedded.stack import CHECKOUT
from ocean_portal import env, settings


def _documented() -> set[str]:
    section = (CHECKOUT / "docs" / "install.md").read_text().partition("### The variables")[2]
    first_cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


def test_the_documented_variables_are_those_that_are_read() -> None:
    assert settings.OCEAN_VAR  # the settings have been read
    in_the_procfile = set(re.findall(r"\$\{(\w+)", (CHECKOUT / "Procfile").read_text()))
    assert _documented() == env.SEEN | in_the_procfile
