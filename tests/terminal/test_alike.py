"""Warnings that say the same of several services are shown once."""

from __future__ import annotations

import io

from composegen.errors import Level, Location, Problem
from composegen.terminal.alike import fold_alike
from composegen.terminal.console import Console


def warn(service: str, line: int, **changed: object) -> Problem:
    values: dict[str, object] = {
        "name": "not-hardened",
        "message": f"`{service}` was imported",
        "location": Location(file="stack.yaml", line=line, column=1, text="x", width=1),
        "help": f"try it:\ncomposegen harden {service}",
        "level": Level.WARNING,
        **changed,
    }
    return Problem(**values)  # type: ignore[arg-type]


def count(*problems: Problem) -> list[int]:
    return [len(each) for each in fold_alike(problems)]


def test_three_that_say_the_same_are_one_at_the_place_of_the_first() -> None:
    other = warn("db", 2, name="unasked")
    first, *_ = fold_alike([warn("web", 1), other, warn("app", 3), warn("who", 4)])

    assert [each.location.line for each in first] == [1, 3, 4]
    assert count(warn("web", 1), other, warn("app", 3), warn("who", 4)) == [3, 1]
    assert count(other, warn("web", 1), warn("app", 3), warn("who", 4)) == [1, 3]


def test_two_are_shown_as_they_are() -> None:
    assert count(warn("web", 1), warn("app", 2)) == [1, 1]


def test_what_helps_another_way_is_not_alike() -> None:
    other = warn("who", 3, help="write a reason")

    assert count(warn("web", 1), warn("app", 2), other) == [1, 1, 1]


def test_errors_are_never_folded() -> None:
    errors = [warn(name, 1, level=Level.ERROR) for name in ("a", "b", "c")]

    assert count(*errors) == [1, 1, 1]


def test_all_places_are_shown_and_all_are_counted() -> None:
    err = io.StringIO()
    names = ("web", "app", "who")
    problems = [warn(name, line) for line, name in enumerate(names, 1)]
    Console(err=err).show_problems(problems)

    assert err.getvalue().endswith(
        "  = help: try it:\n"
        "          composegen harden web\n"
        "  = also: `app` stack.yaml:2:1\n"
        "          `who` stack.yaml:3:1\n"
        "\n"
        "3 warnings\n"
    )
