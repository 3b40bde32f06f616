"""A process is known for ever, and for no other."""

import subprocess
import sys
import time

import pytest

from composegen.system.identity import (
    Identity,
    find_start_time,
    identify,
    is_still,
    read_command,
    read_cpu_seconds,
    read_folder,
)
from tests.leaks import wait_for
from tests.refusals import no_handles


def test_a_process_is_itself_while_it_runs_and_no_other_one_ever(tmp_path):
    begin = time.time()
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path) as process:
        identity = identify(process.pid)
        assert identity is not None
        assert is_still(identity)
        assert not is_still(
            Identity(pid=identity.pid, start=identity.start + 1, boot=identity.boot)
        )
        assert not is_still(
            Identity(pid=identity.pid, start=identity.start, boot="another boot")
        )
        assert read_folder(process.pid) == tmp_path
        # The kernel shows the words of a program a moment after it has begun.
        wait_for(lambda: read_command(process.pid) == "sleep 600")
        started = find_start_time(process.pid)
        assert started is not None
        assert begin - 2 < started < time.time() + 2  # the kernel's clock ticks
        process.kill()
        # A zombie runs no more, though its number is still taken.
        wait_for(lambda: identify(process.pid) is None)
    assert not is_still(identity)


def test_the_processor_time_of_the_busy_is_seen_and_of_the_gone_is_none():
    code = "while True: pass"
    with subprocess.Popen([sys.executable, "-S", "-c", code]) as process:
        wait_for(lambda: read_cpu_seconds([process.pid]) > 0.05)
        process.kill()
    assert read_cpu_seconds([process.pid]) == 0
    assert find_start_time(process.pid) is None
    assert read_command(process.pid) == ""
    assert read_folder(process.pid) is None


def test_a_command_of_several_lines_is_shown_on_one():
    code = "import time\ntime.sleep(600)\n"
    with subprocess.Popen([sys.executable, "-S", "-c", code]) as process:
        wait_for(lambda: "sleep" in read_command(process.pid))
        assert read_command(process.pid).endswith("-S -c import time time.sleep(600)")
        process.kill()


def test_a_process_is_not_gone_where_there_is_no_file_handle_to_look_with():
    with subprocess.Popen(["sleep", "20"]) as process:
        identity = identify(process.pid)
        with no_handles():
            with pytest.raises(OSError, match="Too many open files"):
                is_still(identity)
            assert find_start_time(process.pid) is None
        process.kill()
