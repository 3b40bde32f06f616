"""What the system refuses is reported by its cause, with what to do about it."""

import errno
import os
import resource

import pytest

from composegen.errors import FileRefused
from composegen.oserrors import (
    check_handles,
    describe_os_error,
    find_closed,
    find_shortage,
    is_known,
    is_shortage,
    keeps_all_from_starting,
)
from tests.refusals import close, no_handles, other_user


def refuse(number):
    return OSError(number, os.strerror(number))


def deny(path):
    return describe_os_error(refuse(errno.EACCES), path)


# The table


def test_the_limit_of_this_process_is_reported_with_the_way_to_raise_it():
    with no_handles():
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        words, help = describe_os_error(refuse(errno.EMFILE))

    assert (
        words == f"too many open files: this process has reached its limit of {limit}"
    )
    assert "ulimit -n 1024" in help


def test_what_is_advised_is_more_than_what_there_is(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 2048))

    _, help = describe_os_error(refuse(errno.EMFILE))

    assert help == (
        "raise the limit first: ulimit -n 4096 (root alone may go beyond 2048)"
    )


@pytest.mark.parametrize(
    ("number", "cause", "advice"),
    [
        (errno.ENFILE, "the whole machine", "sysctl -w fs.file-max"),
        (errno.EAGAIN, "no further process can be started", "ulimit -u"),
        (errno.ENOMEM, "no memory", "add memory"),
        (errno.ENOSPC, "no space left", "make room"),
        (errno.EDQUOT, "quota", "quota of this user"),
        (errno.ETXTBSY, "another program is writing", "try again"),
    ],
)
def test_each_refusal_has_its_cause_and_its_help(number, cause, advice):
    words, help = describe_os_error(refuse(number))

    assert cause in words
    assert advice in help
    assert is_known(refuse(number))


def test_the_rest_is_reported_in_the_words_of_the_system():
    assert describe_os_error(refuse(errno.EROFS)) == ("read-only file system", "")
    assert not is_known(refuse(errno.EROFS))


def test_what_may_not_be_done_is_known_where_it_says_to_what():
    assert is_known(OSError(errno.EACCES, "Permission denied", "/home/file"))
    assert not is_known(refuse(errno.EPERM))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EAGAIN])
def test_a_program_is_not_blamed_where_none_can_be_started(number):
    assert keeps_all_from_starting(refuse(number))
    assert not keeps_all_from_starting(refuse(errno.ENOENT))


def test_a_full_stream_is_no_limit_of_processes():
    assert not is_known(BlockingIOError(errno.EAGAIN, "would block", 7))


def test_a_shortage_is_seen_behind_what_it_was_wrapped_into():
    try:
        try:
            raise refuse(errno.EMFILE)
        except OSError as error:
            raise ValueError("wrapped") from error
    except ValueError as wrapped:
        found = find_shortage(wrapped)

    assert found is not None
    assert is_shortage(found)
    assert find_shortage(ValueError()) is None


def test_handles_that_are_not_there_are_missed_before_they_are_needed():
    check_handles(3)
    with no_handles(), pytest.raises(OSError, match="Too many open files"):
        check_handles(1)


# What is closed


def test_the_topmost_closed_folder_is_named_with_its_mode_and_its_help(shared_folder):
    closed = close(shared_folder / "home")

    with other_user():
        assert find_closed(closed / "bin" / "tool") == closed
        words, help = deny(closed / "bin" / "tool")

    assert words.startswith("permission denied: ")
    assert f"may not enter the folder {closed} (d--------- " in words
    assert f"chmod o+x {closed}" in help


def test_a_link_into_a_closed_folder_leads_to_it(shared_folder):
    closed = close(shared_folder / "home")
    (shared_folder / "link").symlink_to(closed / "bin")

    with other_user():
        assert find_closed(shared_folder / "link" / "tool") == closed


def test_nothing_is_closed_to_one_who_may_enter(shared_folder):
    with other_user():
        assert find_closed(shared_folder / "missing" / "tool") is None


def test_a_file_that_may_not_be_read_is_named_with_its_mode(shared_folder):
    (shared_folder / "file").touch(mode=0)
    with other_user():
        words, help = deny(shared_folder / "file")

    assert f"may not use {shared_folder / 'file'} (---------- " in words
    assert "change its mode" in help


def test_a_folder_that_may_not_be_written_to_is_named(shared_folder):
    shared_folder.chmod(0o555)
    with other_user():
        refused = FileRefused.by_system(
            str(shared_folder / "new"), refuse(errno.EACCES)
        )

    assert f"may not write to {shared_folder} (dr-xr-xr-x " in refused.reason
    assert refused.help
