"""``composegen secrets``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from composegen.commands.declare import command
from composegen.commands.options import (
    format_option,
    load_file,
    make_console,
    make_selection,
    make_workspace,
    stack_option,
)
from composegen.errors import ExitCode

if TYPE_CHECKING:
    from composegen.workspace.clusterfiles import MadeFile
    from composegen.workspace.workspace import Workspace


@command()
@stack_option
@format_option
def secrets(file: str, form: str) -> None:
    """Create missing secret files, and report empty ones."""
    from composegen.planning.choices import settle_choices
    from composegen.text import escape_control
    from composegen.workspace.secrets import Outcome, make_secret_files

    console = make_console()
    workspace = make_workspace(file)
    stack = settle_choices(load_file(file).stack, make_selection((), ())).stack
    made = make_secret_files(stack, workspace.folder, workspace.environment)
    rows = [
        (each.secret.name, each.secret.file, each.outcome, each.help) for each in made
    ]
    rows += [
        (Path(each.file).name, each.file, each.outcome, "")
        for each in _make_for_cluster(file, workspace)
    ]
    if form == "json":
        console.write_json(
            [
                {"name": name, "file": path, "outcome": outcome.value}
                for name, path, outcome, _ in rows
            ]
        )
    elif not rows:
        console.say("this stack has no secrets")
    else:
        width = max(len(path) for _, path, _, _ in rows)
        for _, path, outcome, fix in rows:
            help = f": {fix}" if fix else ""
            line = f"{path:<{width}}  {outcome.value}{help}"
            console.write_data(escape_control(line) + "\n")
    if any(item.outcome is Outcome.MISSING for item in made):
        raise SystemExit(ExitCode.PROBLEM)


def _make_for_cluster(file: str, workspace: Workspace) -> tuple[MadeFile, ...]:
    """The files of values for a cluster, where the stack is rendered for one."""
    from composegen.planning.plan import make_plan
    from composegen.targets.kubernetes.names import KUSTOMIZATION_FILE
    from composegen.targets.output import read_recorded
    from composegen.targets.table import TARGETS
    from composegen.workspace.clusterfiles import make_cluster_files

    recorded = read_recorded(workspace.folder / KUSTOMIZATION_FILE)
    if recorded is None:
        return ()
    selection = recorded.selection
    stack = load_file(file, selection, target="kubernetes").stack
    addressing = TARGETS["kubernetes"].addressing
    plan = make_plan(stack, selection, addressing=addressing)
    return make_cluster_files(plan, workspace.folder, workspace.values)
