"""An adopted project comes up at the first try, on new volumes and on used ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.adopted import BUSYBOX, PYTHON, REDIS, SITUATIONS, Situation
from tests.e2e.images import Images
from tests.e2e.stacks import Stack
from tests.stacks import write_files

pytestmark = pytest.mark.engine

IMAGES = [BUSYBOX, PYTHON, REDIS]
_ALWAYS = 5


def list_situations() -> Iterator[object]:
    """The situations; all but the first ones are marked."""
    for index, (name, situation) in enumerate(SITUATIONS.items()):
        marks = [] if index < _ALWAYS else [pytest.mark.adopt]
        yield pytest.param(situation, id=name.replace(" ", "-"), marks=marks)


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    images.have(*IMAGES)
    with Stack(tmp_path) as made:
        yield made


@pytest.mark.parametrize("situation", [*list_situations()])
def test_an_adopted_project_comes_up_twice(stack: Stack, situation: Situation) -> None:
    write_files(stack.folder, situation.list_files())

    adopted = stack.composegen("adopt", *situation.adopt, "--format", "json")

    assert adopted.code == 0, adopted
    report = json.loads(adopted.out)
    gates = {
        f"{gate['from']} -> {gate['to']}": gate["after"] for gate in report["gates"]
    }
    ungated = [edge for edge in situation.waits if gates[edge] == "service_started"]
    assert ungated == []
    for _ in range(2):
        stack.up_well(*situation.up, deadline=240)
        assert stack.composegen("status").code == 0
        assert stack.composegen("down").code == 0


def test_the_original_and_the_adopted_file_are_one_project(stack: Stack) -> None:
    """`up` replaces the containers that the original has made, after a word."""
    situation = SITUATIONS["an edge that waits for nothing"]
    write_files(stack.folder, situation.list_files())
    assert stack.composegen("adopt").code == 0
    original = (stack.folder / "compose.yaml").read_text()

    stack.up_well("--take-over", deadline=240)

    assert (stack.folder / "compose.yaml").read_text() == original
    assert (stack.folder / "compose.gated.yaml").is_file()
