"""Telling a publish that is under way what to do, and undoing one."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from ocean_cli.commands.actions import body_of, started
from ocean_cli.errors import NotFound
from ocean_cli.following import title_of
from ocean_cli.names import path_of, resolve
from ocean_cli.options import command, jobs_completed, reason_option, wait_options
from ocean_cli.session import Session, pass_session

JSON = dict[str, Any]
target_argument = click.argument("target", metavar="JOB|OPERATION", shell_complete=jobs_completed)


@command("undo")
@target_argument
@reason_option
@wait_options
@pass_session
def undo(session: Session, target: str, reason: str, wait: bool, timeout_s: float | None) -> None:
    """Put back what ran before.

    Of a publish that is under way; without one, the version that ran before the last publish is published again."""
    body = body_of(reason=reason)
    if target.isdigit():
        under_way = int(target)
        operation = session.api.post(f"operations/{target}/undo/", body)
    else:
        path = path_of(resolve(session.api, target))
        under_way = session.api.get(path)["operation"]
        operation = session.api.post(f"{path}undo/", body)
    # What is undone on its way ends as cancelled, which is what was asked for.
    good = "cancelled" if operation["id"] == under_way else "succeeded"
    started(session, operation, wait=wait, timeout_s=timeout_s, good=good)


@command("pause")
@target_argument
@reason_option
@pass_session
def pause(session: Session, target: str, reason: str) -> None:
    """Stop a publish where it is.

    What runs, of both versions, runs on. No deadline counts until `ocean resume`."""
    _tell(session, target, "pause", reason=reason)


@command("resume")
@target_argument
@reason_option
@pass_session
def resume(session: Session, target: str, reason: str) -> None:
    """Go on after a pause."""
    _tell(session, target, "resume", reason=reason)


@command("go-on")
@target_argument
@reason_option
@wait_options
@pass_session
def go_on(session: Session, target: str, reason: str, wait: bool, timeout_s: float | None) -> None:
    """Trust the new version: end a hold.

    A canary goes on to all instances, a blue-green publish lets the old ones go."""
    if wait:
        operation = _told(session, target, "go-on", reason=reason)
        started(session, operation, wait=wait, timeout_s=timeout_s)
    else:
        _tell(session, target, "go-on", reason=reason)


def _tell(session: Session, target: str, control: str, *, reason: str) -> None:
    row = _told(session, target, control, reason=reason)
    if session.out.for_programs:
        session.out.data(row)
    elif session.out.quiet:
        session.out.line(str(row["id"]))
    else:
        session.out.line(f"{title_of(row)}: {control} is noted. `ocean wait {row['id']}` follows it.")


def _told(session: Session, target: str, control: str, *, reason: str) -> JSON:
    number = target if target.isdigit() else _under_way(session, target)
    return dict(session.api.post(f"operations/{quote(str(number))}/{control}/", body_of(reason=reason)))


def _under_way(session: Session, job: str) -> int:
    """The operation that works on the job. Raises NotFound without one."""
    tag = resolve(session.api, job)
    number = session.api.get(path_of(tag))["operation"]
    if number is None:
        raise NotFound(
            f"Nothing is under way on {tag}.", status=404, problem={}, hint="`ocean operations --active`"
        )
    return int(number)
