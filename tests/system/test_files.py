"""Of the disk only what the stack names is read; writing never half-ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from composegen.errors import FileRefused
from composegen.model import Build
from composegen.stackfile.folder import Folder
from composegen.system.files import check_readable, read_small_text, write_atomically
from tests.refusals import close, no_handles, other_user

# Writing


def test_a_file_is_written_with_its_whole_text(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", "x\r\ny 世\n")

    assert (tmp_path / "a").read_bytes() == "x\r\ny 世\n".encode()


def test_a_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    write_atomically(tmp_path / "a", "new")

    assert (tmp_path / "a").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0, 0o666)])
def test_a_new_file_has_the_mode_that_the_umask_leaves(
    tmp_path: Path, mask: int, mode: int
) -> None:
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "a", "x")
    finally:
        assert os.umask(before) == mask

    assert (tmp_path / "a").stat().st_mode & 0o777 == mode


def test_a_mode_may_be_said(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", "x", mode=0o640)

    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "target")

    write_atomically(tmp_path / "link", "new")

    assert (tmp_path / "target").read_text() == "mine"
    assert not (tmp_path / "link").is_symlink()


def test_a_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    with pytest.raises(UnicodeEncodeError):
        write_atomically(tmp_path / "a", "x\ud800")

    assert (tmp_path / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["gone/a", "file/a"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(FileRefused) as raised:
        write_atomically(tmp_path / name, "x")
    assert raised.value.file == str(tmp_path / name)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()

    with pytest.raises(FileRefused):
        write_atomically(tmp_path / "a", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# Reading


def test_a_small_text_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("é".encode())

    assert read_small_text(tmp_path / "a") == "é"


def test_a_megabyte_is_the_most(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1024 * 1024)
    (tmp_path / "b").write_bytes(b"x" * (1024 * 1024 + 1))

    assert len(read_small_text(tmp_path / "a") or "") == 1024 * 1024
    assert read_small_text(tmp_path / "b") is None


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for path in (tmp_path, tmp_path / "gone", tmp_path / "pipe", Path("/dev/zero")):
        assert read_small_text(path) is None


def test_bytes_that_are_no_text_are_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a\xffb")

    assert read_small_text(tmp_path / "a") == "a\ufffdb"


# Env files


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("A=1\nexport B=2\n", {"A", "B"}),
        ("C\n", {"C"}),
        ("D: x\n", {"D"}),
        ("# E=1\n  # F=1\n", set()),
        ("  G = 1\n", {"G"}),
        ("", set()),
        ("1H=1\n", set()),
    ],
)
def test_the_names_of_an_env_file_are_read(
    tmp_path: Path, text: str, names: set[str]
) -> None:
    (tmp_path / "a.env").write_text(text)

    assert Folder(tmp_path).read_env_names(["a.env"]) == names


def test_env_files_in_both_forms_add_up(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("A=1\n")
    (tmp_path / "b.env").write_text("B=1\n")

    found = Folder(tmp_path).read_env_names(["a.env", {"path": "./b.env"}, "gone.env"])

    assert found == {"A", "B"}


def test_an_env_file_beyond_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "a.env").write_text("A=1\n")
    (tmp_path / "stack" / "link.env").symlink_to(tmp_path / "a.env")
    folder = Folder(tmp_path / "stack")

    names = ["../a.env", str(tmp_path / "a.env"), "link.env"]

    assert folder.read_env_names(names) == frozenset()


# Builds


def test_a_dockerfile_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a:1\nUSER 7\n")

    build = Folder(tmp_path).look_at_build({"context": "."})

    assert (build.base_image, build.user, build.context) == ("a:1", "7", ".")


@pytest.mark.parametrize(
    "options",
    [
        {"context": "https://example.com/a.git"},
        {"context": "git@example.com:a"},
        {"context": "${DIR}"},
        {"context": ".", "dockerfile": "$NAME"},
    ],
)
def test_a_build_that_cannot_be_looked_at_says_nothing(
    tmp_path: Path, options: dict[str, str]
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a:1\n")

    assert Folder(tmp_path).look_at_build(options) == Build(options=options)


@pytest.mark.parametrize(
    "options", [{"context": "gone"}, {"context": ".", "dockerfile": "gone"}]
)
def test_a_build_whose_dockerfile_is_not_there_says_so(
    tmp_path: Path, options: dict[str, str]
) -> None:
    found = Folder(tmp_path).look_at_build(options)

    assert found == Build(options=options, lacks_file=True)


@pytest.mark.parametrize("name", ["$DIR", "git@here"])
def test_a_folder_that_is_called_like_something_remote_is_not_read(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "Dockerfile").write_text("FROM a:1\n")

    assert Folder(tmp_path).look_at_build({"context": name}).base_image == ""


def test_arguments_with_variables_or_without_a_value_are_not_filled_in(
    tmp_path: Path,
) -> None:
    (tmp_path / "Dockerfile").write_text("ARG V=1\nFROM a:$V\n")
    folder = Folder(tmp_path)

    for value, base in (("2", "a:2"), ("$X", "a:1"), (None, "a:1")):
        options = {"context": ".", "args": {"V": value}}
        assert folder.look_at_build(options).base_image == base


# What is sent to a build


@pytest.mark.parametrize(
    ("context", "files", "sent"),
    [
        (".", {}, True),
        (".", {".dockerignore": ".secrets\n"}, False),
        (".", {".dockerignore": "other\n"}, True),
        ("app", {}, False),
        ("..", {}, True),
        ("..", {"../.dockerignore": "**/.secrets\n"}, False),
        ("gone", {}, False),
        ("https://example.com/a.git", {}, False),
        (".", {"Dockerfile.dockerignore": ".secrets\n"}, False),
        (
            ".",
            {"Dockerfile.dockerignore": "x\n", ".dockerignore": ".secrets\n"},
            True,
        ),
    ],
)
def test_a_file_is_sent_to_a_build_unless_it_is_ignored(
    tmp_path: Path, context: str, files: dict[str, str], sent: bool
) -> None:
    stack = tmp_path / "stack"
    (stack / "app").mkdir(parents=True)
    for name, text in files.items():
        (stack / name).write_text(text)
    build = Build(options={"context": context})

    assert Folder(stack).is_sent_to_build(".secrets", build) is sent


def test_a_target_that_the_dockerfile_lacks_is_reported(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a:1\n")
    options = {"context": ".", "target": "gone"}

    found = Folder(tmp_path).look_at_build(options)
    assert found == Build(options=options, lacks_target=True)


# What is closed, and what could not be looked at


def test_a_closed_folder_is_named_for_what_lies_in_it(shared_folder: Path) -> None:
    closed = close(shared_folder / "home")

    with other_user(), pytest.raises(FileRefused) as refused:
        check_readable(closed / "below" / "file", "file")

    assert refused.value.message.startswith("file: permission denied: ")
    assert f"may not enter the folder {closed} (d" in refused.value.reason


def test_a_file_that_may_not_be_read_is_refused_and_one_that_is_missing_is_not(
    shared_folder: Path,
) -> None:
    (shared_folder / "file").touch(mode=0)

    with other_user():
        check_readable(shared_folder / "missing")
        with pytest.raises(FileRefused, match="may not use"):
            check_readable(shared_folder / "file")


def test_a_file_that_cannot_be_looked_at_is_not_missing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")

    with no_handles(), pytest.raises(OSError, match="Too many open files"):
        read_small_text(tmp_path / "a")


def test_writing_without_a_file_handle_names_the_limit(tmp_path: Path) -> None:
    with no_handles(), pytest.raises(FileRefused, match="reached its limit of") as got:
        write_atomically(tmp_path / "a", "x")

    assert "ulimit -n" in got.value.help
