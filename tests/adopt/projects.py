"""Small Compose projects that are adopted with the real Compose, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

from composegen.adopt.adopting import adopt_project
from composegen.adopt.project import Asked, Options
from composegen.adopt.report import Report
from tests.parts import require_compose
from tests.stacks import write_files

PYTHON = "FROM python:3.13-slim\nCMD python app.py\n"
"""A Dockerfile whose image can run a probe."""


def adopt(
    folder: Path,
    text: str,
    files: Mapping[str, str] | None = None,
    *,
    asked: Asked | None = None,
    options: Options | None = None,
    environment: Mapping[str, str] | None = None,
    proves: bool = True,
) -> Report:
    """Adopt a project that stands in a folder as compose.yaml and other files."""
    require_compose()
    write_files(folder, {"compose.yaml": dedent(text), **(files or {})})
    asked = asked or Asked(files=(str(folder / "compose.yaml"),))
    return adopt_project(
        asked, options or Options(), None, environment or {}, proves=proves
    )


def read_stack(report: Report) -> dict[str, Any]:
    """The stack file that was written, every scalar a text."""
    found: dict[str, Any] = yaml.load(report.text, Loader=yaml.BaseLoader)
    return found


def read_services(report: Report) -> dict[str, Any]:
    """The services of the stack file that was written."""
    services: dict[str, Any] = read_stack(report)["services"]
    return services


def list_changed(report: Report) -> set[tuple[str | None, str]]:
    """Service and key of each difference on purpose."""
    return {(entry.service, entry.key) for entry in report.changed}


def list_lost(report: Report) -> set[tuple[str | None, str]]:
    """Service and key of all that is not carried over."""
    return {(entry.service, entry.key) for entry in report.lost}


def list_gates(report: Report) -> dict[str, tuple[str, str]]:
    """What each edge waits for, and which check says so."""
    return {f"{g.source} -> {g.target}": (g.after, g.by) for g in report.gates}
