"""The folder of ours is closed to others, and no git sees it."""

import pytest

from composegen.errors import CannotRun, FileRefused
from composegen.platforms import check_platform
from composegen.statefolder import STATE_FOLDER, hold_lock, make_state_folder


def test_it_is_made_once_for_its_owner_alone(tmp_path):
    for _ in range(2):
        below = make_state_folder(tmp_path, "a", "b")
    assert below.is_dir()
    state = tmp_path / STATE_FOLDER
    assert state.stat().st_mode & 0o777 == 0o700
    assert (state / ".gitignore").read_text() == "*\n"


def test_what_stands_in_its_place_is_left_alone(tmp_path):
    (tmp_path / STATE_FOLDER).write_text("mine")
    with pytest.raises(FileRefused):
        make_state_folder(tmp_path)
    assert (tmp_path / STATE_FOLDER).read_text() == "mine"


def test_a_system_that_has_no_process_groups_is_refused():
    check_platform("posix")
    with pytest.raises(CannotRun) as caught:
        check_platform("nt")
    assert "WSL" in caught.value.help


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    with hold_lock(tmp_path, "x") as first, hold_lock(tmp_path, "x") as second:
        assert first
        assert not second
    with hold_lock(tmp_path, "x") as again:
        assert again
