"""Which process brings a stack up, and that it was killed."""

import json
import os
import signal
import subprocess
import sys

import pytest

from composegen.places.engine.notes import remove_notes
from composegen.system.identity import identify_self
from composegen.workspace.booting import (
    FILE,
    forget_cut_off,
    note_booting,
    was_cut_off,
)
from composegen.workspace.state import STATE_FOLDER

BRINGS_UP = """
import signal, sys
from pathlib import Path
from composegen.workspace.booting import note_booting
with note_booting(Path(sys.argv[1])):
    print("noted", flush=True)
    signal.pause()
"""


@pytest.fixture
def killed(tmp_path):
    """A folder in which what brought the stack up was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", BRINGS_UP, tmp_path], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"noted\n"
        assert not was_cut_off(tmp_path)
        process.send_signal(signal.SIGKILL)
    return tmp_path


def test_a_boot_is_cut_off_when_its_process_is_killed(killed):
    assert was_cut_off(killed)


def test_the_next_boot_is_not_the_one_that_was_cut_off(killed):
    with note_booting(killed):
        assert not was_cut_off(killed)
    assert not was_cut_off(killed)


def test_a_boot_that_goes_on_is_not_forgotten(killed):
    with note_booting(killed):
        forget_cut_off(killed)
        assert (killed / STATE_FOLDER / FILE).exists()


def test_what_was_killed_is_forgotten_with_its_containers(killed):
    remove_notes(killed)

    assert not was_cut_off(killed)


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_a_boot_that_ends_leaves_nothing(tmp_path, error):
    try:
        with note_booting(tmp_path):
            if error is not None:
                raise error
    except (RuntimeError, KeyboardInterrupt):
        pass

    assert not (tmp_path / STATE_FOLDER / FILE).exists()


def test_another_process_of_the_same_number_is_not_the_one_that_was_killed(killed):
    path = killed / STATE_FOLDER / FILE
    process = identify_self()
    later = {"pid": os.getpid(), "start": process.start - 1, "boot": process.boot}
    path.write_text(json.dumps({"process": later}))

    assert was_cut_off(killed)


@pytest.mark.parametrize("text", ["", "{}", '{"process": 7}', '{"other": 1}'])
def test_a_file_that_composegen_has_not_written_says_nothing(killed, text):
    (killed / STATE_FOLDER / FILE).write_text(text)

    assert not was_cut_off(killed)


def test_a_file_that_others_can_write_says_nothing(killed):
    (killed / STATE_FOLDER / FILE).chmod(0o666)

    assert not was_cut_off(killed)
