"""A drill on the board while it goes on, and the lines of several services."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.browsers import BoardPage
from tests.e2e.images import Images
from tests.e2e.pages import open_board, run_stack, take_picture, write
from tests.e2e.stacks import PYTHON, Stack
from tests.leaks import wait_for

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]
DRILL = 180_000


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    images.have(PYTHON)
    with Stack(tmp_path) as made:
        yield made


def begin_drill(page: BoardPage, service: str = "") -> None:
    if service:
        page.find(service).locator("button").click()
    page.page.locator("#drill").click()
    page.page.get_by_role("button", name="Yes").click()
    page.page.locator("#drill-now").filter(has_text="fault 1 of").wait_for()


def wait_until_it_stands(page: BoardPage) -> None:
    now = page.page.locator("#drill-rows .now .verdict")
    now.filter(has_text="stands").first.wait_for()


def is_undone(stack: Stack) -> bool:
    return not (stack.folder / ".composegen" / "drill.json").exists()


def test_a_drill_fills_its_table_with_the_words_of_the_command(
    stack: Stack, browser: Any
) -> None:
    write(stack)
    with run_stack(stack), open_board(stack, browser) as (page, board):
        page.wait_for("web", "ready")
        begin_drill(page, "cache")
        rows = page.page.locator("#drill-rows tr")
        assert rows.count() >= 4
        wait_until_it_stands(page)
        assert rows.filter(has_text="not yet").count() > 0
        take_picture(page, "drill")

        now = page.page.locator("#drill-now")
        now.filter(has_text=" faults in ").wait_for(timeout=DRILL)
        wait_for(lambda: re.search(r"drill: .* faults in ", board.said))
        assert f"drill: {now.inner_text()}" in board.said
        for row in rows.all():
            cells = [cell.strip() for cell in row.locator("th, td").all_inner_texts()]
            assert re.search(
                r"drill: " + r"\s+".join(map(re.escape, cells)), board.said
            ), cells
        assert page.page.locator("#drill-end").is_hidden()
        page.page.locator("#drill-evidence").filter(has_text="skipped: ").wait_for()
        take_picture(page, "drill-over")


def test_a_drill_that_is_ended_on_the_page_undoes_its_fault(
    stack: Stack, browser: Any
) -> None:
    write(stack)
    with run_stack(stack), open_board(stack, browser) as (page, _):
        page.wait_for("web", "ready")
        begin_drill(page)
        wait_until_it_stands(page)
        assert not is_undone(stack)
        page.page.locator("#drill-end").click()
        page.page.locator("#drill-now").filter(has_text="ended with 130").wait_for()
        assert is_undone(stack)
        page.wait_for("cache", "ready")


def test_a_drill_is_undone_when_its_board_is_killed(stack: Stack, browser: Any) -> None:
    write(stack)
    with run_stack(stack):
        with open_board(stack, browser) as (page, board):
            page.wait_for("web", "ready")
            begin_drill(page)
            wait_until_it_stands(page)
            os.kill(board.process.pid, signal.SIGKILL)
            wait_for(lambda: is_undone(stack))
        wait_for(lambda: stack.composegen("status").code == 0)


def test_a_drill_that_is_refused_says_why(stack: Stack, browser: Any) -> None:
    write(stack)
    with open_board(stack, browser) as (page, _):
        page.wait_for("web", "not started")
        page.page.locator("#drill").click()
        page.page.get_by_role("button", name="Yes").click()
        page.page.locator("#drill-now").filter(has_text="ended with 2").wait_for()
        page.page.locator("#drill-lines").filter(has_text="nothing runs").wait_for()


def test_lines_of_several_services_are_chosen_with_keys_alone(
    stack: Stack, browser: Any
) -> None:
    write(stack)
    with run_stack(stack), open_board(stack, browser) as (page, _):
        keys = page.page.keyboard
        page.page.locator("#tab-logs").click()
        who = page.page.locator("#shown .row b")
        who.filter(has_text="cache").first.wait_for()

        page.page.locator("#log-services summary").focus()
        keys.press("Enter")
        keys.press("Tab")
        assert page.page.get_by_role("checkbox", name="all").is_checked()
        keys.press("w")
        keys.press("Space")
        keys.press("c")
        keys.press("Space")
        assert page.page.get_by_role("checkbox", name="cache").is_checked()
        assert not page.page.get_by_role("checkbox", name="all").is_checked()
        take_picture(page, "choice")

        who.filter(has_text="api").first.wait_for(state="detached")
        assert {*who.all_inner_texts()} == {"web", "cache"}
        keys.press("Escape")
        summary = page.page.locator("#log-services summary")
        assert summary.evaluate("it => it === document.activeElement")
        assert set(summary.inner_text().removeprefix("Services: ").split(", ")) == {
            *("web", "cache")
        }
        assert page.page.get_by_role("checkbox", name="web").count() == 0

        keys.press("Enter")
        keys.press("Tab")
        keys.press("Space")
        who.filter(has_text="api").first.wait_for()
