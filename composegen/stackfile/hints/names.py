"""A name that no service can have: the near one that it can, and how DNS keeps both."""

from __future__ import annotations

from composegen.images.facts import list_recipe_files, read_recipe
from composegen.model import Raw
from composegen.stackfile.hints.inline import write_inline
from composegen.values import RESERVED_NAMES, SERVICE_NAME


def suggest_service_name(name: str, keys: Raw) -> str:
    """The help for a service with a name that it cannot have, and these keys."""
    if name in RESERVED_NAMES:
        return "Compose and Docker give that name a meaning of its own"
    lowered = name.lower().replace("_", "-").replace(".", "-")
    if not SERVICE_NAME.fullmatch(lowered):
        return "lower-case letters, digits and - , at most 63, a letter first"
    use = keys.get("use") if isinstance(keys, dict) else None
    network = lowered if _is_store(use) else "default"
    alias: Raw = {"networks": {network: {"aliases": [name]}}}
    return (
        f"did you mean `{lowered}`? lower-case letters, digits and -\n"
        f"other services then reach it as `{lowered}`; to keep `{name}` in DNS:\n"
        f"compose: {write_inline(alias)}"
    )


def _is_store(recipe: Raw) -> bool:
    """Whether a recipe gives its service a network of its own, named after it."""
    file = list_recipe_files().get(str(recipe))
    return file is not None and read_recipe(file).get("store") == "true"
