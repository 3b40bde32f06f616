"""A writer delays nothing: not when nothing reads, and not when the reader has left."""

import os
import threading

import pytest

from composegen.terminal.writer import Writer
from tests.leaks import wait_for

LINE = "x" * 1023 + "\n"


@pytest.fixture
def pipe():
    """The two ends of a pipe, as files, which nothing reads yet."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", 0) as theirs, os.fdopen(writer, "wb", 0) as ours:
        yield theirs, ours


def read_all(theirs, ours):
    """What comes until the pipe's other ends are closed, from a thread."""
    ours.close()
    parts = []

    def read():
        while data := theirs.read(65536):
            parts.append(data)

    thread = threading.Thread(target=read)
    thread.start()
    return thread, parts


def test_texts_arrive_whole_and_in_order(pipe):
    written = Writer(pipe[1].fileno())
    for number in range(1000):
        written.write(f"{number}\n", is_line=bool(number % 2))
    thread, parts = read_all(*pipe)

    assert written.end(None)
    thread.join()
    assert b"".join(parts).decode().split() == [str(n) for n in range(1000)]


def test_what_a_stream_cannot_say_is_escaped(pipe):
    written = Writer(pipe[1].fileno(), "ascii")
    written.write("grün\n")

    assert written.end(None)
    assert pipe[0].read(100) == b"gr\\xfcn\n"


def test_lines_that_nothing_reads_are_counted_and_messages_are_kept(pipe):
    written = Writer(pipe[1].fileno())
    for _ in range(5000):
        written.write(LINE, is_line=True)
    written.write("stopping the stack\n")
    thread, parts = read_all(*pipe)

    assert written.end(None)
    thread.join()
    *shown, talk = b"".join(parts).decode().splitlines()
    lines = [line for line in shown if line == LINE.strip()]
    counts = [int(line.split()[1]) for line in shown if "are not shown" in line]
    assert talk == "stopping the stack"
    assert len(lines) + sum(counts) == 5000
    assert 1024 <= len(lines) < 5000
    assert len(lines) + len(counts) == len(shown)


def test_the_end_does_not_wait_for_a_reader_who_does_not_read(pipe):
    written = Writer(pipe[1].fileno())
    for _ in range(200):
        written.write(LINE)

    assert not written.end(0.01)


def test_the_end_waits_for_a_reader_who_is_slow(pipe):
    written = Writer(pipe[1].fileno())
    for _ in range(200):
        written.write(LINE)
    thread, parts = read_all(*pipe)

    assert written.end(20.0)
    thread.join()
    assert len(b"".join(parts)) == 200 * len(LINE)


def test_a_reader_who_has_left_ends_nothing(pipe):
    pipe[0].close()
    written = Writer(pipe[1].fileno())
    written.write("first\n")
    wait_for(lambda: written._is_broken)
    written.write("second\n")

    assert not written.end(None)


def test_a_stream_that_was_made_non_blocking_is_written_whole(pipe):
    os.set_blocking(pipe[1].fileno(), False)
    written = Writer(pipe[1].fileno())
    for _ in range(200):
        written.write(LINE)
    thread, parts = read_all(*pipe)

    assert written.end(None)
    thread.join()
    assert len(b"".join(parts)) == 200 * len(LINE)
