"""Mounts in the short form where it says the same, with the variables as written."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from composegen.adopt.seen import Seen
from composegen.adopt.texts import undouble, write_text
from composegen.patterns import make_pattern
from composegen.values import has_variables, parse_variables

_SHORT_BIND = {"create_host_path", "selinux", "propagation"}
_ABSOLUTE = make_pattern(r"[/~$]|[A-Za-z]:[\\/]|\\\\")


def adopt_volumes(seen: Seen) -> None:
    """Every mount, its kind from Compose, its texts from the file."""
    written = seen.text.get("volumes") or []
    resolved = seen.model.get("volumes") or []
    if len(written) != len(resolved):
        written = [_undouble_mount(seen, mount) for mount in resolved]
    mounts = [
        _write_mount(seen, text, model)
        for text, model in zip(written, resolved, strict=True)
    ]
    if mounts:
        seen.set("volumes", mounts)


def _undouble_mount(seen: Seen, mount: Any) -> Any:
    """A resolved mount as it could be written next to the file."""
    source = write_text(mount.get("source"))
    if mount.get("type") == "bind":
        source = relate(seen, undouble(source)).replace("$", "$$")
    return {**mount, "source": source} if source else mount


def _write_mount(seen: Seen, text: Any, model: Any) -> Any:
    kind = model.get("type")
    target = undouble(write_text(model.get("target")))
    if seen.fill(text.get("target")).rstrip("/") != target.rstrip("/"):
        # One variable holds several parts of the mount.
        seen.change("volumes", f"the mount at {target} is written with its value")
        text = _undouble_mount(seen, model)
    source = write_text(text.get("source"))
    if kind == "bind":
        source = _settle_source(seen, source, undouble(write_text(model["source"])))
    target = write_text(text.get("target"))
    options = _list_options(text, kind)
    is_plain = kind in {"bind", "volume"} and options is not None
    if is_plain and options is not None and re.match(r"[/$]", target):
        parts = (source, target, ",".join(options))
        return ":".join(part for part in parts if part)
    long = {**text, "type": kind}
    if source:
        long["source"] = source
    return {key: value for key, value in long.items() if value not in (None, {})}


def _list_options(text: Any, kind: str) -> list[str] | None:
    """The options of the short form; None where only the long form says it."""
    known = {"type", "source", "target", "read_only", "bind", "volume", "consistency"}
    is_variable = has_variables(write_text(text.get("source")))
    if set(text) - known or isinstance(text.get("read_only"), str):
        return None
    options = ["ro"] if text.get("read_only") else []
    if kind == "bind":
        bind = text.get("bind")
        is_short = bind is None and is_variable and "volume" in text
        if not is_short and (not bind or not bind.get("create_host_path")):
            return None
        if set(bind or {}) - _SHORT_BIND:
            return None
        options += [
            str((bind or {})[k])
            for k in ("selinux", "propagation")
            if k in (bind or {})
        ]
        return options
    volume = text.get("volume") or {}
    if set(volume) - {"nocopy"} or "bind" in text:
        return None
    return [*options, *(["nocopy"] if volume.get("nocopy") else [])]


def _settle_source(seen: Seen, text: str, value: str) -> str:
    """The text of a path on the host, which must mean what Compose says."""
    if not has_variables(text):
        return text if _ABSOLUTE.match(text) or text.startswith(".") else f"./{text}"
    filled = seen.fill(text)
    if _resolve(seen, filled) == _resolve(seen, value):
        return text
    related = relate(seen, value)
    variable = next(iter(parse_variables(text)), None)
    is_alone = variable and variable.start == 0 and variable.end == len(text)
    if variable and is_alone and variable.operator in {":-", "-"}:
        return f"${{{variable.name}{variable.operator}{related}}}"
    seen.change("volumes", f"`{text}` is written with its value, {related}")
    return related


def _resolve(seen: Seen, path: str) -> str:
    if path.startswith("~"):
        path = path.replace("~", seen.values.get("HOME", "~"), 1)
    return posixpath.normpath(posixpath.join(str(seen.read.project.folder), path))


def relate(seen: Seen, path: str) -> str:
    """An absolute path as it is written next to the stack file, where it is below."""
    folder = str(seen.read.project.folder)
    if path == folder:
        return "."
    if path.startswith(f"{folder}/"):
        return f"./{path.removeprefix(folder).lstrip('/')}"
    return path
