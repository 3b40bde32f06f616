"""One `relax` is rewritten; every other byte of the stack file stays."""

from __future__ import annotations

import difflib
from textwrap import dedent

import pytest

from composegen.model import RELAXABLE
from composegen.stackfile.edit import CannotEdit, edit_relax

ALL = frozenset(RELAXABLE)


def edit(text: str, taken: set[str] | frozenset[str], *kept: str) -> list[str]:
    """The lines that an edit removes and adds."""
    text = dedent(text).lstrip("\n")
    edited = edit_relax(text, "web", taken, kept).text
    found = difflib.ndiff(text.splitlines(), edited.splitlines())
    return [line for line in found if line[0] in "-+"]


BLOCK = """
services:
  web:
    image: x   # the image
    relax:   # what it needs
      # why so
      read_only: writes a file  # at boot
      init: no init

    # the end
  other: {relax: {read_only: kept}}
"""


def test_a_name_is_taken_out_of_a_mapping_and_comments_stay() -> None:
    assert edit(BLOCK, {"init"}) == ["-       init: no init"]
    assert edit(BLOCK, {"read_only"}) == [
        "-       read_only: writes a file  # at boot",
        "+       # at boot",
    ]


def test_a_mapping_that_would_be_empty_goes_with_its_key() -> None:
    assert (
        edit_relax(BLOCK, "web", ALL).text
        == """
services:
  web:
    image: x   # the image
    # what it needs
      # why so
      # at boot

    # the end
  other: {relax: {read_only: kept}}
"""
    )


def test_what_something_else_relaxes_becomes_false() -> None:
    assert edit(BLOCK, {"init"}, "init", "cap_drop") == [
        "+       cap_drop: false",
        "-       init: no init",
        "+       init: false",
    ]


@pytest.mark.parametrize(
    ("value", "taken", "written"),
    [
        ("{read_only: why, init: 'x, y'}", {"read_only"}, "{init: 'x, y'}"),
        ("{read_only: why, init: 'x, y'}", {"init"}, "{read_only: why}"),
        (
            "trying it out",
            {"init", "cap_drop"},
            "{read_only: trying it out, no_new_privileges: trying it out}",
        ),
        (
            '"a, b"',
            {"read_only", "init", "cap_drop"},
            '{no_new_privileges: "a, b"}',
        ),
        ("a, b", {"read_only", "init", "cap_drop"}, '{no_new_privileges: "a, b"}'),
    ],
)
def test_a_value_on_one_line_stays_on_it(
    value: str, taken: set[str], written: str
) -> None:
    file = "services:\n  web:\n    relax: {}   # c\n    port: 3\n"
    before = file.replace("{}", value)
    assert edit(before, taken) == [
        f"-     relax: {value}   # c",
        f"+     relax: {written}   # c",
    ]


def test_a_text_over_several_lines_becomes_one_line() -> None:
    file = """
    services:
      web:
        relax: >-
          trying it,
          out

        # the port
        port: 3
    """
    one = edit_relax(dedent(file), "web", ALL - {"init"}).text
    none = edit_relax(dedent(file), "web", ALL).text
    rest = "\n    # the port\n    port: 3\n"
    assert one == (
        f'\nservices:\n  web:\n    relax: {{init: "trying it, out"}}\n{rest}'
    )
    assert none == f"\nservices:\n  web:\n{rest}"


def test_a_service_in_braces_keeps_its_braces() -> None:
    file = "services:\n  web: {image: x, relax: {read_only: a, init: b}, port: 3} # c"
    assert edit(file, ALL)[1] == "+   web: {image: x, port: 3} # c"
    assert edit(file, {"init"})[1] == (
        "+   web: {image: x, relax: {read_only: a}, port: 3} # c"
    )
    last = "services: {web: {image: x, relax: why}}"
    assert edit(last, ALL)[1] == "+ services: {web: {image: x}}"


def test_a_service_without_relax_gets_one_behind_its_last_key() -> None:
    file = """
    services:
      web:
        port: 3
        volumes:
          - a
          - b  # the second
        # the end

      other: {}
    """
    assert edit(file, {"init"}) == []
    assert edit(file, {"init"}, "init") == ["+     relax: {init: false}"]
    text = edit_relax(dedent(file), "web", {"init"}, {"init"})
    assert text.text.splitlines()[text.line - 1] == "    relax: {init: false}"
    assert edit(file, ALL, *ALL) == ["+     relax: false"]


def test_a_literal_text_at_the_end_is_not_cut() -> None:
    file = """
    services:
      web:
        command: |
          a
          # no comment

      other: {}
    """
    [line] = edit(file, {"init"}, "init")
    done = edit_relax(dedent(file), "web", {"init"}, {"init"})
    assert line == "+     relax: {init: false}"
    assert "      # no comment\n    relax: {init: false}\n" in done.text


def test_what_an_anchor_brings_is_replaced_by_a_value_of_its_own() -> None:
    merged = """
    x-a: &a
      relax: {read_only: r, init: i}
    services:
      web:
        <<: *a
      other:
        <<: *a
    """
    alias = """
    x-a: &a {read_only: r, init: i}
    services:
      web:
        relax: *a  # c
        port: 3
    """
    assert edit(merged, {"init"}) == ["+     relax: {read_only: r}"]
    assert edit(alias, {"init"})[1] == "+     relax: {read_only: r}  # c"
    assert edit(alias, ALL) == ["-     relax: *a  # c", "+     # c"]


@pytest.mark.parametrize(
    "file",
    [
        "services:\n  web:\n    relax: &r why\n  other: {relax: *r}",
        "x-a: &a {relax: why}\nservices:\n  web: *a",
    ],
)
def test_what_others_share_is_refused(file: str) -> None:
    with pytest.raises(CannotEdit):
        edit(file, ALL)


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    file = "\ufeffservices:\r\n  web:\r\n    relax: été\r\n    port: 3\r\n"
    assert edit_relax(file, "web", ALL - {"init"}).text == (
        '\ufeffservices:\r\n  web:\r\n    relax: {init: "été"}\r\n    port: 3\r\n'
    )
    assert edit_relax(file, "web", ALL).text == (
        "\ufeffservices:\r\n  web:\r\n    port: 3\r\n"
    )
