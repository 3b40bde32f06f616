"""Exit codes that stand for signals, a child's and a shell's."""

import signal

import pytest

from composegen.system.signals import CODES, read_as_shell, read_signal


@pytest.mark.parametrize(
    ("code", "as_shell", "ended_by"),
    [
        (0, 0, None),
        (7, 7, None),
        (127, 127, None),
        (128, 128, None),
        (-9, 137, signal.SIGKILL),
        (137, 137, signal.SIGKILL),
        (143, 143, signal.SIGTERM),
        (-99, 227, None),
        (255, 255, None),
    ],
)
def test_an_exit_code_is_read(code, as_shell, ended_by):
    assert read_as_shell(code) == as_shell
    assert read_signal(code) is ended_by


def test_a_command_that_a_signal_ends_has_the_code_that_a_shell_gives_it():
    assert {number: read_as_shell(-number) for number in CODES} == CODES
