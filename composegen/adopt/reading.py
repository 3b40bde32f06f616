"""Phase one: the project as Compose resolves it, and the texts it was written in.

A missing env file or an unset required variable does not stop it: both are noted, and
Compose is asked again without them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from composegen.adopt.asking import Answer, Begun, Plain, Source, ask_model
from composegen.adopt.project import Project, show_path
from composegen.adopt.texts import (
    fill,
    is_off,
    list_variables,
    settle_switches,
    walk_texts,
    write_text,
)
from composegen.adopt.written import Written, read_written
from composegen.errors import FileRefused, ProblemsFound
from composegen.paths import exists, is_file
from composegen.records import field, record, replace
from composegen.stackfile.nodes import Source as YamlSource
from composegen.stackfile.nodes import read_bytes
from composegen.stackfile.problems import Problems
from composegen.text import list_some

_EXAMPLES = (
    *("{}.example", "{}.sample", "{}.template", "{}.dist"),
    *(".env.example", ".env.sample", ".env.template", ".env.dist"),
    *("example.env", "env.example", "sample.env", "env_template"),
)
_ACCEPT = "`docker compose config` must accept it first"
_CRASHED = (
    "Compose crashes on it with --no-interpolate, as it does where a switch says `yes` "
    "or `no`: write `true` or `false`"
)
_PLACEHOLDER = "required"
_NOT_YAML = frozenset({"not-utf-8", "tab", "unknown-alias", "yaml-syntax"})


@record
class MissingFile:
    """An env file that a service names and that is not there, with its example."""

    path: str
    example: str
    services: tuple[str, ...]


@record
class Read:
    """A project: ``texts`` as written, ``model`` as Compose resolves it.

    Both have every profile. ``env_files`` are those that are there, of each service
    that misses one. ``values`` fill the variables; ``unset`` are required ones
    that are not set. ``source`` is what Compose is asked about to compare.
    """

    project: Project
    texts: Plain
    model: Plain
    written: Written
    values: Mapping[str, str]
    source: Source
    missing: tuple[MissingFile, ...] = ()
    env_files: Mapping[str, list[Plain]] = field(default_factory=dict)
    unset: tuple[str, ...] = field(default_factory=tuple)


def read_project(project: Project, begun: Begun) -> Read:
    """Both forms, asked for again without what is missing.

    Raises FileRefused with Compose's own reason, and ComposeMissing.
    """
    source = begun.source
    written = read_written({show_path(p, project.folder): p for p in project.files})
    texts = _read(begun.texts, project)
    model = begun.model.read()
    missing: tuple[MissingFile, ...] = ()
    unset: tuple[str, ...] = ()
    kept: dict[str, list[Plain]] = {}
    values = dict(project.values)
    if model is None:
        unset = tuple(_list_unset(texts, values))
        values |= dict.fromkeys(unset, _PLACEHOLDER)
        missing = tuple(_list_missing(texts, values, project.folder))
        if not (unset or missing):
            _read(begun.model, project, texts, source)
        kept = _list_kept(texts, values, project.folder)
        source = replace(
            source,
            files=(*source.files, "-") if kept else source.files,
            text=write_override(kept),
            environment=dict.fromkeys(unset, _PLACEHOLDER),
        )
        model = _read(ask_model(source), project, texts, source)
    return Read(
        project=project,
        texts=settle_switches(texts, model),
        model=model,
        written=written,
        values=values,
        source=source,
        missing=missing,
        env_files=kept,
        unset=unset,
    )


def _read(
    answer: Answer,
    project: Project,
    texts: Plain | None = None,
    source: Source | None = None,
) -> Plain:
    found = answer.read()
    if found is None:
        _check_syntax(project)
        shown = show_path(project.files[0], project.folder)
        names = list(_list_empty(texts or {}, project.values))
        is_why = source is not None and names and _helps(source, names, answer)
        empty = list_some(names, 5) if is_why else ""
        help = f"set what is not set, and so is empty: {empty}" if empty else _ACCEPT
        if answer.complaint.startswith("panic:"):
            help = _CRASHED
        text = f"Compose cannot read the project: {answer.complaint}"
        raise FileRefused(shown, text, help=help)
    return found


def _helps(source: Source, names: list[str], answer: Answer) -> bool:
    """Whether Compose complains of something else once these variables are set."""
    values = {**source.environment, **dict.fromkeys(names, "1")}
    again = ask_model(replace(source, environment=values))
    return again.read() is not None or again.complaint != answer.complaint


def _check_syntax(project: Project) -> None:
    """Name the places that are not YAML, if that is why Compose refuses a file."""
    problems = Problems()
    for path in project.files:
        shown = show_path(path, project.folder)
        YamlSource(shown, read_bytes(path, shown), problems)
    found = tuple(each for each in problems.found if each.name in _NOT_YAML)
    if found:
        raise ProblemsFound(found)


def _list_empty(texts: Plain, values: Mapping[str, str]) -> Iterator[str]:
    """The variables that Compose fills with nothing, for they are not set."""
    names = dict.fromkeys(
        variable.name
        for _, text in walk_texts(texts)
        for variable in list_variables(text)
        if not variable.operator
    )
    return (name for name in names if name not in values)


def _list_unset(texts: Plain, values: Mapping[str, str]) -> Iterator[str]:
    found: set[str] = set()
    for _, text in walk_texts(texts):
        for variable in list_variables(text):
            known = values.get(variable.name)
            is_set = known not in {None, ""} or (
                known == "" and variable.operator == "?"
            )
            if variable.operator.endswith("?") and not is_set:
                if variable.name not in found:
                    yield variable.name
                found.add(variable.name)


# Env files


def list_env_files(service: Plain) -> list[Plain]:
    """The env files of a service as mappings with a path."""
    raw = service.get("env_file") or []
    items = raw if isinstance(raw, list) else [raw]
    return [item if isinstance(item, dict) else {"path": str(item)} for item in items]


def _list_missing(
    texts: Plain, values: Mapping[str, str], folder: Path
) -> Iterator[MissingFile]:
    found: dict[str, list[str]] = {}
    for name, service in (texts.get("services") or {}).items():
        for item in list_env_files(service):
            path = fill(write_text(item.get("path")), values) or ""
            is_needed = not is_off(item.get("required", True))
            if is_needed and not exists(folder / path):
                found.setdefault(path, []).append(name)
    for path, services in found.items():
        example = _find_example(folder, path)
        yield MissingFile(path=path, example=example, services=tuple(services))


def _find_example(folder: Path, path: str) -> str:
    """A file next to a missing env file that says what belongs in it, or empty."""
    place = Path(path)
    names = [name.format(place.name) for name in _EXAMPLES]
    for parent in dict.fromkeys((place.parent, Path())):
        for name in names:
            if is_file(folder / parent / name):
                return (parent / name).as_posix()
    return ""


def describe_missing(missing: MissingFile) -> str:
    """One line for people."""
    who = list_some(missing.services, 4)
    line = f"{missing.path} is missing ({who})"
    if missing.example:
        return f"{line}: cp {missing.example} {missing.path}, then fill it in"
    return line


def _list_kept(
    texts: Plain, values: Mapping[str, str], folder: Path
) -> dict[str, list[Plain]]:
    """The env files that are there, of each service that names a missing one."""
    found: dict[str, list[Plain]] = {}
    for name, service in (texts.get("services") or {}).items():
        items = list_env_files(service)
        kept = [
            item
            for item in items
            if exists(folder / (fill(write_text(item.get("path")), values) or ""))
        ]
        if len(kept) != len(items):
            found[name] = kept
    return found


def write_override(kept: Mapping[str, list[Plain]]) -> str:
    """A Compose file that leaves the services with these env files alone."""
    if not kept:
        return ""
    lines = [
        f"  {json.dumps(name)}: {{env_file: !override {json.dumps(items)}}}"
        for name, items in kept.items()
    ]
    return "\n".join(["services:", *lines, ""])
