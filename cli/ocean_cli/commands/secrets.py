"""A product line's secrets."""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import quote

import click

from ocean_cli.errors import Usage
from ocean_cli.options import CommonGroup, yes_option
from ocean_cli.output import Column
from ocean_cli.session import Session, pass_session
from ocean_cli.words import local

JSON = dict[str, Any]


line_option = click.option(
    "-l",
    "--product-line",
    "line",
    metavar="LINE",
    help="Its tag, or its short name where that means one; not needed when you have one only.",
)


@click.group("secrets", cls=CommonGroup)
def secrets() -> None:
    """A product line's secrets: names, never values.

    A job names them: `env: {DB_PASSWORD: {secret: db-password}}`. A new value reaches instances with the next
    publish.
    """


@secrets.command("list")
@line_option
@pass_session
def secrets_list(session: Session, line: str | None) -> None:
    """List a product line's secrets."""
    columns = [
        Column("Name", "name"),
        Column("Updated", lambda row: local(row["updated"])),
        Column("By", "updated_by"),
    ]
    session.out.rows(session.api.pages(_path(session, line)), columns, name="name")


@secrets.command("set")
@click.argument("name")
@line_option
@pass_session
def secrets_set(session: Session, name: str, line: str | None) -> None:
    """Add a secret or replace its value.

    \b
    The value comes from standard input (one line end at its end is not part of it), or is asked for:
      ocean secrets set db-password < password.txt
    """
    if sys.stdin.isatty():
        value = click.prompt("Value", hide_input=True, confirmation_prompt=True, err=True)
    else:
        value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not value:
        raise Usage("The value is empty.")
    row = session.api.put(f"{_path(session, line)}{quote(name, safe='')}/", {"value": value})
    if session.out.for_programs:
        session.out.data(row)
    else:
        session.notice(f"{name} is set. Publish the jobs that name it.")


@secrets.command("delete")
@click.argument("name")
@line_option
@yes_option
@pass_session
def secrets_delete(session: Session, name: str, line: str | None, yes: bool) -> None:
    """Forget a secret."""
    path = _path(session, line)
    session.confirm(f"Delete the secret {name}?", yes=yes)
    session.api.delete(f"{path}{quote(name, safe='')}/")
    session.notice(f"{name} is deleted.")


def _path(session: Session, line: str | None) -> str:
    return f"product-lines/{quote(_line(session, line), safe='')}/secrets/"


def _line(session: Session, text: str | None) -> str:
    """The product line's tag. Raises Usage when several may be meant."""
    if text and text.startswith("pdl."):
        return text
    rows = list(session.api.pages("product-lines/"))
    found = [row["tag"] for row in rows if text is None or row["pdl"] == text]
    if len(found) == 1:
        return str(found[0])
    listed = "\n".join(f"  {tag}" for tag in found or [row["tag"] for row in rows])
    raise Usage(
        f"Which product line{f': {text}' if text else ''}? You know of these:\n{listed}",
        hint="Name it with --product-line.",
    )
