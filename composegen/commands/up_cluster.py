"""``composegen up --on kubernetes``: what is rendered, and where it is applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from composegen.commands.options import (
    make_console,
    make_selection,
    make_workspace,
    settle_drill,
)
from composegen.commands.render_cluster import plan_for_cluster
from composegen.errors import UsageError
from composegen.records import record

if TYPE_CHECKING:
    from composegen.planning.plan import Plan
    from composegen.planning.selection import Selection
    from composegen.targets.files import Cluster, Options
    from composegen.targets.output import Recorded

_FILE = "kubernetes.yaml"
_OF_ENGINE = {
    "build": "images are built and pushed by `composegen push`",
    "take_over": "objects of another hand are never taken over: choose --namespace",
    "detach": "`up` ends by itself when the stack is up",
    "with_board": "`composegen board --on kubernetes` serves it",
    "report_file": "`composegen graph --format html` draws the plan",
}


@record
class Asked:
    """What a person asks `up` for on a cluster."""

    services: tuple[str, ...]
    file: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    wait: float | None
    stay: bool
    forward: bool
    where: Mapping[str, str]


def check_options(options: Mapping[str, Any]) -> None:
    """Raises UsageError for an option that means nothing on a cluster."""
    if options["build"] is False:
        raise UsageError("--no-build is for the engine", help="nothing is built here")
    for name, help in _OF_ENGINE.items():
        if options[name]:
            flag = name.removesuffix("_file").removeprefix("with_").replace("_", "-")
            raise UsageError(f"--{flag} is for the engine", help=help)


def up_there(asked: Asked) -> int:
    """Bring the stack up on a cluster; the exit code."""
    from composegen.places.cluster.manifests import render_texts
    from composegen.places.cluster.up import UpOptions, up_on_cluster
    from composegen.targets.output import read_recorded
    from composegen.terminal.live import UpConsole

    console, workspace = make_console(), make_workspace(asked.file)
    settle_drill(asked.file, acts=True)
    recorded = read_recorded(workspace.folder / _FILE)
    is_chosen = bool(asked.added or asked.removed)
    selection = make_selection(asked.added, asked.removed)
    if not is_chosen and recorded is not None:
        selection = recorded.selection
    plan, names, options = _make_plan(asked, selection, recorded)
    return up_on_cluster(
        plan,
        workspace,
        UpOptions(
            render=lambda varied: render_texts(varied, options),
            limit=asked.wait,
            is_chosen=is_chosen,
            names=names,
            required=plan.added if is_chosen else (),
            level=options.cluster.pod_security,
            context=asked.where["context"],
            namespace=asked.where["namespace"],
            stay=asked.stay or asked.forward,
            forward=asked.forward,
            ask=console.confirm if console.can_ask else None,
        ),
        report=UpConsole(console).show,
    )


def _make_plan(
    asked: Asked, selection: Selection, recorded: Recorded | None
) -> tuple[Plan, tuple[str, ...], Options]:
    """The plan, the services that were named, and how it is rendered.

    Raises UsageError for a name that is not known.
    """
    from composegen.commands.options import load_file
    from composegen.places.place import check_services
    from composegen.planning.choices import choose_named
    from composegen.planning.selection import add_named
    from composegen.targets.files import Cluster

    cluster: Cluster = recorded.cluster if recorded is not None else Cluster()
    names = asked.services
    if names:
        stack = load_file(asked.file, target="kubernetes").stack
        selection, names = choose_named(stack, selection, names)
        check_services(names, stack.services)
    plan, options = plan_for_cluster(asked.file, selection, cluster, _FILE)
    excluded = [name for name in names if name not in plan.names]
    for name in excluded:
        if name in make_selection((), asked.removed).removed:
            raise UsageError(f"`{name}` is selected, and excluded with --without")
    if excluded:
        selection = add_named(selection, excluded)
        plan, options = plan_for_cluster(asked.file, selection, cluster, _FILE)
    return plan, names, options
