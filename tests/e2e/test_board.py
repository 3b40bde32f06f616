"""The board in Chromium: a stack in both places, what becomes of it, what it hides."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engine import run_well
from tests.e2e.images import Images
from tests.e2e.pages import open_board, open_page, run_stack, take_picture, write
from tests.e2e.stacks import PYTHON, Stack, make_service
from tests.leaks import find_port, find_running_in, wait_for

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    images.have(PYTHON)
    with Stack(tmp_path) as made:
        yield made


def test_what_runs_as_processes_is_on_the_page_and_can_be_stopped(
    stack: Stack, browser: Any
) -> None:
    write(stack)
    with run_stack(stack), open_board(stack, browser) as (page, board):
        for name in ("web", "api", "cache"):
            page.wait_for(name, "ready")
            red, green, blue = page.read_pixel(name, 2, 45)
            assert green > red
            assert green > blue
        page.page.locator("#where").filter(has_text="up as processes").wait_for()
        assert page.find("web").locator("a").get_attribute("href").startswith("http://")
        page.page.locator("#boot .bars .critical").nth(3).wait_for(state="attached")
        take_picture(page, "processes")

        page.find("cache").locator("button").click()
        page.page.get_by_role("button", name="Stop", exact=True).click()
        page.wait_for("cache", "stopped, by user")
        board.wait_for("board: stop cache")
        assert "by user" in page.say("#detail")
        assert "composegen start cache" in page.say("#detail")
        take_picture(page, "why")
        page.page.get_by_role("button", name="Start", exact=True).click()
        page.wait_for("cache", "ready")


def test_a_process_that_is_killed_is_seen_to_come_back(
    stack: Stack, browser: Any
) -> None:
    write(stack)
    with run_stack(stack), open_board(stack, browser) as (page, _):
        page.wait_for("cache", "ready")
        status = stack.composegen("status", "--format", "json").out
        [pid] = [
            each["pid"] for each in json.loads(status) if each["service"] == "cache"
        ]
        os.kill(pid, signal.SIGKILL)
        page.page.locator("#tab-events").click()
        page.page.locator("#happened li").filter(
            has_text="cache exited with"
        ).wait_for()
        page.wait_for("cache", "1 restart")
        page.wait_for("cache", "ready")


def test_lines_are_text_with_colours_filtered_and_paused(
    stack: Stack, browser: Any
) -> None:
    write(stack)
    with run_stack(stack), open_board(stack, browser) as (page, _):
        page.page.locator("#tab-logs").click()
        rows = page.page.locator("#shown .row")
        rows.filter(has_text="onerror").first.wait_for()
        assert page.page.locator("#shown img").count() == 0
        assert page.page.locator("#shown .c-2").first.inner_text() == "listening"
        assert "title" not in page.say("#shown")
        take_picture(page, "logs")

        page.page.locator("#log-text").fill("LISTEN")
        rows.filter(has_text="onerror").first.wait_for(state="detached")
        page.page.locator("#log-text").fill("")
        rows.filter(has_text="onerror").first.wait_for()
        page.page.locator("#log-pause").click()
        with (stack.folder / "logs" / "web.log").open("a") as log:
            log.write("while it was paused\n")
        page.page.locator("#log-state").filter(has_text="paused").wait_for()
        page.page.locator("#log-pause").click()
        rows.filter(has_text="while it was paused").wait_for()


def test_why_one_is_not_up_leads_to_its_lines(stack: Stack, browser: Any) -> None:
    write(stack, api={"environment": {"BROKEN": "1"}})
    with open_board(stack, browser) as (page, _):
        page.page.locator("#where").filter(has_text="nothing runs here").wait_for()
        assert stack.composegen("run").code == 1
        page.wait_for("api", "failed")
        red, green, blue = page.read_pixel("api", 2, 45)
        assert red > 2 * max(green, blue)
        page.find("api").locator("button").click()
        detail = page.page.locator("#detail")
        detail.filter(has_text="ERROR: it is broken").wait_for()
        page.page.get_by_role("button", name="Show its log").click()
        page.page.locator("#shown .row.error").filter(
            has_text="it is broken"
        ).wait_for()
        page.page.locator("#where").filter(has_text="the run has ended").wait_for()

        write(stack)
        with run_stack(stack):
            page.wait_for("web", "ready")
            page.page.locator("#where").filter(has_text="up as processes").wait_for()


def test_one_that_is_excluded_is_faint_with_its_reason_and_its_fallback(
    stack: Stack, browser: Any
) -> None:
    write(stack)
    with (
        run_stack(stack, "--without", "cache"),
        open_board(stack, browser) as (page, _),
    ):
        page.wait_for("web", "ready")
        page.wait_for("cache", "excluded")
        assert "--without cache" in page.read("cache")
        assert "STORE=memory" in page.find("cache").get_attribute("title")
        page.page.wait_for_function(
            "card => getComputedStyle(card).opacity < 0.8",
            arg=page.find("cache").element_handle(),
        )
        take_picture(page, "excluded")


def test_what_runs_on_the_engine_is_on_the_page_and_a_death_too(
    stack: Stack, browser: Any
) -> None:
    write(stack)
    with open_board(stack, browser) as (page, _):
        page.wait_for("web", "not started")
        stack.up_well("--report", "boot.html")
        page.wait_for("web", "ready")
        page.page.locator("#where").filter(has_text="up on the engine").wait_for()
        page.page.locator("#boot .bar .boots").nth(2).wait_for(state="attached")
        take_picture(page, "engine")

        container = f"{stack.name}-cache-1"
        run_well("docker", "kill", container)
        page.wait_for("cache", "(137)")
        run_well("docker", "start", container)
        page.wait_for("cache", "ready")

        page.page.locator("#tab-logs").click()
        page.page.locator("#shown .row").filter(has_text="listening").first.wait_for()
        page.page.locator("#tab-figures").click()
        page.page.locator(".chart").filter(has_text="received").first.wait_for()
        take_picture(page, "figures")

        page.page.locator("#down").click()
        page.page.get_by_role("button", name="Yes").click()
        page.page.locator("#where").filter(has_text="nothing runs here").wait_for()
    assert stack.is_clean()
    assert "<script" not in (stack.folder / "boot.html").read_text()


def test_a_wrong_port_is_explained(stack: Stack, browser: Any) -> None:
    write(stack, cache={"port": 8001, "health": {"http": "/", "boot": "4s"}})
    stack.up("--with", "cache")
    with open_board(stack, browser) as (page, _):
        page.wait_for("cache", "unhealthy")
        page.find("cache").locator("button").click()
        page.page.locator("#detail").filter(has_text="8000").wait_for()
        page.page.locator("#detail").filter(has_text="cause: ").wait_for()


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sixty_services_can_be_read(
    stack: Stack, browser: Any, width: int, scheme: str
) -> None:
    services = {
        f"service-{number:02d}": make_service(
            needs=[
                f"service-{number - step:02d}" for step in (13, 17) if number >= step
            ]
        )
        for number in range(60)
    }
    stack.write(services, name=stack.name)
    with open_board(
        stack, browser, width=width, color_scheme=scheme, reduced_motion="reduce"
    ) as (page, _):
        page.wait_for("service-59", "not started")
        page.page.locator(".card").nth(59).wait_for(state="attached")
        assert page.page.locator(".card").count() == 60
        assert page.covered() == []
        assert width == 800 or page.page.evaluate(
            "document.documentElement.scrollWidth <= innerWidth"
        )
        take_picture(page, f"sixty-{width}-{scheme}")


def test_what_a_stack_says_is_text(stack: Stack, browser: Any) -> None:
    name = "a" * 63
    hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    write(stack)
    services = dict(stack.services)
    fallback = {"env": {"STORE": hostile}, "note": hostile}
    services["api"]["needs"] = {"cache": {"otherwise": fallback}}
    services[name] = {**services["cache"], "environment": {"TEXT": hostile}}
    services[name]["local"] = {**services["cache"]["local"], "port": find_port()}
    stack.write(services, name=stack.name)
    with (
        run_stack(stack, "--without", "cache"),
        open_board(stack, browser) as (page, _),
    ):
        page.wait_for(name, "ready")
        assert hostile in page.find("cache").get_attribute("title")
        page.find("cache").locator("button").click()
        page.page.locator("#detail").filter(has_text=hostile).wait_for()
        wait_for(page.is_whole)
        assert page.page.locator("main img, main script").count() == 0
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        take_picture(page, "hostile")


def test_keys_are_enough_and_states_are_words(stack: Stack, browser: Any) -> None:
    write(stack)
    with open_board(stack, browser) as (page, _):
        page.wait_for("web", "not started")
        card = page.page.get_by_role("button", name="web: not started")
        card.focus()
        page.page.keyboard.press("Enter")
        page.page.locator("#detail h2").filter(has_text="web").wait_for()
        page.page.get_by_role("button", name="Show its log").focus()
        write(stack, web={"image": "python:3.13-slim"})
        page.page.locator("#detail").filter(has_text="3.13").wait_for()
        log = page.page.get_by_role("button", name="Show its log")
        assert log.evaluate("it => it === document.activeElement")
        page.page.keyboard.press("Escape")
        page.page.locator("#detail").wait_for(state="hidden")
        assert card.evaluate("card => card === document.activeElement")

        page.page.locator("#tab-boot").focus()
        page.page.keyboard.press("ArrowRight")
        assert page.page.locator("#logs").is_visible()


def test_what_happens_takes_the_focus_from_nothing(stack: Stack, browser: Any) -> None:
    write(stack)
    with run_stack(stack), open_board(stack, browser) as (page, _):
        page.wait_for("web", "ready")
        page.wait_for("cache", "ready")
        link = page.find("cache").locator("a")
        has_focus = "it => it === document.activeElement"
        page.find("web").locator("button").focus()
        assert stack.composegen("restart", "web").code == 0
        page.page.locator("#happened li").filter(has_text="web ready").first.wait_for(
            state="attached"
        )
        assert page.find("web").locator("button").evaluate(has_focus)

        link.focus()
        (stack.folder / "stack.yaml").touch()
        assert stack.composegen("restart", "web").code == 0
        page.wait_for("web", "ready")
        assert link.evaluate(has_focus)


def test_a_page_without_the_token_shows_nothing(stack: Stack, browser: Any) -> None:
    write(stack)
    with open_board(stack, browser) as (page, board):
        page.wait_for("web", "not started")
        other = browser.new_page()
        other.goto(page.url.partition("#")[0])
        other.locator("#link").filter(has_text="wrong address").wait_for()
        assert other.locator(".card").count() == 0
        assert "token" not in page.page.url
        other.close()

        board.process.send_signal(signal.SIGINT)
        assert board.process.wait(180) == 0
        page.page.locator("#link").filter(has_text="no connection").wait_for()


def test_a_board_ends_with_its_up_and_the_stack_stays(
    stack: Stack, browser: Any
) -> None:
    write(stack)
    with stack.start("up", "--board") as running:
        running.wait_for("board at http://")
        with open_page(browser, running.said) as page:
            page.wait_for("web", "ready")
        running.wait_for("web: http://")
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(180) == 130
    wait_for(lambda: not find_running_in(stack.folder))
    assert stack.composegen("status").code == 0


def test_a_board_ends_with_a_run_that_is_killed(stack: Stack) -> None:
    write(stack)
    with stack.start("run", "--board") as running:
        running.wait_for("Ctrl-C ends it")
        running.process.kill()
    wait_for(lambda: not find_running_in(stack.folder))
