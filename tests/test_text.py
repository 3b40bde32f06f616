"""Text for people: what is suggested, how things are counted."""

import json
import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from composegen.text import (
    ProgressFilter,
    can_steer,
    count,
    cut_middle,
    escape_steering,
    format_size,
    shorten,
    strip_control,
    suggest,
    wrap,
)


def test_the_name_that_is_most_like_it_is_suggested():
    assert suggest("cahce", ["app", "cache"], "there are app, cache") == (
        "did you mean `cache`?"
    )


def test_a_name_like_nothing_gets_the_other_help():
    assert suggest("zzz", ["app", "cache"], "there are app, cache") == (
        "there are app, cache"
    )
    assert suggest("zzz", []) == ""


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 services"), (1, "1 service"), (2, "2 services")]
)
def test_things_are_counted(number, text):
    assert count(number, "service") == text


@pytest.mark.parametrize(
    ("limit", "shown"), [(9, "abcdefghi"), (8, "abc..ghi"), (7, "ab..ghi"), (1, "a..i")]
)
def test_a_text_is_cut_in_its_middle(limit, shown):
    assert cut_middle("abcdefghi", limit) == shown


def test_a_line_is_wrapped_at_its_words_and_further_lines_are_indented():
    assert wrap("  one two-three four", 12) == "  one\n    two-three\n    four"
    assert wrap("  one two", 12) == "  one two"
    assert wrap("  one two-three four", None) == "  one two-three four"


# What may reach a terminal

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
# Pieces of sequences more often than chance would make them.
PIECES = st.sampled_from(
    [
        *"\x1b\x9b\x9d\x90\x07\r\n\t\0\x7f\u202e[]()PX^_;?:m0189AHJKch\\ aü",
        "\x1b[",
        "31m",
    ]
)
TEXTS = st.one_of(
    st.lists(PIECES).map("".join), st.binary().map(lambda data: data.decode("latin-1"))
)


@given(text=TEXTS)
def test_nothing_but_tabs_and_line_ends_is_left_of_control_characters(text):
    assert STEERING.search(strip_control(text)) is None


@given(text=TEXTS)
def test_with_colours_nothing_but_colours_is_left_and_they_end_with_their_line(text):
    shown = strip_control(text, colours=True)

    assert STEERING.search(COLOUR.sub("", shown)) is None
    for line in shown.split("\n"):
        assert COLOUR.findall(line)[-1:] in ([], ["\x1b[0m"], ["\x1b[m"])


@given(text=TEXTS)
def test_plain_text_stays_as_it_is(text):
    plain = STEERING.sub("", text)

    assert strip_control(plain) == plain


@given(pieces=st.lists(TEXTS))
def test_a_drawing_moves_the_cursor_at_most_however_it_is_split(pieces):
    drawing = ProgressFilter()

    shown = "".join(map(drawing.filter, pieces))

    kept = re.compile(r"\x1b\[(?:[0-9;]*[A-GJKm]|\?25[hl])|\r")
    assert STEERING.search(kept.sub("", shown)) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1bcb", "ab"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]0;title\x1b\\b", "ab"),
        ("a\x1b]0;left open", "a"),
        ("a\x1bP1$r\x1b\\b\x1b^x\x1b\\c", "abc"),
        ("a\x1b[?1049hb\x1b(0c\x1b#8d", "abcd"),
        ("a\x1b[31", "a"),
        ("a\x1b[31mb\x1b[0m", "ab"),
        ("a\x9b2Jb\x85", "a2Jb"),
        ("a\tb\n", "a\tb\n"),
        ("a\r\b\0\x7fb\u202ec", "abc"),
    ],
)
def test_a_sequence_goes_as_a_whole(text, shown):
    assert strip_control(text) == shown


@given(text=TEXTS)
def test_json_keeps_the_text_and_steers_nothing(text):
    written = escape_steering(json.dumps([text], ensure_ascii=False, indent=1))

    assert json.loads(written) == [text]
    assert STEERING.search(written) is None


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1500, "1.5 kB"),
        (45_000_000, "45 MB"),
        (3_000_000_000, "3.0 GB"),
        (7 * 10**15, "7000 TB"),
    ],
)
def test_a_size_is_shown_as_people_say_it(size, shown):
    assert format_size(size) == shown


# What steers, character by character

EVERY_CHARACTER = [chr(code) for code in range(0x110000)]


def test_control_characters_and_marks_of_direction_steer():
    steers = {each for each in EVERY_CHARACTER if can_steer(f"a{each}b")}
    control = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - {"\t", "\n"}
    assert steers == control | set("\u202a\u202b\u202c\u202d\u202e") | set(
        "\u2066\u2067\u2068\u2069"
    )


def test_a_shortened_text_is_one_line():
    joined = {each for each in EVERY_CHARACTER if shorten(f"a{each}b") == "a b"}
    assert joined == set(" \n\r\x85\u2028\u2029")
