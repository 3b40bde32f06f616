"""``composegen recipes``."""

from __future__ import annotations

from pathlib import Path

import click

from composegen.commands.declare import command
from composegen.commands.options import (
    complete_recipes,
    format_option,
    make_console,
    stack_option,
)


@command()
@click.argument("name", required=False, shell_complete=complete_recipes)
@stack_option
@format_option
def recipes(name: str | None, file: str, form: str) -> None:
    """List the recipes, or show one."""
    from composegen.stackfile.guide import describe_recipe, list_recipes
    from composegen.text import escape_control

    console = make_console()
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
        console.write_file(escape_control(text, keep="\n"))
