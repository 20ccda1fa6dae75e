"""What every command has at hand: the console, the output, and what the person's options say of both."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ocean_cli.config import Config, Context
    from ocean_cli.http import Api
    from ocean_cli.output import Output


@dataclass
class Session:
    """One call of the program. Nothing is read or connected to before a command asks for it."""

    format: str = "table"
    quiet: bool = False
    color: bool | None = None
    context_name: str | None = None
    patience_s: float | None = None

    @cached_property
    def config(self) -> Config:
        from ocean_cli.config import config_load

        return config_load()

    @cached_property
    def context(self) -> Context:
        from ocean_cli.config import context_chosen

        return context_chosen(self.config, name=self.context_name)

    @cached_property
    def api(self) -> Api:
        return self.api_of(self.context)

    def api_of(self, context: Context) -> Api:
        from ocean_cli.http import PATIENCE_S, Api

        patience_s = PATIENCE_S if self.patience_s is None else self.patience_s
        return Api(context, patience_s=patience_s, notice=self.notice)

    @cached_property
    def out(self) -> Output:
        from ocean_cli.output import Output

        return Output(format=self.format, quiet=self.quiet, color=self.color)

    def notice(self, text: str) -> None:
        """Say something beside the result, on standard error."""
        if not self.quiet:
            click.echo(text, err=True)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Go on only if the person says so. Without a terminal nobody can: then `--yes` is needed."""
        from ocean_cli.errors import Usage

        if yes:
            return
        if not sys.stdin.isatty():
            raise Usage("This needs a yes, and nobody can be asked here.", hint="Give --yes.")
        click.confirm(question, abort=True, err=True)


pass_session = click.make_pass_decorator(Session, ensure=True)
