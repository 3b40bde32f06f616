"""Where the files that travel with composegen are, installed or in a checkout."""

from __future__ import annotations

import os
from pathlib import Path

from composegen.paths import is_folder

_PACKAGE = Path(__file__).resolve().parent


def find_templates() -> Path:
    """The folder of templates, recipes, facts and problem pages."""
    return _find("templates")


def find_chat_example() -> Path:
    """The chat stack with its services."""
    return _find("examples") / "chat"


def find_cache() -> Path | None:
    """The user's folder for what can be made again; None where there is no home."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("HOME", "")
    if not home.startswith("/"):
        return None
    below = Path(home) if os.environ.get("XDG_CACHE_HOME") else Path(home) / ".cache"
    return below / "composegen"


def _find(name: str) -> Path:
    installed = _PACKAGE / name
    return installed if is_folder(installed) else _PACKAGE.parent / name
