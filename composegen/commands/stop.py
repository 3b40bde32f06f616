"""``composegen stop``."""

from __future__ import annotations

from typing import Any

from composegen.commands.acting import act_on_services, acting_options
from composegen.commands.declare import command


@command()
@acting_options
def stop(**typed: Any) -> None:
    """Stop services; the others keep running.

    A stopped service is not restarted until `composegen start`.
    """
    act_on_services("stop", **typed, for_all="to stop everything: composegen down")
