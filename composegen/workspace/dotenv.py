"""A ``.env`` file by Compose's rules, and the variables of a text filled from it."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path

from composegen.errors import FileRefused, MissingVariable
from composegen.patterns import make_pattern
from composegen.system.files import check_readable, read_small_text
from composegen.values import BadVariable, parse_variables

_NAME = make_pattern(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*(?:=|:\s)[ \t]*")
_INLINE_COMMENT = make_pattern(r"(?<!\s)\s+#.*$")
_LONGEST = 1024 * 1024
_DOUBLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$$"}


def read_dotenv(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a folder's ``.env`` sets; none where there is no such file.

    Raises FileRefused.
    """
    path = folder / ".env"
    check_readable(path, ".env")
    return parse_dotenv(read_small_text(path) or "", environment)


def parse_dotenv(
    text: str, environment: Mapping[str, str], *, file: str = ".env"
) -> dict[str, str]:
    """The variables that a ``.env`` file sets.

    Single quotes keep everything; double quotes know escapes; elsewhere ``$`` begins
    a variable, of ``environment`` first and then of earlier lines. A line that is no
    assignment is passed over. Raises FileRefused, with the line in ``file``, for a
    variable that is required and not set, and for a quote that is not closed.
    """
    values: dict[str, str] = {}
    known = ChainMap(dict(environment), values)
    position = 0
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        match = _NAME.match(text, position, end)
        if match is None or text[position:end].lstrip().startswith("#"):
            position = end + 1
            continue
        try:
            raw, quote, after = _read_value(text, match.end(), end)
            if quote != "'":
                raw = fill_variables(raw, known)
        except MissingVariable as missing:
            help = f"set {missing.variable} in the environment or in a line above"
            where = _locate(file, text, position)
            raise FileRefused(where, missing.message, help=help) from None
        except ValueError as error:
            where = _locate(file, text, position)
            raise FileRefused(where, str(error), help="close it") from None
        values[match[1]] = raw
        position = after
    return values


def _locate(file: str, text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    return f"{file}:{line}"


def parse_raw_env(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """What an env file of Compose's ``format: raw`` sets: every value as it is.

    A name alone takes the value of ``environment``, where there is one.
    """
    values: dict[str, str] = {}
    for line in text.removeprefix("\ufeff").splitlines():
        name, equals, value = line.lstrip().partition("=")
        if not name or name.startswith("#"):
            continue
        if equals:
            values[name] = value
        elif name in environment:
            values[name] = environment[name]
    return values


def _read_value(text: str, start: int, end: int) -> tuple[str, str, int]:
    """The raw value, its quote if any, and where the next line begins."""
    quote = text[start : start + 1]
    if quote in {"'", '"'}:
        close = start + 1
        while close < len(text) and text[close] != quote:
            close += 2 if quote == '"' and text[close] == "\\" else 1
        if close >= len(text):
            raise ValueError(f"the {quote} of a value is not closed")
        raw = text[start + 1 : close]
        if quote == '"':
            raw = re.sub(
                r"\\(.)",
                lambda m: _DOUBLE_ESCAPES.get(m[1], m[0]),
                raw,
                flags=re.DOTALL,
            )
        line_end = text.find("\n", close)
        return raw, quote, len(text) if line_end < 0 else line_end + 1
    raw = text[start:end]
    return _INLINE_COMMENT.sub("", " " + raw).strip(), "", end + 1


def fill_variables(text: str, environment: Mapping[str, str]) -> str:
    """The text with its variables filled by Compose's rules; unset ones are empty.

    Raises MissingVariable for one that is required; a ``$`` that begins no variable
    stays as it is, and so does a text that would grow beyond a megabyte.
    """
    try:
        variables = parse_variables(text)
    except BadVariable:
        return text
    parts: list[str] = []
    end = size = 0
    for variable in variables:
        size += len(parts[-1]) if parts else 0
        if size > _LONGEST:
            return text
        parts.append(text[end : variable.start].replace("$$", "$"))
        parts.append(
            _fill_one(variable.name, variable.operator, variable.argument, environment)
        )
        end = variable.end
    parts.append(text[end:].replace("$$", "$"))
    return "".join(parts)


def _fill_one(
    name: str, operator: str, argument: str, environment: Mapping[str, str]
) -> str:
    value = environment.get(name)
    counts = value is not None and (value != "" or not operator.startswith(":"))
    if operator.endswith("+"):
        return fill_variables(argument, environment) if counts else ""
    if counts:
        return value or ""
    if operator.endswith("?"):
        said = fill_variables(argument, environment)
        raise MissingVariable(name, said, is_empty=value is not None)
    return fill_variables(argument, environment) if operator else ""
