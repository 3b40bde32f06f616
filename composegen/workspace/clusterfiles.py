"""The files that carry values to a cluster; kustomize reads them, and git does not.

Each line is ``KEY=VALUE``, read as it is: no quotes, no variables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from composegen.errors import CannotRun, MissingVariable
from composegen.paths import is_link
from composegen.planning.cluster import (
    VARIABLES_FILE,
    ClusterVariable,
    list_variables,
    name_variables_file,
)
from composegen.planning.plan import Plan, reduce_stack
from composegen.records import record
from composegen.system.files import read_small_text, write_atomically
from composegen.workspace.dotenv import fill_variables
from composegen.workspace.envfiles import read_env_files
from composegen.workspace.secrets import Outcome, make_secret_folder, read_passwords

_MODE = 0o600
_LONGEST = 60_000
"""kustomize reads lines of at most 64 KiB."""


@record
class MadeFile:
    """One file of values, and what became of it."""

    file: str
    outcome: Outcome


def make_cluster_files(
    plan: Plan, folder: Path, values: Mapping[str, str], *, varied: Plan | None = None
) -> tuple[MadeFile, ...]:
    """Write the files of values that a plan needs on a cluster, below its folder.

    ``values`` fill its variables, and the passwords of its secrets over them: their
    files have to be there. ``varied`` is the same plan with fallbacks: what those need
    is added, and what the others use stays as it is. Raises CannotRun for everything
    that is missing or cannot be carried, MissingVariable for a single variable, and
    FileRefused.
    """
    known = {**values, **read_passwords(reduce_stack(plan), folder)}
    listed = {each.key: each for each in list_variables(plan)}
    if varied is not None:
        listed |= {each.key: each for each in list_variables(varied)}
    texts = {
        **_write_variables(listed.values(), known),
        **_write_env_files(plan, folder, known),
    }
    if texts:
        make_secret_folder(folder)
    return tuple(
        MadeFile(file=name, outcome=_write(folder / name, text))
        for name, text in texts.items()
    )


def _write_variables(
    listed: Collection[ClusterVariable], known: Mapping[str, str]
) -> dict[str, str]:
    """The text of the file of variables; one that is passed on may be absent."""
    if not listed:
        return {}
    found: dict[str, str] = {}
    missing: list[MissingVariable] = []
    for each in listed:
        try:
            text = known.get(each.name)
            if each.text is not None:
                text = fill_variables(each.text, known)
        except MissingVariable as error:
            missing.append(error)
            continue
        if text is not None:
            found[each.key] = text
    if len(missing) == 1:
        raise missing[0]
    if missing:
        reasons = dict.fromkeys(error.message for error in missing)
        raise CannotRun("; ".join(reasons), help="set them in .env")
    return {VARIABLES_FILE: _write_lines(found)}


def _write_env_files(
    plan: Plan, folder: Path, known: Mapping[str, str]
) -> dict[str, str]:
    """The text of the file of each service that has env files."""

    def fill(text: str) -> str:
        return fill_variables(text, known)

    return {
        name_variables_file(step.service): _write_lines(
            read_env_files(step.service, folder, known, fill)
        )
        for step in plan.steps
        if step.service.env_file
    }


def _write_lines(values: Mapping[str, str]) -> str:
    faults = [*_find_faults(values)]
    if faults:
        raise CannotRun(
            "; ".join(faults),
            help="make it a secret, which is a file of its own:\n"
            "secrets: {NAME: {file: ./NAME}}",
        )
    return "".join(f"{name}={text}\n" for name, text in values.items())


def _find_faults(values: Mapping[str, str]) -> Iterator[str]:
    for name, text in values.items():
        if "\n" in text or "\r" in text:
            yield f"the value of {name} has several lines, and kustomize reads one"
        elif len(text.encode()) > _LONGEST:
            yield f"the value of {name} is too long for kustomize"


def _write(path: Path, text: str) -> Outcome:
    """Write a file that only this user can read, where it says something else."""
    old = None if is_link(path) else read_small_text(path)
    if old == text and path.stat().st_mode & 0o777 == _MODE:
        return Outcome.KEPT
    write_atomically(path, text, mode=_MODE)
    return Outcome.WRITTEN
