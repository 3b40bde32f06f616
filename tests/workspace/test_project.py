"""A project gets the name that Compose would give it."""

import pytest

from composegen.errors import NoProjectName
from composegen.workspace.project import find_project


@pytest.mark.parametrize(
    ("name", "folder", "values", "project"),
    [
        ("chat", "x", {}, "chat"),
        ("chat", "x", {"COMPOSE_PROJECT_NAME": "mine"}, "mine"),
        ("", "My App", {}, "myapp"),
        ("", "_-a.b_c", {}, "ab_c"),
    ],
)
def test_a_project_is_called_as_compose_calls_it(
    name, folder, values, project, tmp_path
):
    assert find_project(name, tmp_path / folder, values) == project


@pytest.mark.parametrize(("name", "folder"), [("", "äöü"), ("My App", "x")])
def test_a_name_that_compose_would_not_take_is_an_error(name, folder, tmp_path):
    with pytest.raises(NoProjectName):
        find_project(name, tmp_path / folder, {})
