"""Looking at jobs."""

from __future__ import annotations

from typing import Any

import click

from ocean_cli.names import path_of, resolve
from ocean_cli.options import command, job_argument
from ocean_cli.output import Column
from ocean_cli.session import Session, pass_session
from ocean_cli.words import ago, local, since, value

JSON = dict[str, Any]
MARKS = {"error": ("✗", "red"), "warning": ("!", "yellow"), "info": ("·", "cyan")}


def _instances(row: Any) -> str:
    counts = row["instances"]
    return f"{counts['running']}/{counts['wanted']}"


JOB_COLUMNS = [
    Column("Service", "service"),
    Column("Job", "name"),
    Column("Cluster", "cluster"),
    Column("State", "state", state=True),
    Column("Instances", _instances),
    Column("Healthy", lambda row: row["instances"]["healthy"]),
    Column("Version", lambda row: row["running_version"] or row["version"]),
    Column("Since", lambda row: ago(row["since"])),
    Column("Operation", lambda row: row["operation"] and f"#{row['operation']}"),
    Column("Tag", "tag", wide=True),
]


@command("jobs")
@click.argument("search", nargs=-1)
@click.option("--cluster", help="Of this cluster.")
@click.option("--service", help="Of this service.")
@click.option("--product-line", metavar="TAG", help="Of this product line.")
@click.option("--state", "states", multiple=True, help="In this state; may be given several times.")
@click.option("--trouble", is_flag=True, help="Not as wanted, or held up on the way there.")
@click.option("--mine", is_flag=True, help="That I made, changed, or asked something of.")
@click.option("--favourite", is_flag=True, help="That I starred.")
@click.option("--sort", "ordering", help="name, state, since, created, wanted; with - in front: backwards.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@pass_session
def jobs(
    session: Session,
    search: tuple[str, ...],
    cluster: str | None,
    service: str | None,
    product_line: str | None,
    states: tuple[str, ...],
    trouble: bool,
    mine: bool,
    favourite: bool,
    ordering: str | None,
    limit: int | None,
) -> None:
    """List jobs.

    Each word of SEARCH must be part of the job's tag. -q prints the tags alone."""
    rows = session.api.pages(
        "jobs/",
        limit=limit,
        search=" ".join(search),
        cluster=cluster,
        service=service,
        product_line=product_line,
        state=list(states) or None,
        in_trouble=trouble or None,
        mine=mine or None,
        favourite=favourite or None,
        ordering=ordering,
    )
    session.out.rows(rows, JOB_COLUMNS, name="tag")


@command("job")
@job_argument
@pass_session
def job(session: Session, job: str) -> None:
    """Show one job: its state, its instances, what is wrong."""
    row = session.api.get(path_of(resolve(session.api, job)))
    columns = [
        Column("Job", lambda one: f"{one['service']}/{one['name']}@{one['cluster']}"),
        Column("Tag", "tag"),
        Column("State", "state", state=True),
        Column("Since", lambda one: f"{local(one['since'])} ({ago(one['since'])} ago)"),
        Column("Instances", _counts),
        Column("Version", _versions),
        Column("Operation", lambda one: one["operation"] and f"#{one['operation']} works on it"),
        Column("Belongs to", lambda one: one["managed_by"] or one["product_line"]),
    ]
    session.out.fields(row, columns, name="state")
    if not session.out.for_programs and not session.out.quiet:
        show_problems(session, row["problems"])


def _counts(row: Any) -> str:
    counts = row["instances"]
    staging = f", {counts['staging']} staging" if counts["staging"] else ""
    return f"{counts['running']} of {counts['wanted']} running, {counts['healthy']} healthy{staging}"


def _versions(row: Any) -> str:
    latest, running = row["version"], row["running_version"]
    if running is None:
        return f"{latest}, never published"
    return str(running) if running == latest else f"{running}; {latest} is saved and not published"


def show_problems(session: Session, problems: list[JSON]) -> None:
    """What is wrong, why, and what would help, a paragraph each."""
    for row in problems:
        mark, style = MARKS.get(row["severity"], ("·", ""))
        session.out.line("")
        session.out.line(f"{mark} {row['what']}", style=style)
        for text in (row["why"], row["hint"]):
            if text:
                session.out.line(f"  {text}")


@command("instances")
@job_argument
@click.option("--state", "states", multiple=True, help="In this state; may be given several times.")
@click.option("--version", type=int, help="Of this version.")
@click.option("--host", help="On this host.")
@pass_session
def instances(
    session: Session, job: str, states: tuple[str, ...], version: int | None, host: str | None
) -> None:
    """List a job's instances.

    -q prints the task ids alone."""
    columns = [
        Column("Task", "task_id"),
        Column("State", "state", state=True),
        Column("Healthy", "healthy"),
        Column("Version", "version"),
        Column("Host", "host"),
        Column("Address", _addresses),
        Column("Started", lambda row: ago(row["started"])),
        Column("Message", "message"),
    ]
    path = path_of(resolve(session.api, job))
    rows = session.api.pages(f"{path}instances/", state=list(states) or None, version=version, host=host)
    session.out.rows(rows, columns, name="task_id")


def _addresses(row: Any) -> str:
    ip, ports = row["ip"] or row["host"], row["ports"]
    return " ".join(f"{ip}:{port}" for port in ports) if ports else ip


@command("versions")
@job_argument
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@pass_session
def versions(session: Session, job: str, limit: int) -> None:
    """List a job's versions."""
    tag = resolve(session.api, job)
    running = session.api.get(path_of(tag))["running_version"]
    columns = [
        Column("Version", "version"),
        Column("", lambda row: "runs" if row["version"] == running else " "),
        Column("Author", "author"),
        Column("Saved", lambda row: local(row["created"])),
        Column("Note", "note"),
    ]
    session.out.rows(session.api.pages(f"{path_of(tag)}versions/", limit=limit), columns, name="version")


@command("explain")
@job_argument
@pass_session
def explain(session: Session, job: str) -> None:
    """Why is a job not as wanted, and what would help?"""
    rows = session.api.get(f"{path_of(resolve(session.api, job))}explain/")
    if session.out.for_programs:
        session.out.data(rows)
    elif not rows:
        session.out.line("All is as wanted.", style="green")
    else:
        for row in rows:
            _explain(session, row)


def _explain(session: Session, row: JSON) -> None:
    mark, style = MARKS.get(row["severity"], ("·", ""))
    session.out.line(f"{mark} {row['what']}", style=style)
    smallest = row.get("change")
    changed = smallest and f"{smallest['field']}: {value(smallest['from'])} → {value(smallest['to'])}"
    for label, text in (("why", row["why"]), ("try", row["hint"]), ("change", changed)):
        if text:
            session.out.line(f"  {label}: {text}")


@command("history")
@job_argument
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(["people", "operations", "versions", "instances", "state"]),
    help="Of this kind alone; may be given several times.",
)
@click.option("--who", help="What this person did.")
@click.option("--since", "since_text", metavar="WHEN", help="Not before: 2h, 3d, or 2026-11-20T18:00.")
@click.option("--before", "before_text", metavar="WHEN", help="Only before.")
@click.option("--limit", type=click.IntRange(1), default=30, show_default=True, help="At most so many.")
@pass_session
def history(
    session: Session,
    job: str,
    kinds: tuple[str, ...],
    who: str | None,
    since_text: str | None,
    before_text: str | None,
    limit: int,
) -> None:
    """What happened to a job, and who asked for it.

    The newest first."""
    columns = [
        Column("Time", lambda row: local(row["time"])),
        Column("Who", "actor"),
        Column("What", _happened),
        Column("Why", "reason"),
        Column("Operation", lambda row: row["operation"] and f"#{row['operation']}"),
    ]
    rows = session.api.pages(
        f"{path_of(resolve(session.api, job))}history/",
        limit=limit,
        kind=list(kinds) or None,
        who=who,
        after=since(since_text).isoformat() if since_text else None,
        before=since(before_text).isoformat() if before_text else None,
    )
    session.out.rows(rows, columns, name="text")


def _happened(row: Any) -> str:
    text = " ".join(str(row["text"]).split())
    return f"{text} (×{row['count']})" if row["count"] > 1 else text


@command("search")
@click.argument("words", nargs=-1, required=True)
@pass_session
def search(session: Session, words: tuple[str, ...]) -> None:
    """Find jobs, instances, hosts, operations and more.

    By name, tag, IP, task id or number; the best first."""
    columns = [
        Column("Kind", "kind"),
        Column("What", "title"),
        Column("State", "state", state=True),
        Column("Detail", "detail"),
        Column("Page", lambda row: f"{session.context.url}{row['url']}", wide=True),
    ]
    rows = session.api.get("search/", q=" ".join(words))["results"]
    session.out.rows(rows, columns, name="title")


@command("open")
@job_argument
@click.option("--browser", is_flag=True, help="Open it, too.")
@pass_session
def open_page(session: Session, job: str, browser: bool) -> None:
    """Print the address of a job's page."""
    url = f"{session.context.url}/{path_of(resolve(session.api, job))}"
    click.echo(url)
    if browser:
        click.launch(url)
