"""What `stop`, `start` and `restart` share: the place acts, the terminal shows it."""

from __future__ import annotations

from typing import NoReturn

from composegen.commands.options import (
    Function,
    check_platform,
    find_places,
    make_console,
    services_argument,
    stack_option,
    take_over_option,
)
from composegen.commands.where import on_option
from composegen.errors import ExitCode, Interrupted, UsageError


def acting_options(function: Function) -> Function:
    """What the commands that act on single services take."""
    on = on_option("Where the services run, if services run in several places.")
    for option in (take_over_option, on, stack_option):
        function = option(function)
    return services_argument("SERVICE...")(function)


def act_on_services(
    word: str,
    *,
    services: tuple[str, ...],
    file: str,
    on: str,
    take_over: bool,
    for_all: str,
) -> None:
    """Stop, start or restart services where they run; exits with 1 where one fails.

    ``for_all`` names the command that does it for every service. Raises UsageError
    where no service is named.
    """
    if not services:
        raise UsageError("name at least one service", help=for_all)
    check_platform()
    from composegen.places.events import Event, Failed
    from composegen.places.place import Act, Outcome
    from composegen.system.signals import catch_signals
    from composegen.terminal.stream import RunConsole

    act = Act(word)
    place = find_places(file, acts=True).find_acting(on)
    console = make_console()
    shown = RunConsole(console)
    explained: set[str] = set()

    def show(event: Event) -> None:
        shown.show(event)
        if isinstance(event, Failed):
            explained.add(event.service)

    with catch_signals(_interrupt):
        acted = place.act(act, services, show, take_over=take_over)
    words = {
        Outcome.WAS_STOPPED: "is not running" if act is Act.STOP else "",
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
