"""The chat stack on the board: on the engine with Redis, as processes without it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.examples import copy_example, list_images, publish_elsewhere
from tests.e2e.images import Images
from tests.e2e.pages import open_board, run_stack, take_picture
from tests.e2e.stacks import Stack

pytestmark = pytest.mark.engine

IMAGES = list_images("chat")
NAMES = ("router", "backend", "frontend")
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


class Chat(Stack):
    """A copy of the chat stack that is published elsewhere; ``ports`` says where."""

    ports: dict[str, int]


@pytest.fixture
def chat(images: Images, tmp_path: Path) -> Iterator[Chat]:
    images.have(*IMAGES)
    with Chat(tmp_path) as made:
        copy_example("chat", made.folder)
        text = (made.folder / "stack.yaml").read_text()
        services = yaml.safe_load(text)["services"]
        made.ports = publish_elsewhere(services)
        made.write(services, name=made.name)
        yield made


def test_the_chat_on_the_engine_is_on_the_page(chat: Chat, browser: Any) -> None:
    chat.up_well(deadline=300, GROQ_API_KEY="")
    with open_board(chat, browser) as (page, _):
        for name in (*NAMES, "redis"):
            page.wait_for(name, "ready")
        page.page.locator("#where").filter(has_text="up on the engine").wait_for()
        assert page.page.locator("#links .link.optional").count() == 2
        assert page.page.locator("#links .link").count() == 4
        assert page.find("frontend").locator("a").get_attribute("href") == (
            f"http://127.0.0.1:{chat.ports['frontend']}"
        )
        places = [page.find(name).bounding_box()["x"] for name in ("redis", *NAMES)]
        assert places == sorted(places)
        take_picture(page, "chat-engine")


def test_the_chat_as_processes_without_redis_shows_its_fallbacks(
    chat: Chat, browser: Any
) -> None:
    with (
        run_stack(chat, "--without", "redis", PATH=PATH, GROQ_API_KEY=""),
        open_board(chat, browser) as (page, _),
    ):
        for name in NAMES:
            page.wait_for(name, "ready")
        page.page.locator("#where").filter(has_text="up as processes").wait_for()
        said = page.read("redis")
        assert "excluded: --without redis" in said
        assert "RATE_LIMIT_STORE=memory" in said
        assert "SESSION_STORE=memory" in said
        assert page.page.locator("#links .link.faint").count() == 2
        path = page.page.locator("#boot").filter(
            has_text="critical path: router -> backend -> frontend"
        )
        path.wait_for()
        take_picture(page, "chat-processes")
