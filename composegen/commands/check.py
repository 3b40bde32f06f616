"""``composegen check``."""

from __future__ import annotations

from composegen.commands.declare import command, option
from composegen.commands.options import (
    be_brief,
    format_option,
    load_file,
    make_console,
    make_selection,
    make_workspace,
    stack_option,
)
from composegen.errors import ExitCode, Level


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
    levels = {problem.level for problem in problems}
    if Level.ERROR in levels or (strict and Level.WARNING in levels):
        raise SystemExit(ExitCode.PROBLEM)
