"""Logs are appended to by services, rotated at their start, read by anybody."""

from composegen.system.logfiles import Tail, open_log, read_last_lines, rotate_log


def test_a_big_log_is_moved_aside_and_three_old_ones_are_kept(tmp_path):
    log = tmp_path / "a.log"
    for number in range(6):
        log.write_text(f"{number}" * 100)
        rotate_log(log, most=50)

    assert not log.exists()
    kept = [tmp_path / f"a.log.{number}" for number in (1, 2, 3)]
    assert [path.read_text()[0] for path in kept] == ["5", "4", "3"]
    assert not (tmp_path / "a.log.4").exists()


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
