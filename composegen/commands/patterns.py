"""PyYAML without the patterns of its own scanner, which libyaml's parser replaces.

Compiling them takes 69 of the 98 million instructions of ``import yaml``, a seventh of
``composegen check``. A program that imports composegen imports PyYAML as it is.
"""

from __future__ import annotations

import re
import sys
from typing import Any


class _Later:
    """A pattern that is compiled when something is asked of it."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        return getattr(re.compile(self._pattern, self._flags), name)


def import_yaml() -> None:
    """Import PyYAML; it compiles a pattern when it first uses it."""
    if "yaml" in sys.modules:
        return
    compile_now: Any = re.compile
    re.compile = _Later  # type: ignore[assignment]
    try:
        import yaml  # noqa: F401 - importing it is the point
    finally:
        re.compile = compile_now
