"""Rendered files on the disk: never over another file, never half-written."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from composegen.errors import FileRefused, StaleFile
from composegen.model import COMPOSE_FILES, OTHER_OUTPUT
from composegen.oserrors import is_shortage
from composegen.paths import exists, is_file, is_folder, is_link, read_regular
from composegen.patterns import make_pattern
from composegen.planning.selection import Selection
from composegen.records import record, replace
from composegen.system.files import check_entered, write_atomically
from composegen.targets.files import POD_SECURITY, PODMAN, Cluster
from composegen.targets.header import is_ours, is_untouched, read_flags

_MOST = 64 * 1024 * 1024
_STACK_FILE = "stack.yaml"
_CLUSTER = {
    "--registry": "registry",
    "--tag": "tag",
    "--wait-image": "wait_image",
    "--pod-security": "pod_security",
}
_ENGINE = make_pattern(rf"\d{{1,4}}|{PODMAN}", re.ASCII)


class Written(StrEnum):
    """What became of the file."""

    NEW = "wrote"
    RENEWED = "renewed"
    SAME = "is up to date"


@record(kw_only=False)
class Recorded:
    """What the header of a rendered file says it was made with.

    ``engine`` is one that is not the usual one, as `--engine` names it.
    """

    selection: Selection
    engine: str
    cluster: Cluster = Cluster()


def find_prefix(output: Path, stack_folder: Path) -> str:
    """The way from the output's folder to that of the stack file, with slashes."""
    start = os.path.realpath(output.parent)
    return Path(os.path.relpath(os.path.realpath(stack_folder), start)).as_posix()


def find_foreign(folder: Path) -> str:
    """The Compose file of a folder that composegen did not write; empty for none.

    Of the usual names, the one that Compose takes. Raises FileRefused.
    """
    for name in COMPOSE_FILES:
        path = folder / name
        if exists(path) or is_link(path):
            text = None if is_link(path) else _read(path)
            return "" if text is not None and is_ours(text) else name
    return ""


def find_refusal(path: Path) -> str:
    """Why the rendered file may not be written over what is there; empty if it may.

    Raises FileRefused where that cannot be seen.
    """
    if is_folder(path):
        return "is a folder"
    if not exists(path) and not is_link(path):
        return ""
    old = None if is_link(path) else _read(path)
    return "" if old is not None and is_untouched(old) else _find_reason(old)


def suggest_output(path: Path) -> str:
    """What to do where the rendered file may not be written over what is there."""
    if path.name != find_foreign(path.parent):
        return (
            "composegen render --force replaces it and keeps a .bak; "
            "or move it out of the way"
        )
    return (
        "leave it as it is and name another file at the top level of the stack file:\n"
        f"output: {OTHER_OUTPUT}\n"
        "or replace it: `composegen render --force` keeps a .bak"
    )


def write_rendered(
    text: str, path: Path, *, force: bool = False, is_named: bool = True
) -> Written:
    """Write a rendered file in place.

    A file that composegen did not write, or that was edited since, is refused; with
    ``force`` it is kept as ``.bak``. A device or a pipe is written to where a person
    has named it: what lies in a folder cannot lead there. Raises FileRefused.
    """
    shown = str(path)
    check_entered(path)
    if not is_folder(path.parent):
        raise FileRefused(
            shown, "its folder does not exist", help=f"mkdir -p {path.parent}"
        )
    if is_folder(path):
        raise FileRefused(
            shown, "is a folder", help="name a file: -o FOLDER/compose.yaml"
        )
    if is_named and exists(path) and not is_file(path):
        _write_into(path, text)
        return Written.NEW
    if not exists(path) and not is_link(path):
        write_atomically(path, text)
        return Written.NEW
    old = None if is_link(path) else _read(path)
    if old == text:
        return Written.SAME
    if old is None or not is_untouched(old):
        if not force:
            raise _refuse(shown, old)
        _keep(path)
    write_atomically(path, text)
    return Written.RENEWED


def _write_into(path: Path, text: str) -> None:
    """Write to a device or a pipe; it is never replaced."""
    try:
        path.write_text(text, encoding="utf-8")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileRefused.by_system(str(path), error) from None


def _find_reason(old: str | None) -> str:
    if old is not None and is_ours(old):
        return "was edited by hand since it was made"
    return "was not made by composegen"


def _refuse(shown: str, old: str | None) -> FileRefused:
    if old is not None and is_ours(old):
        help = (
            "put the change into the stack file (`compose:` takes raw settings), or "
            f"--force: the old file is kept as {Path(shown).name}.bak"
        )
    else:
        help = (
            "choose another file with -o, or with `output` at the top level of the "
            f"stack file, or --force: the old file is kept as {Path(shown).name}.bak"
        )
    return FileRefused(shown, _find_reason(old), help=help)


def _keep(path: Path) -> None:
    """Move the file to the first free name next to it."""
    kept = path.with_name(f"{path.name}.bak")
    number = 1
    while exists(kept) or is_link(kept):
        number += 1
        kept = path.with_name(f"{path.name}.bak{number}")
    try:
        os.link(path, kept, follow_symlinks=False)
    except OSError:
        path.replace(kept)


def _read(path: Path) -> str | None:
    try:
        data = read_regular(path, _MOST + 1, follow=False)
    except OSError as error:
        if is_shortage(error) or isinstance(error, PermissionError):
            raise FileRefused.by_system(str(path), error) from None
        return None
    text = data.decode("utf-8", errors="surrogateescape")
    # As text is read everywhere: CR LF and CR end a line as LF does.
    return None if len(data) > _MOST else re.sub("\r\n?", "\n", text)


def read_recorded(path: Path) -> Recorded | None:
    """The selection in the header of a rendered file; None where it is not one.

    Raises FileRefused where it may not be read.
    """
    text = _read(path)
    if text is None or not is_ours(text):
        return None
    words = read_flags(text)
    flags = ("--with", "--without", "--engine", *_CLUSTER)
    values: dict[str, list[str]] = {flag: [] for flag in flags}
    for flag, value in zip(words[::2], words[1::2], strict=False):
        values.get(flag, []).append(value)
    engine = values["--engine"][-1:] or [""]
    return Recorded(
        Selection(added=tuple(values["--with"]), removed=tuple(values["--without"])),
        engine[0] if _ENGINE.fullmatch(engine[0]) else "",
        _read_cluster({name: values[flag][-1:] for flag, name in _CLUSTER.items()}),
    )


def _read_cluster(found: Mapping[str, list[str]]) -> Cluster:
    """What a header says of a cluster; a level that there is not is passed over."""
    given = {name: words[0] for name, words in found.items() if words}
    cluster = replace(Cluster(), **given)
    if cluster.pod_security in POD_SECURITY:
        return cluster
    return replace(cluster, pod_security=Cluster().pod_security)


def read_source(path: Path) -> str:
    """The stack file that a rendered file was made from, as seen from its folder.

    Empty where composegen did not make the file, or it may not be read.
    """
    try:
        text = _read(path)
    except FileRefused:
        return ""
    if text is None or not is_ours(text):
        return ""
    words = read_flags(text)
    found = dict(zip(words[::2], words[1::2], strict=False))
    return found.get("-f", _STACK_FILE)


def check_rendered(text: str, path: Path, *, flags: str = "") -> None:
    """Compare a file with what it should be; raises StaleFile with the difference.

    ``flags`` are those with which `render` makes it.
    """
    shown = str(path)
    old = _read(path)
    if old is None and not os.path.lexists(path):
        raise FileRefused(
            shown, "there is no such file", help=f"make it: composegen render{flags}"
        )
    if old == text:
        return
    if old is None or not is_ours(old):
        # Whatever it is, a link perhaps: its content is not shown.
        raise FileRefused(
            shown,
            "was not made by composegen",
            help="choose another file with -o, or render with --force",
        )
    import difflib

    difference = difflib.unified_diff(
        old.splitlines(keepends=True),
        text.splitlines(keepends=True),
        fromfile=shown,
        tofile=f"{shown} (as it should be)",
    )
    raise StaleFile(
        shown,
        "".join(line if line.endswith("\n") else f"{line}\n" for line in difference),
        help=_suggest_renewal(shown, old),
    )


def _suggest_renewal(shown: str, old: str) -> str:
    """What renews a file that `render` refuses to replace once it was edited."""
    if is_untouched(old):
        return "renew it with the command in its header"
    return (
        "it was edited by hand: put the change into the stack file (`compose:` takes "
        "raw settings), then use the command in its header with --force, which keeps "
        f"the old file as {Path(shown).name}.bak"
    )
