"""``composegen doctor``."""

from __future__ import annotations

from pathlib import Path

import click

from composegen.commands.options import (
    DEFAULT_FILE,
    check_platform,
    format_option,
    load_file,
    make_console,
    make_workspace,
    stack_option,
)
from composegen.errors import ExitCode


@click.command()
@stack_option
@format_option
def doctor(file: str, form: str) -> None:
    """Report whether this machine can run the stack.

    Ends with 0 if it can, on the Docker engine or as processes.
    """
    check_platform()
    from composegen.paths import is_file
    from composegen.places.doctor import examine, find_ways, look_at_this_machine
    from composegen.places.findings import Where
    from composegen.planning.plan import make_plan
    from composegen.records import as_dict

    console = make_console()
    made = None
    if is_file(Path(file)):
        made = make_plan(load_file(file).stack)
    elif file != DEFAULT_FILE:
        load_file(file)  # says what is wrong with the name
    findings = examine(made, make_workspace(file).folder, look_at_this_machine())
    if form == "json":
        console.write_json([as_dict(finding) for finding in findings])
    else:
        for finding in findings:
            console.show_finding(finding.message, finding.level, finding.help)
    ways = find_ways(findings)
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
