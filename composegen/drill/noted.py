"""What `up` has noted: its selection, and what each service was made from."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from composegen.errors import NotDrillable
from composegen.model import Stack
from composegen.planning.definition import digest_definition
from composegen.planning.selection import Selection


def read_selection(flags: str) -> Selection:
    """The selection with which a stack was brought up, from the flags of its notes."""
    words = shlex.split(flags)
    pairs = list(zip(words[::2], words[1::2], strict=False))
    return Selection(
        added=tuple(name for flag, name in pairs if flag == "--with"),
        removed=tuple(name for flag, name in pairs if flag == "--without"),
    )


def check_unchanged(stack: Stack, definitions: Mapping[str, str], up: str) -> None:
    """Raise NotDrillable where the stack file has changed since the stack came up.

    What is recreated would be something else than what was disturbed. ``definitions``
    are the digests of what the services were made from, ``up`` brings it up again.
    """
    now = stack.services
    changed = [
        name
        for name, digest in definitions.items()
        if digest and (name not in now or digest_definition(now, name) != digest)
    ]
    if changed:
        raise NotDrillable(
            f"the stack file has changed since `{up}`: {', '.join(changed)}",
            help=f"bring it up as it is now: {up}",
        )
