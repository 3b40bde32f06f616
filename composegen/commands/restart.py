"""``composegen restart``."""

from __future__ import annotations

from typing import Any

from composegen.commands.acting import act_on_services, acting_options
from composegen.commands.declare import command


@command()
@acting_options
def restart(**typed: Any) -> None:
    """Stop services and start them again.

    Ends when they are ready, or when one has failed. To use a changed stack file, run
    `composegen up`.
    """
    for_all = "to restart everything: composegen down, then composegen up"
    act_on_services("restart", **typed, for_all=for_all)
