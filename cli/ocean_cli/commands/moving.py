"""A job elsewhere: a copy of it, or itself."""

from __future__ import annotations

from typing import Any

import click

from ocean_cli.commands.actions import body_of, started
from ocean_cli.names import path_of, resolve
from ocean_cli.options import command, job_argument, reason_option, wait_options, yes_option
from ocean_cli.session import Session, pass_session

JSON = dict[str, Any]
MARKS = {"error": ("✗", "red"), "warning": ("!", "yellow"), "info": ("·", "")}


@command("clone")
@job_argument
@click.argument("cluster")
@click.option("--name", help="Another name; needed on the same cluster.")
@click.option("--service", help="Another service.")
@click.option("--product-line", metavar="TAG", help="Another product line.")
@click.option("--version", type=click.IntRange(1), help="Of this version; else the latest.")
@click.option("--autoscaling", is_flag=True, help="With its scaling policy and schedules.")
@click.option("--publish", is_flag=True, help="Publish it there, too.")
@click.option("--plan-only", is_flag=True, help="Only say what would be different there.")
@reason_option
@wait_options
@pass_session
def clone(
    session: Session,
    job: str,
    cluster: str,
    name: str | None,
    service: str | None,
    product_line: str | None,
    version: int | None,
    autoscaling: bool,
    publish: bool,
    plan_only: bool,
    reason: str,
    wait: bool,
    timeout_s: float | None,
) -> None:
    """Copy a job to another name or cluster.

    What would be different there is said first. Without --publish the copy is a draft."""
    tag = resolve(session.api, job)
    wish = body_of(cluster=cluster, name=name, service=service, product_line=product_line, version=version)
    found = _differences(session, f"{path_of(tag)}clone/plan/", wish)
    if plan_only:
        _tell_plan(session, found)
        return
    _show(session, found)
    body = body_of(**wish, autoscaling=autoscaling or None, publish=publish or None, reason=reason)
    made = session.api.post(f"{path_of(tag)}clone/", body)
    if publish:
        started(session, made, wait=wait, timeout_s=timeout_s)
    elif session.out.for_programs:
        session.out.data(made)
    elif session.out.quiet:
        session.out.line(made["tag"])
    else:
        session.out.line(f"{made['tag']} is there as a draft. `ocean publish` makes it run.")


@command("migrate")
@job_argument
@click.argument("cluster")
@click.option("--plan-only", is_flag=True, help="Only say what would be different there.")
@reason_option
@yes_option
@wait_options
@pass_session
def migrate(
    session: Session,
    job: str,
    cluster: str,
    plan_only: bool,
    reason: str,
    yes: bool,
    wait: bool,
    timeout_s: float | None,
) -> None:
    """Move a job to another cluster.

    It is brought up there first; once it is well there, it goes here. `ocean undo` in the middle takes it back."""
    tag = resolve(session.api, job)
    found = _differences(session, f"{path_of(tag)}migrate/plan/", {"cluster": cluster})
    if plan_only:
        _tell_plan(session, found)
        return
    _show(session, found)
    session.confirm(f"Move {tag} to {cluster}?", yes=yes)
    operation = session.api.post(f"{path_of(tag)}migrate/", body_of(cluster=cluster, reason=reason))
    started(session, operation, wait=wait, timeout_s=timeout_s)


def _differences(session: Session, path: str, wish: JSON) -> list[JSON]:
    # It writes nothing, so that it may be asked again.
    return list(session.api.call("POST", path, body=wish, repeatable=True)["differences"])


def _tell_plan(session: Session, found: list[JSON]) -> None:
    if session.out.for_programs:
        session.out.data(found)
        return
    _show(session, found)
    if not found and not session.out.quiet:
        session.out.line("Nothing would be different there.")


def _show(session: Session, found: list[JSON]) -> None:
    if session.out.for_programs or session.out.quiet:
        return
    for row in found:
        mark, style = MARKS.get(row["severity"], ("·", ""))
        session.out.line(f"{mark} {row['what']}", style=style)
        if row["here"] != row["there"]:
            session.out.line(f"    {row['field']}: {row['here'] or 'none'} → {row['there'] or 'none'}")
        if row["hint"]:
            session.out.line(f"    try: {row['hint']}")
