"""Commands and options are declared as click has them, and found quickly."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from composegen.commands.declare import command, option


@command()
@option("-f", "--file", default="")
@option("-v", "--verbose", is_flag=True)
@click.argument("names", nargs=-1)
def show(file: str, verbose: bool, names: tuple[str, ...]) -> None:
    """Show what was typed."""
    click.echo(f"{file} {verbose} {' '.join(names)}")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (["-f", "a"], "a False "),
        (["-fa"], "a False "),
        (["-f=a"], "=a False "),
        (["-f", "-v"], "-v False "),
        (["-v", "-f", "a"], "a True "),
        (["-vf", "a"], "a True "),
        (["--file=a", "-v"], "a True "),
        (["x", "-v", "y"], " True x y"),
        (["--", "-v"], " False -v"),
    ],
)
def test_options_are_read_as_click_reads_them(typed: list[str], shown: str) -> None:
    result = CliRunner().invoke(show, typed)

    assert result.output == f"{shown}\n"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["-x"], "No such option"),
        (["-vx"], "No such option"),
        (["--fil", "a"], "--file"),
        (["-f"], "requires an argument"),
    ],
)
def test_a_wrong_option_is_refused_in_the_words_of_click(
    typed: list[str], message: str
) -> None:
    result = CliRunner().invoke(show, typed)

    assert result.exit_code == 2
    assert message in result.output
