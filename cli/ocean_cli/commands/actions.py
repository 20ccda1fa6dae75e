"""Asking for what changes what runs. Each starts an operation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ocean_cli.errors import Conflict
from ocean_cli.following import refuse_failed, title_of, wait_for
from ocean_cli.names import path_of, resolve
from ocean_cli.options import command, job_argument, reason_option, wait_options, yes_option
from ocean_cli.session import Session, pass_session
from ocean_cli.words import until

JSON = dict[str, Any]


def started(
    session: Session, operation: JSON, *, wait: bool, timeout_s: float | None, good: str = "succeeded"
) -> None:
    """Say which operation it is, or follow it to its end and say how it ended. `good` is the end that was asked for."""
    out = session.out
    if wait:
        [operation] = wait_for(session.api, out, [operation], deadline_s=timeout_s)
    if out.for_programs:
        out.data(operation)
    elif out.quiet:
        out.line(str(operation["id"]))
    elif not wait:
        out.line(f"{title_of(operation)} is asked for. `ocean wait {operation['id']}` follows it.")
    if wait:
        refuse_failed([operation], good=good)
        if not out.for_programs and not out.quiet:
            out.line(f"{title_of(operation)} {operation['state']}.", style="green")


@contextmanager
def offering_to_replace() -> Iterator[None]:
    """Says beside a publish that is in the way that one can take over from it."""
    try:
        yield
    except Conflict as exc:
        if exc.slug == "target-busy":
            exc.hint += " `--replace` takes over from a publish."
        raise


def body_of(**fields: Any) -> JSON:
    """A body of what was said: None and '' are left out."""
    return {name: value for name, value in fields.items() if value is not None and value != ""}


@command("scale")
@job_argument
@click.argument("instances", type=click.IntRange(0))
@click.option("--until", "until_text", metavar="WHEN", help="Then go back: 2h, 18:00, or 2026-11-20T18:00.")
@reason_option
@wait_options
@pass_session
def scale(
    session: Session,
    job: str,
    instances: int,
    until_text: str | None,
    reason: str,
    wait: bool,
    timeout_s: float | None,
) -> None:
    """Run so many instances.

    0 stops the job. With --until it goes back by itself to the number of before."""
    path = path_of(resolve(session.api, job))
    until_at = until(until_text).isoformat() if until_text else None
    body = body_of(instances=instances, until=until_at, reason=reason)
    operation = session.api.post(f"{path}scale/", body)
    started(session, operation, wait=wait, timeout_s=timeout_s)


@command("restart")
@job_argument
@reason_option
@wait_options
@pass_session
def restart(session: Session, job: str, reason: str, wait: bool, timeout_s: float | None) -> None:
    """Replace every instance by a new one.

    By the strategy of the version that runs."""
    path = path_of(resolve(session.api, job))
    operation = session.api.post(f"{path}restart/", body_of(reason=reason))
    started(session, operation, wait=wait, timeout_s=timeout_s)


@command("stop")
@job_argument
@reason_option
@yes_option
@wait_options
@pass_session
def stop(session: Session, job: str, reason: str, yes: bool, wait: bool, timeout_s: float | None) -> None:
    """End all instances; the job stays."""
    tag = resolve(session.api, job)
    session.confirm(f"Stop {tag}?", yes=yes)
    operation = session.api.post(f"{path_of(tag)}stop/", body_of(reason=reason))
    started(session, operation, wait=wait, timeout_s=timeout_s)


@command("start")
@job_argument
@reason_option
@wait_options
@pass_session
def start(session: Session, job: str, reason: str, wait: bool, timeout_s: float | None) -> None:
    """Run a stopped job again.

    With as many instances as before it was stopped."""
    path = path_of(resolve(session.api, job))
    operation = session.api.post(f"{path}start/", body_of(reason=reason))
    started(session, operation, wait=wait, timeout_s=timeout_s)


@command("rollback")
@job_argument
@click.option("--version", type=click.IntRange(1), help="This one; else the one that ran before.")
@reason_option
@wait_options
@pass_session
def rollback(
    session: Session, job: str, version: int | None, reason: str, wait: bool, timeout_s: float | None
) -> None:
    """Publish an earlier version again."""
    path = path_of(resolve(session.api, job))
    operation = session.api.post(f"{path}rollback/", body_of(version=version, reason=reason))
    started(session, operation, wait=wait, timeout_s=timeout_s)


@command("kill")
@job_argument
@click.argument("task")
@click.option("--shrink", is_flag=True, help="Want one instance fewer, instead of another in its place.")
@reason_option
@wait_options
@pass_session
def kill(
    session: Session,
    job: str,
    task: str,
    shrink: bool,
    reason: str,
    wait: bool,
    timeout_s: float | None,
) -> None:
    """End one instance; another takes its place."""
    path = f"{path_of(resolve(session.api, job))}instances/{task}/kill/"
    operation = session.api.post(path, body_of(shrink=shrink or None, reason=reason))
    started(session, operation, wait=wait, timeout_s=timeout_s)


@command("delete")
@job_argument
@reason_option
@yes_option
@wait_options
@pass_session
def delete(session: Session, job: str, reason: str, yes: bool, wait: bool, timeout_s: float | None) -> None:
    """Stop a job and take it out of the lists.

    Its history stays."""
    tag = resolve(session.api, job)
    session.confirm(f"Delete {tag}? Its instances end.", yes=yes)
    operation = session.api.delete(path_of(tag), body_of(reason=reason))
    started(session, operation, wait=wait, timeout_s=timeout_s)
