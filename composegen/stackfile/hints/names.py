"""A name that no service can have, and the near one that it can have."""

from __future__ import annotations

import re

from composegen.values import RESERVED_NAMES, SERVICE_NAME

_RULE = "letters, digits and _ . - , a letter or a digit first, at most 63"


def suggest_service_name(name: str) -> str:
    """The help for a service with a name that it cannot have."""
    if name in RESERVED_NAMES:
        return "Compose and Docker give that name a meaning of its own"
    near = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("_.-")
    is_near = SERVICE_NAME.fullmatch(near) and near not in RESERVED_NAMES
    return f"did you mean `{near}`? {_RULE}" if is_near else _RULE
