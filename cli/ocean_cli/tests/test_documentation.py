"""docs/cli.md shows only what exists: each command line in it is understood, and the exit codes are the code's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from ocean_cli import errors
from ocean_cli.main import SECTIONS, ocean

DOCUMENT = Path(__file__).parents[3] / "docs" / "cli.md"


def command_lines() -> list[str]:
    blocks = re.findall(
        r"^```(?:sh|console|yaml)\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE
    )
    found = []
    for line in "\n".join(blocks).splitlines():
        match = re.match(r"\s*(?:\$ |run: |- run: )?(ocean .*)", line)
        if match:
            found.append(re.split(r" \|\| | [<>]|  +#", match[1])[0])
    return found


@pytest.mark.parametrize("line", command_lines())
def test_a_documented_command_line_is_understood(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "deploy").mkdir()
    for name in ("web.yaml", "release.yaml"):
        (tmp_path / name).touch()
    words = shlex.split(line, comments=True)[1:]
    context = click.Context(ocean)
    command: click.Command | None = ocean
    while isinstance(command, click.Group):
        name, *words = words
        if name.startswith("-"):
            return
        command = command.get_command(context, name)
    assert command is not None, f"{line}: there is no such command"
    command.make_context(line, words)


def test_every_command_is_documented() -> None:
    text = DOCUMENT.read_text()
    names = {name for section in SECTIONS.values() for name in section}
    assert {name for name in names if f"ocean {name}" not in text} == set()


def test_the_exit_codes_are_the_codes() -> None:
    table = DOCUMENT.read_text().partition("| exit code | means |")[2].partition("\n\n")[0]
    documented = {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    classes: list[type[errors.CliError]] = [
        errors.CliError,
        errors.Usage,
        errors.BadInput,
        errors.NotFound,
        errors.Conflict,
        errors.Unreachable,
    ]
    codes = {one.exit_code for one in classes} | {0, errors.PLAN_HAS_CHANGES, errors.INTERRUPTED}
    assert documented == codes
