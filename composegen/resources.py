"""Where the files that travel with composegen are, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def find_templates() -> Path:
    """The folder of templates, recipes, facts and problem pages."""
    return _find("templates")


def find_chat_example() -> Path:
    """The chat stack with its services."""
    return _find("examples") / "chat"


def _find(name: str) -> Path:
    installed = _PACKAGE / name
    return installed if installed.is_dir() else _PACKAGE.parent / name
