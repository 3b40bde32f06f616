"""Which state files of a stack's folder are not used, and what to do about each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from composegen.places.cluster.notes import load_notes as load_cluster_notes
from composegen.places.engine.notes import load_notes
from composegen.places.engine.volumes import load_known
from composegen.places.processes.records import RunFolder
from composegen.text import escape_control
from composegen.workspace.booting import load_booting
from composegen.workspace.boots import load_boots
from composegen.workspace.state import NotTrusted, is_trusted, show_path


def list_distrusted(folder: Path) -> tuple[str, ...]:
    """A sentence for each state file that is not used, or for their folder."""
    found = {each.path: each for each in _find_distrusted(folder)}
    return tuple(
        escape_control(
            f"{show_path(path)} is not used: {each.reason}; to fix it: {each.help}"
        )
        for path, each in found.items()
    )


def _find_distrusted(folder: Path) -> Iterator[NotTrusted]:
    loaders = (load_notes, load_known, load_cluster_notes, load_boots, load_booting)
    for load in loaders:
        try:
            load(folder)
        except NotTrusted as distrusted:
            yield distrusted
    try:
        has_run = is_trusted(folder, "run")
    except NotTrusted as distrusted:
        yield distrusted
    else:
        if has_run:
            yield from RunFolder(folder).list_distrusted()
