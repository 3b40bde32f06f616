"""The commands that say what there is, and the first stack."""

from __future__ import annotations

from pathlib import Path

import click

from composegen.cli.group import cli
from composegen.cli.options import (
    complete_problems,
    complete_recipes,
    format_option,
    make_console,
    stack_option,
)


@cli.command()
@click.argument("folder", metavar="[DIR]", default=".")
@click.option("--bare", is_flag=True, help="Only a small stack file.")
def init(folder: str, bare: bool) -> None:
    """Write the chat stack, ready to run, or a small stack file.

    Nothing that exists is overwritten.
    """
    import shlex

    from composegen.scaffold import write_bare_stack, write_chat_stack

    console = make_console()
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
        console.write_data(escape_control(text, keep="\n"))


@cli.command()
def schema() -> None:
    """Print the JSON Schema of stack files, for editors."""
    from composegen.stackfile.schema import make_schema

    make_console().write_json(make_schema())


@cli.command()
@click.argument("name", required=False, shell_complete=complete_problems)
def explain(name: str | None) -> None:
    """Say what a problem means, with an example."""
    from composegen.stackfile.guide import list_problems, read_problem_page

    console = make_console()
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
    make_console().write_data(made.source() + "\n")
