"""Logs are appended to by services, rotated at their start, read while they grow."""

import stat

from composegen.system.logfiles import Tail, open_log, read_last_lines, rotate_log
from composegen.system.trimming import punch_hole

MEGABYTE = 1024 * 1024


def measure(path):
    """The bytes that a file takes on the disk."""
    return path.stat().st_blocks * 512


def test_a_big_log_is_moved_aside_and_one_old_one_is_kept(tmp_path):
    log = tmp_path / "a.log"
    (tmp_path / "a.log.2").write_text("of an earlier version")
    for number in range(6):
        log.write_text(f"{number}" * 100)
        rotate_log(log, most=50)

    assert [path.name for path in tmp_path.iterdir()] == ["a.log.1"]
    assert (tmp_path / "a.log.1").read_text() == "5" * 100


def test_what_is_moved_aside_keeps_its_newest_bytes(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * MEGABYTE * 3)
    rotate_log(log, most=MEGABYTE)

    assert measure(tmp_path / "a.log.1") <= MEGABYTE * 1.1


def test_only_its_owner_may_read_a_log(tmp_path):
    log = tmp_path / "logs" / "a.log"
    open_log(log).close()
    log.chmod(0o644)
    open_log(log).close()

    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_a_small_log_stays_and_is_appended_to(tmp_path):
    log = tmp_path / "logs" / "a.log"
    with open_log(log) as file:
        file.write(b"one\n")
    rotate_log(log, most=50)
    with open_log(log) as file:
        file.write(b"two\n")

    assert log.read_text() == "one\ntwo\n"


def test_a_tail_gives_whole_lines_and_at_the_end_the_rest(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"old\n")
    tail = Tail(log, 4)
    with log.open("ab", buffering=0) as file:
        file.write(b"one\ntw")
        assert tail.read_lines() == ["one"]
        file.write(b"o\r\n\xff!\nrest")
        assert tail.read_lines() == ["two", "\ufffd!"]
    assert tail.read_rest() == ["rest"]
    tail.close()


def test_a_line_of_seventy_thousand_bytes_is_one_line(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 70_000 + b"\nnext\n")
    tail = Tail(log)

    assert [len(line) for line in tail.read_rest()] == [70_000, 4]
    tail.close()


def test_a_line_without_an_end_is_given_out_in_pieces(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"x" * 3_000_000)
    tail = Tail(log)

    lines = tail.read_rest()

    assert sum(map(len, lines)) == 3_000_000
    assert max(map(len, lines)) <= 1024 * 1024 + 256 * 1024
    tail.close()


def test_a_reader_that_is_far_behind_skips_and_says_so(tmp_path):
    log = tmp_path / "a.log"
    log.write_bytes(b"flood\n" * 2_000_000 + b"last\n")
    tail = Tail(log)

    lines = tail.read_rest()

    assert "bytes are not shown" in lines[0]
    assert lines[-1] == "last"
    assert len(lines) < 100_000
    tail.close()


def test_a_followed_name_goes_on_in_the_new_file(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one\n")
    tail = Tail(log, follows_name=True)
    assert tail.read_lines() == ["one"]
    log.rename(tmp_path / "a.log.1")
    log.write_text("two\n")

    assert tail.read_lines() == []
    assert tail.read_lines() == ["two"]
    tail.close()


def test_the_last_lines_begin_where_this_start_began(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("before\n" + "".join(f"{n}\n" for n in range(30)))

    assert read_last_lines(log, 3) == ["27", "28", "29"]
    assert read_last_lines(log, 99, since=7)[0] == "0"
    assert read_last_lines(log, 0) == []
    assert read_last_lines(tmp_path / "none", 3) == []


def write_with_hole(log):
    """Lines of which the first megabyte was freed, in the middle of one; the rest."""
    lines = [f"{number:>9}" for number in range(300_000)]
    log.write_text("".join(f"{line}\n" for line in lines))
    with log.open("r+b") as file:
        punch_hole(file.fileno(), MEGABYTE)
    return lines[MEGABYTE // 10 + 1 :]


def test_lines_are_read_back_to_the_first_whole_one_after_a_hole(tmp_path):
    log = tmp_path / "a.log"
    kept = write_with_hole(log)

    assert read_last_lines(log, 1_000_000) == kept
    assert read_last_lines(log, 1_000_000, since=10) == kept
    assert read_last_lines(log, 100_000) == kept[-100_000:]


def test_nothing_of_a_hole_is_read(tmp_path):
    log = tmp_path / "a.log"
    with log.open("wb") as file:
        file.truncate(1 << 40)
        file.seek(0, 2)
        file.write(b"cut\none\ntwo\n")

    assert read_last_lines(log, 1_000_000)[-2:] == ["one", "two"]


def test_a_tail_passes_by_a_hole_that_has_come_up_to_it(tmp_path):
    log = tmp_path / "a.log"
    kept = write_with_hole(log)
    tail = Tail(log, 10)

    lines = tail.read_rest()

    assert [line for line in lines if "\0" in line] == []
    assert lines[-len(kept) :] == kept
    tail.close()


def test_a_tail_begins_again_in_a_log_that_was_emptied(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\n")
    tail = Tail(log)
    assert tail.read_lines() == ["one", "two"]
    with log.open("w") as file:
        file.write("three\n")

    assert tail.read_lines() == []
    assert tail.read_lines() == ["three"]
    assert read_last_lines(log, 3, since=100) == ["three"]
    tail.close()


def test_a_tail_passes_by_lines_that_are_not_wanted_and_misses_no_later_one(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"one\ntwo\nhal")
    asked = []

    def is_wanted(data):
        asked.append(data)
        return b"half" in data

    tail = Tail(log)
    assert tail.read_lines(is_wanted) == []
    assert tail.position == 11
    with log.open("ab") as file:
        file.write(b"f\nthree\n")
    assert tail.read_lines(is_wanted) == ["half", "three"]
    assert asked == [b"one\ntwo\nhal", b"half\nthree\n"]
    tail.close()
