"""Problems become words with their line; data and talk never mix."""

from __future__ import annotations

import io
import json
import re

import pytest

from composegen.errors import (
    ComposegenError,
    Level,
    Location,
    Problem,
    ProblemsFound,
    SelectionError,
    StaleFile,
)
from composegen.terminal.console import (
    Console,
    count_problems,
    cut_line,
    describe_problem,
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def make_problem(
    text: str = "  needs: ruoter",
    *,
    line: int = 14,
    column: int = 10,
    width: int = 6,
    help: str = "did you mean `router`?",
    level: Level = Level.ERROR,
) -> Problem:
    return Problem(
        name="unknown-service",
        message="`backend` needs `ruoter`, which is not in this stack",
        location=Location(
            file="stack.yaml", line=line, column=column, text=text, width=width
        ),
        help=help,
        level=level,
    )


def show(problem: Problem) -> str:
    err = io.StringIO()
    Console(io.StringIO(), err).show_problem(problem)
    return err.getvalue()


# A problem


def test_a_problem_is_shown_with_its_place_its_line_and_its_fix() -> None:
    assert show(make_problem()) == (
        "error[unknown-service]: `backend` needs `ruoter`, which is not in this stack\n"
        "  --> stack.yaml:14:10\n"
        "   |\n"
        "14 |   needs: ruoter\n"
        "   |          ^^^^^^\n"
        "   = help: did you mean `router`?\n"
    )


def test_several_lines_of_help_are_indented() -> None:
    lines = show(make_problem(help="write:\nneeds:\n  a:\n\n  b:")).splitlines()

    assert lines[-5:] == [
        "   = help: write:",
        "           needs:",
        "             a:",
        "",
        "             b:",
    ]


def test_a_problem_without_help_ends_with_its_marks() -> None:
    assert show(make_problem(help="")).endswith("^^^^^^\n")


def test_a_problem_of_a_whole_file_shows_no_line() -> None:
    problem = make_problem(line=0, column=0, text="")

    assert show(problem).splitlines()[1:] == [
        " --> stack.yaml",
        "  = help: did you mean `router`?",
    ]


@pytest.mark.parametrize("level", Level)
def test_the_level_begins_the_line(level: Level) -> None:
    assert show(make_problem(level=level)).startswith(f"{level.value}[unknown-service]")


def test_bars_stand_below_each_other_whatever_the_number() -> None:
    for line in (1, 99, 12345):
        lines = show(make_problem(line=line)).splitlines()
        assert len({text.index("|") for text in lines[2:5]}) == 1


# The line


def test_the_marks_stand_below_what_is_meant() -> None:
    text, start, length = cut_line(make_problem().location)

    assert text[start : start + length] == "ruoter"


@pytest.mark.parametrize(
    ("text", "column", "width", "shown", "marked"),
    [
        ("a\tbad", 3, 3, "a bad", (2, 3)),
        ("世界 bad", 4, 3, "世界 bad", (5, 3)),
        ("x: 世界", 4, 2, "x: 世界", (3, 4)),
        ("é bad", 3, 3, "é bad", (2, 3)),
        ("ok", 3, 1, "ok", (2, 1)),
        ("abc", 2, 99, "abc", (1, 2)),
        ("", 1, 1, "", (0, 1)),
    ],
)
def test_wide_letters_and_tabs_keep_the_marks_in_place(
    text: str, column: int, width: int, shown: str, marked: tuple[int, int]
) -> None:
    location = Location(file="f", line=1, column=column, text=text, width=width)

    assert cut_line(location) == (shown, *marked)


def test_control_characters_of_the_file_are_shown_escaped() -> None:
    problem = make_problem("a: \x1b[31m\x07bad", column=10, width=3)

    output = show(problem)

    assert "\x1b" not in output
    assert "\x07" not in output


def test_a_long_line_is_cut_around_its_place() -> None:
    text = "a" * 500 + "bad" + "b" * 500
    location = Location(file="f", line=1, column=501, text=text, width=3)

    shown, start, length = cut_line(location)

    assert len(shown) < 200
    assert shown[start : start + length] == "bad"


@pytest.mark.parametrize("column", [1, 60, 150, 470, 500])
def test_the_marks_of_a_long_line_stay_on_the_screen(column: int) -> None:
    location = Location(file="f", line=1, column=column, text="x" * 500, width=400)

    shown, start, length = cut_line(location)

    assert len(shown) < 200
    assert start + length <= len(shown)
    assert length >= 1


# Several problems


def test_problems_are_followed_by_how_many_there_were() -> None:
    err = io.StringIO()
    problems = [make_problem(), make_problem(level=Level.WARNING)]

    Console(io.StringIO(), err).show_problems(problems)

    assert err.getvalue().endswith("\n\n1 error, 1 warning\n")


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        ([], "no problems"),
        (["error"], "1 error"),
        (["error", "error"], "2 errors"),
        (["note", "warning", "warning", "error"], "1 error, 2 warnings, 1 note"),
        (["note", "note"], "2 notes"),
    ],
)
def test_problems_are_counted_in_words(levels: list[str], text: str) -> None:
    assert count_problems(make_problem(level=Level(word)) for word in levels) == text


def test_a_problem_is_plain_data() -> None:
    assert describe_problem(make_problem()) == {
        "file": "stack.yaml",
        "line": 14,
        "column": 10,
        "level": "error",
        "name": "unknown-service",
        "message": "`backend` needs `ruoter`, which is not in this stack",
        "help": "did you mean `router`?",
    }


def test_what_a_problem_does_not_have_is_null() -> None:
    data = describe_problem(make_problem(line=0, column=0, help=""))

    assert (data["line"], data["column"], data["help"]) == (None, None, None)


# Other errors


def show_error(error: ComposegenError) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    Console(out, err).show_error(error)
    return out.getvalue(), err.getvalue()


def test_an_error_is_shown_with_its_help() -> None:
    assert show_error(SelectionError("no", help="this would work: a\nor: b")) == (
        "",
        "error[left-out]: no\n= help: this would work: a\n        or: b\n",
    )


def test_the_difference_of_a_stale_file_is_data() -> None:
    out, err = show_error(StaleFile("compose.yaml", "-a\n+b\n", help="renew it"))

    assert out == "-a\n+b\n"
    assert err.startswith("error[stale]: compose.yaml is not what")


def test_problems_that_were_found_are_shown_one_by_one() -> None:
    _, err = show_error(ProblemsFound((make_problem(), make_problem())))

    assert err.count("error[unknown-service]") == 2


def test_wrong_usage_is_shown_with_its_hint() -> None:
    err = io.StringIO()
    Console(io.StringIO(), err).show_usage_error("No such option", "see --help")

    assert err.getvalue() == "error: No such option\n= help: see --help\n"


# Streams and colour


def test_data_and_talk_go_to_different_streams() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err)

    console.write_data("data")
    console.say("talk")

    assert (out.getvalue(), err.getvalue()) == ("data", "talk\n")


def test_json_keeps_every_letter() -> None:
    out = io.StringIO()
    Console(out, io.StringIO()).write_json({"a": ["é", None]})

    assert json.loads(out.getvalue()) == {"a": ["é", None]}
    assert "é" in out.getvalue()
    assert out.getvalue().endswith("}\n")


def colour(
    monkeypatch: pytest.MonkeyPatch,
    err: io.StringIO,
    no_color: str = "",
    term: str = "xterm",
) -> str:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", term)
    Console(io.StringIO(), err).show_problem(make_problem())
    return err.getvalue()


def test_a_terminal_gets_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in colour(monkeypatch, Terminal())


def test_a_terminal_that_knows_no_colours_gets_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "\x1b[" not in colour(monkeypatch, Terminal(), term="dumb")


def test_a_file_gets_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in colour(monkeypatch, io.StringIO())


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in colour(monkeypatch, Terminal(), "1")


def test_the_words_are_the_same_with_colour_and_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = re.sub("\x1b\\[[0-9;]*m", "", colour(monkeypatch, Terminal()))

    assert plain == show(make_problem())


@pytest.mark.parametrize(
    ("typed", "is_yes"),
    [("y\n", True), (" YES \n", True), ("n\n", False), ("\n", False), ("", False)],
)
def test_a_question_is_answered_with_yes_or_with_anything_else(
    monkeypatch: pytest.MonkeyPatch, typed: str, is_yes: bool
) -> None:
    err = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    console = Console(err=err)

    assert console.can_ask
    assert console.confirm("really?") is is_yes
    assert err.getvalue().startswith("really? [y/N] ")


def test_without_a_terminal_nothing_can_be_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    assert not Console(err=Terminal()).can_ask
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert not Console(err=io.StringIO()).can_ask
