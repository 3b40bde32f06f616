"""Which service a complaint of Compose is about, by how Compose speaks of it.

Compose 2 names the service whose image cannot be pulled and the container that cannot
be made; Compose 5 names the image, and ``service:NAME:N``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from composegen.patterns import make_pattern
from composegen.places.engine.notes import NotedService, Notes
from composegen.values import BadVariable, parse_variables

_NAMES = (
    r"target ([\w.-]*\w):",
    r"> \[([\w.-]*\w) ",
    r"^(?:service|provider):([\w.-]*\w)\b",
    r"^Container (\S+) +(?:Error|.*\b[Ee]rror\b)",
    r"^([\w.-]*\w) +Error ",
)
"""What names a service, or its container, at the place of the error itself."""
_IMAGES = (
    r"^Image (\S+) +(?:Error|.*\b[Ee]rror\b)",
    r"manifest for (\S+) not found",
    r"pull access denied for ([^\s,]+)",
    r"[Nn]o such image: (\S+)",
    r"[Uu]nable to get image '([^']+)'",
    r"failed to resolve reference \"([^\"]+)\"",
)
_MENTIONS = (
    r"[Ss]ervice \"?([\w.-]*\w)",
    r"[Cc]ontainer \"?([\w.-]*\w)",
)
_MARK = "\0"
_USUAL = make_pattern(r"^(?:docker\.io/)?(?:library/)?")


def find_culprit(
    notes: Notes, complaint: str, among: tuple[str, ...] = ()
) -> NotedService | None:
    """The service that a complaint is about; None where that is none.

    ``among`` are the services that Compose was called for, all where none is named.
    """
    named = [each for each in notes.services if not among or each.name in among]
    names = {name: each for each in named for name in (each.helper, each.name) if name}
    found = (
        *_find_keys(names, complaint),
        *_find_names(notes, names, complaint, _NAMES),
        *_find_images(named, complaint),
        *_find_names(notes, names, complaint, _MENTIONS),
    )
    lone = named[0] if among and len(named) == 1 else None
    return next(iter(found), lone)


def speaks_of(noted: NotedService, line: str) -> bool:
    """Whether a line of a pull names a service, or its image alone."""
    words = line.split()
    return noted.name in words or any(is_same_image(noted.image, it) for it in words)


def speaks_of_helper(noted: NotedService, complaint: str) -> bool:
    """Whether a complaint is about the container that asks a service, or its image."""
    if not noted.helper:
        return False
    if re.search(rf"\b{re.escape(noted.helper)}\b", complaint):
        return True
    return any(
        is_same_image(noted.helper_image, spoken)
        and not is_same_image(noted.image, spoken)
        for spoken in _list_images(complaint)
    )


def _find_keys(
    names: dict[str, NotedService], complaint: str
) -> Iterator[NotedService]:
    """The services of whose keys it speaks, by their place in the file."""
    for name in sorted(names, key=len, reverse=True):  # a name may hold dots
        if re.search(rf"\bservices\.{re.escape(name)}(?:[. :]|$)", complaint):
            yield names[name]


def _find_names(
    notes: Notes,
    names: dict[str, NotedService],
    complaint: str,
    patterns: Iterable[str],
) -> Iterator[NotedService]:
    for pattern in patterns:
        for match in re.finditer(pattern, complaint, re.MULTILINE):
            word = match[1].removeprefix(f"{notes.project}-")
            for name in (word, re.sub(r"-\d+$", "", word)):
                if name in names:
                    yield names[name]


def _find_images(
    services: Iterable[NotedService], complaint: str
) -> Iterator[NotedService]:
    services = tuple(services)
    for spoken in _list_images(complaint):
        for each in services:
            if is_same_image(each.image, spoken):
                yield each
        for each in services:
            if each.helper and is_same_image(each.helper_image, spoken):
                yield each


def _list_images(complaint: str) -> Iterator[str]:
    for pattern in _IMAGES:
        for match in re.finditer(pattern, complaint, re.MULTILINE):
            yield match[1]


def is_same_image(noted: str, spoken: str) -> bool:
    """Whether a reference that is spoken of is one that may hold variables.

    Either may lack its tag. One that is a variable as a whole is no evidence.
    """
    marked = _mark_variables(noted)
    if not marked.strip(_MARK):
        return False
    name, tag = _split_image(marked)
    other, other_tag = _split_image(spoken)
    return _fits(name, other) and (not other_tag or _fits(tag or "latest", other_tag))


def _fits(pattern: str, text: str) -> bool:
    literals = map(re.escape, pattern.split(_MARK))
    return re.fullmatch(".+".join(literals), text) is not None


def _split_image(reference: str) -> tuple[str, str]:
    plain = _USUAL.sub("", reference.partition("@")[0])
    folder, slash, last = plain.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{folder}{slash}{name}", tag


def _mark_variables(text: str) -> str:
    """The text with a mark in place of each variable."""
    parts, end = [], 0
    try:
        for variable in parse_variables(text):
            parts += [text[end : variable.start], _MARK]
            end = variable.end
    except BadVariable:
        return text
    return "".join([*parts, text[end:]])
