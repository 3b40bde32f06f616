"""``composegen adopt``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from composegen.commands.declare import command, option
from composegen.commands.options import be_brief, format_option, make_console
from composegen.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from composegen.adopt.project import Asked, Options
    from composegen.adopt.report import Report


@command()
@click.argument("words", metavar="[COMPOSE_FILE]..", nargs=-1)
@option(
    "-f",
    "--file",
    "files",
    metavar="FILE",
    multiple=True,
    help="A Compose file; the same as naming it without a flag.",
)
@option(
    "-o",
    "--output",
    metavar="FILE",
    help="The stack file to write; - is stdout.  "
    "[default: stack.yaml next to the first Compose file]",
)
@option(
    "--env-file",
    "env_files",
    metavar="FILE",
    multiple=True,
    help="Read variables from this file, not from .env.",
)
@option(
    "--profile",
    "profiles",
    metavar="NAME",
    multiple=True,
    help="Include the services of this profile by default.",
)
@option(
    "--keep-addresses",
    is_flag=True,
    help="Publish ports on every address where the Compose file does.",
)
@option(
    "--inside-only",
    is_flag=True,
    help="Write no health check that asks from outside the container.",
)
@option("--no-proof", is_flag=True, help="Do not compare both models.")
@option(
    "--strict",
    is_flag=True,
    help="Fail if anything is lost, or a dependency waits for no health.",
)
@format_option
def adopt(
    words: tuple[str, ...],
    files: tuple[str, ...],
    output: str | None,
    no_proof: bool,
    strict: bool,
    form: str,
    **given: Any,
) -> None:
    """Write a stack file from a Compose project, and prove that it says the same.

    Reads what Compose would read here, or the named files together. The Compose files
    stay as they are, and an existing stack file is never overwritten.
    """
    be_brief()
    from composegen.adopt.project import Asked, Options

    if output == "-" and form == "json":
        raise UsageError("-o - and --format json both write to stdout")
    asked = Asked(
        files=(*words, *files),
        env_files=given["env_files"],
        profiles=given["profiles"],
    )
    options = Options(
        keeps_addresses=given["keep_addresses"], is_inside_only=given["inside_only"]
    )
    report = run_adoption(asked, options, output, proves=not no_proof, form=form)
    is_lacking = report.lost or any(
        gate.after == "service_started" for gate in report.gates
    )
    if report.unlisted or (strict and is_lacking):
        raise SystemExit(ExitCode.PROBLEM)


def run_adoption(
    asked: Asked, options: Options, output: str | None, *, proves: bool, form: str
) -> Report:
    """Adopt, write and report: what `adopt` and `init --from` share."""
    from composegen.adopt.adopting import adopt_project
    from composegen.adopt.printing import format_report

    console = make_console()
    report = adopt_project(asked, options, output, os.environ, proves=proves)
    if output == "-":
        console.write_file(report.text)
    if form == "json":
        console.write_json(report.describe())
    else:
        console.say(format_report(report))
    return report
