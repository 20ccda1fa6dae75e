"""Making a version run, of a job that is named or of jobs from files."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from ocean_cli.commands.actions import body_of, offering_to_replace, started
from ocean_cli.commands.documents import files_option, show_versions, tell, tell_plan
from ocean_cli.documents import Document, documents_load
from ocean_cli.errors import Usage
from ocean_cli.names import path_of, resolve
from ocean_cli.options import command, jobs_completed, reason_option, wait_options
from ocean_cli.saving import Options, plan_do, plan_of, plan_show
from ocean_cli.session import Session, pass_session

JSON = dict[str, Any]
KINDS = ("rolling", "canary", "blue-green", "recreate")


_STRATEGY = (
    click.option(
        "--strategy", "kind", type=click.Choice(KINDS), help="Another one than the version's own, this time."
    ),
    click.option("--canary-instances", type=click.IntRange(1), metavar="N", help="Canary: so many first."),
    click.option(
        "--canary-percent", type=click.IntRange(1, 100), metavar="N", help="Canary: so many percent first."
    ),
    click.option(
        "--hold",
        "hold_s",
        type=click.IntRange(0),
        metavar="SECONDS",
        help="Canary: then wait; else for `ocean go-on`.",
    ),
    click.option(
        "--deadline",
        "deadline_s",
        type=click.IntRange(1),
        metavar="SECONDS",
        help="Fail when it is not healthy by then.",
    ),
)


def strategy_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a publish strategy, as one argument `strategy`: what was not said is not in it."""

    @wraps(function)
    def gathered(*args: Any, **given: Any) -> Any:
        names = ("kind", "canary_instances", "canary_percent", "hold_s", "deadline_s")
        said = {name: given.pop(name) for name in names}
        strategy = {name: value for name, value in said.items() if value is not None}
        return function(*args, strategy=strategy, **given)

    for option in reversed(_STRATEGY):
        gathered = option(gathered)
    return gathered


@command("publish")
@click.argument("job", metavar="[JOB]", required=False, shell_complete=jobs_completed)
@files_option
@click.option("--version", type=click.IntRange(1), help="This one; else the latest.")
@strategy_options
@click.option("--replace", is_flag=True, help="Take over from a publish that is under way.")
@click.option("--note", default="", metavar="TEXT", help="With -f: what the new version is about.")
@click.option("--dry-run", is_flag=True, help="Only say what would be saved and published.")
@reason_option
@wait_options
@pass_session
def publish(
    session: Session,
    job: str | None,
    files: tuple[str, ...],
    version: int | None,
    note: str,
    dry_run: bool,
    reason: str,
    wait: bool,
    timeout_s: float | None,
    replace: bool,
    strategy: JSON,
) -> None:
    """Make a version run.

    \b
      ocean publish weather-api --wait                   the latest version
      ocean publish weather-api --version 3 --wait
      ocean publish -f job.yaml --wait                   saves what is written first
      ocean publish weather-api --strategy canary --canary-instances 1 --hold 60

    With -f, a job that does not exist is created, and a version is saved where something differs; the difference is
    printed.
    """
    if bool(job) == bool(files):
        raise Usage("Name a job, or give files with -f.", hint="`ocean publish --help`")
    body = body_of(version=version, strategy=strategy or None, replace=replace or None)
    if files:
        if version is not None:
            raise Usage("--version is of a job that is named; with -f what is written is published.")
        options = Options(body, reason=reason, note=note, wait=wait, deadline_s=timeout_s)
        _publish_files(session, documents_load(list(files)), options, dry_run=dry_run)
    else:
        _publish_named(
            session, str(job), body_of(**body, reason=reason), dry_run=dry_run, wait=wait, timeout_s=timeout_s
        )


def _publish_named(
    session: Session, job: str, body: JSON, *, dry_run: bool, wait: bool, timeout_s: float | None
) -> None:
    tag = resolve(session.api, job)
    if dry_run:
        row = session.api.get(path_of(tag))
        number = body.get("version") or row["version"]
        show_versions(session, tag, row["running_version"], number)
        return
    with offering_to_replace():
        operation = session.api.post(f"{path_of(tag)}publish/", body)
    started(session, operation, wait=wait, timeout_s=timeout_s)


def _publish_files(session: Session, documents: list[Document], options: Options, *, dry_run: bool) -> None:
    api, out = session.api, session.out
    plan = plan_of(api, documents, keep_instances=True)
    # Whoever says publish means it, though nothing differs.
    plan = plan.all_published()
    if dry_run:
        tell_plan(session, plan)
        return
    if not out.for_programs and not out.quiet:
        plan_show(out, plan)
    with offering_to_replace():
        operations = plan_do(api, out, plan, options)
    tell(session, operations, waited=options.wait)
