"""Lines of logs on the board: which speak of errors, and which are still kept."""

from __future__ import annotations

import pytest

from composegen.board.logs import AGAIN, KEPT, LogBook, is_error
from tests.boards import FakePlace
from tests.leaks import wait_for


@pytest.mark.parametrize(
    "text",
    [
        "ERROR: no such table",
        "level=error msg=down",
        "Traceback (most recent call last):",
        "KeyError: 'x'",
        "connect ECONNREFUSED 127.0.0.1:6379",
        "panic: runtime error",
        "Fatal: cannot bind",
    ],
)
def test_a_line_that_speaks_of_an_error_is_marked(text: str) -> None:
    assert is_error(text)


@pytest.mark.parametrize(
    "text",
    [
        "GET /health 200",
        "Memory overcommit must be enabled!",
        "endpoints POST /api",
        "finished with 0 errors",
        "errors=0 warnings=2",
        "terror of the deep",
    ],
)
def test_other_lines_are_not(text: str) -> None:
    assert not is_error(text)


def test_lines_that_are_no_longer_kept_are_counted() -> None:
    book = LogBook(lambda: None)
    for number in range(KEPT + 10):
        book._add("web", str(number))
    found, skipped = book.list_since(4)

    assert skipped == 6
    assert [found[0].number, found[-1].number] == [10, KEPT + 9]
    assert len(found) == KEPT


def test_only_new_lines_are_listed() -> None:
    book = LogBook(lambda: None)
    for number in range(5):
        book._add("web", str(number))

    assert [line.text for line in book.list_since(3)[0]] == ["3", "4"]
    assert book.list_since(5) == ([], 0)


def test_a_line_of_a_megabyte_is_cut() -> None:
    book = LogBook(lambda: None)
    book._add("web", "x" * 1_000_000)

    assert len(book.list_since(0)[0][0].text) == 4000


def read_texts(book: LogBook) -> list[str]:
    return [line.text for line in book.list_since(0)[0]]


def test_lines_that_have_ended_can_be_read_again_and_that_is_said() -> None:
    book, place = LogBook(lambda: None), FakePlace("web")
    place.first_lines = [("web", "first")]
    book.read(place)  # type: ignore[arg-type]
    wait_for(lambda: read_texts(book) == ["first"])
    assert not book.has_ended
    place.lines.put(None)
    wait_for(lambda: book.has_ended)

    book.read(place, is_again=True)  # type: ignore[arg-type]
    wait_for(lambda: read_texts(book) == [AGAIN, "first"])
    assert not book.has_ended
    book.stop()


def test_what_is_of_no_service_is_shown_with_every_filter() -> None:
    book = LogBook(lambda: None)
    book._add("", AGAIN)
    [line] = book.list_since(0)[0]

    assert line.matches(frozenset({"web"}), "x", errors=True)
