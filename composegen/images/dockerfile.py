"""What a Dockerfile and its .dockerignore say about an image; nothing is run.

Only stages, USER, EXPOSE, HEALTHCHECK and the programs that are called are read.
Reading the files themselves is
the loader's business.
"""

from __future__ import annotations

import fnmatch
import itertools
import re
from collections.abc import Iterator, Mapping

from composegen.images.tools import list_programs_of
from composegen.patterns import make_pattern
from composegen.records import field, record

_ARGUMENT = make_pattern(r"\$(?:\{(\w+)(?::?-([^}$]*))?\}|(\w+))")
_MAX_STAGES = 100
_LONGEST = 1000
_EXPOSED = make_pattern(r"\d{1,5}(?:-\d{1,5})?(?:/(?:tcp|udp|sctp))?", re.ASCII)
_DEEP = make_pattern(r"(?:\*\*/)+")
_HERE_DOCUMENT = make_pattern(r"(?:^|\s)\d*<<-?[\"']?([A-Za-z_]\w*)")
_STAGE_NUMBER = make_pattern(r"\d{1,4}", re.ASCII)


@record(frozen=False, kw_only=False)
class _Stage:
    base: str
    name: str
    user: str = ""
    has_healthcheck: bool | None = None
    exposed: list[str] = field(default_factory=list)
    commands: list[tuple[str, str]] = field(default_factory=list)


@record
class ImageSource:
    """What one stage says, stages that it builds upon included.

    ``base_image`` is the image that the chain begins with, empty where a build
    argument hides it; ``user`` the last USER; ``tools`` what can run a probe and
    must be there, since it is called or installed.
    """

    base_image: str = ""
    user: str = ""
    has_healthcheck: bool = False
    exposed: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


def parse_dockerfile(
    text: str, *, target: str = "", arguments: Mapping[str, str] | None = None
) -> ImageSource | None:
    """What the last stage, or ``target``, is; None where there is no such stage."""
    stages = _read_stages(text, dict(arguments or {}))
    if not stages:
        return None
    stage = _find_stage(stages, target) if target else stages[-1]
    if stage is None:
        return None
    user, healthcheck = "", None
    exposed: list[str] = []
    commands: list[tuple[str, str]] = []
    for _ in range(_MAX_STAGES):
        user = user or stage.user
        if healthcheck is None:
            healthcheck = stage.has_healthcheck
        exposed = [*stage.exposed, *exposed]
        commands = [*stage.commands, *commands]
        earlier = _find_stage(stages[: stages.index(stage)], stage.base)
        if earlier is None:
            break
        stage = earlier
    return ImageSource(
        base_image="" if "$" in stage.base else stage.base,
        user=user,
        has_healthcheck=bool(healthcheck),
        exposed=tuple(dict.fromkeys(exposed)),
        tools=list_programs_of(commands),
    )


_CLASSIC_FLAGS = {
    "RUN": frozenset[str](),
    "COPY": frozenset({"--chown", "--from"}),
    "ADD": frozenset({"--chown"}),
}
"""The flags that every builder knows, by the instructions that may have more."""


def list_buildkit_needs(text: str) -> tuple[str, ...]:
    """What only BuildKit can build: flags of instructions, and here-documents.

    Every stage counts: the classic builder builds those that are not used, too.
    """
    found = []
    for word, rest in _read_instructions(text):
        known = _CLASSIC_FLAGS.get(word)
        if known is None:
            continue
        flags = itertools.takewhile(lambda part: part.startswith("--"), rest.split())
        names = (flag.partition("=")[0] for flag in flags)
        found += [f"{word} {name}" for name in names if name not in known]
        if _HERE_DOCUMENT.search(rest):
            found.append("a here-document")
    return tuple(dict.fromkeys(found))


def _find_stage(stages: list[_Stage], name: str) -> _Stage | None:
    for stage in stages:
        if stage.name and stage.name == name.lower():
            return stage
    if _STAGE_NUMBER.fullmatch(name) and int(name) < len(stages):
        return stages[int(name)]
    return None


def _read_stages(text: str, arguments: dict[str, str]) -> list[_Stage]:
    known: dict[str, str] = {}
    stages: list[_Stage] = []
    for word, rest in _read_instructions(text):
        if word == "ARG" and not stages:
            for item in rest.split():
                name, _, default = item.partition("=")
                known[name] = arguments.get(name, default.strip("\"'"))[:_LONGEST]
        elif word == "FROM":
            words = [part for part in rest.split() if not part.startswith("--")]
            if words:
                named = len(words) > 2 and words[1].lower() == "as"
                name = words[2].lower() if named else ""
                # No image's name is as long: it is not expanded further.
                base = words[0] if len(words[0]) <= _LONGEST else "$"
                stages.append(_Stage(_fill_arguments(base, known), name))
        elif stages:
            _read_into(stages[-1], word, rest)
    return stages


def _read_into(stage: _Stage, word: str, rest: str) -> None:
    stage.commands.append((word, rest))
    if word == "USER":
        stage.user = rest.strip()
    elif word == "HEALTHCHECK":
        stage.has_healthcheck = not rest.strip().upper().startswith("NONE")
    elif word == "EXPOSE":
        # Ports alone: what is no port could be a line of any file that a link names.
        stage.exposed += [port for port in rest.split() if _EXPOSED.fullmatch(port)]


def _read_instructions(text: str) -> Iterator[tuple[str, str]]:
    waiting = ""
    here_document = ""
    for line in text.splitlines():
        if here_document:
            if line.strip() == here_document:
                here_document = ""
            continue
        if not waiting and line.lstrip().startswith("#"):
            continue
        if waiting and (not line.strip() or line.lstrip().startswith("#")):
            continue
        if line.rstrip().endswith("\\"):
            waiting += line.rstrip()[:-1] + " "
            continue
        word, _, rest = (waiting + line).strip().partition(" ")
        waiting = ""
        if word:
            yield word.upper(), rest.strip()
        opened = _HERE_DOCUMENT.search(rest)
        if opened and word.upper() in {"RUN", "COPY", "ADD"}:
            here_document = opened[1]


def _fill_arguments(text: str, known: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        value = known.get(match[1] or match[3], "") or (match[2] or "")
        return value or match[0]

    return _ARGUMENT.sub(replace, text)


def is_ignored(path: str, patterns: str) -> bool:
    """Whether a .dockerignore excludes ``path``; the last matching line decides."""
    ignored = False
    for raw_line in patterns.splitlines():
        line = raw_line.strip()
        if not line or line.startswith("#"):
            continue
        negated = line.startswith("!")
        pattern = line.removeprefix("!").strip().strip("/").removeprefix("./")
        pattern = _DEEP.sub("**/", pattern)
        if _matches(path, pattern):
            ignored = not negated
    return ignored


def _matches(path: str, pattern: str) -> bool:
    parts = path.split("/")
    if pattern.startswith("**/"):
        rest = pattern[3:]
        return any(_matches("/".join(parts[i:]), rest) for i in range(len(parts)))
    return any(
        fnmatch.fnmatchcase(
            "/".join(parts[:count]), pattern.rstrip("/").removesuffix("/**")
        )
        for count in range(1, len(parts) + 1)
    )
