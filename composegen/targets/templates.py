"""The templates of a target, filled; they are kept compiled in the user's cache.

A template's name minus ``.j2`` is the file that it writes. Compiling them takes longer
than rendering a stack. A cache that cannot be read or written costs time and nothing
else.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket, BytecodeCache
from markupsafe import Markup

from composegen.resources import find_cache, find_templates
from composegen.targets.quoting import (
    begin_key,
    is_nested,
    quote_scalar,
    write_block,
    write_comment,
    write_flow,
)

_FOLDER_MODE = 0o700


class TemplateCache(BytecodeCache):
    """One file a template below a folder that belongs to this user alone."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket from its file, where that is this user's own."""
        if self._folder is None:
            return
        try:
            with (self._folder / bucket.key).open("rb") as file:
                if os.fstat(file.fileno()).st_uid == os.geteuid():
                    bucket.load_bytecode(file)
        except (OSError, EOFError, ValueError, TypeError):
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write the bucket's file whole or not at all."""
        if self._folder is None:
            return
        part = self._folder / f".{bucket.key}.{os.getpid()}"
        try:
            self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            with part.open("wb") as file:
                bucket.write_bytecode(file)
            part.replace(self._folder / bucket.key)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()


def fill_templates(
    target: str, context: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """The names and the texts of a target's files, in the order of their names."""
    environment = _make_environment(target)
    for name in sorted(environment.list_templates(extensions=["j2"])):
        text = environment.get_template(name).render(context).rstrip("\n") + "\n"
        yield name.removesuffix(".j2"), text


@cache
def _make_environment(target: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(find_templates() / target),
        bytecode_cache=TemplateCache(find_cache()),
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
    )
    environment.filters.update(
        block=lambda value, indent: Markup(write_block(value, indent)),  # nosec B704
        flow=lambda value: Markup(write_flow(value)),  # nosec B704
        pairs=lambda value: Markup(write_block(value, 0).lstrip("\n")),  # nosec B704
        key=lambda value, indent=0: Markup(begin_key(value, indent)),  # nosec B704
        comment=lambda value: Markup(write_comment(value)),  # nosec B704
    )
    environment.tests["nested"] = is_nested
    return environment


def _finalize(value: Any) -> Any:
    """Quote whatever a template prints; Markup is what a filter has quoted."""
    if isinstance(value, Markup):
        return value
    return Markup(quote_scalar(value))  # nosec B704
