"""When a service that has ended is started again: `restart` and raw settings."""

from __future__ import annotations

from composegen.model import Service
from composegen.values import Restart, guess_default, parse_restart


def find_policy(service: Service) -> str:
    """Compose's restart policy of a service, as it is written."""
    if "restart" in service.compose:
        raw = service.compose["restart"]
        return "no" if raw in {None, ""} else str(raw)
    return service.restart or ("no" if service.job else "unless-stopped")


def guess_restart(service: Service) -> Restart:
    """The same by the default of a variable, and the usual one where it has none."""
    try:
        return parse_restart(guess_default(find_policy(service)))
    except ValueError:
        return Restart("unless-stopped")
