"""Scaling by time: a job's schedules, what is coming, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ocean_cli.names import path_of, resolve
from ocean_cli.options import CommonGroup, job_argument, yes_option
from ocean_cli.output import Column
from ocean_cli.session import Session, pass_session
from ocean_cli.words import local

JSON = Mapping[str, Any]


@click.group("schedules", cls=CommonGroup)
def schedules() -> None:
    """When a job has how many instances."""


@schedules.command("list")
@job_argument
@pass_session
def schedules_list(session: Session, job: str) -> None:
    """List a job's schedules."""
    columns = [
        Column("Id", "id"),
        Column("Start", "start"),
        Column("Zone", "time_zone"),
        Column("Interval", lambda row: row["interval"] or "once"),
        Column("Instances", _number),
        Column("Next", lambda row: _moment(row["next"])),
        Column("Chronos", lambda row: row["chronos"]["state"]),
        Column("Note", "note"),
    ]
    session.out.rows(session.api.pages(_path(session, job)), columns, name="id")


@schedules.command("add")
@job_argument
@click.argument("start")
@click.argument("instances", type=click.IntRange(0))
@click.option(
    "--every", "interval", default="", metavar="P1D", help="ISO 8601: P1D, PT2H, P1W, P1M. Without: once."
)
@click.option("--time-zone", metavar="ZONE", help="Asia/Shanghai, UTC …; without: your own.")
@click.option("--exact", is_flag=True, help="Exactly so many, not at least.")
@click.option("--skip-missed", is_flag=True, help="Skip a slot that was missed instead of making up for it.")
@click.option("--note", default="", help="What it is for.")
@pass_session
def schedules_add(
    session: Session,
    job: str,
    start: str,
    instances: int,
    interval: str,
    time_zone: str | None,
    exact: bool,
    skip_missed: bool,
    note: str,
) -> None:
    """Add a schedule: from START (2016-10-01T07:00, as the zone's clock shows it) on so many instances."""
    body = {
        "start": start,
        "interval": interval,
        "instances": instances,
        "kind": "exact" if exact else "floor",
        "misfire": "skip" if skip_missed else "make_up",
        "note": note,
        **({"time_zone": time_zone} if time_zone else {}),
    }
    row = session.api.post(_path(session, job), body)
    if session.out.for_programs:
        session.out.data(row)
    elif session.out.quiet:
        session.out.line(str(row["id"]))
    else:
        session.out.line(f"Schedule {row['id']}: {_number(row)} instances, first {_moment(row['next'])}.")


@schedules.command("remove")
@job_argument
@click.argument("schedule", type=int)
@yes_option
@pass_session
def schedules_remove(session: Session, job: str, schedule: int, yes: bool) -> None:
    """Remove a schedule; what it holds now ends."""
    path = _path(session, job)
    session.confirm(f"Remove schedule {schedule}?", yes=yes)
    session.api.delete(f"{path}{schedule}/")
    session.notice(f"Schedule {schedule} is removed.")


@schedules.command("runs")
@job_argument
@pass_session
def schedules_runs(session: Session, job: str) -> None:
    """What became of the times that have come, the newest first."""
    columns = [
        Column("Due", lambda row: _moment(row["due"])),
        Column("Late", lambda row: f"{row['lateness_s']:.1f} s"),
        Column("State", "state"),
        Column("By", "trigger"),
        Column("Instances", _number),
        Column("Why", "message"),
    ]
    session.out.rows(session.api.pages(f"{_path(session, job)}runs/"), columns, name="id")


def _path(session: Session, job: str) -> str:
    return f"{path_of(resolve(session.api, job))}schedules/"


def _number(row: JSON) -> str:
    return f"{row['instances']}" if row["kind"] == "exact" else f"≥ {row['instances']}"


def _moment(moment: str | None) -> str:
    return local(moment) if moment else "never"
