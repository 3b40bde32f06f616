"""No stream is too narrow for a text, and no service steers the terminal."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from tests import runs
from tests.runs import ROOT, end, make_service, run_cli, start_up, wait_for

NARROW = {"PYTHONIOENCODING": "ascii"}
LOUD = r"""
import os, runpy, sys
for line in (
    b"ready \x1bc reset",
    b"ready \x1b]0;title\x1b\\\\ titled",
    b"ready \xc2\x9b2J \xe2\x80\xae c1",
    b"ready \x1b[?1049h \x1b[2J \x07 screen",
    b"ready \x1b]8;;left open",
    b"ready \x1b[32mgreen",
    "ready grün".encode(),
    b"ready, the last",
):
    os.write(1, line + b"\n")
runpy.run_path("server.py")
"""


@pytest.fixture
def stack(tmp_path):
    text = make_service("web", runs.Ports()["web"], command="loud.py")
    runs.write_stack(tmp_path, f"name: loud\nservices:\n{text}", loud=LOUD)
    return tmp_path


def write_stack(folder):
    text = "name: app\nservices:\n  web: {image: 'a:1', health: {none: grün}}\n"
    (folder / "stack.yaml").write_text(text, encoding="utf-8")


def run_bytes(folder, *arguments):
    """What a command writes to stdout where its encoding has no umlauts."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **NARROW}
    program = [sys.executable, "-m", "composegen", *arguments]
    done = subprocess.run(program, cwd=folder, env=env, capture_output=True, check=True)
    return done.stdout


@pytest.mark.parametrize(
    "arguments", [("render", "-o", "-"), ("plan", "--format", "json"), ("schema",)]
)
def test_the_text_of_a_file_is_utf_8_whatever_the_locale_says(tmp_path, arguments):
    write_stack(tmp_path)

    assert run_bytes(tmp_path, *arguments) == run_cli(tmp_path, *arguments)[1].encode()


def test_what_people_read_has_escapes_where_the_locale_lacks_a_character(tmp_path):
    (tmp_path / "stäck.yaml").write_text("services: {}\n")

    code, _, err = run_cli(tmp_path, "check", "-f", "stäck.yaml", env=NARROW)

    assert code == 1
    assert "st\\xe4ck.yaml" in err


def test_a_run_goes_on_showing_lines_after_one_that_the_locale_lacks(stack):
    with (stack / "out").open("wb") as out:
        process, _ = start_up(stack, stdout=out, env=NARROW)
    wait_for(lambda: "the last" in (stack / "out").read_text())
    end(process)

    assert "web | ready gr\\xfcn\n" in (stack / "out").read_text()


class Terminal:
    """A command in a terminal of its own; ``shown`` is what reached that."""

    def __init__(self, folder, *arguments, columns=0):
        self._outer, inner = pty.openpty()
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(inner, termios.TIOCSWINSZ, size)
        env = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        env.pop("NO_COLOR", None)
        self._process = runs.keep(
            subprocess.Popen(
                [sys.executable, "-m", "composegen", *arguments],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=inner,
                stderr=inner,
                start_new_session=True,
            )
        )
        os.close(inner)
        self.shown = b""

    def read(self, until=b""):
        """Read until a text is shown, or to the end; it must come in time."""
        limit = time.monotonic() + runs.SECONDS
        while not until or until not in self.shown:
            left = max(0, limit - time.monotonic())
            ready, _, _ = select.select([self._outer], [], [], left)
            assert ready, f"{until!r} did not come: {self.shown!r}"
            try:
                self.shown += os.read(self._outer, 65536)
            except OSError:  # its other end is closed
                break
        return self.shown

    def end(self):
        self._process.send_signal(signal.SIGINT)
        self.read()
        self._process.wait(runs.SECONDS)
        os.close(self._outer)


def find_steering(shown):
    """Every control character that is neither a line's end nor part of a colour."""
    plain = re.sub("\x1b\\[[0-9;]*m", "", shown.decode()).replace("\r\n", "\n")
    return re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", plain)


def test_no_service_steers_the_terminal_of_a_run_or_of_logs(stack):
    run = Terminal(stack, "run", "-v")
    run.read(until=b"Ctrl-C ends it")
    run.read(until=b"the last")
    logs = Terminal(stack, "logs").read()
    run.end()

    for shown in (run.shown, logs):
        assert find_steering(shown) == []
        assert b"titled" in shown
        assert b"\x1b[32mgreen\x1b[0m\r\n" in shown
        assert "grün".encode() in shown


def write_long_names(folder):
    names = [f"a-service-with-a-long-name-{number}" for number in range(10)]
    lines = ["name: long", "services:"]
    for number, name in enumerate(names):
        needs = ", ".join(names[max(0, number - 3) : number])
        lines += [
            f"  {name}: {{image: 'a:1', port: 80, health: {{http: /, tool: curl}}"
        ]
        lines[-1] += f", needs: [{needs}]}}" if needs else "}"
    (folder / "stack.yaml").write_text("\n".join(lines))
    return names


@pytest.mark.parametrize("command", ["plan", "status"])
def test_tables_keep_to_the_width_of_the_terminal_and_to_none_elsewhere(
    tmp_path, command
):
    names = write_long_names(tmp_path)
    columns = 60

    narrow = Terminal(tmp_path, command, columns=columns).read().decode()
    wide = run_cli(tmp_path, command)[1]

    table = narrow.replace("\r", "").partition(f"{names[0]}\n")[2]
    assert max(map(len, table.splitlines())) <= columns
    assert max(map(len, wide.splitlines())) > columns
    for name in names:
        assert name in narrow
        assert name in wide
