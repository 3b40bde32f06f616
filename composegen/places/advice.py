"""The lines of a stack file that a help shows: to be pasted as they stand.

A line is complete: put in place of the one with the same key, or merged with it, it
means the same.
"""

from __future__ import annotations

from composegen.patterns import make_pattern

_KINDS = {"tcp": "tcp: true", "image": "image: true"}
_PLAIN = make_pattern(r"/[\w./%+~-]*")


def advise_for(service: str, *lines: str) -> str:
    """The lines to add below a service in the stack file."""
    return "\n".join([f"under `{service}` in the stack file:", *lines])


def describe_health(kind: str, path: str, setting: str) -> str:
    """A `health` of a kind with one more setting, such as ``boot: 2m``.

    ``kind`` is a key of `health`; a check of another kind than a port is merged.
    """
    said = _KINDS.get(kind, "")
    if kind == "http" and not setting.startswith("http:"):
        said = f"http: {quote_path(path)}"
    return f"health: {{{', '.join(filter(None, (said, setting)))}}}"


def quote_path(path: str) -> str:
    """A path as it stands in a flow of YAML."""
    return path if _PLAIN.fullmatch(path) else f'"{path}"'
