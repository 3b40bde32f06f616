"""Plans and renders small stacks that stand as text in a test, and reads them back."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from composegen.planning.addressing import ClusterAddressing
from composegen.planning.plan import Plan, make_plan
from composegen.planning.selection import Selection
from composegen.targets.compose.render import render_plan
from composegen.targets.files import Options
from tests.stacks import APP, Files, load_only, make_stack

_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")

Compose = dict[str, Any]
"""A rendered file, or a part of it, as it reads back."""


def plan(
    stack: str,
    *,
    added: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
    files: Files | None = None,
) -> Plan:
    """The plan of a stack that loads without errors."""
    return make_plan(load_only(stack, files), Selection(added=added, removed=removed))


def plan_for_cluster(
    stack: str,
    *,
    added: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
    files: Files | None = None,
) -> Plan:
    """The plan of a stack whose services are pods of a cluster."""
    selection = Selection(added=added, removed=removed)
    return make_plan(load_only(stack, files), selection, addressing=ClusterAddressing())


def render(
    stack: str,
    *,
    added: tuple[str, ...] = (),
    removed: tuple[str, ...] = (),
    engine: int = 25,
    prefix: str = ".",
    files: Files | None = None,
    for_podman: bool = False,
) -> str:
    """The text of the one file that a stack becomes."""
    made = plan(stack, added=added, removed=removed, files=files)
    (file,) = render_plan(
        made, Options(engine=engine, prefix=prefix, for_podman=for_podman)
    )
    return file.text


def read(stack: str, **options: Any) -> Compose:
    """The rendered file of a stack, as any YAML reader understands it."""
    data: Compose = yaml.safe_load(render(stack, **options))
    return data


def read_services(stack: str, **options: Any) -> dict[str, Compose]:
    """The rendered services of a stack by name."""
    services: dict[str, Compose] = read(stack, **options)["services"]
    return services


def read_app(keys: str = "", **options: Any) -> Compose:
    """The rendered service ``app`` about which there is nothing else to say."""
    return read_services(make_stack(app=APP + keys), **options)["app"]


def list_comments(text: str, key: str) -> list[str]:
    """The comments behind a key of a service, or on the line above it."""
    lines = text.splitlines()
    found = []
    for before, line in zip(["", *lines], lines, strict=False):
        if line.strip().startswith(f"{key}:"):
            _, mark, behind = line.partition("  # ")
            above = before.strip().removeprefix("# ")
            if mark:
                found.append(behind)
            elif before.strip().startswith("# "):
                found.append(above)
    return found


def write_data(stack: Compose, folder: Path) -> Path:
    """Write the stack file of a stack that is given as data; JSON is YAML, nearly."""
    path = folder / "stack.yaml"
    text = _NOT_IN_YAML.sub(
        lambda match: f"\\u{ord(match[0]):04x}", json.dumps(stack, ensure_ascii=False)
    )
    path.write_text(text, encoding="utf-8")
    return path
