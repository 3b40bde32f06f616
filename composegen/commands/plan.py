"""``composegen plan``."""

from __future__ import annotations

from composegen.commands.declare import command
from composegen.commands.options import (
    be_brief,
    find_title,
    format_option,
    load_plan,
    make_console,
    make_selection,
    selection_options,
    stack_option,
)


@command()
@stack_option
@selection_options
@format_option
def plan(
    file: str, added: tuple[str, ...], removed: tuple[str, ...], form: str
) -> None:
    """Show which services start, in which order, and why.

    Also shows how long each step waits at worst, and which services are excluded.
    """
    be_brief()
    from composegen.planning.printing import describe_plan, format_plan
    from composegen.text import escape_control

    console = make_console()
    made = load_plan(file, make_selection(added, removed))
    if form == "json":
        console.write_json(describe_plan(made))
    else:
        width = console.measure_width("out")
        title = find_title(file, made.stack)
        text = format_plan(made, title=title, width=width)
        console.write_data(escape_control(text, keep="\n"))
