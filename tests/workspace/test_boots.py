"""The newest boots of a folder, and what is not taken for them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from composegen.errors import FileRefused
from composegen.places.distrust import list_distrusted
from composegen.records import replace
from composegen.workspace.boots import (
    BOOTS,
    BootedService,
    BootNote,
    append_boot,
    load_boots,
    read_boots,
)
from composegen.workspace.state import STATE_FOLDER, NotTrusted


def make(number: int) -> BootNote:
    return BootNote(
        at=f"2026-01-01T00:00:{number:02d}.000Z",
        place="engine",
        flags="",
        total=1.5,
        services=(BootedService(service="web", started=0.1, ready=1.5, after=("db",)),),
    )


def write(folder: Path, text: str) -> Path:
    append_boot(folder, make(0))
    path = folder / STATE_FOLDER / BOOTS
    path.write_text(text)
    return path


def test_a_boot_is_read_as_it_was_noted(tmp_path: Path) -> None:
    append_boot(tmp_path, make(1))

    assert load_boots(tmp_path) == (make(1),)


def test_an_interrupted_boot_is_read_as_it_was_noted(tmp_path: Path) -> None:
    note = replace(make(1), total=None, interrupted=2.5)
    append_boot(tmp_path, make(0))
    append_boot(tmp_path, note)

    assert load_boots(tmp_path) == (make(0), note)
    first, _ = (tmp_path / STATE_FOLDER / BOOTS).read_text().splitlines()
    assert "interrupted" not in first


def test_the_newest_ten_are_kept(tmp_path: Path) -> None:
    for number in range(13):
        append_boot(tmp_path, make(number))

    assert load_boots(tmp_path) == tuple(map(make, range(3, 13)))


def test_the_file_is_closed_to_others(tmp_path: Path) -> None:
    append_boot(tmp_path, make(1))
    mode = (tmp_path / STATE_FOLDER / BOOTS).stat().st_mode

    assert stat.S_IMODE(mode) == 0o600


def test_where_nothing_has_booted_there_are_no_boots(tmp_path: Path) -> None:
    assert load_boots(tmp_path) == ()


@pytest.mark.parametrize(
    "text",
    [
        "no json\n",
        "[]\n",
        '{"at": 1}\n',
        json.dumps(
            {
                "at": "",
                "place": "engine",
                "flags": "",
                "total": None,
                "services": [{"service": "../x"}],
            }
        ),
    ],
)
def test_what_composegen_does_not_write_is_not_used(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)

    assert read_boots(tmp_path) == ()
    with pytest.raises(NotTrusted):
        load_boots(tmp_path)
    assert any(BOOTS in line for line in list_distrusted(tmp_path))


def test_a_file_that_others_may_read_is_not_used_and_not_replaced(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, "")
    path.chmod(0o644)

    with pytest.raises(FileRefused):
        append_boot(tmp_path, make(2))
    assert path.read_text() == ""
