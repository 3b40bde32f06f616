"""``composegen init``."""

from __future__ import annotations

from pathlib import Path

import click

from composegen.commands.options import (
    make_console,
)


@click.command()
@click.argument("folder", metavar="[DIR]", default=".")
@click.option("--bare", is_flag=True, help="Write only a small stack file.")
def init(folder: str, bare: bool) -> None:
    """Write the chat stack, ready to run, or a small stack file.

    Never overwrites a file.
    """
    import shlex

    from composegen.commands.scaffold import write_bare_stack, write_chat_stack

    console = make_console()
    target = Path(folder)
    if bare:
        console.say(f"wrote {write_bare_stack(target)}")
        console.say("next: composegen check, composegen plan, composegen up")
        return
    count = write_chat_stack(target)
    console.say(f"wrote {count} files to {folder}")
    enter = "" if folder == "." else f"cd {shlex.quote(folder)} && "
    console.say("\nto run it without containers, create its environment once:")
    console.say(f"  {enter}python3 -m venv .venv")
    console.say("  .venv/bin/pip install ./router ./backend ./frontend")
    console.say("then run it:")
    console.say("  composegen run")
    console.say("or on the Docker engine:")
    console.say("  composegen up")
    console.say("\nto see what would start, and to write its compose.yaml:")
    console.say("  composegen plan")
    console.say("  composegen render")
