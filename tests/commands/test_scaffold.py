"""What ``init`` writes works at once, and never costs anybody a file."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from composegen.commands.scaffold import BARE_STACK, write_bare_stack, write_chat_stack
from composegen.errors import FileRefused
from composegen.resources import find_chat_example
from composegen.stackfile.load import find_output, load_stack
from tests.rendering import read, render
from tests.stacks import list_names


def list_files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }


# A stack file alone


def test_the_bare_stack_has_no_problems() -> None:
    assert list_names(BARE_STACK) == []


def test_the_bare_stack_renders() -> None:
    web = read(BARE_STACK)["services"]["web"]

    assert web["ports"] == ["127.0.0.1:8080:8080"]


def test_the_bare_stack_works_with_its_comments_removed() -> None:
    lines = []
    for line in BARE_STACK.splitlines():
        stripped = line.lstrip()
        if line.startswith(" ") and stripped.startswith("# "):
            lines.append(" " * (len(line) - len(stripped)) + stripped[2:])
        else:
            lines.append(line)
    text = "\n".join(lines) + "\n"

    assert list_names(text) == []
    assert set(read(text)["services"]) == {"web", "cache"}
    assert read(text, removed=("cache",))["services"]["web"]["environment"] == {
        "CACHE": "memory"
    }


def test_a_bare_stack_is_written(tmp_path: Path) -> None:
    assert write_bare_stack(tmp_path) == tmp_path / "stack.yaml"
    assert list_files(tmp_path) == {"stack.yaml"}


def test_a_folder_for_the_bare_stack_is_made(tmp_path: Path) -> None:
    write_bare_stack(tmp_path / "a" / "b")

    assert (tmp_path / "a/b/stack.yaml").is_file()


def test_a_stack_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text("mine")

    with pytest.raises(FileRefused, match="exists already") as raised:
        write_bare_stack(tmp_path)
    assert raised.value.help == "nothing was written"
    assert (tmp_path / "stack.yaml").read_text() == "mine"


def test_a_link_to_nowhere_stays_too(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").symlink_to(tmp_path / "gone")

    with pytest.raises(FileRefused):
        write_bare_stack(tmp_path)
    assert (tmp_path / "stack.yaml").is_symlink()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")

    with pytest.raises(FileRefused):
        write_bare_stack(tmp_path / "a")
    with pytest.raises(FileRefused):
        write_chat_stack(tmp_path / "a")


# The chat stack


def test_the_chat_stack_comes_with_its_services(tmp_path: Path) -> None:
    count = write_chat_stack(tmp_path / "chat")
    files = list_files(tmp_path / "chat")

    assert len(files) == count
    assert "stack.yaml" in files
    for service in ("router", "backend", "frontend"):
        assert f"{service}/Dockerfile" in files


def test_every_file_is_a_copy_but_for_the_name_of_the_stack(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_chat_stack(folder)

    for name in list_files(folder):
        original = (find_chat_example() / name).read_bytes()
        if name == "stack.yaml":
            original = original.replace(b"name: chat\n", b"name: mine\n", 1)
        assert (folder / name).read_bytes() == original


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("my-chat", "my-chat"),
        ("My Chat.2", "mychat2"),
        ("_x", "x"),
        ("123", "123"),
        ("1e3", "1e3"),
        ("null", "null"),
        ("\u0447\u0430\u0442", "chat"),
    ],
)
def test_the_stack_is_named_after_its_folder(
    tmp_path: Path, folder: str, name: str
) -> None:
    write_chat_stack(tmp_path / folder)

    assert load_stack(tmp_path / folder / "stack.yaml").stack.name == name


def test_the_folder_it_is_typed_in_names_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)

    write_chat_stack(Path())

    assert load_stack(folder / "stack.yaml").stack.name == "here"


def test_nothing_that_a_machine_made_is_copied(tmp_path: Path) -> None:
    write_chat_stack(tmp_path)

    for name in list_files(tmp_path):
        parts = set(name.split("/"))
        assert not parts & {"__pycache__", ".venv", ".secrets", ".env", "expected"}
        assert not name.endswith((".pyc", "compose.yaml"))


@pytest.mark.parametrize("name", ["stack.yaml", "router/Dockerfile", "README.md"])
def test_one_file_that_is_there_stops_everything(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")

    with pytest.raises(FileRefused) as raised:
        write_chat_stack(tmp_path)

    assert raised.value.file == str(tmp_path / name)
    assert raised.value.reason == "exists already"
    assert raised.value.help.startswith("nothing was written: ")
    assert list_files(tmp_path) == {name}
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["router", "backend/backend"])
def test_a_file_in_the_place_of_a_folder_stops_everything(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")

    with pytest.raises(FileRefused, match="exists already") as raised:
        write_chat_stack(tmp_path)

    assert raised.value.file == str(tmp_path / name)
    assert list_files(tmp_path) == {name}


def test_a_file_that_cannot_be_written_is_reported_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", refuse)

    with pytest.raises(FileRefused, match="no space left on device") as raised:
        write_chat_stack(tmp_path)
    assert Path(raised.value.file).parent == tmp_path


def test_a_link_to_nowhere_stops_everything_too(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").symlink_to(tmp_path / "gone")

    with pytest.raises(FileRefused):
        write_chat_stack(tmp_path)
    assert not (tmp_path / "gone").exists()


def test_other_files_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    write_chat_stack(tmp_path)

    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_what_was_rendered_next_to_the_example_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = tmp_path / "example"
    shutil.copytree(find_chat_example(), example, ignore=lambda *_: ["node_modules"])
    (example / "compose.yaml").touch()
    (example / "compose.without-redis.yaml").touch()
    monkeypatch.setattr(
        "composegen.commands.scaffold.find_chat_example", lambda: example
    )

    write_chat_stack(tmp_path / "mine")

    written = list_files(tmp_path / "mine")
    assert "stack.yaml" in written
    assert [name for name in written if name.startswith("compose")] == []


# Next to a Compose file


@pytest.mark.parametrize("name", ["compose.yaml", "docker-compose.yml"])
def test_a_new_stack_leaves_a_compose_file_its_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("services: {}\n")

    write_bare_stack(tmp_path)

    assert find_output(tmp_path / "stack.yaml") == "compose.gated.yaml"
    assert list_names((tmp_path / "stack.yaml").read_text()) == []


def test_a_new_stack_replaces_a_file_that_composegen_made(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(render(BARE_STACK))

    write_bare_stack(tmp_path)

    assert (tmp_path / "stack.yaml").read_text() == BARE_STACK


def test_the_chat_stack_leaves_a_compose_file_its_name(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {}\n")

    write_chat_stack(tmp_path)

    assert load_stack(tmp_path / "stack.yaml").stack.output == "compose.gated.yaml"
