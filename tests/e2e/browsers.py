"""A headless Chromium, and pages of the board in it."""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.parts import require_part

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
]
PATIENCE = 120_000
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/#[\w-]+")


@contextmanager
def open_browser() -> Iterator[Any]:
    """Chromium, driven by Playwright."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    require_part(program is not None, "chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        require_part(present=False, name="playwright")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield launched
        launched.close()


class BoardPage:
    """A page of the board, as a person sees it; it must not throw or break a policy."""

    def __init__(self, page: Any, said: str) -> None:
        self.page = page
        self.faults: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on(
            "console",
            lambda message: (
                self.faults.append(message.text)
                if message.type == "error" and "WebSocket" not in message.text
                else None
            ),
        )
        found = ADDRESS.search(said)
        assert found is not None, said
        self.url = found[0]
        page.goto(self.url)

    def find(self, service: str) -> Any:
        """The card of a service."""
        return self.page.locator(f'.card[data-service="{service}"]')

    def wait_for(self, service: str, words: str) -> None:
        """Until the card of a service has these words."""
        card = self.find(service).filter(has_text=words)
        card.wait_for()

    def read(self, service: str) -> str:
        """What a card says."""
        return str(self.find(service).inner_text())

    def say(self, place: str) -> str:
        """The words of an element."""
        return str(self.page.locator(place).inner_text())

    def read_pixel(self, service: str, x: float, y: float) -> tuple[int, int, int]:
        """Red, green and blue of a card, so far from its upper left corner."""
        box = self.find(service).bounding_box()
        clip = {"x": box["x"] + x, "y": box["y"] + y, "width": 1, "height": 1}
        picture = self.page.screenshot(clip=clip, animations="disabled")
        line = zlib.decompress(b"".join(_list_data(picture)))
        return line[1], line[2], line[3]  # any filter leaves the first pixel as it is

    def is_whole(self) -> bool:
        """Whether the graph can be seen without moving it sideways."""
        return bool(
            self.page.evaluate(
                "(it => it.scrollWidth <= it.clientWidth)"
                "(document.getElementById('graph'))"
            )
        )

    def covered(self) -> list[str]:
        """The services whose names cannot be seen whole on their cards."""
        found: list[str] = self.page.evaluate(
            """() => [...document.querySelectorAll('.card')].filter((card) => {
                 const name = card.querySelector('button');
                 const box = name.getBoundingClientRect();
                 const seen = document.elementFromPoint(box.x + 2, box.y + 2);
                 return name.scrollWidth > name.clientWidth
                   || (seen && !card.contains(seen) && seen.closest('.card'));
               }).map((card) => card.dataset.service)"""
        )
        return found


def _list_data(picture: bytes) -> Iterator[bytes]:
    """The compressed parts of a PNG."""
    at = 8
    while at < len(picture):
        length = int.from_bytes(picture[at : at + 4], "big")
        if picture[at + 4 : at + 8] == b"IDAT":
            yield picture[at + 8 : at + 8 + length]
        at += 12 + length
