"""Looking at a path waits for nothing, and trips over nothing that is there."""

import ast
from pathlib import Path

import pytest

from composegen.paths import exists, is_file, is_folder, is_link, list_matching
from tests.refusals import close, no_handles, other_user

PACKAGE = Path(__file__).parents[1] / "composegen"
UNGUARDED = frozenset(
    "exists is_block_device is_char_device is_dir is_fifo is_file is_junction is_mount "
    "is_socket is_symlink glob rglob".split()
)
"""Methods of pathlib that raise PermissionError, in one of the versions, where they
should say no. Those of ``os.path`` never do; ``stat`` and ``iterdir`` always do."""


@pytest.mark.parametrize("look", [exists, is_file, is_folder, is_link])
def test_what_lies_in_a_closed_folder_is_not_seen(shared_folder, look):
    closed = close(shared_folder / "home")

    with other_user():
        assert not look(closed / "file")
        assert list_matching(closed, "*") == []


def test_what_matches_is_listed_in_order(tmp_path):
    for name in ("b.lock", "a.lock", "c.json"):
        (tmp_path / name).touch()

    assert list_matching(tmp_path, "*.lock") == [
        tmp_path / "a.lock",
        tmp_path / "b.lock",
    ]
    assert list_matching(tmp_path / "missing", "*") == []


def test_a_folder_that_could_not_be_listed_is_not_empty(tmp_path):
    with no_handles(), pytest.raises(OSError, match="Too many open files"):
        list_matching(tmp_path, "*")


def list_unguarded(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_of_os = ast.unparse(node.func.value) == "os.path"
            if node.func.attr in UNGUARDED and not is_of_os:
                yield f"{path.name}:{node.lineno}: .{node.func.attr}()"


def test_every_look_at_a_path_is_a_guarded_one():
    found = [
        line
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.name != "paths.py"
        for line in list_unguarded(path)
    ]

    assert found == []
    assert list(list_unguarded(PACKAGE / "paths.py"))
