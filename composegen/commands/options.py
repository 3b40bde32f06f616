"""What several commands share: options, completion, reading the stack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from composegen.commands.declare import option
from composegen.system.imports import import_quickly

if TYPE_CHECKING:
    from composegen.model import Stack
    from composegen.places.find import Finder
    from composegen.planning.plan import Plan
    from composegen.planning.selection import Selection
    from composegen.stackfile.load import Loaded
    from composegen.terminal.console import Console
    from composegen.workspace.workspace import Workspace


Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_FILE = "stack.yaml"


# What the shell completes; whatever goes wrong, it completes nothing


def complete_services(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[str]:
    """The services of the stack file; of ``a,b`` the last one is completed."""
    from composegen.stackfile.load import find_service_names

    before, comma, begun = incomplete.rpartition(",")
    names = find_service_names(Path(context.params.get("file") or DEFAULT_FILE))
    return [f"{before}{comma}{name}" for name in names if name.startswith(begun)]


def complete_selection(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """The same with the groups of the stack file, which begin with ``@``."""
    from composegen.stackfile.load import find_group_names

    before, comma, begun = incomplete.rpartition(",")
    groups = find_group_names(Path(context.params.get("file") or DEFAULT_FILE))
    return complete_services(context, parameter, incomplete) + [
        f"{before}{comma}@{name}" for name in groups if f"@{name}".startswith(begun)
    ]


def complete_problems(
    _: click.Context, __: click.Parameter, incomplete: str
) -> list[str]:
    """The names of problems, for a shell."""
    from composegen.stackfile.catalogue import PAGES

    return [name for name in PAGES if name.startswith(incomplete)]


def complete_recipes(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[str]:
    """The names of recipes, for a shell."""
    from composegen.stackfile.guide import list_recipes

    file = Path(context.params.get("file") or DEFAULT_FILE)
    return [name for name, _ in list_recipes(file) if name.startswith(incomplete)]


# Options that several commands share


def services_argument(metavar: str = "[SERVICE]...") -> Callable[[Function], Function]:
    """Names of services, any number of them."""
    return click.argument(
        "services", metavar=metavar, nargs=-1, shell_complete=complete_services
    )


def stack_option(function: Function) -> Function:
    """``-f`` and ``--file``: the stack file; it is looked for if it is not named."""
    return _make_stack_option("-f", "--file")(function)


def long_stack_option(function: Function) -> Function:
    """``--file`` alone, where ``-f`` means something else."""
    return _make_stack_option("--file")(function)


def _make_stack_option(*names: str) -> Callable[[Function], Function]:
    return option(
        *names,
        "file",
        metavar="FILE",
        default=DEFAULT_FILE,
        callback=_find_file,
        help="The stack file.  [default: stack.yaml, here or in a parent folder]",
    )


def _find_file(context: click.Context, _: click.Parameter, file: str) -> str:
    """The file that was named, else the one that is found; one above is reported."""
    if _is_typed("file", context):
        return file
    found = find_default_file()
    if found != file and not context.resilient_parsing:
        from composegen.text import escape_control

        make_console().say(f"using {escape_control(found)}")
    return found


def find_default_file() -> str:
    """The stack file of this folder, else of a parent folder, as it would be typed."""
    if os.path.lexists(DEFAULT_FILE):
        return DEFAULT_FILE
    from composegen.workspace.search import find_stack_file

    try:
        here = Path(os.path.realpath(os.curdir))
    except OSError:  # the working folder was removed
        return DEFAULT_FILE
    found = find_stack_file(here)
    return DEFAULT_FILE if found is None else os.path.relpath(found, here)


def selection_options(function: Function) -> Function:
    """``--with`` and ``--without``."""
    added = option(
        "--with",
        "added",
        metavar="SERVICE",
        multiple=True,
        shell_complete=complete_selection,
        help="Include an excluded service, or a group (@NAME), and what it requires.",
    )
    removed = option(
        "--without",
        "removed",
        metavar="SERVICE",
        multiple=True,
        shell_complete=complete_selection,
        help="Exclude a service, or a group (@NAME).",
    )
    return added(removed(function))


def format_option(function: Function) -> Function:
    """``--format``: for people, or JSON."""
    return option(
        "--format",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="The output format.",
    )(function)


def take_over_option(function: Function) -> Function:
    """``--take-over``: change containers that another folder has made."""
    return option(
        "--take-over",
        is_flag=True,
        help="Act on containers that were made elsewhere under this project's name.",
    )(function)


# What several commands do


def be_brief() -> None:
    """Switch garbage collection off: this process ends before it would pay."""
    import atexit
    import gc

    gc.disable()
    atexit.register(gc.freeze)  # Python looks for garbage once more at its end


def make_console() -> Console:
    """A console on our own streams."""
    from composegen.terminal.console import Console

    return Console()


def _split_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """``--with a,b`` is the same as ``--with a --with b``."""
    return tuple(
        dict.fromkeys(part for name in names for part in name.split(",") if part)
    )


def make_selection(added: tuple[str, ...], removed: tuple[str, ...]) -> Selection:
    """What ``--with`` and ``--without`` ask for."""
    from composegen.planning.selection import Selection

    return Selection(added=_split_names(added), removed=_split_names(removed))


def load_file(
    file: str,
    selection: Selection | None = None,
    *,
    with_files: bool = False,
    target: str = "compose",
) -> Loaded:
    """Read and check a stack file, and look for the files that it names if asked to.

    ``target`` is what it is checked for.
    Raises FileRefused and ProblemsFound.
    """
    import_quickly("yaml")
    from composegen.errors import FileRefused
    from composegen.stackfile.load import load_stack

    if not _is_typed("file"):
        _check_found(Path(file))
    try:
        return load_stack(
            Path(file), file, selection=selection, with_files=with_files, target=target
        )
    except FileRefused as refused:
        if not refused.help and refused.file == file:
            refused.help = _explain_missing(file)
        raise


def _explain_missing(file: str) -> str:
    """What to do where there is no stack file."""
    from composegen.adopt.project import can_adopt, find_default_file

    if file != DEFAULT_FILE:
        return "name it with -f FILE"
    found = find_default_file(Path())
    if found is not None and can_adopt(found):
        return f"`composegen adopt` writes one from {found}"
    return "`composegen init --bare` writes one to begin with"


def _is_typed(option: str, context: click.Context | None = None) -> bool:
    """Whether a person has typed an option: what is typed is obeyed."""
    context = context or click.get_current_context()
    source = context.get_parameter_source(option)
    return source is not click.core.ParameterSource.DEFAULT


def _check_found(path: Path) -> None:
    """A stack file that was found, not named, must not show what lies elsewhere."""
    from composegen.errors import FileRefused
    from composegen.paths import is_link, leads_inside

    if is_link(path) and not leads_inside(path, path.parent):
        raise FileRefused(
            str(path),
            "is a link that leads out of its folder",
            help=f"to use it anyway, name it: -f {path}",
        )


def load_plan(file: str, selection: Selection) -> Plan:
    """The plan for a selection of a stack file. Raises what loading it does."""
    from composegen.planning.plan import make_plan

    return make_plan(load_file(file, selection).stack, selection)


def check_platform() -> None:
    """Before anything is imported that is not there elsewhere."""
    from composegen.system.platform import check_platform

    check_platform()


def make_workspace(file: str) -> Workspace:
    """The folder of a stack file, in our own environment."""
    import_quickly("yaml")
    from composegen.stackfile.load import find_output
    from composegen.workspace.workspace import Workspace

    return Workspace(file, output=find_output(Path(file)))


def find_title(file: str, stack: Stack) -> str:
    """The project as the other commands name it; empty where it has no name."""
    named = "COMPOSE_PROJECT_NAME" in os.environ
    if not named and not os.path.lexists(Path(file).parent / ".env"):
        return stack.name
    from composegen.workspace.workspace import Workspace

    return Workspace(file).find_title(stack.name)


def say_distrusted(workspace: Workspace) -> None:
    """Name the state files of a folder that are not used, once each."""
    from composegen.places.distrust import list_distrusted

    say_notes(list_distrusted(workspace.folder))


def find_places(file: str, *, acts: bool = False) -> Finder:
    """Where the stack of a file runs; state files that are not used are named.

    What a drill has left is undone first. Raises DrillRuns where one goes on and the
    command ``acts``.
    """
    from composegen.places.find import Finder

    workspace = make_workspace(file)
    say_distrusted(workspace)
    settle_drill(file, acts=acts)
    return Finder(workspace, lambda selection: load_file(file, selection).stack)


def settle_drill(file: str, *, acts: bool) -> None:
    """Undo what a drill that was killed has left; nothing where there was none.

    Where one goes on, it is named; raises DrillRuns where the command ``acts``.
    """
    from composegen.errors import ComposegenError, DrillRuns
    from composegen.paths import exists
    from composegen.workspace.state import STATE_FOLDER, NotTrusted

    workspace = make_workspace(file)
    if not exists(workspace.folder / STATE_FOLDER / "drill.json"):
        return
    from composegen.drill.leftover import describe_drill, undo_leftover

    console = make_console()
    try:
        undo_leftover(
            workspace,
            lambda target: load_file(file, target=target).stack,
            console.say,
        )
    except DrillRuns:
        if acts:
            raise
        say_notes([describe_drill(workspace)])
    except NotTrusted as refused:
        say_notes([f"{refused}; {refused.help}"])
    except ComposegenError as error:
        if acts:
            raise
        say_notes([f"what a drill has left cannot be undone now: {error.message}"])


def say_unset(file: str, plan: Plan, texts: Iterable[str]) -> None:
    """Name the variables of rendered files that are not set here, in one line.

    Nothing depends on a ``.env`` that cannot be read: what needs it says why.
    """
    from composegen.errors import FileRefused
    from composegen.workspace.unset import describe_unset, find_unset

    text = "".join(texts)
    if not find_unset(text, {}):
        return  # without variables, nothing needs the environment
    try:
        values = make_workspace(file).values
    except FileRefused:
        return
    made = {each.variable: "made" for each in plan.secrets.values()}
    say_notes(filter(None, [describe_unset(find_unset(text, {**made, **values}))]))


def say_notes(notes: Iterable[str]) -> None:
    """Notes for people, apart from the data on stdout."""
    for note in notes:
        make_console().say(f"note: {note}")
