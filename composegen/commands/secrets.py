"""``composegen secrets``."""

from __future__ import annotations

import click

from composegen.commands.options import (
    format_option,
    load_file,
    make_console,
    make_selection,
    make_workspace,
    stack_option,
)
from composegen.errors import ExitCode


@click.command()
@stack_option
@format_option
def secrets(file: str, form: str) -> None:
    """Create missing secret files, and report empty ones."""
    from composegen.planning.choices import settle_choices
    from composegen.text import escape_control
    from composegen.workspace.secrets import Outcome, make_secret_files

    console = make_console()
    workspace = make_workspace(file)
    stack = settle_choices(load_file(file).stack, make_selection((), ())).stack
    made = make_secret_files(stack, workspace.folder, workspace.environment)
    if form == "json":
        console.write_json(
            [
                {
                    "name": item.secret.name,
                    "file": item.secret.file,
                    "outcome": item.outcome.value,
                }
                for item in made
            ]
        )
    elif not made:
        console.say("this stack has no secrets")
    else:
        width = max(len(item.secret.file) for item in made)
        for item in made:
            help = f": {item.help}" if item.help else ""
            line = f"{item.secret.file:<{width}}  {item.outcome.value}{help}"
            console.write_data(escape_control(line) + "\n")
    if any(item.outcome is Outcome.MISSING for item in made):
        raise SystemExit(ExitCode.PROBLEM)
