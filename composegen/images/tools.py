"""Which programs that can run a probe an image must have, from the commands it runs.

What is called or installed is there. A program in a folder of its own, such as that
of a virtual environment, is no proof: a probe would not find it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from composegen.patterns import make_pattern

_PROVES = {
    **{name: name for name in ("python3", "python", "node", "php", "bash")},
    **{name: name for name in ("curl", "wget")},
    "pip": "python3",
    "pip3": "python3",
    "npm": "node",
    "npx": "node",
    "yarn": "node",
    "composer": "php",
}
"""A program -> the one that is there with it."""

_PACKAGES = {
    **{name: name for name in ("bash", "curl", "python3", "wget")},
    "nodejs": "node",
    "php-cli": "php",
}
"""A package of a distribution -> the program that it installs."""

_FOLDERS = frozenset({"", "/bin", "/usr/bin", "/usr/local/bin"})
_WRAPPERS = frozenset("dumb-init env exec tini then do else ! ( {".split())
_SHELLS = frozenset({"sh", "bash", "ash", "dash"})
_MANAGERS = frozenset("apk apt apt-get dnf microdnf yum zypper".split())
_ADDING = frozenset({"add", "install"})
_REMOVING = frozenset({"autoremove", "del", "purge", "remove", "erase"})
_ASSIGNMENT = make_pattern(r"[A-Za-z_]\w*=")
_BETWEEN = make_pattern(r"&&|\|\||[;|\n]")


def list_programs(command: object) -> list[str]:
    """What a command proves: a list of words, or a text for a shell."""
    if isinstance(command, str):
        pieces = [piece.split() for piece in _BETWEEN.split(command)]
        return [name for words in pieces for name in _find_program(words)]
    if not isinstance(command, list | tuple):
        return []
    words = [str(word) for word in command]
    found = list(_find_program(words))
    if len(words) > 2 and _read_name(words[0]) in _SHELLS and words[1] == "-c":
        found += list_programs(words[2])
    return found


def list_programs_of(instructions: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """What the instructions of a Dockerfile's stage prove together, in their order."""
    found: dict[str, None] = {}
    for word, rest in instructions:
        if word == "RUN":
            _follow_run(rest, found)
        elif word in {"CMD", "ENTRYPOINT", "SHELL"}:
            found |= dict.fromkeys(list_programs(_read_words(rest)))
        elif word == "HEALTHCHECK":
            _, _, command = rest.partition("CMD ")
            found |= dict.fromkeys(list_programs(_read_words(command.strip())))
    return tuple(found)


def _follow_run(text: str, found: dict[str, None]) -> None:
    """Add what one RUN proves, and take out what it removes again."""
    while text.startswith("--"):
        text = text.partition(" ")[2].lstrip()
    command = _read_words(text)
    added: dict[str, None] = dict.fromkeys(list_programs(command))
    removed: set[str] = set()
    for piece in _BETWEEN.split(command) if isinstance(command, str) else ():
        words = [word.partition("=")[0] for word in piece.split()]
        action = _find_action(words)
        if action in _REMOVING:
            is_hidden = any("$" in word for word in words)
            removed |= {_PACKAGES.get(word, "") for word in words}
            removed |= set(added) if is_hidden else set()
        elif action in _ADDING and not {"-t", "--virtual"} & set(words):
            added |= dict.fromkeys(_PACKAGES[w] for w in words if w in _PACKAGES)
    found |= added
    for name in removed & found.keys():
        del found[name]


def _find_action(words: Sequence[str]) -> str:
    """What a package manager has to do; empty where none is called."""
    plain = [word for word in words if not word.startswith("-")]
    if not _MANAGERS & set(plain[:3]):
        return ""
    return next((word for word in plain if word in _ADDING | _REMOVING), "")


def _find_program(words: Sequence[str]) -> Iterator[str]:
    """The program that the words start, past what only starts another one."""
    is_wrapped = False
    for word in words:
        name = _read_name(word)
        if name in _WRAPPERS or _ASSIGNMENT.match(word):
            is_wrapped = True
        elif not (is_wrapped and word.startswith("-")):
            if name in _PROVES:
                yield _PROVES[name]
            return


def _read_name(word: str) -> str:
    folder, name = posixpath.split(word)
    return name if folder in _FOLDERS or name == "tini" else ""


def _read_words(text: str) -> object:
    if not text.startswith("["):
        return text
    try:
        import json

        return json.loads(text)
    except ValueError:
        return text
