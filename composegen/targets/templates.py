"""Keeps compiled templates in the user's cache, as Python keeps compiled modules.

Compiling them takes longer than rendering a stack. A cache that cannot be read or
written costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from jinja2.bccache import Bucket, BytecodeCache

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
