"""The Compose files that a drill needs: the stack as it runs, and without a service."""

from __future__ import annotations

from collections.abc import Iterable

from composegen.drill.engine import Texts
from composegen.errors import SelectionError, UsageError
from composegen.model import Stack
from composegen.places.engine.client import Engine
from composegen.places.engine.fit import fit_options, lower_defaults
from composegen.planning.plan import Plan, make_plan
from composegen.planning.selection import Selection
from composegen.records import replace
from composegen.targets.compose.render import render_plan
from composegen.targets.files import choose_engine
from composegen.targets.output import find_prefix, read_recorded
from composegen.workspace.workspace import Workspace


def render_texts(
    stack: Stack,
    selection: Selection,
    workspace: Workspace,
    engine: Engine,
    names: Iterable[str],
) -> Texts:
    """The Compose files of a selection, whole and without each of some services."""
    recorded = read_recorded(workspace.compose_file)
    path = workspace.compose_file
    machine = engine.describe()
    options = replace(
        choose_engine(recorded.engine if recorded is not None else ""),
        prefix=find_prefix(path, workspace.folder),
        name=path.name,
    )
    fitted = fit_options(options, machine)

    def render(plan: Plan) -> str:
        [file] = render_plan(lower_defaults(plan, machine).plan, fitted)
        return file.text

    without: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name in names:
        removed = (*selection.removed, stack.services[name].host_name)
        try:
            plan = make_plan(stack, replace(selection, removed=removed))
        except (SelectionError, UsageError) as error:
            missing[name] = error.message
        else:
            without[name] = render(plan)
    whole = render(make_plan(stack, selection))
    return Texts(whole=whole, without=without, missing=missing)
