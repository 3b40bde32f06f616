"""A log stays small on the disk while it is written, and keeps its newest lines."""

import os

import pytest

from composegen.system.logfiles import read_last_lines
from composegen.system.trimming import CannotPunch, Trimmer, punch_hole

KEPT, SLACK = 1024 * 1024, 256 * 1024
LINE = 64


def measure(path):
    """The bytes that a file takes on the disk."""
    return path.stat().st_blocks * 512


class Writer:
    """A service that writes numbered lines, and a trimmer that looks now and then."""

    def __init__(self, folder, *, flags=os.O_APPEND, **options):
        self.log = folder / "a.log"
        self._handle = os.open(self.log, os.O_WRONLY | os.O_CREAT | flags)
        self.trimmer = Trimmer(str(self.log), kept=KEPT, slack=SLACK, **options)
        self.count = 0
        self.largest = 0

    def write(self, lines):
        for _ in range(lines):
            os.write(self._handle, b"%*d\n" % (LINE - 1, self.count))
            self.count += 1
            if self.count % 1000 == 0:
                self.trimmer.trim()
                self.largest = max(self.largest, measure(self.log))

    def close(self):
        os.close(self._handle)


@pytest.fixture
def write(tmp_path):
    made = []

    def begin(**options):
        made.append(Writer(tmp_path, **options))
        return made[-1]

    yield begin
    for writer in made:
        writer.close()


def read_numbers(path):
    return [int(line) for line in read_last_lines(path, 10**9)]


@pytest.mark.parametrize("flags", [os.O_APPEND, 0])
def test_a_log_that_grows_stays_small_and_loses_no_line_of_its_newest(write, flags):
    writer = write(flags=flags)

    writer.write(100_000)

    assert writer.log.stat().st_size == 100_000 * LINE
    assert writer.largest <= KEPT + SLACK + 1000 * LINE
    numbers = read_numbers(writer.log)
    assert numbers == list(range(numbers[0], 100_000))
    assert len(numbers) * LINE >= KEPT - LINE


def test_a_log_that_is_small_is_left_alone(write):
    writer = write()

    writer.write(16_000)

    assert read_numbers(writer.log) == list(range(16_000))


def test_the_older_log_goes_once_the_log_alone_holds_the_newest_lines(write, tmp_path):
    (tmp_path / "a.log.1").write_text("older")
    writer = write()

    writer.write(16_000)
    assert (tmp_path / "a.log.1").exists()
    writer.write(16_000)
    assert not (tmp_path / "a.log.1").exists()


def refuse(handle, end):
    raise CannotPunch


def test_without_holes_the_newest_lines_are_copied_and_the_log_is_emptied(
    write, tmp_path
):
    writer = write(punch=refuse)

    writer.write(100_000)

    older = tmp_path / "a.log.1"
    assert writer.largest <= KEPT + SLACK + 1000 * LINE
    assert measure(older) <= KEPT + 4096
    numbers = read_numbers(older) + read_numbers(writer.log)
    assert numbers == list(range(numbers[0], 100_000))


def test_a_log_that_was_emptied_by_its_service_is_trimmed_again(write):
    writer = write(flags=os.O_APPEND)
    writer.write(50_000)
    os.truncate(writer.log, 0)
    writer.largest = 0

    writer.write(50_000)

    assert writer.largest <= KEPT + SLACK + 1000 * LINE


def test_what_is_no_log_is_left_alone(tmp_path):
    target = tmp_path / "target"
    target.write_bytes(b"x" * 3 * KEPT)
    (tmp_path / "a.log").symlink_to(target)

    for name in ("a.log", "none.log"):
        assert not Trimmer(str(tmp_path / name), kept=KEPT, slack=SLACK).trim()

    assert measure(target) >= 3 * KEPT


def test_no_hole_is_made_of_less_than_a_block(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 100)
    with log.open("r+b") as file:
        punch_hole(file.fileno(), 90)
        punch_hole(file.fileno(), -1)

    assert log.read_bytes() == b"x" * 100
