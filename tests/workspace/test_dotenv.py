"""A .env file is read, and variables are filled, by Compose's rules."""

from __future__ import annotations

import pytest

from composegen.errors import FileRefused, MissingVariable
from composegen.workspace.dotenv import (
    fill_variables,
    parse_dotenv,
    parse_raw_env,
    read_dotenv,
)


def read(text: str, **environment: str) -> dict[str, str]:
    return parse_dotenv(text, environment)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("A=b c", "b c"),
        ("  A = b  ", "b"),
        ("export A=b", "b"),
        ("A: b", "b"),
        ("A=b=c", "b=c"),
        ("A=http://x:1/y", "http://x:1/y"),
        ("A=b # why", "b"),
        ("A=b#c", "b#c"),
        ("A=# why", ""),
        ("A='b'", "b"),
        ("A='b # c'", "b # c"),
        ("A='$B ${C} $$'", "$B ${C} $$"),
        ("A='b' # why", "b"),
        ("A='a\\nb'", "a\\nb"),
        ('A="b"', "b"),
        ('A="b # c" # why', "b # c"),
        ('A="a\\nb\\tc\\rd"', "a\nb\tc\rd"),
        ('A="a\\"b"', 'a"b'),
        ('A="a\\\\b"', "a\\b"),
        ('A="one\ntwo"', "one\ntwo"),
        ("A='one\ntwo'", "one\ntwo"),
        ("A=it's", "it's"),
        ("A=P@$$w0rd", "P@$w0rd"),
        ("\ufeffA=b", "b"),
        ("A=b\r\n", "b"),
        ("A=1\nA=2", "2"),
    ],
)
def test_a_line_sets_a_variable(text: str, value: str) -> None:
    assert read(text) == {"A": value}


@pytest.mark.parametrize("text", ["", "\n\n", "# A=b", "  # A=b", "A", "=b", "1A=b"])
def test_a_line_that_sets_nothing_is_passed_over(text: str) -> None:
    assert read(text) == {}


def test_lines_after_a_text_of_several_lines_are_read() -> None:
    assert read('A="one\ntwo" # why\nB=c\n') == {"A": "one\ntwo", "B": "c"}


def test_variables_of_earlier_lines_are_filled_in() -> None:
    assert read("A=b\nC=x${A}y\nD=\"$A\"\nE='$A'\n") == {
        "A": "b",
        "C": "xby",
        "D": "b",
        "E": "$A",
    }


def test_variables_of_the_environment_come_first() -> None:
    assert read("A=file\nB=$A\n", A="environment")["B"] == "environment"


def test_an_escaped_dollar_in_double_quotes_stays() -> None:
    assert read('A="\\$B"\n', B="x") == {"A": "$B"}


def test_a_dollar_that_begins_no_variable_stays() -> None:
    assert read("A=5$ a\n") == {"A": "5$ a"}


def test_a_required_variable_of_a_value_is_refused_with_its_line(tmp_path) -> None:
    (tmp_path / ".env").write_text('A="one\ntwo"\nB=${C:?say it}\n')
    with pytest.raises(FileRefused) as raised:
        read_dotenv(tmp_path, {})

    assert raised.value.message == ".env:3: C is not set: say it"
    assert raised.value.help == "set C in the environment or in a line above"
    assert read_dotenv(tmp_path, {"C": "x"})["B"] == "x"


@pytest.mark.parametrize("value", ["'it", '"it', '"it\\"', "'it\nB=c"])
def test_a_quote_that_is_not_closed_is_refused_with_its_line(value: str) -> None:
    with pytest.raises(FileRefused) as raised:
        read(f"Z=1\nA={value}\n")

    assert raised.value.message == f".env:2: the {value[0]} of a value is not closed"


def test_a_folder_without_a_dotenv_sets_nothing(tmp_path) -> None:
    assert read_dotenv(tmp_path, {"A": "b"}) == {}


def test_a_raw_file_means_every_value_as_it_stands() -> None:
    text = "\ufeff  A='b $C' # d\n# E=f\n\nG\nH\nI=\nJ=k=l\r\n"
    assert parse_raw_env(text, {"G": "g", "C": "c"}) == {
        "A": "'b $C' # d",
        "G": "g",
        "I": "",
        "J": "k=l",
    }


# Filling


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("$SET", "x"),
        ("${SET}", "x"),
        ("a${SET}b$SET", "axbx"),
        ("$UNSET", ""),
        ("$EMPTY", ""),
        ("$$SET", "$SET"),
        ("$$$SET", "$x"),
        ("${UNSET:-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${SET:-d}", "x"),
        ("${UNSET-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${SET-d}", "x"),
        ("${SET:+d}", "d"),
        ("${EMPTY:+d}", ""),
        ("${UNSET:+d}", ""),
        ("${EMPTY+d}", "d"),
        ("${UNSET+d}", ""),
        ("${SET:?no}", "x"),
        ("${SET?no}", "x"),
        ("${EMPTY?no}", ""),
        ("${UNSET:-${SET}}", "x"),
        ("${UNSET:-${EMPTY:-${SET}}}", "x"),
        ("${UNSET:-a b}", "a b"),
        ("${UNSET:-$$}", "$"),
        ("${SET:+${UNSET:-y}}", "y"),
        ("$ {", "$ {"),
    ],
)
def test_a_variable_is_filled_by_compose_s_rules(text: str, filled: str) -> None:
    assert fill_variables(text, {"SET": "x", "EMPTY": ""}) == filled


def test_a_value_is_not_read_again() -> None:
    assert fill_variables("$A", {"A": "$B", "B": "x"}) == "$B"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${A:?say it}", "A is not set: say it"),
        ("${A?say it}", "A is not set: say it"),
        ("${A:?}", "A is not set"),
        ("${A:?set ${B:-c}}", "A is not set: set c"),
    ],
)
def test_a_required_variable_that_is_not_set_says_so(text: str, message: str) -> None:
    with pytest.raises(MissingVariable) as raised:
        fill_variables(text, {})

    assert str(raised.value) == message
    assert raised.value.variable == "A"
    assert raised.value.help == "set A in .env or in the environment"


def test_a_required_variable_that_is_empty_is_reported_as_such() -> None:
    with pytest.raises(MissingVariable, match=r"^A is empty: say it$"):
        fill_variables("${A:?say it}", {"A": ""})
