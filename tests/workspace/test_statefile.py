"""A state file holds records as mappings, and is refused where its form is bad."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from composegen.records import record
from composegen.workspace.state import NotTrusted, make_state_folder
from composegen.workspace.statefile import load_state, write_state
from composegen.workspace.stateform import expect, read_record


@record
class Leaf:
    """The inner of the records that are written."""

    name: str


@record
class Tree:
    """A record with others in a field, in a list and in a mapping."""

    top: Leaf
    leaves: tuple[Leaf, ...] = ()


TREE = Tree(top=Leaf(name="a"), leaves=(Leaf(name="b"), Leaf(name="c")))


def parse(data: dict[str, Any]) -> Tree:
    tree = read_record(Tree, data)
    expect(bool(tree.leaves), "leaves", "a list with leaves")
    return tree


def write(folder: Path, tree: Tree) -> Path:
    path = make_state_folder(folder) / "tree.json"
    write_state(path, {"top": tree.top, "leaves": list(tree.leaves)})
    return path


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = write(tmp_path, TREE)

    assert load_state(tmp_path, "tree.json", parse=parse) == TREE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_file_there_is_nothing(tmp_path: Path) -> None:
    assert load_state(tmp_path, "tree.json", parse=parse) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "it is not JSON"),
        ('{"top": 1, "leaves": []}', "`top` is not"),
        ('{"top": {"name": "a"}, "leaves": []}', "`leaves` is not a list with leaves"),
    ],
)
def test_a_bad_form_is_refused_with_the_file(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = write(tmp_path, TREE)
    path.write_text(text)

    with pytest.raises(NotTrusted) as refused:
        load_state(tmp_path, "tree.json", parse=parse)

    assert refused.value.path == path
    assert reason in refused.value.reason
