"""Texts with a grammar of their own are read as Compose reads them."""

from __future__ import annotations

import pytest

from composegen.values import (
    ENV_NAME,
    PROJECT_NAME,
    SECRET_NAME,
    SERVICE_NAME,
    VOLUME_NAME,
    BadVariable,
    find_default,
    find_undefaulted,
    format_duration,
    make_duration,
    parse_duration,
    parse_size,
    parse_variables,
)

# Durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("2h30m", 9000),
        ("1.5s", 1.5),
        (".5s", 0.5),
        ("1h0m1s", 3601),
        ("0s", 0),
        ("100us", 0.0001),
        ("100µs", 0.0001),
        ("7ns", 7e-9),
        ("012s", 12),
    ],
)
def test_a_duration_is_read_as_compose_reads_it(text: str, seconds: float) -> None:
    duration = parse_duration(text)

    assert duration.seconds == pytest.approx(seconds)
    assert str(duration) == text


@pytest.mark.parametrize(
    "text",
    ["", " ", "1m 30s", "5s ", *"30 s 1d 30S -5s +5s 1e3s ٣s 1..5s 30sec".split()],
)
def test_a_duration_needs_a_number_and_a_unit(text: str) -> None:
    with pytest.raises(ValueError, match="a number with a unit"):
        parse_duration(text)


def test_a_duration_has_an_end() -> None:
    with pytest.raises(ValueError, match="ten years"):
        parse_duration("999999h")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.2, "200ms"),
        (0.5, "500ms"),
        (1, "1s"),
        (1.5, "1.5s"),
        (1.25, "1.25s"),
        (90, "90s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (3600, "1h"),
        (9000, "2h30m"),
        (3601, "1h1s"),
    ],
)
def test_a_duration_is_written_in_its_usual_form(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
    assert make_duration(seconds).text == text
    assert parse_duration(text).seconds == pytest.approx(seconds)


# Sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512M", 512 * 1024**2),
        ("512m", 512 * 1024**2),
        ("2G", 2 * 1024**3),
        ("2gb", 2 * 1024**3),
        ("64kb", 64 * 1024),
        ("100", 100),
        ("100b", 100),
        ("1.5G", 1536 * 1024**2),
        ("2GiB", 2 * 1024**3),
        ("2 GB", 2 * 1024**3),
        ("1t", 1024**4),
    ],
)
def test_a_size_is_read_as_compose_reads_it(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "2X", "2 G B", "-1m", "1e3", "2Gi2", "٢G"])
def test_a_size_needs_a_number_and_may_have_a_unit(text: str) -> None:
    with pytest.raises(ValueError, match="a number with a unit"):
        parse_size(text)


# Variables


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("plain", []),
        ("$$", []),
        ("$$A", []),
        ("$A", ["A"]),
        ("$A_1-b", ["A_1"]),
        ("${A}", ["A"]),
        ("${A}${B}", ["A", "B"]),
        ("x$$${A}", ["A"]),
        ("${A:-${B:-c}}", ["A"]),
        ("${A:-a b}", ["A"]),
        ("${A:-$$}", ["A"]),
    ],
)
def test_variables_are_found_in_compose_s_grammar(text: str, names: list[str]) -> None:
    assert [variable.name for variable in parse_variables(text)] == names


@pytest.mark.parametrize(
    ("text", "operator", "argument"),
    [
        ("${A}", "", ""),
        ("${A:-b}", ":-", "b"),
        ("${A-b}", "-", "b"),
        ("${A:?b}", ":?", "b"),
        ("${A?b}", "?", "b"),
        ("${A:+b}", ":+", "b"),
        ("${A+b}", "+", "b"),
        ("${A:-}", ":-", ""),
        ("${A:-${B}}", ":-", "${B}"),
        ("${A:-a:b}", ":-", "a:b"),
    ],
)
def test_an_operator_and_its_argument_are_read(
    text: str, operator: str, argument: str
) -> None:
    (variable,) = parse_variables(text)

    assert (variable.operator, variable.argument) == (operator, argument)
    assert (variable.start, variable.end) == (0, len(text))


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("$", 0),
        ("a$", 1),
        ("$1", 0),
        ("$ a", 0),
        ("${", 0),
        ("${}", 0),
        ("${1}", 0),
        ("${A", 0),
        ("${A b}", 0),
        ("${A:b}", 0),
        ("${A/b/c}", 0),
        ("$$$", 2),
        ("$é", 0),
    ],
)
def test_any_other_dollar_is_an_error_with_its_place(text: str, position: int) -> None:
    with pytest.raises(BadVariable) as raised:
        parse_variables(text)

    assert raised.value.position == position


@pytest.mark.parametrize("text", ["${A:-$}", "${A:-${1}}", "${A:-${B:-$ }}"])
def test_a_dollar_within_an_argument_must_be_right_too(text: str) -> None:
    with pytest.raises(BadVariable):
        parse_variables(text)


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("plain", "plain"),
        ("${A:-b}", "b"),
        ("${A-b}", "b"),
        ("${A:?b}", ""),
        ("${A:+b}", ""),
        ("$A", ""),
        ("x${A:-b}y", "xby"),
        ("${A:-${B:-c}}", "c"),
        ("$$A", "$A"),
    ],
)
def test_the_default_of_a_text_is_what_stands_without_variables(
    text: str, default: str
) -> None:
    assert find_default(text) == default


# Names


@pytest.mark.parametrize(
    "name", ["a", "web", "web-2", "a" * 63, "A", "1a", "a_b", "My_Web.v1"]
)
def test_a_service_s_name_is_short_and_plain(name: str) -> None:
    assert SERVICE_NAME.fullmatch(name)


@pytest.mark.parametrize(
    "name", ["", "-a", "_a", ".a", "a" * 64, "é", "a\n", "a b", "a/b", "a:b"]
)
def test_another_service_s_name_is_refused(name: str) -> None:
    assert not SERVICE_NAME.fullmatch(name)


def test_a_volume_of_one_letter_is_refused() -> None:
    assert not VOLUME_NAME.fullmatch("a")
    assert VOLUME_NAME.fullmatch("ab")


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        (PROJECT_NAME, "my_app-1", True),
        (PROJECT_NAME, "My App", False),
        (SECRET_NAME, "db-password", True),
        (SECRET_NAME, "../x", False),
        (SECRET_NAME, "a.b", False),
        (ENV_NAME, "A_b.c-d", True),
        (ENV_NAME, "1A", False),
        (ENV_NAME, "A B", False),
        (ENV_NAME, "A=", False),
        (ENV_NAME, "É", False),
    ],
)
def test_other_names_have_their_letters(pattern: object, name: str, fits: bool) -> None:
    assert bool(pattern.fullmatch(name)) is fits  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", ""),
        ("80", ""),
        ("${A:-1}${B-2}", ""),
        ("${A:-${B:-1}}", ""),
        ("$A", "A"),
        ("${A:-1}${B}", "B"),
        ("${A:-}", "A"),
        ("${A:-${B}1}", "B"),
        ("${A:?why not}", "A"),
        ("${A:+1}", "A"),
    ],
)
def test_the_first_variable_without_a_default_is_found(text: str, name: str) -> None:
    assert find_undefaulted(text) == name
