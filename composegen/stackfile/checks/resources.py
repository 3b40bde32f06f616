"""Resources: what is reserved is within the limits."""

from __future__ import annotations

from composegen.planning.limits import find_limits, list_reservations
from composegen.stackfile.checks.checked import Checked
from composegen.text import shorten


def check_reservations(checked: Checked) -> None:
    """A reservation is not above its limit, which may be a default."""
    for service in checked.stack.services.values():
        limits = find_limits(service)
        for reserved in list_reservations(service):
            limit = limits[reserved.name]
            if reserved.amount is None or limit.amount is None:
                continue
            if reserved.amount > limit.amount:
                whose = "the default limit" if limit.is_default else "its limit"
                checked.add(
                    "above-limit",
                    f"`{service.name}` reserves {shorten(reserved.text)} of "
                    f"`{reserved.name}`, but {whose} is {shorten(limit.text)}",
                    reserved.place,
                    f"raise the limit, or reserve less:\n"
                    f"resources: {{{reserved.name}: {shorten(reserved.text)}}}",
                )
