"""Paths: what the stack file names is there, where it is asked for."""

from __future__ import annotations

from composegen.planning.named import find_fault, list_named_paths
from composegen.stackfile.checks.checked import Checked


def check_paths(checked: Checked) -> None:
    """What must be there before a service can start is there.

    Absolute paths are those of the machine that it will run on: they are not judged.
    """
    if not checked.with_files:
        return
    for named in list_named_paths(checked.stack):
        fault = None if named.is_absolute else find_fault(named, checked.folder.path)
        if fault is not None:
            message, help = fault
            checked.add("missing-file", message, named.place, help)
