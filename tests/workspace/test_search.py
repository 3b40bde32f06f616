"""A stack file that is not named is looked for, and not in what others can write."""

import os

import pytest

from composegen.workspace.search import find_stack_file
from composegen.workspace.workspace import Workspace

OTHER = os.geteuid() + 1


@pytest.fixture
def home(tmp_path):
    """A home folder with a stack in it, below a folder with another stack."""
    home = tmp_path / "home"
    (home / "shop" / "web" / "src").mkdir(parents=True)
    for folder in (tmp_path, home / "shop"):
        (folder / "stack.yaml").write_text("services: {}\n")
    return home


def test_the_nearest_one_counts(home):
    shop = home / "shop"
    (shop / "web" / "stack.yaml").write_text("services: {}\n")

    assert find_stack_file(shop, home) == shop / "stack.yaml"
    assert find_stack_file(shop / "web" / "src", home) == shop / "web" / "stack.yaml"


@pytest.mark.parametrize("what", ["file", "folder"])
def test_the_search_ends_with_the_first_folder_that_holds_git(home, what):
    shop = home / "shop"
    git = shop / ".git"
    git.mkdir() if what == "folder" else git.write_text("gitdir: elsewhere\n")
    assert find_stack_file(shop / "web", home) == shop / "stack.yaml"

    git.rename(shop / "web" / ".git")
    assert find_stack_file(shop / "web" / "src", home) is None


def test_the_search_ends_with_the_home_folder(home):
    (home / "notes").mkdir()
    assert find_stack_file(home / "notes", home) is None

    (home / "stack.yaml").write_text("services: {}\n")
    assert find_stack_file(home / "notes", home) == home / "stack.yaml"


def test_a_parent_folder_of_another_user_is_not_entered(home):
    shop = home / "shop"
    assert find_stack_file(shop / "web", home, user=OTHER) is None
    assert find_stack_file(shop, home, user=OTHER) == shop / "stack.yaml"


def test_a_parent_folder_that_all_may_write_to_is_not_entered(home):
    shop = home / "shop"
    shop.chmod(0o1777)
    assert find_stack_file(shop / "web", home) is None
    assert find_stack_file(shop, home) == shop / "stack.yaml"


def test_a_link_is_found_for_the_reader_to_refuse(home):
    shop = home / "shop"
    (shop / "stack.yaml").unlink()
    (shop / "stack.yaml").symlink_to("nowhere")
    assert find_stack_file(shop / "web", home) == shop / "stack.yaml"


def test_a_workspace_above_is_called_by_its_own_path(home, monkeypatch):
    monkeypatch.chdir(home / "shop" / "web")
    assert Workspace("../stack.yaml").folder == home / "shop"
