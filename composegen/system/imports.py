"""Libraries that the command line imports with less work; no other program does.

Patterns that a library compiles at its import are compiled when they are used. Of
``import yaml`` that is 69 of 98 million instructions: its own scanner's patterns, which
libyaml's parser replaces. Of ``import jinja2`` it is 66 of 125, its lexer's; of
``import click`` 12 of 135. Another 21 of these are ``inspect``, which only help uses:
such a module is filled when something of it is used.
"""

from __future__ import annotations

import gc
import re
import sys
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from threading import RLock
from types import ModuleType
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


_filling = RLock()


class _ModuleLater(ModuleType):
    """A module that is filled when code asks for the first name in it.

    ``importlib.util.LazyLoader`` fills it as soon as a second module imports it.
    """

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        with _filling:
            if type(self) is _ModuleLater and spec is not None and spec.loader:
                spec.loader.exec_module(self)
                self.__class__ = ModuleType  # type: ignore[assignment]
        return getattr(self, name)


def import_later(name: str) -> None:
    """Let a module of the standard library be filled when it is first used."""
    spec = None if name in sys.modules else find_spec(name)
    if spec is not None:
        module = module_from_spec(spec)
        module.__class__ = _ModuleLater
        sys.modules[name] = module


def keep_imported() -> None:
    """Switch the search for garbage on again; it passes over what was imported.

    That stays until the end, and a search of it while modules load finds nothing.
    """
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
