"""Two folders whose stacks have one name, on a real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.engine import run_well
from tests.e2e.images import Images
from tests.e2e.stacks import PYTHON, Stack, make_service

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]

HAND_WRITTEN = f"""\
services:
  web: {{image: "{PYTHON}", command: [sleep, "600"]}}
  mail: {{image: "{PYTHON}", command: [sleep, "600"]}}
"""


@pytest.fixture
def one(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """A stack that is up; its containers and volumes are removed after the test."""
    images.have(PYTHON)
    folder = tmp_path / "one"
    folder.mkdir()
    with Stack(folder) as made:
        made.write({"web": make_service(volumes=["kept:/kept"])})
        yield made


@pytest.fixture
def two(one: Stack, tmp_path: Path) -> Stack:
    """The same stack in another folder."""
    folder = tmp_path / "two"
    folder.mkdir()
    made = Stack(folder, one.name)
    made.write({"web": make_service(volumes=["kept:/kept"])})
    return made


def find_id(stack: Stack) -> str:
    return str(stack.inspect("web")["Id"])


def test_a_second_folder_neither_uses_nor_removes_what_is_up(
    one: Stack, two: Stack
) -> None:
    one.up_well()
    before = find_id(one)
    for words in (["up"], ["down"]):
        (two.folder / "compose.yaml").write_text(
            (one.folder / "compose.yaml").read_text()
        )
        done = two.composegen(*words)

        assert done.code == 1, done
        assert "error[other-folder]" in done.err, done
        assert str(one.folder) in done.err, done
        assert str(two.folder) in done.err, done
    assert find_id(one) == before
    assert not (two.folder / ".secrets").exists()
    assert str(one.folder) in two.composegen("status").err

    assert one.composegen("down").code == 0
    assert one.is_clean()


def test_taking_over_makes_the_containers_those_of_the_second_folder(
    one: Stack, two: Stack
) -> None:
    one.up_well()

    assert str(one.folder) in two.up_well("--take-over").err
    two.up_well()
    refused = one.composegen("down")
    assert refused.code == 1, refused
    assert str(two.folder) in refused.err
    assert two.composegen("down").code == 0
    assert one.is_clean()


def test_a_folder_that_was_moved_keeps_its_containers(
    one: Stack, tmp_path: Path
) -> None:
    one.up_well()
    one.folder = one.folder.rename(tmp_path / "moved")

    done = one.composegen("down")

    assert done.code == 0, done
    assert f"made in {tmp_path / 'one'}" in done.err
    assert one.is_clean()


def test_what_a_handwritten_compose_file_made_is_not_replaced_unasked(
    one: Stack,
) -> None:
    (one.folder / "docker-compose.yml").write_text(HAND_WRITTEN)
    by_hand = ("docker", "compose", "-p", one.name, "-f", "docker-compose.yml")
    run_well(*by_hand, "up", "-d", cwd=one.folder)
    before = find_id(one)

    done = one.composegen("up")
    assert done.code == 1, done
    assert "error[other-file]" in done.err, done
    assert "mail, web" in done.err, done
    assert find_id(one) == before
    assert one.find("mail") is not None

    one.up_well("--take-over")
    assert one.find("mail") is None
