"""The folder of ours is closed to others, and no git sees it."""

import errno
import fcntl
import os
import socket
import threading

import pytest

from composegen.errors import CannotRun, FileRefused
from composegen.system.platform import check_platform
from composegen.workspace.state import (
    STATE_FOLDER,
    Lock,
    NotTrusted,
    hold_lock,
    is_trusted,
    make_state_folder,
    read_state,
)

OTHER = 12345
"""A user that is not this one."""


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


def test_a_lock_is_taken_again_in_a_folder_that_was_made_again(tmp_path):
    path = make_state_folder(tmp_path) / "x"
    ours, other = Lock(path), Lock(path)
    ours.take_again()
    assert other.take()  # what was not held is not taken again
    other.give_back()

    assert ours.take()
    path.unlink()
    ours.take_again()
    assert not other.take()
    ours.give_back()
    assert other.take()
    other.give_back()


def test_a_system_without_locks_is_reported(tmp_path, monkeypatch):
    def refuse(handle, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(FileRefused, match="x"), hold_lock(tmp_path, "x"):
        pass


def test_a_link_or_a_pipe_in_place_of_a_lock_is_not_waited_for(tmp_path):
    state = make_state_folder(tmp_path)
    (state / "x").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileRefused, match="is a link"), hold_lock(tmp_path, "x"):
        pass
    assert not (tmp_path / "elsewhere").exists()
    os.mkfifo(state / "y")
    with hold_lock(tmp_path, "y"):
        pass


# What is trusted


@pytest.fixture
def state(tmp_path):
    """The folder of records, with one that composegen could have written."""
    state = make_state_folder(tmp_path, "run")
    write(state / "x.json")
    return state


def write(path, mode=0o600):
    path.write_text("text")
    path.chmod(mode)


def refuse(folder, *names):
    """Why a state file is not read, and which path is at fault."""
    with pytest.raises(NotTrusted) as caught:
        read_state(folder, *names or ("run", "x.json"))
    return caught.value.reason, caught.value.path


def give_away(path, monkeypatch):
    """Let a path belong to another user: as root it does, else this process does.

    The second way gives everything away, so what is looked at first is at fault.
    """
    if os.geteuid() == 0:
        os.chown(path, OTHER, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: OTHER)


def test_what_this_user_wrote_for_this_user_alone_is_read(state, tmp_path):
    assert read_state(tmp_path, "run", "x.json") == "text"
    (state / "x.json").chmod(0o400)
    assert read_state(tmp_path, "run", "x.json") == "text"
    write(tmp_path / STATE_FOLDER / "up.json")
    assert read_state(tmp_path, "up.json") == "text"


@pytest.mark.parametrize("name", ["y.json", "a\0b"[:1]])
def test_what_is_not_there_is_nothing(name, state, tmp_path):
    assert read_state(tmp_path, "run", name) is None
    assert read_state(tmp_path / "nowhere", "run", name) is None
    assert not is_trusted(tmp_path, "other")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
def test_a_file_with_bits_for_others_is_not_read(mode, state, tmp_path):
    write(state / "x.json", mode)
    reason, path = refuse(tmp_path)
    assert reason == f"its mode is {mode:04o}, and composegen writes it with 0600"
    assert path == state / "x.json"


def test_a_link_is_not_followed(state, tmp_path):
    (state / "x.json").rename(state / "y.json")
    (state / "x.json").symlink_to("y.json")
    assert refuse(tmp_path) == ("it is a link", state / "x.json")


def test_a_pipe_a_socket_and_a_folder_are_no_files(state, tmp_path):
    (state / "x.json").unlink()
    os.mkfifo(state / "x.json", 0o600)
    assert refuse(tmp_path)[0] == "it is not a regular file"
    (state / "x.json").unlink()
    (state / "x.json").mkdir(0o700)
    assert refuse(tmp_path)[0] == "it is not a regular file"
    (state / "x.json").rmdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(state / "x.json"))
        (state / "x.json").chmod(0o600)
        assert refuse(tmp_path)[0] == "it is not a regular file"


def test_a_file_of_another_user_is_not_read(state, tmp_path, monkeypatch):
    give_away(state / "x.json", monkeypatch)
    assert refuse(tmp_path)[0] == "it belongs to another user"


@pytest.mark.parametrize("name", ["run", ""])
def test_nothing_in_a_folder_of_another_user_is_read(
    name, state, tmp_path, monkeypatch
):
    give_away(tmp_path / STATE_FOLDER / name, monkeypatch)
    reason, path = refuse(tmp_path)
    assert reason == "it belongs to another user"
    if os.geteuid() == 0:
        assert path == tmp_path / STATE_FOLDER / name
        with pytest.raises(FileRefused, match="belongs to another user"):
            make_state_folder(tmp_path, "run")


@pytest.mark.parametrize("name", ["run", ""])
@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777])
def test_nothing_in_a_folder_that_others_may_write_into_is_read(
    mode, name, state, tmp_path
):
    (tmp_path / STATE_FOLDER / name).chmod(mode)
    reason, path = refuse(tmp_path)
    assert reason == f"other users may write into it (mode {mode:04o})"
    assert path == tmp_path / STATE_FOLDER / name
    with pytest.raises(NotTrusted):
        is_trusted(tmp_path, "run")

    # The next `up` or `run` closes it and goes on.
    make_state_folder(tmp_path, "run")
    assert read_state(tmp_path, "run", "x.json") == "text"


@pytest.mark.parametrize("name", ["run", ""])
def test_nothing_in_a_folder_that_is_a_link_is_read(name, state, tmp_path):
    place = tmp_path / STATE_FOLDER / name
    place.rename(tmp_path / "real")
    place.symlink_to(tmp_path / "real")
    assert refuse(tmp_path) == ("it is a link, or not a folder", place)


def test_no_more_than_a_megabyte_is_read(state, tmp_path):
    (state / "x.json").write_text("x" * (1 << 20))
    assert len(read_state(tmp_path, "run", "x.json")) == 1 << 20
    (state / "x.json").write_text("x" * ((1 << 20) + 1))
    assert refuse(tmp_path)[0] == "it is larger than 1 MB"


def test_what_is_checked_is_what_is_read(state, tmp_path):
    """A file that changes places with another one all the time is never misread."""
    write(tmp_path / "strange", 0o644)
    (tmp_path / "strange").write_text("strange")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            os.link(state / "x.json", state / "own")
            os.link(tmp_path / "strange", state / "new")
            (state / "new").replace(state / "x.json")
            (state / "own").replace(state / "x.json")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(500):
            try:
                assert read_state(tmp_path, "run", "x.json") == "text"
            except NotTrusted:
                continue
    finally:
        stop.set()
        thread.join()


def test_the_help_is_a_command_to_type(state, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(state / "x.json", 0o644)
    with pytest.raises(NotTrusted) as caught:
        read_state(tmp_path, "run", "x.json")
    assert caught.value.help == "rm .composegen/run/x.json"
