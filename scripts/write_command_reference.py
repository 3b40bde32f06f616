"""Writes ``docs/reference/commands.md`` from the command line's own words."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from composegen.commands import cli
from composegen.errors import ExitCode

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"
EXIT_CODES = {
    ExitCode.FINE: "fine",
    ExitCode.PROBLEM: "a problem was found",
    ExitCode.USAGE: "wrong usage",
    ExitCode.NOT_EXECUTABLE: "`exec`: the command cannot be executed",
    ExitCode.NOT_FOUND: "`exec`: there is no such command",
    ExitCode.HUNG_UP: "hung up",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "ended by a signal",
}
HEAD = """\
<!-- Made by `make reference` from the command line: change composegen/commands/. -->

# Command reference

`-h` and `--help` say the same in a terminal. stdout carries data, stderr talk.
"""


def write_page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_write_codes(), *_write_commands()]).rstrip("\n") + "\n"


def _write_codes() -> Iterator[str]:
    yield "| exit code | meaning |\n|---|---|"
    for code in ExitCode:
        yield f"| {int(code)} | {EXIT_CODES[code]} |"
    yield ""


def _write_commands() -> Iterator[str]:
    context = click.Context(cli, info_name="composegen", **cli.context_settings)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        if not command.hidden:
            yield from _write_command(command, context)


def _write_command(command: click.Command, above: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=command.name, parent=above)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"## composegen {command.name}\n"
    yield f"```text\n{usage}\n```\n"
    yield from _write_help(command.help or "")
    options = [
        record
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        and (record := parameter.get_help_record(context)) is not None
    ]
    yield "| option | meaning |\n|---|---|"
    for option, meaning in options:
        yield f"| `{_escape(option)}` | {_escape(' '.join(meaning.split()))} |"
    yield ""


def _write_help(text: str) -> Iterator[str]:
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        yield " ".join(paragraph.split()) + "\n"


def _escape(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Write the page; with ``--check`` only say whether it is as it should be."""
    page = write_page()
    if "--check" in sys.argv[1:]:
        is_same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page
        sys.exit(0 if is_same else f"{PAGE.name} is stale: make reference")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    print(f"wrote {PAGE.name}")


if __name__ == "__main__":
    main()
