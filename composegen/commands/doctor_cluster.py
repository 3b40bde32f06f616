"""``composegen doctor --on kubernetes``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from composegen.commands.options import (
    make_console,
    make_selection,
    make_workspace,
)
from composegen.commands.render_cluster import plan_for_cluster
from composegen.errors import ExitCode, Level
from composegen.targets.kubernetes.names import KUBERNETES_FILE

if TYPE_CHECKING:
    from composegen.places.cluster.contexts import Where
    from composegen.places.findings import Finding
    from composegen.planning.plan import Plan
    from composegen.targets.files import Options


def show_findings(findings: Iterable[Finding], form: str) -> None:
    """What was found, for people or as JSON."""
    from composegen.records import as_dict

    console = make_console()
    if form == "json":
        console.write_json([as_dict(finding) for finding in findings])
        return
    for finding in findings:
        console.show_finding(finding.message, finding.level, finding.help)


def look_at_cluster(
    file: str, form: str, *, is_sure: bool, typed: Mapping[str, str]
) -> None:
    """Report whether a cluster can run the stack; exits with 1 if it cannot."""
    from composegen.places.cluster.doctor import Question, examine_cluster
    from composegen.places.cluster.policies import choose_pair
    from composegen.targets.files import Cluster
    from composegen.targets.output import read_recorded

    console, workspace = make_console(), make_workspace(file)
    recorded = read_recorded(workspace.folder / KUBERNETES_FILE)
    selection = recorded.selection if recorded is not None else make_selection((), ())
    cluster = recorded.cluster if recorded is not None else Cluster()
    plan, options = plan_for_cluster(file, selection, cluster, KUBERNETES_FILE)
    where = _choose_where(file, plan, typed)
    if where is None:
        console.say("no cluster was looked at")
        raise SystemExit(ExitCode.PROBLEM)
    images = _list_images(plan, options)
    ask = console.confirm if console.can_ask else None
    question = Question(
        where=where,
        pair=choose_pair(plan, images),
        unpushed=tuple(
            images[step.name]
            for step in plan.steps
            if step.service.build is not None and step.name not in options.cluster.pins
        ),
        ask=(lambda _: True) if is_sure else ask,
    )
    findings = list(examine_cluster(plan, question, workspace.environment))
    show_findings(findings, form)
    if any(each.level is Level.ERROR for each in findings):
        console.say("\nthis stack cannot run there")
        raise SystemExit(ExitCode.PROBLEM)
    console.say(f"\nthis stack can run on {where.context}")


def _choose_where(file: str, plan: Plan, typed: Mapping[str, str]) -> Where | None:
    """The cluster that is meant; None where a person says no."""
    from composegen.places.cluster.finding import choose_where

    console = make_console()
    return choose_where(
        make_workspace(file),
        plan.stack.name,
        context=typed["context"],
        namespace=typed["namespace"],
        ask=console.confirm if console.can_ask else None,
        purpose="look whether the stack can run",
    )


def _list_images(plan: Plan, options: Options) -> dict[str, str]:
    """The image of each service as the cluster pulls it."""
    from composegen.planning.addressing import name_on_cluster
    from composegen.planning.cluster import name_image
    from composegen.values import find_default

    cluster = options.cluster
    images = {}
    for step in plan.steps:
        service = step.service
        image = service.image
        if service.build is not None:
            image = name_image(
                name_on_cluster(plan.stack.name),
                service,
                registry=cluster.registry,
                tag=cluster.chosen_tag,
            )
        images[step.name] = cluster.pins.get(step.name) or find_default(image)
    return images
