"""The tree of commands. A command's module is loaded when it is called, so that `ocean --help` starts at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from ocean_cli import __version__
from ocean_cli.errors import INTERRUPTED, CliError, Interrupted
from ocean_cli.options import add_common_options
from ocean_cli.session import Session

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Sign in": {
        "login": ("account:login", "Get a token for a console and keep it."),
        "logout": ("account:logout", "Forget the token, and revoke it."),
        "whoami": ("account:whoami", "Who am I, where, and with which roles?"),
        "contexts": ("account:contexts", "The consoles that you logged in to."),
        "use": ("account:use", "Choose the console for the commands that follow."),
    },
    "Look": {
        "jobs": ("jobs:jobs", "List jobs."),
        "job": ("jobs:job", "Show one job: its state, its instances, what is wrong."),
        "instances": ("jobs:instances", "List a job's instances."),
        "versions": ("jobs:versions", "List a job's versions."),
        "explain": ("jobs:explain", "Why is a job not as wanted, and what would help?"),
        "diff": ("documents:diff", "What differs: between versions, or from what is written."),
        "logs": ("logs:logs", "Read what instances write, all of them together."),
        "history": ("jobs:history", "What happened to a job, and who asked for it."),
        "scaling": ("scaling:scaling", "How a job's number follows its metrics, and what was decided."),
        "export": ("export:export", "Print jobs as documents for publish and apply."),
        "search": ("jobs:search", "Find jobs, instances, hosts, operations and more."),
        "open": ("jobs:open_page", "Print the address of a job's page."),
    },
    "Change": {
        "publish": ("publish:publish", "Make a version run."),
        "apply": ("documents:apply", "Make jobs as they are written, after a plan."),
        "release": ("releases:release", "Change several jobs as one."),
        "scale": ("actions:scale", "Run so many instances."),
        "restart": ("actions:restart", "Replace every instance by a new one."),
        "stop": ("actions:stop", "End all instances; the job stays."),
        "start": ("actions:start", "Run a stopped job again."),
        "undo": ("controls:undo", "Put back what ran before."),
        "rollback": ("actions:rollback", "Publish an earlier version again."),
        "clone": ("moving:clone", "Copy a job to another name or cluster."),
        "migrate": ("moving:migrate", "Move a job to another cluster."),
        "kill": ("actions:kill", "End one instance; another takes its place."),
        "delete": ("actions:delete", "Stop a job and take it out of the lists."),
    },
    "Follow": {
        "operations": ("operations:operations", "List what was asked for, and how far it is."),
        "operation": ("operations:operation", "Show an operation with its log."),
        "wait": ("operations:wait", "Follow operations to their end."),
        "releases": ("releases:releases", "List releases."),
        "pause": ("controls:pause", "Stop a publish where it is."),
        "resume": ("controls:resume", "Go on after a pause."),
        "go-on": ("controls:go_on", "Trust the new version: end a hold."),
        "cancel": ("operations:cancel", "Ask for an operation's end."),
    },
    "More": {
        "template": ("templates:template", "Templates: list, show, save a job as one, update jobs."),
        "schedules": ("schedules:schedules", "When a job has how many instances."),
        "secrets": ("secrets:secrets", "A product line's secrets: names, never values."),
        "completion": ("completion:completion", "Print what completes commands in your shell."),
    },
}
_COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Root(click.Group):
    """Finds commands by name in SECTIONS and loads them then."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"ocean_cli.commands.{module}"), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _COMMANDS, n=3)
            if not near:
                raise
            raise click.UsageError(f"{exc.message} Did you mean {' or '.join(near)}?", ctx) from exc

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, short) for name, (_where, short) in commands.items()])


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ocean")
@add_common_options
@click.pass_context
def ocean(context: click.Context) -> None:
    """Ocean on the command line: publish, scale and watch jobs.

    A JOB is a short name where it means one job (weather-api, shop/weather-api, weather-api@staging,
    shop/weather-api@staging), or its whole tag.

    Exit codes: 0 done, 1 the operation failed, 2 usage, 3 bad input, 4 not found or not allowed,
    5 something else is under way, 6 no answer or not in time, 130 interrupted.
    """
    context.ensure_object(Session)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, and return its exit code."""
    try:
        ended: Any = ocean.main(
            args=None if arguments is None else list(arguments), prog_name="ocean", standalone_mode=False
        )
    except CliError as exc:
        return _say(exc)
    except click.exceptions.Exit as exc:
        return exc.exit_code
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except SystemExit as exc:
        # Click and rich end so (by 1) when whoever reads has enough, as `head` does: that is no failure.
        return exc.code if isinstance(exc.code, int) and exc.code > 1 else 0
    return ended if isinstance(ended, int) else 0


def _say(error: CliError) -> int:
    from ocean_cli.output import clean

    message = clean(str(error))
    said = message if isinstance(error, Interrupted) else f"{click.style('Error:', fg='red')} {message}"
    click.echo(said, err=True, color=_colors())
    if error.hint:
        click.echo(clean(error.hint), err=True)
    return error.exit_code


def _colors() -> bool | None:
    return False if os.environ.get("NO_COLOR") else None
