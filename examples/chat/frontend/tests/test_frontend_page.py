"""The page: served as it is, under a policy that it keeps."""

import re
from html.parser import HTMLParser

import pytest

from frontend.app import STATIC
from frontend_fakes import frontend_client

pytestmark = pytest.mark.anyio

FILES = sorted(path.name for path in STATIC.iterdir())


class Page(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


async def test_the_page_and_its_files_are_served_with_strict_headers() -> None:
    async with frontend_client("http://127.0.0.1:1") as client:
        answers = [await client.get(f"/{name}") for name in ["", *FILES]]
        known = {"If-None-Match": answers[0].headers["ETag"]}
        again = await client.get("/", headers=known)
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    assert again.status_code == 304
    assert answers[0].headers["Content-Type"].startswith("text/html")
    for answer in [*answers, again]:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/nothing", "/../app.py", "/%2e%2e/app.py", "/..%2fapp.py"]
)
async def test_nothing_else_is_served(path: str) -> None:
    async with frontend_client("http://127.0.0.1:1") as client:
        assert (await client.get(path)).status_code == 404


def test_nothing_comes_from_elsewhere_and_nothing_is_inline() -> None:
    page = Page((STATIC / "index.html").read_text())
    for tag, attributes in page.tags:
        assert tag != "style"
        assert tag != "script" or attributes.get("src")
        assert not [name for name in attributes if name == "style" or name[:2] == "on"]
    for name in FILES:
        text = (STATIC / name).read_text()
        outside = re.findall(r"(?:https?:)?//[a-z0-9.]+\.[a-z]+", text)
        assert [url for url in outside if "www.w3.org" not in url] == []
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b", text)


def test_every_field_and_button_has_a_name_to_be_read_out() -> None:
    page = Page((STATIC / "index.html").read_text())
    labelled = {
        attributes.get("for") for tag, attributes in page.tags if tag == "label"
    }
    for tag, attributes in page.tags:
        if tag == "textarea":
            assert attributes["id"] in labelled
        if tag == "button":
            assert attributes.get("aria-label") or attributes["id"] == "new"
    assert ("html", {"lang": "en"}) in page.tags
    live = [attributes for _, attributes in page.tags if attributes.get("role")]
    assert {attributes["role"] for attributes in live} == {"status"}
