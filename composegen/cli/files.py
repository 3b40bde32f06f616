"""The commands that read a stack file and write files."""

from __future__ import annotations

from pathlib import Path

import click

from composegen.cli.group import cli
from composegen.cli.options import (
    AtLeast,
    be_brief,
    format_option,
    load_file,
    load_plan,
    make_console,
    make_selection,
    selection_options,
    stack_option,
)
from composegen.errors import ExitCode, Level, UsageError


@cli.command()
@stack_option
@click.option("--strict", is_flag=True, help="Warnings count as problems.")
@format_option
def check(file: str, strict: bool, form: str) -> None:
    """Find every problem, each with its place and its mend."""
    be_brief()
    from composegen.errors import ProblemsFound
    from composegen.terminal.console import describe_problem

    console = make_console()
    try:
        problems = load_file(file, make_selection((), ())).problems
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


@cli.command()
@stack_option
@selection_options
@format_option
def plan(
    file: str, added: tuple[str, ...], removed: tuple[str, ...], form: str
) -> None:
    """Show what would start, in which order, and why.

    Also how long each step waits at worst, and what is left out.
    """
    be_brief()
    from composegen.planning.printing import describe_plan, format_plan
    from composegen.text import escape_control

    console = make_console()
    made = load_plan(file, make_selection(added, removed))
    if form == "json":
        console.write_json(describe_plan(made))
    else:
        console.write_data(escape_control(format_plan(made), keep="\n"))


@cli.command()
@stack_option
@selection_options
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write; - is stdout.  [default: compose.yaml beside the stack]",
)
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Write nothing; fail and show the difference when the file is stale.",
)
@click.option(
    "--force", is_flag=True, help="Replace a file that is not ours; keep a .bak."
)
@click.option(
    "--engine",
    type=AtLeast(20),
    metavar="VERSION",
    help="The oldest Docker Engine that must take the file.  [default: 25]",
)
def render(
    file: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    output: str | None,
    only_check: bool,
    force: bool,
    engine: int | None,
) -> None:
    """Write the Compose file of a stack."""
    be_brief()
    from composegen.planning.plan import make_plan
    from composegen.targets.files import OLDEST_START_INTERVAL, Options
    from composegen.targets.output import (
        Written,
        check_rendered,
        find_prefix,
        read_recorded,
        write_rendered,
    )
    from composegen.targets.table import TARGETS
    from composegen.text import escape_control
    from composegen.workspace.secrets import list_missing_files

    console = make_console()
    folder = Path(file).parent
    path = folder / "compose.yaml" if output in {None, "-"} else Path(str(output))
    if output == "-" and only_check:
        raise UsageError("--check compares a file: -o - names none")
    selection = make_selection(added, removed)
    if only_check and not (added or removed or engine):
        recorded = read_recorded(path)
        if recorded is not None:
            selection, engine = recorded.selection, recorded.engine
    stack = load_file(file, selection).stack
    options = Options(
        prefix=find_prefix(path, folder),
        name=path.name if output != "-" else "compose.yaml",
        engine=engine or OLDEST_START_INTERVAL,
    )
    made = make_plan(stack, selection)
    for rendered in TARGETS["compose"](made, options):
        if output == "-":
            console.write_data(rendered.text)
        elif only_check:
            check_rendered(rendered.text, path)
            console.say(f"{path} is up to date")
        else:
            written = write_rendered(
                rendered.text, path, force=force, is_named=output is not None
            )
            count = len(made.steps)
            services = f"{count} service{'s' if count > 1 else ''}"
            if written is Written.SAME:
                console.say(f"{path} is up to date: {services}")
            else:
                console.say(f"{written.value} {path}: {services}")
            missing = list_missing_files(made.secrets.values(), folder)
            if missing:
                names = escape_control(", ".join(missing))
                console.say(f"not there yet: {names} (composegen secrets)")


@cli.command()
@stack_option
@selection_options
def graph(file: str, added: tuple[str, ...], removed: tuple[str, ...]) -> None:
    """Print the stack as a Mermaid flowchart.

    What is left out is faint.
    """
    from composegen.targets.mermaid import draw_plan

    console = make_console()
    console.write_data(draw_plan(load_plan(file, make_selection(added, removed))))


@cli.command()
@stack_option
@format_option
def secrets(file: str, form: str) -> None:
    """Make the missing secret files, say what is still empty."""
    import os

    from composegen.text import escape_control
    from composegen.workspace.secrets import Outcome, make_secret_files

    console = make_console()
    made = make_secret_files(
        load_file(file).stack, Path(file).absolute().parent, os.environ
    )
    if form == "json":
        console.write_json(
            [
                {
                    "name": item.secret.name,
                    "file": item.secret.file,
                    "outcome": item.outcome.value,
                }
                for item in made
            ]
        )
    elif not made:
        console.say("this stack has no secrets")
    else:
        width = max(len(item.secret.file) for item in made)
        for item in made:
            mend = f": {item.mend}" if item.mend else ""
            line = f"{item.secret.file:<{width}}  {item.outcome.value}{mend}"
            console.write_data(escape_control(line) + "\n")
    if any(item.outcome is Outcome.MISSING for item in made):
        raise SystemExit(ExitCode.PROBLEM)
