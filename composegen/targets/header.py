"""The header of a rendered file: the command that made it, and whether it was edited.

It is comments alone: Compose reads none of it.
"""

from __future__ import annotations

import posixpath
import re
import shlex

from composegen.digest import hash_text
from composegen.model import COMPOSE_FILES, DEFAULT_OUTPUT
from composegen.patterns import make_pattern

_FIRST = "# Made by composegen"
_COMMAND = make_pattern(r"^# composegen render(?: (.*))?\n", re.MULTILINE)
_CHECKSUM = make_pattern(r"^# checksum: ([0-9a-f]{64})\n", re.MULTILINE)


def write_flags(
    source: str,
    output: str,
    *,
    usual: str = DEFAULT_OUTPUT,
    selection: str = "",
    engine: str = "",
) -> str:
    """The flags that make the file again, typed in its own folder.

    ``source`` is the way from there to the stack file, ``output`` the file's name,
    ``usual`` the name that needs no flag, ``engine`` the one that must take it, empty
    where that is the usual one.
    """
    flags = []
    if source != "stack.yaml":
        flags.append(f"-f {shlex.quote(source)}")
    if posixpath.dirname(source) or output != usual:
        flags.append(f"-o {shlex.quote(output)}")
    if selection:
        flags.append(selection)
    if engine:
        flags.append(f"--engine {engine}")
    return " ".join(flags)


def write_plain_use(output: str) -> str:
    """How Compose alone uses a file of this name; empty where it finds it by itself."""
    if output in COMPOSE_FILES or not output.endswith((".yaml", ".yml")):
        return ""
    return f"docker compose -f {shlex.quote(output)} up"


def read_flags(text: str) -> list[str]:
    """The words of the command that a header records, without the command."""
    match = _COMMAND.search(text)
    if match is None:
        return []
    try:
        return shlex.split(match[1] or "")
    except ValueError:
        return []


def add_checksum(text: str) -> str:
    """The text with its checksum on the third line, below the command."""
    first, command, rest = text.split("\n", 2)
    return f"{first}\n{command}\n# checksum: {hash_text(text)}\n{rest}"


def is_ours(text: str) -> bool:
    """Whether composegen wrote this text, edited since or not."""
    return text.startswith(_FIRST) and bool(_CHECKSUM.search(text))


def is_untouched(text: str) -> bool:
    """Whether the text is one that composegen wrote and that is unedited."""
    match = _CHECKSUM.search(text)
    if match is None:
        return False
    without = text[: match.start()] + text[match.end() :]
    return hash_text(without) == match[1]
