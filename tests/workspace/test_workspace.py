"""A stack's folder as a command uses it."""

import pytest

from composegen.errors import FileRefused, MissingVariable, NoProjectName
from composegen.workspace.workspace import Workspace


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / ".env").write_text("A=file\nB=file\n")
    return Workspace(tmp_path / "stack.yaml", {"A": "environment"})


def test_the_environment_lies_over_the_env_file(workspace):
    assert workspace.fill("${A} ${B} ${C:-none}") == "environment file none"


def test_a_required_variable_that_is_not_set_is_an_error(workspace):
    with pytest.raises(MissingVariable, match="C is not set"):
        workspace.fill("${C:?}")


def test_an_env_file_that_cannot_be_filled_is_reported_where_it_is_asked_for(tmp_path):
    (tmp_path / ".env").write_text("A=${B:?}\n")
    workspace = Workspace(tmp_path / "stack.yaml", {})

    with pytest.raises(FileRefused, match=r"\.env:1"):
        workspace.fill("$A")


def test_a_project_is_called_as_compose_calls_it(tmp_path):
    folder = tmp_path / "My Stack"
    folder.mkdir()

    assert Workspace(folder / "stack.yaml", {}).find_project("") == "mystack"
    assert Workspace(folder / "stack.yaml", {}).find_project("shop") == "shop"
    environment = {"COMPOSE_PROJECT_NAME": "other"}
    assert Workspace(folder / "stack.yaml", environment).find_project("x") == "other"
    with pytest.raises(NoProjectName):
        Workspace(folder / "stack.yaml", {}).find_project("Bad Name")


def test_a_plan_is_headed_with_the_project_that_is_set(tmp_path):
    (tmp_path / ".env").write_text("COMPOSE_PROJECT_NAME=filed\n")
    file = tmp_path / "stack.yaml"

    set_here = {"COMPOSE_PROJECT_NAME": "set"}
    assert Workspace(file, set_here).find_title("shop") == "set"
    assert Workspace(file, {}).find_title("shop") == "filed"
    (tmp_path / ".env").unlink()
    assert Workspace(file, {}).find_title("shop") == "shop"
    assert Workspace(file, {}).find_title("") == ""
    (tmp_path / ".env").mkdir()
    assert Workspace(file, {}).find_title("shop") == "shop"
