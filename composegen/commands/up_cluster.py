"""``composegen up --on kubernetes``: what is rendered, and where it is applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from composegen.commands.options import (
    load_file,
    make_console,
    make_workspace,
    settle_drill,
)
from composegen.commands.render_cluster import plan_for_cluster
from composegen.errors import UsageError
from composegen.targets.kubernetes.names import KUBERNETES_FILE

if TYPE_CHECKING:
    from composegen.commands.up_asked import Asked
    from composegen.planning.plan import Plan
    from composegen.targets.files import Cluster, Options
    from composegen.targets.output import Recorded

_OF_ENGINE = {
    "build": "images are built and pushed by `composegen push`",
    "take_over": "objects that others made are never taken over: choose --namespace",
    "detach": "`up` ends by itself when the stack is up",
    "with_board": "`composegen board --on kubernetes` serves it",
    "report_file": "`composegen graph --format html` draws the plan",
}


def up_on_kubernetes(asked: Asked) -> int:
    """Bring the stack up on a cluster; the exit code."""
    _check_options(asked.flags)
    from composegen.places.cluster.manifests import render_texts
    from composegen.places.cluster.up import UpOptions, up_on_cluster
    from composegen.targets.output import read_recorded
    from composegen.terminal.live import UpConsole

    console, workspace = make_console(), make_workspace(asked.file)
    settle_drill(asked.file, acts=True)
    recorded = read_recorded(workspace.folder / KUBERNETES_FILE)
    plan, names, options = _make_plan(asked, recorded)
    forward = asked.flags["forward"]
    return up_on_cluster(
        plan,
        workspace,
        UpOptions(
            render=lambda varied: render_texts(varied, options),
            limit=asked.wait,
            is_chosen=asked.is_chosen,
            names=names,
            required=plan.added if asked.is_chosen else (),
            level=options.cluster.pod_security,
            context=asked.flags["context"],
            namespace=asked.flags["namespace"],
            stay=asked.stay or forward,
            forward=forward,
            ask=console.confirm if console.can_ask else None,
        ),
        report=UpConsole(console).show,
    )


def _check_options(options: Mapping[str, Any]) -> None:
    """Raises UsageError for an option that means nothing on a cluster."""
    if options["build"] is False:
        raise UsageError("--no-build is for the engine", help="nothing is built here")
    for name, help in _OF_ENGINE.items():
        if options[name]:
            flag = name.removesuffix("_file").removeprefix("with_").replace("_", "-")
            raise UsageError(f"--{flag} is for the engine", help=help)


def _make_plan(
    asked: Asked, recorded: Recorded | None
) -> tuple[Plan, tuple[str, ...], Options]:
    """The plan, the services that were named, and how it is rendered.

    Raises UsageError for a name that is not known.
    """
    from composegen.places.place import check_services
    from composegen.planning.choices import choose_named
    from composegen.planning.selection import add_named
    from composegen.targets.files import Cluster

    cluster: Cluster = recorded.cluster if recorded is not None else Cluster()
    selection, names = asked.choose(recorded), asked.services
    if names:
        stack = load_file(asked.file, target="kubernetes").stack
        selection, names = choose_named(stack, selection, names)
        check_services(names, stack.services)
    plan, options = plan_for_cluster(asked.file, selection, cluster, KUBERNETES_FILE)
    excluded = [name for name in names if name not in plan.names]
    if excluded:
        asked.check_excluded(excluded)
        selection = add_named(selection, excluded)
        plan, options = plan_for_cluster(
            asked.file, selection, cluster, KUBERNETES_FILE
        )
    return plan, names, options
