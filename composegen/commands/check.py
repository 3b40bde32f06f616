"""``composegen check``."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from composegen.commands.declare import command, option
from composegen.commands.options import (
    be_brief,
    format_option,
    load_file,
    make_console,
    make_selection,
    make_workspace,
    say_unset,
    stack_option,
)
from composegen.errors import ExitCode, Level

if TYPE_CHECKING:
    from composegen.model import Stack


@command()
@stack_option
@option("--strict", is_flag=True, help="Treat warnings as errors.")
@format_option
def check(file: str, strict: bool, form: str) -> None:
    """Report every problem of the stack file, with its line and a fix."""
    be_brief()
    from composegen.errors import ProblemsFound
    from composegen.planning.port_values import list_bad_ports
    from composegen.terminal.console import describe_problem

    console = make_console()
    stack = None
    try:
        selection = make_selection((), ())
        loaded = load_file(file, selection, with_files=True)
        stack, fill = loaded.stack, make_workspace(file).fill
        bad = list_bad_ports(stack, stack.services.values(), fill)
        problems = tuple(sorted((*loaded.problems, *bad), key=lambda each: each.order))
    except ProblemsFound as found:
        problems = found.problems
    if form == "json":
        console.write_json([describe_problem(problem) for problem in problems])
    elif problems:
        console.show_problems(problems)
    else:
        console.say(f"{file}: no problems")
    if stack is not None:
        _say_unset(file, stack)
    levels = {problem.level for problem in problems}
    if Level.ERROR in levels or (strict and Level.WARNING in levels):
        raise SystemExit(ExitCode.PROBLEM)


def _say_unset(file: str, stack: Stack) -> None:
    """Name the variables that are not set; most stacks have none, and render faster."""
    if "$" not in Path(file).read_text(encoding="utf-8-sig"):
        return
    from composegen.errors import ComposegenError
    from composegen.planning.plan import make_plan
    from composegen.targets.compose.render import render_plan

    with suppress(ComposegenError):
        plan = make_plan(stack)
        say_unset(file, plan, [each.text for each in render_plan(plan)])
