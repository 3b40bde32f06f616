"""``composegen exec``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from composegen.commands.declare import command, option
from composegen.commands.options import (
    check_platform,
    complete_services,
    find_places,
    make_console,
    stack_option,
    take_over_option,
)
from composegen.commands.types import AtLeast
from composegen.commands.where import on_option
from composegen.errors import CannotExecute, ExitCode, UsageError

if TYPE_CHECKING:
    from composegen.places.place import Call

_ENDS = (0, 1)


@command("exec", context_settings={"allow_interspersed_args": False})
@click.argument("service", metavar="SERVICE", shell_complete=complete_services)
@click.argument("command", metavar="[--] COMMAND...", nargs=-1, type=click.UNPROCESSED)
@stack_option
@option(
    "-T",
    "--no-tty",
    is_flag=True,
    help="Give the command no terminal, even if there is one.",
)
@option(
    "-t",
    "--tty",
    is_flag=True,
    help="Fail if there is no terminal to give to the command.",
)
@option(
    "-i",
    "--interactive",
    is_flag=True,
    help="Accepted for users of Compose: stdin always reaches the command.",
)
@option(
    "--index",
    type=AtLeast(1),
    metavar="NUMBER",
    help="The container, or the pod, of a service that has several.",
)
@on_option("Where the service runs, if it runs in several places.")
@take_over_option
@click.pass_context
def exec(
    context: click.Context,
    /,
    service: str,
    command: tuple[str, ...],
    file: str,
    no_tty: bool,
    on: str,
    **flags: Any,
) -> None:
    """Run a command in a service that runs.

    Ends with the command's exit code: 126 if it cannot be executed, 127 if there is no
    such command. Options stand before the service. `{port}` in the command is the
    port on which the service listens.
    """
    check_platform()
    from composegen.places.place import Request

    words = _split_off(service, command)
    has_terminal = all(os.isatty(end) for end in _ENDS)
    if flags["tty"]:
        _check_terminal(has_terminal=has_terminal, is_refused=no_tty)
    request = Request(
        service=service,
        command=words,
        index=flags["index"],
        take_over=flags["take_over"],
        in_terminal=not no_tty and has_terminal,
    )
    call = find_places(file).prepare(request, make_console().say, on)
    context.exit(_carry_out(call, words[0], is_hidden=no_tty))


def _check_terminal(*, has_terminal: bool, is_refused: bool) -> None:
    """Raises UsageError where the command cannot get the terminal it should have."""
    if is_refused:
        raise UsageError("--tty and --no-tty contradict each other")
    if not has_terminal:
        raise UsageError(
            "there is no terminal to give to the command",
            help="leave out `-t`: composegen exec SERVICE COMMAND",
        )


def _split_off(service: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """The command without the ``--`` before it. Raises UsageError."""
    words = command[1:] if command[:1] == ("--",) else command
    if not words:
        raise UsageError(
            "a command is missing", help=f"composegen exec {service} -- COMMAND"
        )
    if words is command and words[0].startswith("-"):
        raise UsageError(
            f"`{words[0]}` stands after the service, so it is no option",
            help=f"composegen exec {words[0]} {service} COMMAND; a command that begins "
            f"with `-` needs `--` before it",
        )
    return words


def _carry_out(call: Call, word: str, *, is_hidden: bool) -> int:
    """Run the command as this process, or next to it; its exit code.

    It is next to this process only where it must not see the terminal that there is.
    """
    from composegen.oserrors import describe_os_error
    from composegen.system.call import become

    console = make_console()
    for stream in (console.out, console.err):
        stream.flush()
    try:
        if call.hides_terminal and is_hidden and any(map(os.isatty, range(3))):
            return _relay(call)
        become(call.program, call.command, call.folder, call.env)
    except OSError as error:
        reason, help = describe_os_error(error, word)
        raise CannotExecute(
            f"{word}: {reason}", ExitCode.NOT_EXECUTABLE, help=help
        ) from None


def _relay(call: Call) -> int:
    from composegen.system.call import start_hidden
    from composegen.system.signals import catch_signals, read_as_shell
    from composegen.terminal.relay import relay

    child = start_hidden(call.program, call.command, call.folder, call.env)

    def pass_on(code: ExitCode) -> None:
        if code is not ExitCode.INTERRUPTED:  # the terminal sends that to both
            child.terminate()

    with catch_signals(pass_on):
        return read_as_shell(relay(child))
