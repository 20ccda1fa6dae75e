"""Jobs as they are written: apply and diff."""

from __future__ import annotations

from typing import Any

import click

from ocean_cli.commands.actions import body_of, offering_to_replace
from ocean_cli.documents import documents_load
from ocean_cli.errors import PLAN_HAS_CHANGES, Usage
from ocean_cli.names import path_of, resolve
from ocean_cli.options import (
    command,
    jobs_completed,
    reason_option,
    timeout_option,
    yes_option,
)
from ocean_cli.plans import Plan
from ocean_cli.saving import Options, plan_do, plan_of, plan_show
from ocean_cli.session import Session, pass_session
from ocean_cli.words import change, local, since

JSON = dict[str, Any]
files_option = click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="FILE",
    type=click.Path(exists=True, allow_dash=True),
    help="YAML or JSON, a folder of such files, or - for standard input; may be given several times.",
)


@command("apply")
@files_option
@click.option(
    "--plan-only", is_flag=True, help="Only say what would be done: exit code 10 if anything, else 0."
)
@click.option("--no-publish", is_flag=True, help="Save versions, and publish nothing.")
@click.option("--keep-instances", is_flag=True, help="Leave the numbers of instances of existing jobs.")
@click.option(
    "--prune",
    metavar="SELECTOR",
    help="Delete the jobs that are not written, of those that this means: service=shop,cluster=staging.",
)
@click.option("--replace", is_flag=True, help="Take over from publishes that are under way.")
@click.option("--note", default="", metavar="TEXT", help="What the new versions are about.")
@click.option("--no-wait", is_flag=True, help="Do not follow the last stage to its end.")
@reason_option
@timeout_option
@yes_option
@pass_session
def apply(
    session: Session,
    files: tuple[str, ...],
    plan_only: bool,
    no_publish: bool,
    keep_instances: bool,
    prune: str | None,
    replace: bool,
    note: str,
    no_wait: bool,
    reason: str,
    timeout_s: float | None,
    yes: bool,
) -> int:
    """Make jobs as they are written, after a plan.

    The plan comes first, then the question whether to go on. Jobs are created, versions saved where something
    differs, published where they do not run, and scaled where the file says a number, in the order of `depends_on`.
    Nothing is deleted without --prune. Doing it again finds nothing to do.
    """
    if not files:
        raise Usage("Which files?", hint="`ocean apply -f jobs/`")
    api, out = session.api, session.out
    documents = documents_load(list(files))
    selected = list(api.pages("jobs/", **_selector(prune))) if prune else []
    plan = plan_of(api, documents, publish=not no_publish, keep_instances=keep_instances, prune=selected)
    if plan_only:
        tell_plan(session, plan)
        return PLAN_HAS_CHANGES if plan.does_something else 0
    if not plan.does_something:
        tell_plan(session, plan)
        return 0
    if not out.for_programs and not out.quiet:
        plan_show(out, plan)
    session.confirm("Do this?", yes=yes)
    body = body_of(replace=replace or None)
    options = Options(body, reason=reason, note=note, wait=not no_wait, deadline_s=timeout_s)
    with offering_to_replace():
        operations = plan_do(api, out, plan, options)
    tell(session, operations, waited=options.wait)
    return 0


def _selector(text: str) -> dict[str, Any]:
    """`service=shop,cluster=staging` as filters. Without a service or a product line it would mean too much."""
    known = ("product_line", "service", "cluster", "name")
    parts: dict[str, Any] = dict(part.partition("=")[::2] for part in text.split(","))
    if any(key not in known or not value for key, value in parts.items()):
        raise Usage(f"'{text}' is no selector.", hint=f"Write key=value,… of {', '.join(known)}.")
    if not {"product_line", "service"} & parts.keys():
        raise Usage("--prune needs a product_line or a service: a whole cluster is too much to delete.")
    return parts


def tell_plan(session: Session, plan: Plan) -> None:
    """What would be done."""
    if session.out.for_programs:
        session.out.data([step.as_json() for step in plan.steps])
    elif not session.out.quiet:
        plan_show(session.out, plan)
        if not plan.does_something:
            session.out.line("Nothing to do.")


def tell(session: Session, operations: list[JSON], *, waited: bool) -> None:
    """What was done, or was only asked for."""
    out = session.out
    if out.for_programs:
        out.data(operations)
    elif out.quiet:
        for row in operations:
            out.line(str(row["id"]))
    elif operations and not waited:
        numbers = " ".join(str(row["id"]) for row in operations)
        out.line(f"`ocean wait {numbers}` follows what was asked for.")
    else:
        out.line("Done.", style="green")


@command("diff")
@click.argument("job", metavar="[JOB]", required=False, shell_complete=jobs_completed)
@click.argument("old", type=click.IntRange(1), required=False)
@click.argument("new", type=click.IntRange(1), required=False)
@files_option
@click.option("--from", "from_text", metavar="WHEN", help="As it was then: 2h, 3d, or 2026-11-20T18:00.")
@click.option("--to", "to_text", metavar="WHEN", help="With --from: and then; else now.")
@pass_session
def diff(
    session: Session,
    job: str | None,
    old: int | None,
    new: int | None,
    files: tuple[str, ...],
    from_text: str | None,
    to_text: str | None,
) -> int:
    """What differs: between versions, or from what is written.

    \b
      ocean diff weather-api          what runs, and the latest version
      ocean diff weather-api 3 5      two versions
      ocean diff weather-api --from 3d --to 2d
      ocean diff -f jobs/             what is there, and what is written (exit code 10 if anything differs)
    """
    if bool(job) == bool(files):
        raise Usage("Name a job, or give files with -f.", hint="`ocean diff --help`")
    if files:
        plan = plan_of(session.api, documents_load(list(files)), publish=False, keep_instances=True)
        tell_plan(session, plan)
        return PLAN_HAS_CHANGES if plan.does_something else 0
    tag = resolve(session.api, str(job))
    if from_text or to_text:
        _show_moments(session, tag, from_text=from_text, to_text=to_text)
        return 0
    row = session.api.get(path_of(tag))
    show_versions(session, tag, old or row["running_version"], new or row["version"])
    return 0


def _show_moments(session: Session, tag: str, *, from_text: str | None, to_text: str | None) -> None:
    """How the job was at two moments, and what happened in between."""
    if from_text is None:
        raise Usage("--to needs --from.")
    query = {
        "from": since(from_text).isoformat(),
        "to": since(to_text).isoformat() if to_text else None,
    }
    answer = session.api.get(f"{path_of(tag)}compare/", **query)
    out = session.out
    if out.for_programs:
        out.data(answer)
        return
    for row in (answer["from"], answer["to"]):
        version = "nothing published" if row["version"] is None else f"version {row['version']}"
        wanted = "" if row["wanted"] is None else f", {row['wanted']} instances wanted"
        out.line(f"{local(row['at'])}  {row['state']}, {version}{wanted}", style="bold")
    _show_changes(session, answer["changes"])
    for row in reversed(answer["between"]):
        why = f" ({row['reason']})" if row["reason"] else ""
        out.line(f"  {local(row['time'])} {' '.join(row['text'].split())}{why}", style="dim")


def show_versions(session: Session, tag: str, old: int | None, new: int) -> None:
    """The difference of two versions, a field a line."""
    out = session.out
    if old is None:
        out.line(f"{tag} has never been published; version {new} would be the first.")
        return
    answer = session.api.get(f"{path_of(tag)}versions/{old}/diff/{new}/")
    if out.for_programs:
        out.data(answer)
        return
    out.line(f"version {old} → {new}", style="bold")
    _show_changes(session, answer["changes"])


def _show_changes(session: Session, changes: list[JSON]) -> None:
    styles = {"added": "green", "removed": "red"}
    for row in changes:
        session.out.line(f"  {change(row)}", style=styles.get(row["change"], "yellow"))
    if not changes:
        session.out.line("  no difference")
