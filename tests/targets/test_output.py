"""A rendered file never lands on a user's work, and is whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from composegen.errors import FileRefused, StaleFile
from composegen.planning.selection import Selection
from composegen.targets.output import (
    Written,
    check_rendered,
    find_prefix,
    read_recorded,
    write_rendered,
)
from tests.refusals import close, other_user
from tests.rendering import render
from tests.stacks import APP, make_stack

STACK = make_stack(a=APP, b=f"{APP}enabled: false\n", c=APP)
OURS = render(STACK)
OTHER = render(STACK, removed=("c",))
EDITED = OURS.replace("3.13", "3.14")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "compose.yaml"


def list_files(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


# Writing


def test_a_file_that_is_not_there_is_written(path: Path) -> None:
    assert write_rendered(OURS, path) is Written.NEW
    assert path.read_text() == OURS


def test_a_file_of_ours_is_renewed(path: Path) -> None:
    path.write_text(OTHER)

    assert write_rendered(OURS, path) is Written.RENEWED
    assert path.read_text() == OURS
    assert list_files(path) == ["compose.yaml"]


def test_a_file_that_is_up_to_date_is_not_touched(path: Path) -> None:
    path.write_text(OURS)
    os.utime(path, (1, 1))

    assert write_rendered(OURS, path) is Written.SAME
    assert path.stat().st_mtime == 1


def test_a_file_that_composegen_did_not_write_is_refused(path: Path) -> None:
    path.write_text("services: {}\n")

    with pytest.raises(FileRefused) as raised:
        write_rendered(OURS, path)

    assert raised.value.reason == "was not made by composegen"
    assert raised.value.help.endswith("the old file is kept as compose.yaml.bak")
    assert path.read_text() == "services: {}\n"


def test_a_file_of_ours_that_was_edited_is_refused(path: Path) -> None:
    path.write_text(EDITED)

    with pytest.raises(FileRefused) as raised:
        write_rendered(OURS, path)

    assert raised.value.reason == "was edited by hand since it was made"
    assert "compose.yaml.bak" in raised.value.help
    assert path.read_text() == EDITED


def test_an_empty_file_is_refused_as_foreign(path: Path) -> None:
    path.touch()

    with pytest.raises(FileRefused):
        write_rendered(OURS, path)


def test_a_file_that_is_no_text_is_refused(path: Path) -> None:
    path.write_bytes(b"\xff\x00")

    with pytest.raises(FileRefused):
        write_rendered(OURS, path)
    assert path.read_bytes() == b"\xff\x00"


# --force


@pytest.mark.parametrize("old", ["services: {}\n", EDITED, ""])
def test_force_keeps_the_old_file_next_to_the_new_one(path: Path, old: str) -> None:
    path.write_text(old)

    assert write_rendered(OURS, path, force=True) is Written.RENEWED
    assert path.read_text() == OURS
    assert path.with_name("compose.yaml.bak").read_text() == old


def test_force_never_loses_an_older_copy(path: Path) -> None:
    for number in range(3):
        path.write_text(f"# {number}\n")
        write_rendered(OURS, path, force=True)

    texts = {file.name: file.read_text() for file in path.parent.iterdir()}
    assert sorted(set(texts.values()) - {OURS}) == ["# 0\n", "# 1\n", "# 2\n"]
    assert texts["compose.yaml.bak"] == "# 0\n"
    assert texts["compose.yaml.bak2"] == "# 1\n"


def test_force_keeps_no_copy_of_a_file_that_was_not_edited(path: Path) -> None:
    path.write_text(OTHER)
    write_rendered(OURS, path, force=True)

    assert list_files(path) == ["compose.yaml"]


def test_force_over_nothing_writes_the_file(path: Path) -> None:
    assert write_rendered(OURS, path, force=True) is Written.NEW


# What is no plain file


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as raised:
        write_rendered(OURS, tmp_path / "a" / "compose.yaml")

    assert raised.value.help == f"mkdir -p {tmp_path}/a"


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_is_refused(path: Path, force: bool) -> None:
    path.mkdir()

    with pytest.raises(FileRefused, match="is a folder") as raised:
        write_rendered(OURS, path, force=force)

    assert raised.value.help == "name a file: -o FOLDER/compose.yaml"


def test_a_symbolic_link_is_refused_and_what_it_leads_to_stays(
    path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_text(OTHER)
    path.symlink_to(target)

    with pytest.raises(FileRefused):
        write_rendered(OURS, path)
    assert target.read_text() == OTHER


@pytest.mark.parametrize("exists", [True, False])
def test_force_replaces_a_symbolic_link_and_follows_it_never(
    path: Path, tmp_path: Path, exists: bool
) -> None:
    target = tmp_path / "target"
    if exists:
        target.write_text("mine\n")
    path.symlink_to(target)

    write_rendered(OURS, path, force=True)

    assert not path.is_symlink()
    assert path.read_text() == OURS
    assert target.exists() is exists
    assert path.with_name("compose.yaml.bak").is_symlink()


def test_a_folder_that_cannot_be_written_is_named(shared_folder: Path) -> None:
    shared_folder.chmod(0o555)

    with other_user(), pytest.raises(FileRefused, match=f"write to {shared_folder} "):
        write_rendered(OURS, shared_folder / "compose.yaml")


def test_a_closed_folder_is_not_one_that_does_not_exist(shared_folder: Path) -> None:
    closed = close(shared_folder / "home")

    with other_user(), pytest.raises(FileRefused, match=f"enter the folder {closed} "):
        write_rendered(OURS, closed / "made" / "compose.yaml")


def test_a_file_that_may_not_be_read_is_not_called_foreign(
    shared_folder: Path,
) -> None:
    path = shared_folder / "compose.yaml"
    path.touch(mode=0)

    with other_user():
        for look in (
            lambda: check_rendered(OURS, path),
            lambda: read_recorded(path),
            lambda: write_rendered(OURS, path),
        ):
            with pytest.raises(FileRefused, match=f"may not use {path} "):
                look()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
def test_a_named_device_that_takes_nothing_is_reported_by_its_name() -> None:
    with pytest.raises(FileRefused, match="/dev/full: no space left on device"):
        write_rendered(OURS, Path("/dev/full"))


def test_nothing_is_left_where_writing_fails(path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_rendered("\ud800", path)

    assert list_files(path) == []


# --check


def test_a_file_that_is_as_it_should_be_is_fine(path: Path) -> None:
    path.write_text(OURS)

    check_rendered(OURS, path)


def test_a_stale_file_shows_the_difference(path: Path) -> None:
    path.write_text(OURS)

    with pytest.raises(StaleFile) as raised:
        check_rendered(OTHER, path)

    lines = raised.value.difference.splitlines()
    assert lines[:2] == [f"--- {path}", f"+++ {path} (as it should be)"]
    assert "-  c:" in lines
    assert "+# composegen render --without c" in lines
    assert raised.value.help == "renew it with the command in its header"
    assert path.read_text() == OURS


def test_an_edited_file_is_stale(path: Path) -> None:
    path.write_text(EDITED)

    with pytest.raises(StaleFile) as raised:
        check_rendered(OURS, path)

    assert raised.value.help.startswith("it was edited by hand: put the change into")
    assert "with --force, which keeps the old file as" in raised.value.help


def test_a_difference_in_the_last_line_end_is_shown_line_by_line(path: Path) -> None:
    path.write_text(OURS.rstrip("\n"))

    with pytest.raises(StaleFile) as raised:
        check_rendered(OURS, path)
    lines, last = raised.value.difference.splitlines(), OURS.splitlines()[-1]
    assert f"-{last}" in lines
    assert f"+{last}" in lines


def test_a_file_that_is_not_there_cannot_be_checked(path: Path) -> None:
    with pytest.raises(FileRefused) as raised:
        check_rendered(OURS, path)

    assert raised.value.reason == "there is no such file"
    assert raised.value.help == "make it: composegen render"


# The recorded selection


def test_the_selection_is_read_from_the_header(path: Path) -> None:
    path.write_text(render(STACK, added=("b",), removed=("a", "c"), engine=24))

    recorded = read_recorded(path)

    assert recorded is not None
    assert recorded.selection == Selection(added=("b",), removed=("a", "c"))
    assert recorded.engine == "24"


def test_podman_is_read_from_the_header(path: Path) -> None:
    path.write_text(render(STACK, for_podman=True))

    recorded = read_recorded(path)

    assert "\n# composegen render --engine podman\n" in path.read_text()
    assert recorded is not None
    assert recorded.engine == "podman"


def test_a_file_without_flags_records_an_empty_selection(path: Path) -> None:
    path.write_text(OURS)

    recorded = read_recorded(path)

    assert recorded is not None
    assert (recorded.selection, recorded.engine) == (Selection(), "")


@pytest.mark.parametrize("text", ["", "services: {}\n", "# composegen render --with x"])
def test_a_file_that_composegen_did_not_write_records_nothing(
    path: Path, text: str
) -> None:
    path.write_text(text)

    assert read_recorded(path) is None


def test_a_file_that_is_not_there_records_nothing(path: Path) -> None:
    assert read_recorded(path) is None


# The way to the stack file


@pytest.mark.parametrize(
    ("output", "stack", "prefix"),
    [
        ("compose.yaml", ".", "."),
        ("deploy/compose.yaml", ".", ".."),
        ("deploy/prod/compose.yaml", ".", "../.."),
        ("compose.yaml", "stacks/shop", "stacks/shop"),
        ("deploy/compose.yaml", "stacks", "../stacks"),
    ],
)
def test_the_way_leads_from_the_output_to_the_stack(
    tmp_path: Path, output: str, stack: str, prefix: str
) -> None:
    for folder in ("deploy/prod", "stacks/shop"):
        (tmp_path / folder).mkdir(parents=True)

    assert find_prefix(tmp_path / output, tmp_path / stack) == prefix


def test_the_way_leads_through_the_real_folders(tmp_path: Path) -> None:
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real" / "deep")

    assert find_prefix(tmp_path / "link" / "compose.yaml", tmp_path) == "../.."
