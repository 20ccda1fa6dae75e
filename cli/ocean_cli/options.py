"""Options that many commands share. The common ones are understood before and after a command's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ocean_cli.session import Session

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def _set(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Write the option into the session; one that was not given leaves it."""
    if value is None or value is False:
        return
    session = context.ensure_object(Session)
    match parameter.name:
        case "as_json":
            session.format = "json"
        case "format":
            session.format = value
        case "quiet":
            session.quiet = True
        case "no_color":
            session.color = False
        case "context_name":
            session.context_name = value
        case "patience_s":
            session.patience_s = value


def _common() -> list[click.Option]:
    def option(*names: str, **attributes: Any) -> click.Option:
        return click.Option(names, expose_value=False, callback=_set, **attributes)

    formats = click.Choice(["table", "wide", "json", "yaml"])
    return [
        option("-o", "--output", "format", type=formats, help="How results are written."),
        option("--json", "as_json", is_flag=True, help="The same as -o json."),
        option("-q", "--quiet", is_flag=True, help="Names or numbers only, and no progress."),
        option("--no-color", is_flag=True, help="No colours; NO_COLOR=1 says the same."),
        option("--context", "context_name", metavar="NAME", help="Which console; see `ocean contexts`."),
        option(
            "--retry-for",
            "patience_s",
            type=click.FloatRange(min=0),
            metavar="SECONDS",
            help="How long a console that does not answer is asked again (30).",
        ),
    ]


class OceanCommand(click.Command):
    """A command with the common options after its own."""

    def __init__(self, *args: Any, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.params.extend(_common())


class CommonGroup(click.Group):
    """A group whose commands know the common options, too."""

    command_class = OceanCommand


def add_common_options(function: FunctionT) -> FunctionT:
    """The same for the root, before a command's name."""
    params = getattr(function, "__click_params__", [])
    # Click reads them backwards.
    function.__click_params__ = [*reversed(_common()), *params]  # type: ignore[attr-defined]
    return function


def command(name: str, *, help: str | None = None) -> Callable[[FunctionT], click.Command]:
    """`@click.command` with the common options."""
    return click.command(name, cls=OceanCommand, help=help, context_settings={"max_content_width": 100})


def jobs_completed(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names for the shell, quickly or not at all."""
    from ocean_cli.completing import job_names

    return job_names(context.ensure_object(Session), incomplete)


job_argument = click.argument("job", metavar="JOB", shell_complete=jobs_completed)
reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; it stands in the history.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
timeout_option = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="How long to wait; then it goes on without you (exit code 6).",
)


def wait_options(function: FunctionT) -> FunctionT:
    """`--wait` and `--timeout`."""
    wait = click.option("-w", "--wait", is_flag=True, help="Follow it to its end.")
    return wait(timeout_option(function))
