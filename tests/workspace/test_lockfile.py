"""What was pushed is pinned by its digest; a lock that says nonsense is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.errors import FileRefused
from composegen.workspace.lockfile import (
    LockedImage,
    choose_pins,
    read_lock,
    write_lock,
)
from tests.clusters import APP, USER, name_stack
from tests.rendering import plan_for_cluster

DIGEST = f"sha256:{'a' * 64}"
PUSHED = LockedImage(service="web", image="r.example:5000/shop-web:v1", digest=DIGEST)
PINNED = f"r.example:5000/shop-web@{DIGEST}"
STACK = name_stack(
    web=f"build: .\nport: 8000\nhealth: {{http: /, tool: python3}}\n{USER}", other=APP
)
FILES = {"Dockerfile": "FROM python:3.13-slim\n"}


def choose(registry: str = "", tag: str = "") -> dict[str, str]:
    plan = plan_for_cluster(STACK, files=FILES)
    return choose_pins(plan, [PUSHED], project="shop", registry=registry, tag=tag)


def test_a_lock_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_lock(tmp_path, [PUSHED])

    assert read_lock(tmp_path) == (PUSHED,)


def test_without_a_lock_nothing_is_pinned(tmp_path: Path) -> None:
    assert read_lock(tmp_path) == ()


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("r.example:5000/shop-web:v1", "r.example:5000/shop-web"),
        ("r.example:5000/shop-web", "r.example:5000/shop-web"),
        ("shop-web:dev", "shop-web"),
    ],
)
def test_a_digest_takes_the_place_of_the_tag(image: str, pinned: str) -> None:
    locked = LockedImage(service="web", image=image, digest=DIGEST)

    assert locked.pinned == f"{pinned}@{DIGEST}"


def test_what_was_pushed_is_used_unless_another_name_is_asked_for() -> None:
    assert choose() == {"web": PINNED}
    assert choose("r.example:5000", "v1") == {"web": PINNED}
    assert choose("r.example:5000", "v2") == {}
    assert choose("other.example", "v1") == {}


def test_only_an_image_that_is_built_is_pinned() -> None:
    plan = plan_for_cluster(STACK, files=FILES)
    foreign = LockedImage(service="other", image="a:1", digest=DIGEST)
    gone = LockedImage(service="gone", image="b:1", digest=DIGEST)

    pins = choose_pins(plan, [foreign, gone], project="shop", registry="", tag="")
    assert pins == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"form": 2, "images": []}',
        '{"form": 1}',
        '{"form": 1, "images": [{"service": "web", "image": "a"}]}',
        '{"form": 1, "images": [{"service": "web", "image": "a", "digest": "b"}]}',
        '{"form": 1, "images": [{"service": "web", "image": "a b", "digest": 1}]}',
    ],
)
def test_a_lock_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "images.lock").write_text(text)

    with pytest.raises(FileRefused, match=r"images\.lock: is not a list of images"):
        read_lock(tmp_path)


def test_a_link_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "images.lock").symlink_to("/etc/hosts")

    with pytest.raises(FileRefused, match="is not a file"):
        read_lock(tmp_path)
