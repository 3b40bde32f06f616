"""A Compose ``healthcheck`` in the words of ``health``.

A test becomes ``http`` only where it does no more than to fetch a page of the service
itself; anything else stays the command that it is.
"""

from __future__ import annotations

import re
import shlex

from composegen.model import Raw
from composegen.patterns import make_pattern
from composegen.stackfile.hints.inline import write_inline
from composegen.values import find_undefaulted, guess_default, has_variables

_URL = make_pattern(
    r"http://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::(\d+))?(/[^\s'\"|;&$]*)?"
)
_QUIET_END = make_pattern(
    r"\s*(?:>\s*/dev/null|2>&1|&>\s*/dev/null)?\s*(?:\|\|\s*exit.*)?$"
)
_SHELL = make_pattern(r"[|;&<>`$]")
_CURL = make_pattern(
    r"-(?=[fsSLgq]+$)\w+|--(?:fail|silent|show-error|location|globoff)"
)
_WGET = make_pattern(
    r"-(?:q|nv|S|Y)|-[tT]\d+|-q?O-|--(?:spider|quiet|no-verbose|server-response)"
    r"|--(?:tries|timeout|output-document)=\S+"
)
_VALUED = {
    "curl": {"-o", "-m", "--output", "--max-time", "--connect-timeout", "--retry"},
    "wget": {"-t", "-T", "-O", "-Y", "--tries", "--timeout"},
}
_FETCHERS = {"curl": _CURL, "wget": _WGET}
_SCRIPTED = make_pattern(r"(?:\S*/)?(?:python[0-9.]*|node) -[ec] ")
_TIMES = (
    ("start_period", "boot"),
    *((key, key) for key in ("interval", "timeout", "retries")),
)


def translate_healthcheck(value: Raw) -> str:
    """The line to write instead of a ``healthcheck``."""
    if not isinstance(value, dict):
        return "health: /path"
    if str(value.get("disable")).lower() in {"true", "yes", "on"}:
        return "health: {none: why it cannot be asked}"
    parts = [_translate_test(value.get("test"))]
    for key, word in _TIMES:
        # composegen computes with times: a variable needs a default.
        text = str(value.get(key) or "")
        if not has_variables(text) or find_undefaulted(text):
            text = guess_default(text)
        if text:
            parts.append(f"{word}: {write_inline(text)}")
    return f"health: {{{', '.join(parts)}}}"


def _translate_test(test: Raw) -> str:
    read = read_test(test)
    if "none" in read:
        return "none: why it cannot be asked"
    return ", ".join(f"{key}: {write_inline(value)}" for key, value in read.items())


def read_test(test: Raw) -> dict[str, Raw]:
    """A `test` in the words of `health`; `none` is empty, since no reason is known."""
    if test is None:
        return {"image": True}
    words = [str(word) for word in test] if isinstance(test, list) else [str(test)]
    if words[:1] == ["NONE"]:
        return {"none": ""}
    is_shell = words[:1] == ["CMD-SHELL"] or not isinstance(test, list)
    if words[:1] in (["CMD"], ["CMD-SHELL"]):
        words = words[1:]
    url = _find_page(" ".join(words), words, is_shell=is_shell)
    if url is not None:
        return {"http": url[2] or "/", "port": int(url[1] or 80)}
    return {"command": " ".join(words) if is_shell else list(words)}


def _find_page(text: str, words: list[str], *, is_shell: bool) -> re.Match[str] | None:
    """The page of its own that a test fetches, where it does nothing else."""
    if _SCRIPTED.match(text):
        has_one = len(re.findall("https?://", text)) == 1
        return _URL.search(text) if has_one else None
    if is_shell:
        text = _QUIET_END.sub("", text)
        if _SHELL.search(re.sub(r"'[^']*'|\"[^\"$`]*\"", "", text)):
            return None
        try:
            words = shlex.split(text)
        except ValueError:
            return None
    name = words[0].rpartition("/")[2] if words else ""
    if name not in _FETCHERS:
        return None
    urls: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        if word in _VALUED[name]:
            next(rest, "")
        elif not word.startswith("-"):
            urls.append(word)
        elif not _FETCHERS[name].fullmatch(word):
            return None
    return _URL.fullmatch(urls[0]) if len(urls) == 1 else None
