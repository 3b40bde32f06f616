"""``composegen completion``."""

from __future__ import annotations

import click

from composegen.commands.declare import command
from composegen.commands.group import cli
from composegen.commands.options import (
    make_console,
)


@command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the shell code that completes commands, options and services.

    bash, in ~/.bashrc: eval "$(composegen completion bash)"

    zsh, in ~/.zshrc after compinit: eval "$(composegen completion zsh)"

    fish, in config.fish: composegen completion fish | source
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(cli, {}, "composegen", "_COMPOSEGEN_COMPLETE")
    make_console().write_file(made.source() + "\n")
