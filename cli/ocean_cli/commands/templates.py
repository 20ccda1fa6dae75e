"""Templates of jobs, and the jobs that follow them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from ocean_cli.commands.actions import body_of
from ocean_cli.errors import Usage
from ocean_cli.names import resolve
from ocean_cli.options import CommonGroup, job_argument, yes_option
from ocean_cli.output import Column
from ocean_cli.session import Session, pass_session
from ocean_cli.words import change, value

JSON = dict[str, Any]


@click.group("template", cls=CommonGroup)
def template() -> None:
    """Templates: list, show, save a job as one, update jobs.

    \b
    A job's file names one, and says what differs:
      template: web-service
      parameters: {memory_mib: 256}
      spec: {env: {LEVEL: debug}}
    """


@template.command("list")
@pass_session
def template_list(session: Session) -> None:
    """List templates."""
    columns = [
        Column("Name", "name"),
        Column("Title", "title"),
        Column("Version", "version"),
        Column("Jobs", "jobs"),
        Column("Product line", lambda row: row["product_line"] or "everybody's"),
    ]
    session.out.rows(session.api.pages("templates/"), columns, name="name")


@template.command("show")
@click.argument("name")
@pass_session
def template_show(session: Session, name: str) -> None:
    """Show a template: its parameters and its spec."""
    if not session.out.for_programs:
        session.out.format = "yaml"
    session.out.data(session.api.get(_path(name)))


@template.command("jobs")
@click.argument("name")
@pass_session
def template_jobs(session: Session, name: str) -> None:
    """List the jobs that follow a template."""
    columns = [
        Column("Job", "job"),
        Column("State", "state", state=True),
        Column("Version", "version"),
        Column("Behind", "behind"),
        Column("Changed", "changed"),
        Column(
            "Parameters",
            lambda row: ", ".join(f"{key}={value(one)}" for key, one in row["parameters"].items()),
        ),
    ]
    session.out.rows(session.api.pages(f"{_path(name)}jobs/"), columns, name="job")


@template.command("save")
@job_argument
@click.argument("name")
@click.option("--title", help="What people read; the name when left out.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=FIELD",
    help="Make a field of the job a parameter: level=env.LEVEL; may be given several times.",
)
@click.option("--product-line", metavar="TAG", help="Whose it is; everybody's (SREs) when left out.")
@click.option("--note", default="", metavar="TEXT", help="What its first version is about.")
@pass_session
def template_save(
    session: Session,
    job: str,
    name: str,
    title: str | None,
    parameters: tuple[str, ...],
    product_line: str | None,
    note: str,
) -> None:
    """Save a job as a template."""
    body = body_of(
        name=name,
        title=title or name,
        product_line=product_line,
        from_job=resolve(session.api, job),
        parameters=[_parameter(text) for text in parameters],
        note=note,
    )
    # Without a key: a second one of this name is refused anyway.
    made = session.api.call("POST", "templates/", body=body)
    if session.out.for_programs:
        session.out.data(made)
    else:
        session.out.line(made["name"] if session.out.quiet else f"{made['name']} is saved.")


def _parameter(text: str) -> JSON:
    name, equals, field = text.partition("=")
    if not (name and equals and field):
        raise Usage(f"'{text}' is no parameter.", hint="Write NAME=FIELD, as level=env.LEVEL.")
    return {"name": name, "field": field}


@template.command("update")
@click.argument("name")
@click.argument("jobs", metavar="[JOB]...", nargs=-1)
@click.option(
    "--set", "values", multiple=True, metavar="NAME=VALUE", help="A parameter's value, for all of them."
)
@click.option(
    "--take",
    type=click.Choice(["job", "template"]),
    help="Who wins where both changed; else such jobs are left out.",
)
@click.option("--plan-only", is_flag=True, help="Only say what would be changed.")
@click.option("--note", default="", metavar="TEXT", help="What the new versions are about.")
@yes_option
@pass_session
def template_update(
    session: Session,
    name: str,
    jobs: tuple[str, ...],
    values: tuple[str, ...],
    take: str | None,
    plan_only: bool,
    note: str,
    yes: bool,
) -> None:
    """Bring jobs to a template's newest version.

    Without a JOB, all that are behind. New versions are saved, and nothing is published: the jobs are named, so that
    `ocean release publish` can."""
    given = body_of(parameters=_values(values) or None)
    if jobs:
        given["jobs"] = [{"job": resolve(session.api, job)} for job in jobs]
    # It writes nothing, so that it may be asked again.
    plan = session.api.call("POST", f"{_path(name)}update/plan/", body=given, repeatable=True)
    good = ("changes", "unchanged", "conflict") if take else ("changes", "unchanged")
    wished = [row for row in plan["jobs"] if row["outcome"] in good]
    if plan_only or not wished:
        _tell(session, plan)
        return
    if not session.out.for_programs and not session.out.quiet:
        _show(session, plan)
    session.confirm(f"Save a new version of {len(wished)} jobs?", yes=yes)
    body = {
        **given,
        "jobs": [
            {
                "job": row["job"],
                "version": row["version"],
                "take": {one["field"]: take for one in row["conflicts"]} if take else {},
            }
            for row in wished
        ],
        "note": note,
    }
    _tell(session, session.api.call("POST", f"{_path(name)}update/", body=body))


def _values(texts: tuple[str, ...]) -> JSON:
    """Values as YAML reads them: numbers are numbers."""
    import yaml

    found: JSON = {}
    for text in texts:
        name, equals, written = text.partition("=")
        if not (name and equals):
            raise Usage(f"'{text}' is no value.", hint="Write NAME=VALUE.")
        found[name] = yaml.safe_load(written)
    return found


def _tell(session: Session, answer: JSON) -> None:
    if session.out.for_programs:
        session.out.data(answer)
    elif session.out.quiet:
        for tag in answer["publish"]:
            session.out.line(tag)
    else:
        _show(session, answer)
        if answer["publish"]:
            session.out.line(f"ocean release publish {' '.join(answer['publish'])}")


def _show(session: Session, answer: JSON) -> None:
    for row in answer["jobs"]:
        session.out.line(f"{row['job']}: {row['outcome']}", style="bold")
        for one in row["changes"]:
            session.out.line(f"    {change(one)}")
        for one in row["conflicts"]:
            both = f"the job made it {value(one['job'])}, the template {value(one['template'])}"
            session.out.line(f"  ! {one['field']}: {both}", style="yellow")
        for one in row["errors"]:
            session.out.line(f"  ✗ {one['field']}: {one['detail']}", style="red")
    if not answer["jobs"]:
        session.out.line("No job is behind.")


def _path(name: str) -> str:
    return f"templates/{quote(name, safe='')}/"
