"""What `stop`, `start` and `restart` share: the place acts, the terminal shows it."""

from __future__ import annotations

from typing import NoReturn

import click

from composegen.commands.options import (
    Function,
    check_platform,
    find_places,
    make_console,
)
from composegen.errors import ExitCode, Interrupted, UsageError


def check_named(services: tuple[str, ...], help: str) -> None:
    """Raises UsageError where no service is named; ``help`` names what is for all."""
    if not services:
        raise UsageError("name at least one service", help=help)


def on_option(function: Function) -> Function:
    """``--on``: where the services run."""
    return click.option(
        "--on",
        type=click.Choice(["processes", "engine"]),
        help="Where the services run, if services run in both places.",
    )(function)


def act_on_services(
    act: str, services: tuple[str, ...], file: str, on: str | None, *, take_over: bool
) -> None:
    """Stop, start or restart services where they run; exits with 1 where one fails."""
    check_platform()
    from composegen.places.events import Event, Failed
    from composegen.places.place import Outcome
    from composegen.system.signals import catch_signals
    from composegen.terminal.stream import RunConsole

    place = find_places(file, acts=True).find_acting(on or "")
    do = {"stop": place.stop, "start": place.start, "restart": place.restart}[act]
    console = make_console()
    shown = RunConsole(console)
    explained: set[str] = set()

    def show(event: Event) -> None:
        shown.show(event)
        if isinstance(event, Failed):
            explained.add(event.service)

    with catch_signals(_interrupt):
        acted = do(services, show, take_over=take_over)
    words = {
        Outcome.WAS_STOPPED: "is not running" if act == "stop" else "",
        Outcome.WAS_RUNNING: "is already running",
    }
    for each in acted:
        text = words.get(each.outcome, each.reason)
        if text and each.service not in explained:
            console.say(f"{each.service} {text.removeprefix(f'{each.service} ')}")
    if any(each.outcome is Outcome.FAILED for each in acted):
        raise SystemExit(ExitCode.PROBLEM)


def _interrupt(code: ExitCode) -> NoReturn:
    raise Interrupted(code, help="see what became of it: composegen status")
