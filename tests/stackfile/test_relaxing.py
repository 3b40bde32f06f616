"""A stack file relaxes less, and means the same otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.errors import CannotHarden, FileRefused
from composegen.stackfile.relaxing import Relaxing

STACK = """
relax: {read_only: a first try}
services:
  web: {image: "x:1", relax: {init: why}}
  other: {image: "x:1"}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stack.yaml"
    path.write_text(STACK)
    return path


def read(file: Path, service: str = "web") -> Relaxing:
    return Relaxing(file, "stack.yaml", service)


def test_it_knows_what_is_relaxed_wherever_that_is_written(file: Path) -> None:
    assert read(file).names == ("read_only", "init")
    assert read(file, "other").names == ("read_only",)


def test_its_own_names_go_and_those_of_the_top_level_are_kept_off(file: Path) -> None:
    relaxing = read(file)

    own, both = relaxing.take(["init"]), relaxing.take(["init", "read_only"])

    assert own.kept == ()
    assert own.stack.services["web"].relax == {"read_only": "a first try"}
    assert both.kept == ("read_only",)
    assert both.stack.services["web"].relax == {}
    assert both.stack.services["other"].relax == {"read_only": "a first try"}
    assert both.edited.written == "{read_only: false}"


def test_what_would_change_another_service_is_refused(file: Path) -> None:
    file.write_text(
        "services:\n  web: &web {image: 'x:1', relax: why}\n  other: {<<: *web}\n"
    )
    with pytest.raises(CannotHarden, match="another service would change too"):
        read(file).take(["init"])


def test_an_anchor_is_refused_with_what_to_do(file: Path) -> None:
    file.write_text(
        "services:\n  web: {image: 'x:1', relax: &r why}\n"
        "  other: {image: 'x:1', relax: *r}\n"
    )
    with pytest.raises(CannotHarden, match="has an anchor") as refused:
        read(file).take(["init"])
    assert "give `web` a `relax` of its own" in refused.value.help


def test_the_file_is_replaced_with_its_mode_through_a_link(file: Path) -> None:
    file.chmod(0o640)
    link = file.with_name("link.yaml")
    link.symlink_to(file)
    relaxing = read(link)

    relaxing.save(relaxing.take(["init"]))

    assert file.read_text() == STACK.replace(", relax: {init: why}", "")
    assert file.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()


def test_a_file_that_has_changed_meanwhile_is_left_alone(file: Path) -> None:
    relaxing = read(file)
    relaxed = relaxing.take(["init"])
    file.write_text(f"{STACK}# edited\n")

    with pytest.raises(FileRefused, match="has changed since it was read"):
        relaxing.save(relaxed)

    assert file.read_text() == f"{STACK}# edited\n"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (
            "imported, not tried hardened",
            "{read_only: writes /x, cap_drop: 'imported, not tried hardened'}",
        ),
        ("{read_only: , init: why}", "{read_only: writes /x}"),
        ("{read_only: mine, init: why}", "{read_only: mine}"),
    ],
)
def test_what_was_found_replaces_a_reason_that_no_person_gave(
    file: Path, value: str, written: str
) -> None:
    file.write_text(f"services:\n  web:\n    image: 'x:1'\n    relax: {value}\n")
    taken = ["init", "no_new_privileges"]

    relaxed = read(file).take(taken, {"read_only": "writes /x"})

    text = relaxed.edited.text.replace('"', "'")
    assert text == f"services:\n  web:\n    image: 'x:1'\n    relax: {written}\n"


def test_what_was_found_is_written_where_nothing_is_taken_away(file: Path) -> None:
    file.write_text(
        "services:\n  web:\n    image: 'x:1'\n"
        "    relax:\n      read_only: imported, not tried hardened  # by adopt\n"
    )

    relaxed = read(file).take([], {"read_only": "tried: exited with 1"})

    assert relaxed.stack.services["web"].relax == {"read_only": "tried: exited with 1"}
    line = '      read_only: "tried: exited with 1"  # by adopt\n'
    assert relaxed.edited.text.endswith(line)


def test_the_reason_of_the_top_level_is_not_that_of_one_service(file: Path) -> None:
    file.write_text(STACK.replace("a first try", "''"))
    relaxing = read(file)

    relaxed = relaxing.take([], {"read_only": "writes /x"})

    assert relaxed.stack == relaxing.stack
