"""Paths: what the stack file names is there, where it is asked for."""

from __future__ import annotations

from composegen.model import Service
from composegen.planning.named import NamedPath, find_fault, list_named_paths
from composegen.stackfile.checks.checked import Checked


def check_paths(checked: Checked) -> None:
    """What must be there before a service can start is there.

    Absolute paths are those of the machine that it will run on: they are not judged.
    """
    if not checked.with_files:
        return
    for named in list_named_paths(checked.stack):
        if not named.is_absolute:
            _check(checked, named)


def check_build(checked: Checked, service: Service) -> None:
    """A service that cannot be understood without its Dockerfile has one."""
    for named in list_named_paths(checked.stack, (service,)):
        if named.is_built:
            _check(checked, named)


def _check(checked: Checked, named: NamedPath) -> None:
    fault = find_fault(named, checked.folder.path)
    if fault is not None:
        message, help = fault
        checked.add("missing-file", message, named.place, help)
