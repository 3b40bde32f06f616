"""What the terminal says of each event about the whole: one table, kind to words.

An empty text says nothing. What it says of one service is in ``stream`` and ``live``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from composegen.places.events import (
    Attached,
    ComposeWarned,
    Detached,
    EndAsked,
    Ending,
    Event,
    FileIgnored,
    FileKept,
    Killing,
    Noted,
    NotUp,
    OtherBegins,
    Planned,
    Pulling,
    SecretEmpty,
    Up,
    Wrote,
)
from composegen.places.status import format_moment
from composegen.places.timeline import draw_boots
from composegen.text import wrap


def _describe_guest(event: Attached) -> str:
    where = f" in {event.terminal}" if event.terminal else ""
    return (
        f"this stack is already running: pid {event.pid}{where}, since "
        f"{format_moment(event.since)}\n"
        "attached as a guest: Ctrl-C here detaches, Ctrl-C there ends it"
    )


def _describe_failure(event: NotUp) -> str:
    help = f"\n\n{event.help}" if event.help else ""
    return f"\n{event.text.rstrip()}{help}"


def describe_up(event: Up, *, width: int, columns: int | None = None) -> str:
    """The boot as bars ``width`` columns wide, then where to go and what is missing.

    ``columns`` is how wide a line may be, None for as wide as it needs to be.
    """
    lines = ["\n" + draw_boots(event.boots, width=width, columns=columns)]
    lines += [f"  {each.service}: {each.url}" for each in event.addresses]
    for excluded in event.excluded:
        text = f"  {excluded.service} is excluded: {excluded.reason}"
        lines.append(wrap(text, columns))
        lines += [wrap(f"    {instead}", columns) for instead in excluded.instead]
    if event.again:
        lines.append(f"  again: {event.again}")
    lines += [wrap(f"  {hint}", columns) for hint in event.hints]
    if event.is_held:
        lines.append("Ctrl-C ends it\n")
    return "\n".join(lines)


WORDS: Mapping[type[Event], Callable[[Any], str]] = {
    Planned: lambda event: event.text,
    Noted: lambda event: f"note: {event.text}",
    Wrote: lambda event: f"{event.how} {event.file}",
    FileKept: lambda event: f"{event.flags}: {event.file} is left as it is",
    FileIgnored: lambda event: (
        f"note: {event.file} is not read: raw settings go under `compose:` in "
        f"{event.stack}"
    ),
    SecretEmpty: lambda event: f"note: {event.file} is empty: {event.help}",
    ComposeWarned: lambda event: f"note: Compose says: {event.text}",
    Pulling: lambda event: f"{event.service}: pulling {event.image}",
    OtherBegins: lambda _: "another run of this stack is starting; waiting for it",
    Attached: _describe_guest,
    Detached: lambda event: (
        "the run has ended" if event.has_ended else "detached; the stack keeps running"
    ),
    NotUp: _describe_failure,
    EndAsked: lambda _: "",
    Ending: lambda event: (
        "stopping the other services" if event.has_failed else "stopping the stack"
    ),
    Killing: lambda _: "killing the services that are still running",
}
