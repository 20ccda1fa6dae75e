"""Several jobs changed as one."""

from __future__ import annotations

from typing import Any

import click

from ocean_cli.commands.actions import body_of, started
from ocean_cli.documents import Document, documents_load
from ocean_cli.errors import BadInput, Usage
from ocean_cli.names import resolve
from ocean_cli.options import command, reason_option, wait_options, yes_option
from ocean_cli.output import Column
from ocean_cli.session import Session, pass_session
from ocean_cli.words import ago

JSON = dict[str, Any]
ACTIONS = ("publish", "restart", "stop", "start")


@command("release")
@click.argument("action", type=click.Choice(ACTIONS), required=False)
@click.argument("jobs", metavar="[JOB[:VERSION]]...", nargs=-1)
@click.option(
    "-f",
    "--file",
    metavar="FILE",
    type=click.Path(exists=True, allow_dash=True),
    help="YAML or JSON; - is stdin.",
)
@click.option("--leave", is_flag=True, help="When one fails, leave what was done; else all go back.")
@click.option("--parallel", type=click.IntRange(1), metavar="N", help="So many at once.")
@click.option("--plan-only", is_flag=True, help="Only say what would be done.")
@reason_option
@yes_option
@wait_options
@pass_session
def release(
    session: Session,
    action: str | None,
    jobs: tuple[str, ...],
    file: str | None,
    leave: bool,
    parallel: int | None,
    plan_only: bool,
    reason: str,
    yes: bool,
    wait: bool,
    timeout_s: float | None,
) -> None:
    """Change several jobs as one.

    \b
      ocean release publish shop/db shop/web:4 --wait
      ocean release -f release.yaml --wait

    In the order of their dependencies, side by side where possible; all go back when one fails. The file says the
    same as the command line:

    \b
      action: publish
      items:
        - {job: shop/db}
        - {job: shop/web, version: 4}
    """
    said = body_of(on_failure="leave" if leave else None, parallel=parallel, reason=reason)
    body, document = _wish(session, action, jobs, file)
    body = {**body, **said}
    plan = _asked(session, "releases/plan/", body, document, writes=False)
    if plan_only and session.out.for_programs:
        session.out.data(plan)
        return
    if not session.out.for_programs and not session.out.quiet:
        _show(session, body["action"], plan)
    if plan_only:
        return
    session.confirm("Do this?", yes=yes)
    operation = _asked(session, "releases/", body, document, writes=True)
    started(session, operation, wait=wait, timeout_s=timeout_s)


def _wish(
    session: Session, action: str | None, jobs: tuple[str, ...], file: str | None
) -> tuple[JSON, Document | None]:
    """The body, its jobs by their tags, and the document that it comes from."""
    if bool(file) == bool(action):
        raise Usage("Say what to do with which jobs, or give a file with -f.", hint="`ocean release --help`")
    if file is None:
        if not jobs:
            raise Usage("Which jobs?", hint="`ocean release --help`")
        items = [_item(session, text) for text in jobs]
        return {"action": action, "items": items}, None
    documents = documents_load([file])
    if len(documents) != 1:
        raise Usage(f"A release is one document; {file} has {len(documents)}.")
    content = dict(documents[0].content)
    if isinstance(content.get("items"), list):
        content["items"] = [_resolved(session, item) for item in content["items"]]
    return content, documents[0]


def _resolved(session: Session, item: Any) -> Any:
    """An item of a file, its job by its tag; what is not as it should be is the console's to refuse."""
    if isinstance(item, dict) and isinstance(item.get("job"), str):
        return {**item, "job": resolve(session.api, item["job"])}
    return item


def _item(session: Session, text: str) -> JSON:
    name, _, version = text.rpartition(":")
    if name and version.isdigit():
        return {"job": resolve(session.api, name), "version": int(version)}
    return {"job": resolve(session.api, text)}


def _asked(session: Session, path: str, body: JSON, document: Document | None, *, writes: bool) -> Any:
    try:
        if writes:
            return session.api.post(path, body)
        return session.api.call("POST", path, body=body, repeatable=True)
    except BadInput as exc:
        if document is None or not exc.fields:
            raise
        lines = [f"{document.where(problem.field)}: {problem}" for problem in exc.fields]
        raise BadInput("\n".join(lines), status=exc.status, problem=exc.problem) from exc


def _show(session: Session, action: str, plan: JSON) -> None:
    for number, stage in enumerate(plan["stages"], start=1):
        session.out.line(f"stage {number}", style="bold")
        for row in stage:
            before = "nothing" if row["from"] is None else f"version {row['from']}"
            after = "" if row["to"] in (None, row["from"]) else f" → version {row['to']}"
            session.out.line(f"  {action} {row['job']}: {before}{after}, {row['instances']} instances")
    for text in plan["warnings"]:
        session.out.line(f"! {text}", style="yellow")


@command("releases")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@pass_session
def releases(session: Session, limit: int) -> None:
    """List releases."""
    columns = [
        Column("Id", "id"),
        Column("What", "action"),
        Column("State", "state", state=True),
        Column("Who", "requested_by"),
        Column("Asked", lambda row: ago(row["created"])),
        Column("Operation", lambda row: row["operation"] and f"#{row['operation']}"),
        Column("Message", lambda row: row["error"] or row["message"]),
        Column("Why", "reason"),
    ]
    session.out.rows(session.api.pages("releases/", limit=limit), columns, name="id")
