"""How a command and its options are declared: click's own ways, imported quickly.

click strips the help of an option with ``inspect``; here it is one line. What it says
of ``--help`` and ``--version`` is looked up in a translation, which imports ``locale``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from composegen import __version__

_HELP = "Show this message and exit."
_VERSION = "Show the version and exit."

Function = TypeVar("Function", bound=Callable[..., Any])


class Option(click.Option):
    """An option whose help stays as it is written."""

    def __init__(
        self, names: list[str], *, help: str | None = None, **rest: Any
    ) -> None:
        super().__init__(names, **rest)
        self.help = help


def option(*names: str, **rest: Any) -> Callable[[Function], Function]:
    """What ``click.option`` does."""
    return click.option(*names, cls=Option, **rest)


def command(
    name: str | None = None, *, cls: type[click.Command] = click.Command, **rest: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """What ``click.command`` does; ``-h`` and ``--help`` are the last option."""

    def make(function: Callable[..., Any]) -> click.Command:
        made = click.command(name, cls, **rest)(function)
        made.params.append(make_help_option())
        return made

    return make


def make_help_option() -> Option:
    """``-h`` and ``--help``."""
    return _make_ending("-h", "--help", show=_show_help, help=_HELP)


def make_version_option() -> Option:
    """``-V`` and ``--version``."""
    return _make_ending("-V", "--version", show=_show_version, help=_VERSION)


def _make_ending(
    *names: str, show: Callable[[click.Context], str], help: str
) -> Option:
    """An option that prints a text and ends the command."""

    def end(context: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked and not context.resilient_parsing:
            from composegen.terminal.console import Console

            Console().write_data(f"{show(context)}\n")
            context.exit()

    return Option(
        list(names),
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=end,
        help=help,
    )


def _show_help(context: click.Context) -> str:
    return context.get_help()


def _show_version(context: click.Context) -> str:
    return f"{context.find_root().info_name} {__version__}"
