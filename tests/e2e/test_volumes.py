"""`composegen down --volumes` on real volumes with data in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.engine import run, run_well
from tests.e2e.images import Images
from tests.e2e.stacks import PYTHON, Stack, make_dependent

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]


@pytest.fixture
def outside() -> Iterator[str]:
    """A volume that a person has made, with data in it."""
    name = f"e2e-outside-{uuid4().hex[:8]}"
    write(name)
    yield name
    run("docker", "volume", "rm", "-f", name)


@pytest.fixture
def stack(images: Images, tmp_path: Path, outside: str) -> Iterator[Stack]:
    """A stack with volumes of its own, by name too, and one that it only uses."""
    images.have(PYTHON)
    (tmp_path / "one").mkdir()
    with Stack(tmp_path / "one") as made:
        made.write(**make_stack(made, outside))
        yield made


def make_stack(stack: Stack, outside: str) -> dict[str, Any]:
    web = make_dependent(volumes=["data:/data", "named:/named", "outside:/outside"])
    extra = make_dependent(volumes=["more:/more"])
    return {
        "services": {"web": web, "extra": extra},
        "volumes": {
            "named": {"name": f"{stack.name}-by-name"},
            "outside": {"external": True, "name": outside},
        },
    }


def write(volume: str) -> None:
    """Put data into a volume."""
    words = ("docker", "run", "--rm", "-v", f"{volume}:/v", PYTHON)
    run_well(*words, "sh", "-c", "echo data > /v/file")


def read(volume: str) -> str:
    words = ("docker", "run", "--rm", "-v", f"{volume}:/v", PYTHON)
    return run_well(*words, "cat", "/v/file")


def is_there(volume: str) -> bool:
    return run("docker", "volume", "inspect", volume).returncode == 0


def list_own(stack: Stack) -> list[str]:
    name = stack.name
    return [f"{name}-by-name", f"{name}_data", f"{name}_more"]


def test_own_volumes_go_and_an_external_one_stays(stack: Stack, outside: str) -> None:
    stack.up_well()
    write(f"{stack.name}_data")
    # The volume of a service that is excluded by now is still one of the stack.
    stack.up_well("--without", "extra")

    listed = stack.composegen("down", "--volumes")
    assert listed.code == 2, listed
    assert stack.list_volumes() == list_own(stack)
    assert stack.find("web") is not None

    done = stack.composegen("down", "--volumes", "--yes")
    assert done.code == 0, done
    for name in list_own(stack):
        assert f"removed the volume {name}\n" in done.err
    assert f"{stack.name}_data     5 B  {stack.folder}\n" in done.err
    assert stack.list_volumes() == []
    assert stack.is_clean()
    assert read(outside) == "data\n"


def test_what_plain_down_has_kept_can_be_removed_later(
    stack: Stack, outside: str
) -> None:
    stack.up_well()
    down = stack.composegen("down")
    assert f"with their data: {' '.join(list_own(stack))}\n" in down.err
    assert stack.list_volumes() == list_own(stack)

    done = stack.composegen("down", "--volumes", "--yes")

    assert done.code == 0, done
    assert stack.list_volumes() == []
    assert read(outside) == "data\n"


def test_volumes_of_another_folder_with_the_same_project_stay(
    stack: Stack, outside: str, tmp_path: Path
) -> None:
    stack.up_well()
    write(f"{stack.name}_data")
    (tmp_path / "two").mkdir()
    other = Stack(tmp_path / "two")
    other._env |= {"COMPOSE_PROJECT_NAME": stack.name}
    other.write(**make_stack(stack, outside))

    # While the containers of the other folder are there, and after they have gone.
    while_up = other.composegen("down", "--volumes", "--yes")
    assert stack.find("web") is not None, while_up
    stack.composegen("down")
    after = other.composegen("down", "--volumes", "--yes")
    assert after.code == 0, after
    assert f"{stack.name}_data stays: nothing shows that it was made" in after.err

    # Also when the other folder has used them since.
    other.up_well()
    used = other.composegen("down", "--volumes", "--yes")
    assert used.code == 0, used
    assert stack.list_volumes() == list_own(stack)
    assert read(f"{stack.name}_data") == "data\n"

    done = stack.composegen("down", "--volumes", "--yes")
    assert done.code == 0, done
    assert stack.list_volumes() == []


def test_a_volume_that_another_project_uses_stays(
    stack: Stack, images: Images, tmp_path: Path
) -> None:
    stack.up_well()
    shared = f"{stack.name}_data"
    (tmp_path / "two").mkdir()
    with Stack(tmp_path / "two") as other:
        other.write(
            {"user": make_dependent(volumes=["theirs:/theirs"])},
            volumes={"theirs": {"external": True, "name": shared}},
        )
        other.up_well()

        done = stack.composegen("down", "--volumes", "--yes")

        assert done.code == 0, done
        folder = os.path.realpath(other.folder)
        assert f"{shared} stays: the containers of {folder} use it" in done.err
        assert is_there(shared)
        assert other.find("user") is not None
