"""How a job's number of instances follows its metrics: looking at it, pausing it, approving what it proposes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from ocean_cli.commands.actions import body_of
from ocean_cli.errors import Usage
from ocean_cli.names import path_of, resolve
from ocean_cli.options import command, job_argument, reason_option
from ocean_cli.output import Column
from ocean_cli.session import Session, pass_session
from ocean_cli.words import local, until

JSON = dict[str, Any]
SIGNS = (("out", "above", ">"), ("in", "below", "<"))

POLICY = [
    Column("Metrics", lambda row: ", ".join(_rule(entry) for entry in row.get("metrics") or [row])),
    Column("Instances", lambda row: f"{row['min']} to {row['max']}"),
    Column("State", lambda row: _state(row)),
]
DECISIONS = [
    Column("Time", lambda row: local(row["last_time"])),
    Column("What", lambda row: row["text"] if row["count"] == 1 else f"{row['text']} (×{row['count']})"),
    Column("Operation", lambda row: row["operation"] and f"#{row['operation']}"),
]


@command("scaling")
@job_argument
@click.option("--pause", is_flag=True, help="Leave the number alone, for an hour or --until a time.")
@click.option("--until", "until_text", metavar="WHEN", help="With --pause: 2h, 18:00, or 2026-11-20T18:00.")
@click.option("--resume", is_flag=True, help="Go on before a pause ends.")
@click.option("--approve", type=click.IntRange(0), metavar="N", help="Approve scaling in to N, as proposed.")
@click.option("--acted", is_flag=True, help="Only the decisions that changed something.")
@click.option(
    "--limit", type=click.IntRange(1), default=10, show_default=True, help="At most so many decisions."
)
@reason_option
@pass_session
def scaling(
    session: Session,
    job: str,
    pause: bool,
    until_text: str | None,
    resume: bool,
    approve: int | None,
    acted: bool,
    limit: int,
    reason: str,
) -> None:
    """How a job's number follows its metrics, and what was decided.

    The newest decision first."""
    if pause + resume + (approve is not None) > 1:
        raise Usage("One of --pause, --resume and --approve.")
    path = f"{path_of(resolve(session.api, job))}scaling/"
    policy = _asked(
        session, path, pause=pause, until_text=until_text, resume=resume, approve=approve, reason=reason
    )
    if policy is None:
        policy = session.api.get(path)
    if session.out.for_programs:
        session.out.data(policy)
        return
    session.out.fields(policy, POLICY, name="version")
    rows = session.api.pages(f"{path}history/", limit=limit, acted="true" if acted else None)
    session.out.rows(rows, DECISIONS, name="text")


def _asked(
    session: Session,
    path: str,
    *,
    pause: bool,
    until_text: str | None,
    resume: bool,
    approve: int | None,
    reason: str,
) -> JSON | None:
    """The policy after what was asked; None where nothing was."""
    if pause:
        until_at = until(until_text).isoformat() if until_text else None
        return dict(session.api.post(f"{path}pause/", body_of(until=until_at, reason=reason)))
    if resume:
        return dict(session.api.post(f"{path}resume/", {}))
    if approve is not None:
        return dict(session.api.post(f"{path}approve/", {"instances": approve}))
    return None


def _rule(entry: Mapping[str, Any]) -> str:
    if entry["mode"] == "target":
        return f"{entry['metric']} = {entry['target']:g}"
    limits = [f"{sign} {entry[side][limit]:g}" for side, limit, sign in SIGNS if entry.get(side)]
    return f"{entry['metric']} {', '.join(limits)}"


def _state(row: Mapping[str, Any]) -> str:
    """What holds it, or waits for a person."""
    status = row["status"]
    if not row["enabled"]:
        return "off"
    for name, words in (("all_paused", "all scaling is paused"), ("paused", "paused")):
        if status[name]:
            return f"{words} until {local(status[name]['until'])}. {status[name]['reason']}".rstrip()
    if status["proposal"]:
        number = status["proposal"]["instances"]
        return f"proposes {number}: `--approve {number}` lets it"
    return "only advises" if row["advise_only"] else "on"
