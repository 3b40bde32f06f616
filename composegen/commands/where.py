"""Which place a command speaks of: options, and the headings of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click

from composegen.commands.declare import option
from composegen.commands.options import Function
from composegen.errors import UsageError
from composegen.places.names import KUBERNETES, PLACES


def on_option(help: str) -> Callable[[Function], Function]:
    """``--on``: the place that a command speaks of."""
    return option(
        "--on",
        type=click.Choice([*PLACES]),
        callback=lambda _, __, on: on or "",
        help=help,
    )


def context_options(function: Function) -> Function:
    """``--context`` and ``--namespace``: which cluster is meant, and where in it."""
    context = option(
        "--context",
        metavar="NAME",
        default="",
        help="The kubectl context of the cluster.  [default: that of the last `up`, "
        "else the current one, after a question]",
    )
    namespace = option(
        "--namespace",
        metavar="NAME",
        default="",
        help="The namespace on the cluster.  [default: the name of the stack]",
    )
    return context(namespace(function))


def check_context_options(on: str, typed: Mapping[str, str]) -> None:
    """Raises UsageError for options of a cluster where none is meant."""
    for name in ("context", "namespace"):
        if typed[name] and on != KUBERNETES:
            raise UsageError(
                f"--{name} is for a cluster", help=f"--on kubernetes --{name} NAME"
            )


def head_place(name: str, number: int = 0) -> str:
    """The heading of a place where several are shown; all but the first stand apart."""
    space = "\n" if number else ""
    return f"{space}{PLACES[name]}:\n"
