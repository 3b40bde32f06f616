"""Compiled templates are kept for the next time; a cache that is broken costs time."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from composegen.targets.templates import TemplateCache

TEMPLATE = "a {{ word }}"


def render(folder: Path | None, text: str = TEMPLATE) -> str:
    """What a template becomes in an environment of its own, as in a new process."""
    environment = Environment(
        loader=DictLoader({"one": text}), bytecode_cache=TemplateCache(folder)
    )
    return environment.get_template("one").render(word="b")


def list_kept(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of the cache that is not there yet."""
    return tmp_path / "cache" / "composegen"


def test_a_compiled_template_is_kept_for_this_user_alone(folder: Path) -> None:
    assert render(folder) == "a b"

    assert len(list_kept(folder)) == 1
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_is_kept_is_used(folder: Path) -> None:
    render(folder)
    (kept,) = list_kept(folder)
    before = kept.stat().st_ino

    assert render(folder) == "a b"
    assert kept.stat().st_ino == before


def test_a_template_that_changed_is_compiled_again(folder: Path) -> None:
    render(folder)

    assert render(folder, "c {{ word }}") == "c b"


@pytest.mark.parametrize("damage", [b"", b"\x00" * 100, b"j2"])
def test_a_file_that_was_damaged_is_made_again(folder: Path, damage: bytes) -> None:
    render(folder)
    (kept,) = list_kept(folder)
    whole = kept.read_bytes()
    kept.write_bytes(damage)

    assert render(folder) == "a b"
    assert kept.read_bytes() == whole


def test_half_a_file_is_made_again(folder: Path) -> None:
    render(folder)
    (kept,) = list_kept(folder)
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])

    assert render(folder) == "a b"
    assert kept.read_bytes() == whole


def test_a_file_of_another_user_is_not_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render(folder)
    (kept,) = list_kept(folder)
    before = kept.stat().st_ino
    stranger = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)

    assert render(folder) == "a b"
    assert kept.stat().st_ino != before


def put_a_file_there(folder: Path) -> None:
    folder.parent.mkdir()
    folder.write_text("mine")


def put_a_file_above(folder: Path) -> None:
    folder.parent.write_text("mine")


def put_a_folder_in_place_of_what_is_kept(folder: Path) -> None:
    render(folder)
    (kept,) = list_kept(folder)
    kept.unlink()
    kept.mkdir()


@pytest.mark.parametrize(
    "spoil",
    [put_a_file_there, put_a_file_above, put_a_folder_in_place_of_what_is_kept],
)
def test_a_cache_that_cannot_be_used_costs_nothing_but_time(
    folder: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(folder)
    before = sorted(folder.parent.parent.rglob("*"))

    assert render(folder) == "a b"
    assert sorted(folder.parent.parent.rglob("*")) == before


def test_a_folder_that_may_not_be_written_costs_nothing_but_time(folder: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    folder.mkdir(parents=True)
    folder.parent.chmod(0o000)
    try:
        assert render(folder) == "a b"
    finally:
        folder.parent.chmod(0o700)


def test_without_a_home_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert render(None) == "a b"
    assert list(tmp_path.iterdir()) == []
