"""What completes commands, options and jobs' names in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from ocean_cli.errors import Usage

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what completes commands in your shell.

    \b
      bash:  echo 'eval "$(ocean completion bash)"' >> ~/.bashrc
      zsh:   echo 'eval "$(ocean completion zsh)"' >> ~/.zshrc
      fish:  ocean completion fish > ~/.config/fish/completions/ocean.fish
    """
    made = get_completion_class(shell)
    if made is None:
        raise Usage(f"There is nothing for {shell}.")
    click.echo(made(context.find_root().command, {}, "ocean", "_OCEAN_COMPLETE").source())
