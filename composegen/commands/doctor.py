"""``composegen doctor``."""

from __future__ import annotations

from pathlib import Path

from composegen.commands.declare import command, option
from composegen.commands.doctor_cluster import look_at_cluster, show_findings
from composegen.commands.options import (
    DEFAULT_FILE,
    check_platform,
    format_option,
    load_file,
    make_console,
    make_workspace,
    stack_option,
)
from composegen.commands.where import (
    check_context_options,
    context_options,
    on_option,
)
from composegen.errors import ExitCode, UsageError


@command()
@stack_option
@format_option
@on_option("Look at one place alone; a cluster is looked at only if it is named.")
@context_options
@option(
    "--yes",
    is_flag=True,
    help="Try on a cluster whether policies are enforced, without a question.",
)
def doctor(file: str, form: str, on: str, yes: bool, **typed: str) -> None:
    """Report whether this machine can run the stack.

    Ends with 0 if it can, on the Docker engine or as processes.

    With --on kubernetes it looks at a cluster instead, and tries with two pods in a
    namespace of their own, after a question, whether NetworkPolicies are enforced.
    """
    check_platform()
    check_context_options(on, typed)
    if on == "kubernetes":
        look_at_cluster(file, form, is_sure=yes, typed=typed)
        return
    if yes:
        raise UsageError("--yes is for a cluster", help="--on kubernetes --yes")
    from composegen.paths import is_file
    from composegen.places.doctor import examine, find_ways, look_at_this_machine
    from composegen.places.findings import Where
    from composegen.planning.plan import make_plan

    console = make_console()
    made = None
    if is_file(Path(file)):
        made = make_plan(load_file(file).stack)
    elif file != DEFAULT_FILE:
        load_file(file)  # says what is wrong with the name
    findings = [
        each
        for each in examine(made, make_workspace(file).folder, look_at_this_machine())
        if not on or each.where in {on, Where.BOTH}
    ]
    show_findings(findings, form)
    ways = [way for way in find_ways(findings) if not on or way == on]
    words = {"engine": "on the Docker engine", "processes": "as processes"}
    what = "this stack" if made is not None else "a stack"
    if not ways:
        console.say(f"\n{what} cannot run here")
        raise SystemExit(ExitCode.PROBLEM)
    unknown = any(not finding.is_known for finding in findings)
    if unknown and Where.ENGINE in ways:
        words["engine"] += " (if its images can be pulled)"
    shown = " and ".join(words[way] for way in ways)
    console.say(f"\n{what} can run here {shown}")
