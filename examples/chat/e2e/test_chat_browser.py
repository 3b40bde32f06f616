"""What a person does with the page: talk, reload, stop, and see the router go."""

import json
import os
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from chat_stack import PATIENCE, Stack


def say(page: Any, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.keyboard.press("Enter")


def wait_for(page: Any, selector: str, text: str) -> Any:
    found = page.locator(selector, has_text=text)
    found.last.wait_for(timeout=180_000)
    return found.last


def texts(page: Any) -> list[str]:
    return [text.strip() for text in page.locator(".message .text").all_inner_texts()]


def take_picture(page: Any, name: str) -> None:
    """Keep a screenshot in the folder that SCREENSHOTS names, if it names one."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def count_seen(stack: Stack) -> dict[str, int]:
    with urllib.request.urlopen(f"{stack.url('provider')}/seen") as answer:
        return dict(json.load(answer))


def test_a_conversation_survives_a_reload(page: Any) -> None:
    page.get_by_text("What is on your mind?").wait_for()
    say(page, "apples")
    wait_for(page, ".assistant", "You have told me 1 things, the last was apples.")
    say(page, "pears")
    wait_for(page, ".assistant", "You have told me 2 things, the last was pears.")
    before = texts(page)
    page.reload()
    wait_for(page, ".assistant", "2 things")
    assert texts(page) == before
    assert len(before) == 4
    say(page, "plums")
    wait_for(page, ".assistant", "You have told me 3 things, the last was plums.")


def test_a_reply_appears_while_it_is_written_and_stops(page: Any, stack: Stack) -> None:
    cancelled = count_seen(stack)["cancelled"]
    say(page, "count slowly")
    wait_for(page, ".assistant", "word3")
    take_picture(page, "streaming")
    assert page.locator("[aria-busy=true]").count() == 1
    page.get_by_role("button", name="Stop the reply").click()
    wait_for(page, ".assistant .note", "Stopped")
    stopped = texts(page)[-1]
    assert "word3" in stopped
    assert "word500" not in stopped
    deadline = time.monotonic() + PATIENCE
    while count_seen(stack)["cancelled"] == cancelled and time.monotonic() < deadline:
        time.sleep(0.05)
    assert count_seen(stack)["cancelled"] == cancelled + 1
    page.reload()
    wait_for(page, ".assistant .note", "Stopped")
    kept = texts(page)[-1]
    assert kept.startswith("word0 word1 word2 word3")
    say(page, "go on")
    wait_for(page, ".assistant", "You have told me 2 things, the last was go on.")


def test_a_new_conversation_forgets_the_old_one(page: Any) -> None:
    say(page, "slowly now")
    wait_for(page, ".assistant", "word2")
    page.get_by_role("button", name="New conversation").click()
    page.get_by_text("What is on your mind?").wait_for()
    say(page, "afresh")
    wait_for(page, ".assistant", "You have told me 1 things, the last was afresh.")
    page.reload()
    wait_for(page, ".assistant", "1 things")
    assert len(texts(page)) == 2


@pytest.mark.parametrize("stack", ["redis"], indirect=True)
def test_a_conversation_that_could_not_be_shown_is_forgotten_too(
    page: Any, stack: Stack
) -> None:
    say(page, "before")
    wait_for(page, ".assistant", "1 things")
    old = page.evaluate("localStorage.getItem('chat.session')")
    # Frozen, so that what could not be loaded can still be told to go.
    stack.freeze("router")
    page.reload()
    wait_for(page, "#banner", "The router is starting.")
    page.get_by_role("button", name="New conversation").click()
    stack.thaw("router")
    page.locator("#banner").wait_for(state="hidden", timeout=180_000)
    answers = "async id => (await fetch(`/api/chat/${id}`)).status"
    assert page.evaluate(answers, old) == 404


def test_a_router_that_is_lost_is_reported_and_found_again(
    page: Any, stack: Stack, request: Any
) -> None:
    with_redis = request.node.callspec.params["stack"] == "redis"
    say(page, "remember me")
    wait_for(page, ".assistant", "1 things")
    say(page, "talk slowly")
    wait_for(page, ".assistant", "word3")
    stack.kill("router")
    wait_for(page, ".assistant .note", "The reply broke off.")
    wait_for(page, "#banner", "The router is away.")
    take_picture(page, "router-away")
    say(page, "are you there?")
    wait_for(page, ".assistant .note", "The router is away")
    stack.start("router")
    wait_for(page, "#banner", "All is well again.")
    page.locator("#banner").wait_for(state="hidden", timeout=180_000)
    told = 3 if with_redis else 1
    forgotten = page.get_by_text("The router has forgotten what was said above")
    assert forgotten.count() == (0 if with_redis else 1)
    take_picture(page, "router-back")
    page.get_by_role("button", name="Try again").last.click()
    wait_for(page, ".assistant", f"You have told me {told} things")


def test_a_page_that_is_opened_while_the_router_is_away_loads_later(
    page: Any, stack: Stack, request: Any
) -> None:
    with_redis = request.node.callspec.params["stack"] == "redis"
    say(page, "before")
    wait_for(page, ".assistant", "1 things")
    stack.kill("router")
    page.reload()
    wait_for(page, "#banner", "The router is away.")
    stack.start("router")
    if with_redis:
        wait_for(page, ".assistant", "1 things")
    else:
        page.get_by_text("What is on your mind?").wait_for()


@pytest.mark.parametrize("stack", ["redis"], indirect=True)
def test_redis_may_leave_and_return(page: Any, stack: Stack) -> None:
    say(page, "one")
    wait_for(page, ".assistant", "1 things")
    stack.kill("redis")
    say(page, "two")
    wait_for(page, ".assistant", "2 things")
    wait_for(page, "#banner", "Redis is away.")
    take_picture(page, "degraded")
    say(page, "three")
    wait_for(page, ".assistant", "3 things")
    stack.start("redis")
    page.locator("#banner").wait_for(state="hidden", timeout=180_000)
    page.reload()
    wait_for(page, ".assistant", "3 things")
    assert page.locator("#about").inner_text() == "Kept in Redis"


@pytest.mark.parametrize("stack", ["redis"], indirect=True)
def test_what_only_redis_knows_is_shown_when_it_is_back(
    page: Any, stack: Stack
) -> None:
    say(page, "before")
    wait_for(page, ".assistant", "1 things")
    stack.kill("router")
    page.reload()
    wait_for(page, "#banner", "The router is away.")
    say(page, "meanwhile")
    wait_for(page, ".assistant .note", "The router is away")
    stack.freeze("redis")
    stack.start("router")
    wait_for(page, "#banner", "Redis is away.")
    assert texts(page) == ["meanwhile", ""]
    stack.thaw("redis")
    wait_for(page, ".assistant", "1 things")
    assert texts(page)[0] == "before"
    assert texts(page)[2:] == ["meanwhile", ""]
    page.get_by_role("button", name="Try again").focus()
    page.keyboard.press("Enter")
    wait_for(page, ".assistant", "You have told me 2 things, the last was meanwhile.")
    assert len(texts(page)) == 4
    assert page.evaluate("document.activeElement.id") == "message"


def test_a_backend_that_is_lost_is_reported_and_found_again(
    page: Any, stack: Stack
) -> None:
    say(page, "slowly please")
    wait_for(page, ".assistant", "word2")
    stack.kill("backend")
    wait_for(page, ".assistant .note", "The connection was lost.")
    wait_for(page, "#banner", "The server is out of reach.")
    stack.start("backend")
    page.locator("#banner").wait_for(state="hidden", timeout=180_000)
    say(page, "hello")
    wait_for(page, ".assistant", "You have told me 2 things")


def test_no_other_user_sees_a_conversation_by_knowing_its_id(
    page: Any, browser: Any, stack: Stack
) -> None:
    say(page, "a secret")
    wait_for(page, ".assistant", "a secret")
    session = page.evaluate("localStorage.getItem('chat.session')")
    assert page.evaluate("document.cookie") == ""
    other = browser.new_context().new_page()
    other.goto(stack.url("frontend"))
    other.evaluate(f"localStorage.setItem('chat.session', '{session}')")
    other.reload()
    other.get_by_text("What is on your mind?").wait_for()
    say(other, "mine")
    wait_for(other, ".assistant", "You have told me 1 things, the last was mine.")
    assert "secret" not in other.inner_text("body")
    other.context.close()


def test_the_keyboard_is_enough(page: Any) -> None:
    box = page.get_by_label("Your message")
    assert box.evaluate("field => field === document.activeElement")
    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("slowly")
    assert box.input_value() == "one\nslowly"
    page.keyboard.press("Enter")
    wait_for(page, ".assistant", "word2")
    page.keyboard.press("Escape")
    wait_for(page, ".assistant .note", "Stopped")
    assert box.evaluate("field => field === document.activeElement")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "scroll"
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "new"
    page.keyboard.press("Enter")
    page.get_by_text("What is on your mind?").wait_for()
    assert page.locator("#announcer").inner_text() == "New conversation"


def test_replies_bring_no_markup_of_their_own(page: Any) -> None:
    said = "<img src=x onerror=alert(1)><b>bold</b>"
    say(page, said)
    wait_for(page, ".assistant", said)
    assert page.locator("#messages img, #messages b").count() == 0


def test_it_fits_on_a_phone_in_the_dark(browser: Any, stack: Stack) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 640}, color_scheme="dark", has_touch=True
    )
    phone = context.new_page()
    phone.goto(stack.url("frontend"))
    say(phone, "w" * 300)
    wait_for(phone, ".assistant", "www")
    take_picture(phone, "phone")
    assert phone.evaluate("document.documentElement.scrollWidth") == 360
    ground = phone.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(22, 24, 22)"
    context.close()
