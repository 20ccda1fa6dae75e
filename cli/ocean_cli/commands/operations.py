"""Following what was asked for."""

from __future__ import annotations

from typing import Any

import click

from ocean_cli.commands.actions import body_of
from ocean_cli.following import kind_word, refuse_failed, title_of, wait_for
from ocean_cli.names import resolve
from ocean_cli.options import command, reason_option, timeout_option
from ocean_cli.output import Column
from ocean_cli.session import Session, pass_session
from ocean_cli.words import ago, local

JSON = dict[str, Any]
operation_argument = click.argument("number", metavar="OPERATION", type=click.IntRange(1))


@command("operations")
@click.option("--job", help="Of this job.")
@click.option("--state", "states", multiple=True, help="In this state; may be given several times.")
@click.option("--active", is_flag=True, help="Those that have not ended.")
@click.option("--mine", is_flag=True, help="Those that I asked for.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@pass_session
def operations(
    session: Session, job: str | None, states: tuple[str, ...], active: bool, mine: bool, limit: int
) -> None:
    """List what was asked for, and how far it is."""
    columns = [
        Column("Id", "id"),
        Column("What", lambda row: kind_word(row["kind"])),
        Column("Target", "target"),
        Column("State", "state", state=True),
        Column("Progress", lambda row: f"{row['progress']}%"),
        Column("Who", "requested_by"),
        Column("Asked", lambda row: ago(row["created"])),
        Column("Message", lambda row: row["error"] or row["message"]),
    ]
    rows = session.api.pages(
        "operations/",
        limit=limit,
        state=list(states) or None,
        active=active or None,
        mine=mine or None,
        target=resolve(session.api, job) if job else None,
    )
    session.out.rows(rows, columns, name="id")


@command("operation")
@operation_argument
@pass_session
def operation(session: Session, number: int) -> None:
    """Show an operation with its log."""
    row = session.api.get(f"operations/{number}/")
    columns = [
        Column("Operation", title_of),
        Column("Target", "target"),
        Column("State", "state", state=True),
        Column("Progress", lambda one: f"{one['progress']}%"),
        Column("Who", "requested_by"),
        Column("Why", lambda one: one.get("reason")),
        Column("Can be told", lambda one: ", ".join(one["controls"])),
        Column("Asked", lambda one: local(one["created"])),
        Column("Ended", lambda one: local(one["finished"])),
        Column("Message", lambda one: one["error"] or one["message"]),
    ]
    session.out.fields(row, columns, name="state")
    if not session.out.for_programs and not session.out.quiet:
        session.out.line("")
        for line in row["log"]:
            session.out.line(f"{local(line['time'], with_date=False)} {line['text']}")


@command("wait")
@click.argument("numbers", metavar="OPERATION...", nargs=-1, required=True, type=click.IntRange(1))
@timeout_option
@pass_session
def wait(session: Session, numbers: tuple[int, ...], timeout_s: float | None) -> None:
    """Follow operations to their end.

    Ends with 1 when one of them did not succeed."""
    api, out = session.api, session.out
    rows = [api.get(f"operations/{number}/") for number in dict.fromkeys(numbers)]
    rows = wait_for(api, out, rows, deadline_s=timeout_s)
    if out.for_programs:
        out.data(rows if len(rows) > 1 else rows[0])
    refuse_failed(rows)
    if not out.for_programs and not out.quiet:
        for row in rows:
            out.line(f"{title_of(row)} succeeded.", style="green")


@command("cancel")
@operation_argument
@reason_option
@pass_session
def cancel(session: Session, number: int, reason: str) -> None:
    """Ask for an operation's end.

    What it began is put back where that is possible."""
    row = session.api.post(f"operations/{number}/cancel/", body_of(reason=reason))
    if session.out.for_programs:
        session.out.data(row)
    elif session.out.quiet:
        session.out.line(str(row["id"]))
    else:
        session.out.line(f"{title_of(row)} was asked to end. `ocean wait {number}` follows it.")
