"""``composegen start``."""

from __future__ import annotations

from typing import Any

from composegen.commands.acting import act_on_services, acting_options
from composegen.commands.declare import command


@command()
@acting_options
def start(**typed: Any) -> None:
    """Start stopped services, with what they require.

    Ends when they are ready, or when one has failed.
    """
    for_all = "to start everything: composegen up, or composegen run"
    act_on_services("start", **typed, for_all=for_all)
