"""Libraries without the patterns that they compile when they are imported.

Of ``import yaml`` that is 69 of 98 million instructions: its own scanner's patterns,
which libyaml's parser replaces. Of ``import jinja2`` it is 66 of 125: its lexer's, and
templates are kept compiled. Together they were a fifth of ``composegen render``. A
program that imports composegen imports these libraries as they are.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any

_compile_now: Any = re.compile


class _Later:
    """A pattern that is compiled when something is asked of it."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self._pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        return getattr(_compile_now(self._pattern, self._flags), name)


def import_quickly(library: str) -> None:
    """Import a library; it compiles a pattern when it first uses it."""
    if library in sys.modules:
        return
    re.compile = _Later  # type: ignore[assignment]
    try:
        import_module(library)
    finally:
        re.compile = _compile_now
