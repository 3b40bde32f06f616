"""``composegen init``."""

from __future__ import annotations

from pathlib import Path

import click

from composegen.commands.declare import command, option
from composegen.commands.options import DEFAULT_FILE, make_console
from composegen.errors import ExitCode, UsageError


@command()
@click.argument("folder", metavar="[DIR]", default=".")
@option("--bare", is_flag=True, help="Write only a small stack file.")
@option(
    "--from",
    "sources",
    metavar="FILE",
    multiple=True,
    help="Adopt this Compose file; the same as `composegen adopt FILE`.",
)
def init(folder: str, bare: bool, sources: tuple[str, ...]) -> None:
    """Write the chat stack, ready to run, or a small stack file.

    Never overwrites a file.
    """
    if sources:
        _adopt(folder, bare, sources)
        return
    import shlex

    from composegen.commands.scaffold import write_bare_stack, write_chat_stack

    console = make_console()
    target = Path(folder)
    if bare:
        console.say(f"wrote {write_bare_stack(target)}")
        _say_output(target)
        console.say("next: composegen check, composegen plan, composegen up")
        return
    count = write_chat_stack(target)
    console.say(f"wrote {count} files to {folder}")
    _say_output(target)
    enter = "" if folder == "." else f"cd {shlex.quote(folder)} && "
    console.say("\nto run it without containers, create its environment once:")
    console.say(f"  {enter}python3 -m venv .venv")
    console.say("  .venv/bin/pip install ./router ./backend ./frontend")
    console.say("then run it:")
    console.say("  composegen run")
    console.say("or on the Docker engine:")
    console.say("  composegen up")
    console.say(f"\nto see what would start, and to write its {_find_output(target)}:")
    console.say("  composegen plan")
    console.say("  composegen render")


def _find_output(folder: Path) -> str:
    """The rendered file of the stack that was written."""
    from composegen.stackfile.load import find_output

    return find_output(folder / DEFAULT_FILE)


def _say_output(folder: Path) -> None:
    """Say of a rendered file with another name why it has that name."""
    from composegen.targets.output import find_foreign

    other, output = find_foreign(folder), _find_output(folder)
    if other and output != other:
        make_console().say(
            f"{other} stays as it is: this stack is rendered to {output}"
        )


def _adopt(folder: str, bare: bool, sources: tuple[str, ...]) -> None:
    """What `adopt` does with these files and no options."""
    from composegen.adopt.project import Asked, Options
    from composegen.commands.adopt import run_adoption

    if bare or folder != ".":
        raise UsageError(
            "--from writes the stack file next to the Compose file",
            help="omit --bare and the folder",
        )
    asked = Asked(files=sources)
    report = run_adoption(asked, Options(), None, proves=True, form="text")
    if report.unlisted:
        raise SystemExit(ExitCode.PROBLEM)
