"""Loads small stacks that stand as text in a test, with the files next to them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent

from composegen.errors import Level, Problem, ProblemsFound
from composegen.model import Service, Stack
from composegen.stackfile.load import Loaded, load_stack

Files = Mapping[str, str | bytes]
Place = tuple[str, int, int]

APP = """\
image: python:3.13-slim
port: 8000
health: /health
"""
"""The keys of a service about which there is nothing to say."""


def write_files(folder: Path, files: Files) -> None:
    """Write texts or bytes by their path in the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data)


def load(stack: str | bytes, files: Files | None = None) -> Loaded:
    """Load a stack; raises ProblemsFound where it has errors."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = stack if isinstance(stack, bytes) else dedent(stack)
        write_files(folder, {**(files or {}), "stack.yaml": text})
        return load_stack(folder / "stack.yaml", "stack.yaml")


def check(stack: str | bytes, files: Files | None = None) -> tuple[Problem, ...]:
    """Every problem of a stack, in the order in which they are shown."""
    try:
        return load(stack, files).problems
    except ProblemsFound as found:
        return found.problems


def list_names(stack: str | bytes, files: Files | None = None) -> list[str]:
    """The names of a stack's problems, without notes."""
    return [
        problem.name
        for problem in check(stack, files)
        if problem.level is not Level.NOTE
    ]


def list_places(stack: str | bytes, files: Files | None = None) -> list[Place]:
    """Name, line and column of a stack's problems, without notes."""
    return [
        (problem.name, problem.location.line, problem.location.column)
        for problem in check(stack, files)
        if problem.level is not Level.NOTE
    ]


def find(name: str, stack: str | bytes, files: Files | None = None) -> Problem:
    """The one problem of that name."""
    problems = check(stack, files)
    found = [problem for problem in problems if problem.name == name]
    assert len(found) == 1, [(problem.name, problem.message) for problem in problems]
    return found[0]


def load_services(stack: str, files: Files | None = None) -> dict[str, Service]:
    """The services of a stack that loads without errors."""
    return dict(load_only(stack, files).services)


def load_only(stack: str, files: Files | None = None) -> Stack:
    """A stack that loads without errors; its errors fail the test."""
    try:
        return load(stack, files).stack
    except ProblemsFound as found:
        shown = [
            (str(problem.location), problem.name, problem.message)
            for problem in found.problems
        ]
        raise AssertionError(shown) from None


def make_stack(**services: str) -> str:
    """A stack of services, each given as the text of its keys; `_` is `-`."""
    lines = ["services:\n"]
    for name, keys in services.items():
        lines.append(f"  {name.replace('_', '-')}:\n")
        lines.append(indent(dedent(keys).strip("\n") + "\n", "    "))
    return "".join(lines)


def make_app(keys: str = "") -> str:
    """A stack of the one service ``app``, about which there is nothing else to say.

    ``keys`` stand below the ones it has; its first line is the fourth of the service.
    """
    return make_stack(app=APP + dedent(keys))


def load_app(keys: str = "", files: Files | None = None) -> Service:
    """The service of ``make_app``."""
    return load_services(make_app(keys), files)["app"]
