"""Paths: what the stack file names is there, where it is asked for."""

from __future__ import annotations

from composegen.errors import Level
from composegen.model import NOT_TRIED, Service
from composegen.planning.named import NamedPath, find_fault, list_named_paths
from composegen.stackfile.checks.checked import Checked


def check_paths(checked: Checked) -> None:
    """What must be there before a service can start is there.

    Absolute paths are those of the machine that it will run on: they are not judged.
    In a stack that was imported and not tried yet, a missing file is a warning: the
    project may make it. `up` and `doctor` need it in any case. A required env file is
    needed before anything of the project can run: Compose refuses the project without.
    """
    if not checked.with_files:
        return
    services = checked.stack.services.values()
    is_imported = any(NOT_TRIED in service.relax.values() for service in services)
    level = Level.WARNING if is_imported else None
    for named in list_named_paths(checked.stack):
        if not named.is_absolute:
            is_env_file = "env_file" in named.place[2:4]
            _check(checked, named, None if is_env_file else level)


def check_build(checked: Checked, service: Service) -> None:
    """A service that cannot be understood without its Dockerfile has one."""
    for named in list_named_paths(checked.stack, (service,)):
        if named.is_built:
            _check(checked, named)


def _check(checked: Checked, named: NamedPath, level: Level | None = None) -> None:
    fault = find_fault(named, checked.folder.path)
    if fault is not None:
        message, help = fault
        checked.add("missing-file", message, named.place, help, level=level)
