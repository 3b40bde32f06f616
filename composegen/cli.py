"""The command line: the only file that knows click, the only one that exits.

What a command needs is imported when it runs: starting quickly is a feature.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from composegen import __version__
from composegen.errors import ComposegenError, ExitCode, Level, UsageError

if TYPE_CHECKING:
    from composegen.console import Console
    from composegen.loader import Loaded
    from composegen.model import Stack
    from composegen.plan import Plan
    from composegen.selection import Selection
    from composegen.upnotes import Notes

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_FILE = "stack.yaml"
_EPILOG = """\b
Exit codes: 0 fine, 1 a problem was found, 2 wrong usage,
129, 130 and 143 when interrupted."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
    epilog=_EPILOG,
    no_args_is_help=True,
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def cli() -> None:
    """Turn one stack file into a Compose file gated on real health.

    Every optional service has a declared fallback.
    """


# What the shell completes; whatever goes wrong, it completes nothing


def _complete_services(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[str]:
    """The services of the stack file; of ``a,b`` the last one is completed."""
    from composegen.loader import find_service_names

    before, comma, begun = incomplete.rpartition(",")
    names = find_service_names(Path(context.params.get("file") or DEFAULT_FILE))
    return [f"{before}{comma}{name}" for name in names if name.startswith(begun)]


def _complete_problems(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[str]:
    from composegen.catalogue import LEVELS

    return [name for name in sorted(LEVELS) if name.startswith(incomplete)]


def _complete_recipes(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[str]:
    from composegen.guide import list_recipes

    file = Path(context.params.get("file") or DEFAULT_FILE)
    return [name for name, _ in list_recipes(file) if name.startswith(incomplete)]


# Options that several commands share


def _stack_option(function: Function) -> Function:
    return click.option(
        "-f",
        "--file",
        "file",
        metavar="FILE",
        default=DEFAULT_FILE,
        show_default=True,
        help="The stack file.",
    )(function)


def _selection_options(function: Function) -> Function:
    added = click.option(
        "--with",
        "added",
        metavar="SERVICE",
        multiple=True,
        shell_complete=_complete_services,
        help="Bring in a service that is left out, with what it requires.",
    )
    removed = click.option(
        "--without",
        "removed",
        metavar="SERVICE",
        multiple=True,
        shell_complete=_complete_services,
        help="Leave a service out.",
    )
    return added(removed(function))


def _format_option(function: Function) -> Function:
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="How to print.",
    )(function)


# What several commands do


def _be_brief() -> None:
    """Switch garbage collection off: this process ends before it would pay."""
    import gc

    gc.disable()


def _make_console() -> Console:
    from composegen.console import Console

    return Console()


def _split_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """``--with a,b`` is the same as ``--with a --with b``."""
    return tuple(
        dict.fromkeys(part for name in names for part in name.split(",") if part)
    )


def _make_selection(added: tuple[str, ...], removed: tuple[str, ...]) -> Selection:
    from composegen.selection import Selection

    return Selection(added=_split_names(added), removed=_split_names(removed))


def _load(file: str, selection: Selection | None = None) -> Loaded:
    from composegen.errors import FileRefused
    from composegen.loader import load_stack

    if not _is_typed("file"):
        _check_found(Path(file))
    try:
        return load_stack(Path(file), file, selection=selection)
    except FileRefused as refused:
        if not refused.help and refused.file == file:
            refused.help = (
                "`composegen init --bare` writes one to begin with"
                if file == DEFAULT_FILE
                else "name it with -f FILE"
            )
        raise


def _is_typed(option: str) -> bool:
    """Whether a person has typed an option: what is typed is obeyed."""
    source = click.get_current_context().get_parameter_source(option)
    return source is not click.core.ParameterSource.DEFAULT


def _check_found(path: Path) -> None:
    """A stack file that was found, not named, must not show what lies elsewhere."""
    from composegen.errors import FileRefused
    from composegen.paths import leads_inside

    if path.is_symlink() and not leads_inside(path, path.parent):
        raise FileRefused(
            str(path),
            "is a link that leads out of its folder",
            help=f"if that is meant, name it: -f {path}",
        )


def _load_plan(file: str, selection: Selection) -> Plan:
    from composegen.plan import make_plan

    return make_plan(_load(file, selection).stack, selection)


# Commands


@cli.command()
@click.argument("folder", metavar="[DIR]", default=".")
@click.option("--bare", is_flag=True, help="Only a small stack file.")
def init(folder: str, bare: bool) -> None:
    """Write the chat stack, ready to run, or a small stack file.

    Nothing that exists is overwritten.
    """
    import shlex

    from composegen.scaffold import write_bare_stack, write_chat_stack

    console = _make_console()
    target = Path(folder)
    if bare:
        console.say(f"wrote {write_bare_stack(target)}")
        console.say("next: composegen check, composegen plan, composegen up")
        return
    count = write_chat_stack(target)
    console.say(f"wrote {count} files to {folder}")
    enter = "" if folder == "." else f"cd {shlex.quote(folder)} && "
    console.say("\nto run it without containers, make its environment once:")
    console.say(f"  {enter}python3 -m venv .venv")
    console.say("  .venv/bin/pip install ./router ./backend ./frontend")
    console.say("and then, whenever you like:")
    console.say("  composegen run")
    console.say("or on the Docker engine:")
    console.say("  composegen up")
    console.say("\nto see what would start, and to write its compose.yaml:")
    console.say("  composegen plan")
    console.say("  composegen render")


@cli.command()
@_stack_option
@click.option("--strict", is_flag=True, help="Warnings count as problems.")
@_format_option
def check(file: str, strict: bool, form: str) -> None:
    """Find every problem, each with its place and its mend."""
    _be_brief()
    from composegen.console import describe_problem
    from composegen.errors import ProblemsFound

    console = _make_console()
    try:
        problems = _load(file, _make_selection((), ())).problems
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
@_stack_option
@_selection_options
@_format_option
def plan(
    file: str, added: tuple[str, ...], removed: tuple[str, ...], form: str
) -> None:
    """Show what would start, in which order, and why.

    Also how long each step waits at worst, and what is left out.
    """
    _be_brief()
    from composegen.plan import describe_plan, format_plan
    from composegen.problems import escape_control

    console = _make_console()
    made = _load_plan(file, _make_selection(added, removed))
    if form == "json":
        console.write_json(describe_plan(made))
    else:
        console.write_data(escape_control(format_plan(made), keep="\n"))


@cli.command()
@_stack_option
@_selection_options
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
    type=click.IntRange(min=20),
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
    _be_brief()
    from composegen.output import (
        Written,
        check_rendered,
        find_prefix,
        read_recorded,
        write_rendered,
    )
    from composegen.plan import make_plan
    from composegen.problems import escape_control
    from composegen.render import OLDEST_START_INTERVAL, Options, render_plan
    from composegen.secretfiles import list_missing_files

    console = _make_console()
    folder = Path(file).parent
    path = folder / "compose.yaml" if output in {None, "-"} else Path(str(output))
    if output == "-" and only_check:
        raise UsageError("--check compares a file: -o - names none")
    selection = _make_selection(added, removed)
    if only_check and not (added or removed or engine):
        recorded = read_recorded(path)
        if recorded is not None:
            selection, engine = recorded.selection, recorded.engine
    stack = _load(file, selection).stack
    options = Options(
        prefix=find_prefix(path, folder),
        name=path.name if output != "-" else "compose.yaml",
        engine=engine or OLDEST_START_INTERVAL,
    )
    made = make_plan(stack, selection)
    for rendered in render_plan(made, options):
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
@_stack_option
@_selection_options
def graph(file: str, added: tuple[str, ...], removed: tuple[str, ...]) -> None:
    """Print the stack as a Mermaid flowchart.

    What is left out is faint.
    """
    from composegen.mermaid import draw_plan

    console = _make_console()
    console.write_data(draw_plan(_load_plan(file, _make_selection(added, removed))))


@cli.command()
@_stack_option
@_format_option
def secrets(file: str, form: str) -> None:
    """Make the missing secret files, say what is still empty."""
    import os

    from composegen.problems import escape_control
    from composegen.secretfiles import Outcome, make_secret_files

    console = _make_console()
    made = make_secret_files(
        _load(file).stack, Path(file).absolute().parent, os.environ
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
            mend = (
                f": {item.mend}"
                if item.mend and item.outcome is not Outcome.KEPT
                else ""
            )
            line = f"{item.secret.file:<{width}}  {item.outcome.value}{mend}"
            console.write_data(escape_control(line) + "\n")
    if any(item.outcome is Outcome.MISSING for item in made):
        raise SystemExit(ExitCode.PROBLEM)


@cli.command()
@click.argument("name", required=False, shell_complete=_complete_recipes)
@_stack_option
@_format_option
def recipes(name: str | None, file: str, form: str) -> None:
    """List the recipes, or show one."""
    from composegen.guide import describe_recipe, list_recipes
    from composegen.problems import escape_control

    console = _make_console()
    if name is None:
        listed = list_recipes(Path(file))
        if form == "json":
            console.write_json([{"name": key, "about": about} for key, about in listed])
            return
        width = max(len(key) for key, _ in listed)
        for key, about in listed:
            console.write_data(escape_control(f"{key:<{width}}  {about}") + "\n")
        return
    data, text = describe_recipe(name, Path(file))
    if form == "json":
        console.write_json(data)
    else:
        console.write_data(escape_control(text, keep="\n"))


@cli.command()
def schema() -> None:
    """Print the JSON Schema of stack files, for editors."""
    from composegen.schema import make_schema

    _make_console().write_json(make_schema())


@cli.command()
@click.argument("name", required=False, shell_complete=_complete_problems)
def explain(name: str | None) -> None:
    """Say what a problem means, with an example."""
    from composegen.guide import list_problems, read_problem_page

    console = _make_console()
    if name is not None:
        console.write_data(read_problem_page(name))
        return
    for level, key, title in list_problems():
        console.write_data(f"{level:<8} {key:<20} {title}\n")


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what lets a shell complete commands, options and services.

    bash, in ~/.bashrc: eval "$(composegen completion bash)"

    zsh, in ~/.zshrc after compinit: eval "$(composegen completion zsh)"

    fish, in config.fish: composegen completion fish | source
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(cli, {}, "composegen", "_COMPOSEGEN_COMPLETE")
    _make_console().write_data(made.source() + "\n")


# A stack on the Docker engine


class _Time(click.ParamType[float]):
    """A duration in Compose's form, in seconds."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        from composegen.values import parse_duration

        try:
            duration = parse_duration(str(value))
        except ValueError:
            self.fail(f"`{value}` is no time such as 90s or 2m30s", param, ctx)
        return duration.seconds


@cli.command()
@_stack_option
@_selection_options
@click.option("--no-build", is_flag=True, help="Take the images as they are.")
@click.option(
    "--wait",
    type=_Time(),
    metavar="TIME",
    help="One deadline for everything, such as 2m.  [default: each service's boot]",
)
def up(
    file: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    no_build: bool,
    wait: float | None,
) -> None:
    """Bring the stack up on the Docker engine.

    Ends when all is ready, or when a required service cannot become so. Without
    --with and --without it renews compose.yaml and keeps its selection.
    """
    _check_platform()
    from composegen.finding import COMPOSE_FILE
    from composegen.output import read_recorded
    from composegen.plan import make_plan
    from composegen.render import OLDEST_START_INTERVAL
    from composegen.upping import UpOptions, up_stack

    folder = Path(file).absolute().parent
    selection = _make_selection(added, removed)
    recorded = read_recorded(folder / COMPOSE_FILE)
    is_chosen = bool(added or removed)
    if not is_chosen and recorded is not None:
        selection = recorded.selection
    engine = recorded.engine if recorded is not None else None
    made = make_plan(_load(file, selection).stack, selection)
    options = UpOptions(
        build=not no_build,
        limit=wait,
        engine=engine or OLDEST_START_INTERVAL,
        is_chosen=is_chosen,
    )
    code = up_stack(made, folder, options)
    if code:
        raise SystemExit(code)


@cli.command()
@_stack_option
@_format_option
def doctor(file: str, form: str) -> None:
    """Say whether this machine can run the stack.

    Ends with 0 when it can, on the Docker engine or as processes.
    """
    _check_platform()
    from composegen.doctor import examine, find_ways, look_at_this_machine
    from composegen.plan import make_plan
    from composegen.records import as_dict

    console = _make_console()
    made = None
    if Path(file).is_file():
        made = make_plan(_load(file).stack)
    elif file != DEFAULT_FILE:
        _load(file)  # says what is wrong with the name
    findings = examine(made, Path(file).absolute().parent, look_at_this_machine())
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
    console.say(f"\n{what} can run here {' and '.join(words[way] for way in ways)}")


def _find_notes(file: str) -> Notes | None:
    """What is up on the Docker engine; None where processes run, or nothing is up."""
    from composegen.runfiles import RunFolder
    from composegen.upnotes import read_notes

    folder = Path(file).absolute().parent
    runs = RunFolder.find(folder)
    if runs is not None and runs.list_runs():
        return None
    return read_notes(folder) or _find_unnoted(folder, file)


def _find_unnoted(folder: Path, file: str) -> Notes | None:
    from composegen.finding import COMPOSE_FILE, find_unnoted
    from composegen.plan import make_plan

    if not (folder / COMPOSE_FILE).is_file():
        return None
    return find_unnoted(
        folder, lambda selection: make_plan(_load(file, selection).stack, selection)
    )


def _check_noted(notes: Notes, names: tuple[str, ...]) -> None:
    from composegen.reading import find_near

    known = [each.name for each in notes.services]
    for name in names:
        if name not in known:
            near = find_near(name, known)
            raise UsageError(
                f"there is no service `{name}` in what is up",
                help=f"did you mean `{near}`?" if near else f"up: {', '.join(known)}",
            )


def _show_engine_status(notes: Notes, form: str) -> bool:
    from composegen.engineplace import look_at_engine
    from composegen.enginestatus import format_seen
    from composegen.status import describe_statuses

    console = _make_console()
    seen = look_at_engine(notes)
    if form == "json":
        console.write_json(describe_statuses(seen.statuses))
    else:
        console.write_data(format_seen(seen))
    return seen.is_up


def _explain_engine(notes: Notes, file: str, service: str) -> None:
    from composegen.enginewhy import explain_engine
    from composegen.reasons import format_reasons

    console = _make_console()
    _check_noted(notes, (service,) if service else ())
    reasons = explain_engine(notes, Path(file).absolute().parent, service)
    if reasons:
        console.write_data(format_reasons(reasons))
        raise SystemExit(ExitCode.PROBLEM)
    console.say(f"{service or 'everything'} is up")


def _take_engine_down(file: str) -> bool:
    """Take down what is up on the engine; whether anything was."""
    from composegen.engineplace import take_engine_down

    notes = _find_notes(file)
    if notes is None:
        return False
    console = _make_console()
    taken = take_engine_down(notes, Path(file).absolute().parent)
    if taken is None:
        raise SystemExit(ExitCode.PROBLEM)
    console.say(f"took {taken.project} down")
    if taken.volumes:
        names = " ".join(taken.volumes)
        console.say(f"its data stays; to remove it: docker volume rm {names}")
    return True


# A stack as processes


_COMMAND = "composegen.command"


class _RunCommand(click.Command):
    """Keeps what stands after ``--`` as it is: it is somebody else's command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            end = args.index("--")
            ctx.meta[_COMMAND] = args[end + 1 :]
            args = args[:end]
        return super().parse_args(ctx, args)


@cli.command(cls=_RunCommand)
@click.argument(
    "services",
    metavar="[SERVICE]...",
    nargs=-1,
    shell_complete=_complete_services,
)
@_stack_option
@_selection_options
@click.option("-v", "--verbose", is_flag=True, help="Show every line of every service.")
@click.option("--no-restart", is_flag=True, help="What dies later stays away.")
@click.option("--reuse", is_flag=True, help="Use whoever answers on a service's port.")
@click.pass_context
def run(
    context: click.Context,
    services: tuple[str, ...],
    file: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    verbose: bool,
    no_restart: bool,
    reuse: bool,
) -> None:
    """Run the stack as processes, no containers needed.

    With services named, those alone with what they need.

    `run SERVICE -- COMMAND` runs another command in that service's place, with its
    environment, and ends with that command's exit code.
    """
    _check_platform()
    from composegen.localplan import Asked
    from composegen.running import RunOptions, run_stack
    from composegen.selection import check_names

    command = tuple(context.meta.get(_COMMAND, ()))
    if _COMMAND in context.meta and (not command or len(services) != 1):
        raise UsageError(
            "a command after -- stands in for one service",
            help="composegen run SERVICE -- COMMAND",
        )
    asked = Asked(
        selection=_make_selection(added, removed),
        names=services,
        command=command,
        reuse=reuse,
    )
    options = RunOptions(verbose=verbose, restart=not no_restart)
    stack = _load(file).stack
    check_names(stack, asked.selection)
    context.exit(run_stack(stack, Path(file).absolute().parent, asked, options))


@cli.command()
@_stack_option
@_format_option
@click.option("--watch", is_flag=True, help="Show it anew every second.")
def status(file: str, form: str, watch: bool) -> None:
    """Show how every service is doing.

    Ends with 0 when all that is required is up.
    """
    import time

    _check_platform()
    notes = _find_notes(file)
    if notes is not None:
        is_up = _show_engine_status(notes, form)
        while watch:
            time.sleep(1)
            is_up = _show_engine_status(notes, form)
        if not is_up:
            raise SystemExit(ExitCode.PROBLEM)
        return
    from composegen.place import format_statuses, look_at_runs
    from composegen.status import describe_statuses

    console = _make_console()
    stack, folder = _load_beside_runs(file), Path(file).absolute().parent
    while True:
        seen = look_at_runs(stack, folder)
        for note in seen.notes:
            console.say(f"note: {note}")
        if not seen.is_running:
            console.say("nothing runs here: composegen up or composegen run starts it")
        if form == "json":
            console.write_json(describe_statuses(seen.statuses))
        else:
            console.write_data(format_statuses(seen))
        if not watch:
            break
        time.sleep(1)
    if not seen.is_up:
        raise SystemExit(ExitCode.PROBLEM)


@cli.command()
@click.argument(
    "service", required=False, default="", shell_complete=_complete_services
)
@_stack_option
def why(service: str, file: str) -> None:
    """Say why a service is not up.

    What blocks it, the cause, its last lines.
    """
    _check_platform()
    notes = _find_notes(file)
    if notes is not None:
        _explain_engine(notes, file, service)
        return
    from composegen.place import NothingRuns, find_reasons, look_at_runs

    console = _make_console()
    folder = Path(file).absolute().parent
    seen = look_at_runs(_load_beside_runs(file), folder)
    _check_services((service,) if service else (), seen.names)
    reasons = find_reasons(folder, seen, service)
    for note in seen.notes:
        console.say(f"note: {note}")
    if not seen.is_running:
        if seen.ending:
            console.say("nothing runs here as processes")
            console.write_data(f"{seen.ending}\n")
            raise SystemExit(ExitCode.PROBLEM)
        if not seen.failures:
            raise NothingRuns(
                "nothing runs here", help="start it: composegen up, or composegen run"
            )
        console.say("nothing runs here as processes; this is how the last run ended")
    for reason in reasons:
        console.write_data(str(reason))
    if reasons:
        raise SystemExit(ExitCode.PROBLEM)
    console.say(f"{service or 'everything'} is up")


@cli.command()
@click.argument(
    "services",
    metavar="[SERVICE]...",
    nargs=-1,
    shell_complete=_complete_services,
)
@_stack_option
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    metavar="COUNT",
    default=20,
    show_default=True,
    help="How many of each.",
)
@click.option("--follow", is_flag=True, help="Go on with what comes.")
def logs(services: tuple[str, ...], file: str, lines: int, follow: bool) -> None:
    """Show the last lines of the services' logs."""
    from itertools import chain

    _check_platform()
    notes = _find_notes(file)
    if notes is not None:
        from composegen.engineplace import show_logs

        _check_noted(notes, services)
        code = show_logs(notes, services, lines, follow=follow)
        if code:
            raise SystemExit(ExitCode.PROBLEM)
        return
    from composegen.place import follow_logs, list_logged, look_at_runs, read_logs

    console = _make_console()
    folder = Path(file).absolute().parent
    known = look_at_runs(_load_beside_runs(file), folder).names
    _check_services(services, (*known, *list_logged(folder)))
    names = services or known or list_logged(folder)
    width = max(map(len, names))
    shown = read_logs(folder, names, lines)
    for name, line in chain(shown, follow_logs(folder, names) if follow else ()):
        prefix = f"{name:<{width}} | " if len(names) > 1 else ""
        console.write_data(f"{prefix}{line}\n")


@cli.command()
@_stack_option
def down(file: str) -> None:
    """End what runs in this folder."""
    _check_platform()
    from composegen.place import take_down

    console = _make_console()
    ended = take_down(Path(file).absolute().parent)
    if not _take_engine_down(file) and not ended:
        console.say("nothing runs here")
    for run in ended:
        what = ", ".join(run.names) or "the whole stack"
        console.say(f"ended the run of {what}, pid {run.supervisor.pid}")


def _check_platform() -> None:
    """Before anything is imported that is not there elsewhere."""
    from composegen.platforms import check_platform

    check_platform()


def _load_beside_runs(file: str) -> Stack | None:
    """The stack; None where its file is wrong and runs can speak for themselves."""
    from composegen.place import has_records

    try:
        return _load(file).stack
    except ComposegenError:
        if not has_records(Path(file).absolute().parent):
            raise
        _make_console().say(
            f"note: {file} cannot be used as it is now (composegen check says why): "
            "told is what runs know"
        )
        return None


def _check_services(names: tuple[str, ...], known: tuple[str, ...]) -> None:
    from composegen.localplan import check_services

    check_services(names, known)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit with one of ``ExitCode``."""
    sys.exit(_run(arguments))


def _fill_closed_streams() -> None:
    """Let a closed stdin, stdout or stderr be nothing, not the next file that opens."""
    import os

    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _run(arguments: list[str] | None) -> int:
    _fill_closed_streams()
    try:
        result = cli.main(arguments, prog_name="composegen", standalone_mode=False)
    except ComposegenError as error:
        _make_console().show_error(error)
        return error.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        _make_console().say(error.format_message())
        return ExitCode.USAGE
    except click.UsageError as error:
        hint = f"{error.ctx.command_path} --help" if error.ctx else "composegen --help"
        _make_console().show_usage_error(error.format_message(), f"see {hint}")
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; nothing more is to be said.
        sys.stdout = None
        return ExitCode.FINE
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.stdout = None
        _make_console().show_usage_error("no space is left to write to")
        return ExitCode.PROBLEM
    except SystemExit as stop:
        return int(stop.code or 0)
    return result if isinstance(result, int) else ExitCode.FINE
