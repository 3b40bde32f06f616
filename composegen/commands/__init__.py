"""The command line: the only package that knows click, the only one that exits.

What a command needs is imported when it runs: starting quickly is a feature.
"""

from __future__ import annotations

import errno
import sys
from io import TextIOWrapper
from typing import NoReturn

import click

from composegen.commands.group import COMMANDS, cli
from composegen.commands.options import make_console
from composegen.errors import ComposegenError, ExitCode
from composegen.oserrors import describe_os_error, is_known, is_shortage

__all__ = ["cli", "main"]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with one of ``ExitCode``."""
    sys.exit(_run(arguments))


def _fill_closed_streams() -> None:
    """Let a closed stdin, stdout or stderr be nothing, not the next file that opens."""
    import os

    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _prepare_streams() -> None:
    """What the encoding of a stream lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _find_command(arguments: list[str] | None) -> str:
    """The command that was typed, where click has lost it."""
    words = sys.argv[1:] if arguments is None else arguments
    return " ".join(["composegen", *(word for word in words[:1] if word in COMMANDS)])


def _show_refusal(error: OSError) -> None:
    """What the system refused; a shortage is of the process, whatever it opened."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        sys.stdout = None  # what is still to be written would fail again at the end
    file = error.filename if isinstance(error.filename, str) else ""
    words, help = describe_os_error(error, file)
    shown = f"{file}: {words}" if file and not is_shortage(error) else words
    make_console().show_usage_error(shown, help)


def _run(arguments: list[str] | None) -> int:
    _fill_closed_streams()
    _prepare_streams()
    try:
        result = cli.main(arguments, prog_name="composegen", standalone_mode=False)
    except ComposegenError as error:
        make_console().show_error(error)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        make_console().say(error.format_message())
        return ExitCode.USAGE
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else _find_command(arguments)
        from composegen.commands.habits import explain_usage

        make_console().show_usage_error(*explain_usage(error, path))
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has closed it; nothing more is to be said.
        sys.stdout = None
        return ExitCode.FINE
    except OSError as error:
        if not is_known(error):
            raise
        _show_refusal(error)
        return ExitCode.PROBLEM
    except SystemExit as stop:
        return int(stop.code or 0)
    return result if isinstance(result, int) else ExitCode.FINE
