"""What Compose says of a key that it does not know: too old, or a wrong key."""

from __future__ import annotations

import re

from composegen.patterns import make_pattern
from composegen.places.cause import Cause
from composegen.places.engine.cause import CauseName
from composegen.targets.compose.newer import (
    NewerKey,
    find_refused_key,
    format_version,
)

_UNKNOWN = make_pattern(
    r"(?:(?P<path>[\w.\[\]-]+):? )?additional propert(?:y|ies) "
    r"'?(?P<name>[\w.-]+?)'?(?:, '[^']*')* (?:is |are )?not allowed",
    re.IGNORECASE,
)
_FALSE = make_pattern(r"(?:(?P<path>[\w.\[\]-]+)\.)?(?P<name>[\w-]+) false schema")
"""How Compose 5 says it: the path ends with the key."""
_WANTS_TEXT = make_pattern(r"(?P<path>services\.[\w.\[\]-]+) must be a string")


def explain_refused_key(text: str) -> Cause | None:
    """The cause where Compose refuses a key of the file; None where it does not."""
    form = _WANTS_TEXT.search(text)
    key = find_refused_key(form["path"], "") if form is not None else None
    if key is not None:
        return _explain_age(key)
    unknown = _UNKNOWN.search(text) or _FALSE.search(text)
    if unknown is None:
        return None
    path, name = unknown["path"] or "", unknown["name"]
    key = find_refused_key(path, name)
    if key is not None:
        return _explain_age(key)
    where = f" at {path}" if path.startswith("services.") else ""
    return Cause(
        CauseName.KEY_UNKNOWN,
        f"this Compose does not know the key `{name}`{where}",
        "correct its name under `compose`; if it is right, install a newer "
        "Docker Compose: composegen doctor",
    )


def _explain_age(key: NewerKey) -> Cause:
    return Cause(
        CauseName.COMPOSE_TOO_OLD,
        f"this Compose is too old for {key.what}",
        f"install Docker Compose {format_version(key.compose)} or later: "
        "composegen doctor",
    )
