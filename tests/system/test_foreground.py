"""A command in front has the terminal: its Ctrl-C, its Ctrl-Z, and ours afterwards."""

import os
import pty
import signal
import sys
from contextlib import suppress

import pytest

from tests import runs
from tests.runs import wait_for

PROGRAM = """
import os, signal, sys, time
def note(number, frame):
    print("interrupted", flush=True)
    sys.exit(9)
signal.signal(signal.SIGINT, note)
# It is started first, and has the terminal a moment later.
while os.tcgetpgrp(0) != os.getpgrp():
    time.sleep(0.01)
print("in front True", flush=True)
print("read", sys.stdin.readline().strip(), flush=True)
signal.pause()
"""


@pytest.fixture
def terminal(tmp_path):
    """``composegen run app -- ..`` as the leader of a terminal's session."""
    path = runs.write_stack(
        tmp_path,
        "services:\n" + runs.make_service("app", runs.Ports()["app"]),
        front=PROGRAM,
    )
    pid, handle = pty.fork()
    if pid == 0:
        os.chdir(path.parent)
        os.environ["PYTHONPATH"] = str(runs.ROOT)
        command = [sys.executable, "-m", "composegen", "run", "app", "--"]
        os.execv(sys.executable, [*command, sys.executable, "-S", "front.py"])
    os.set_blocking(handle, False)
    shown = bytearray()

    def look():
        with suppress(OSError):  # there is nothing, or nobody any more
            shown.extend(os.read(handle, 65536))
        return shown.decode(errors="replace")

    yield pid, handle, look
    os.close(handle)
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def wait_for_end(pid):
    ended = []

    def look():
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            ended.append(os.waitstatus_to_exitcode(status))
        return found

    wait_for(look)
    return ended[0]


def test_it_reads_the_terminal_and_its_interrupt_is_its_own(terminal, tmp_path):
    pid, handle, look = terminal
    wait_for(lambda: "in front True" in look())
    os.write(handle, b"hello\n")
    wait_for(lambda: "read hello" in look())

    os.write(handle, b"\x03")

    assert wait_for_end(pid) == 9
    assert look().count("interrupted") == 1
    assert runs.find_running_in(tmp_path) == {}


def test_after_a_stop_it_goes_on_where_no_shell_could_continue_it(terminal):
    """Nobody is above us here who could: stopping would be for ever."""
    pid, handle, look = terminal
    wait_for(lambda: "in front True" in look())
    os.write(handle, b"\x1a")
    wait_for(lambda: "^Z" in look())
    os.write(handle, b"hello\n")
    wait_for(lambda: "read hello" in look())

    os.write(handle, b"\x03")

    assert wait_for_end(pid) == 9
