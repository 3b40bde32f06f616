"""What a header says is how the file was made, and it shows an edit by hand."""

from __future__ import annotations

import hashlib
import shlex

import pytest

from composegen.targets.header import (
    add_checksum,
    is_ours,
    is_untouched,
    read_flags,
    write_flags,
    write_plain_use,
)
from tests.rendering import render
from tests.stacks import APP, make_stack

# The command


@pytest.mark.parametrize(
    ("source", "output", "flags"),
    [
        ("stack.yaml", "compose.yaml", ""),
        ("shop.yaml", "compose.yaml", "-f shop.yaml"),
        ("stack.yaml", "prod.yaml", "-o prod.yaml"),
        ("../stack.yaml", "compose.yaml", "-f ../stack.yaml -o compose.yaml"),
        ("a b.yaml", "$c.yaml", "-f 'a b.yaml' -o '$c.yaml'"),
    ],
)
def test_the_command_names_what_is_not_as_usual(
    source: str, output: str, flags: str
) -> None:
    assert write_flags(source, output) == flags
    assert read_flags(f"# composegen render {flags}\n") == shlex.split(flags)


def test_a_command_that_no_shell_could_read_records_nothing() -> None:
    assert read_flags("# composegen render --with 'a\n") == []


@pytest.mark.parametrize(
    ("added", "removed", "engine", "flags"),
    [
        ((), (), 25, ""),
        (("b",), (), 25, "--with b"),
        ((), ("a",), 25, "--without a"),
        (("b",), ("a",), 24, "--with b --without a --engine 24"),
    ],
)
def test_the_selection_reads_back_from_the_header(
    added: tuple[str, ...], removed: tuple[str, ...], engine: int, flags: str
) -> None:
    stack = make_stack(a=APP, b=f"{APP}enabled: false\n", c=APP)

    text = render(stack, added=added, removed=removed, engine=engine)

    assert read_flags(text) == flags.split()


# The checksum


def test_a_rendered_file_is_ours_and_untouched() -> None:
    text = render(make_stack(app=APP))

    assert is_ours(text)
    assert is_untouched(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("python:3.13-slim", "python:3.14-slim"),
        ("# composegen render", "# composegen render --without x"),
        ("services:\n", "services:\n\n"),
        ("\n\n", "\n"),
    ],
)
def test_a_file_that_was_edited_is_ours_and_not_untouched(old: str, new: str) -> None:
    text = render(make_stack(app=APP)).replace(old, new, 1)

    assert is_ours(text)
    assert not is_untouched(text)


def test_a_line_that_was_added_at_the_end_is_an_edit() -> None:
    assert not is_untouched(render(make_stack(app=APP)) + "# mine\n")


def test_another_file_is_not_ours() -> None:
    assert not is_ours("services: {}\n")
    assert not is_untouched("services: {}\n")


def test_the_checksum_is_that_of_the_text_without_it() -> None:
    lines = render(make_stack(app=APP)).split("\n")
    checksum = lines.pop(2).removeprefix("# checksum: ")

    assert checksum == hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_a_checksum_goes_below_the_command() -> None:
    text = add_checksum("# one\n# two\nthree\n")

    assert [line[:12] for line in text.splitlines()] == [
        "# one",
        "# two",
        "# checksum: ",
        "three",
    ]


# Another name


@pytest.mark.parametrize("output", ["", "output: compose.gated.yaml\n"])
def test_the_name_that_the_stack_gives_needs_no_flag(output: str) -> None:
    assert read_flags(render(make_stack(a=APP) + output)) == []


def test_a_file_that_compose_does_not_find_says_how_it_is_used() -> None:
    usual = render(make_stack(a=APP))
    other = render(make_stack(a=APP) + "output: compose.gated.yaml\n")

    assert "docker compose -f" not in usual
    assert "# Without composegen: docker compose -f compose.gated.yaml up\n" in other


@pytest.mark.parametrize(
    ("output", "use"),
    [
        ("compose.yml", ""),
        ("docker-compose.yml", ""),
        ("stdout", ""),
        ("a b.yaml", "docker compose -f 'a b.yaml' up"),
    ],
)
def test_only_a_compose_file_with_another_name_is_named(output: str, use: str) -> None:
    assert write_plain_use(output) == use


def test_a_group_stays_a_group_in_the_header() -> None:
    stack = make_stack(a=APP, b=f"{APP}group: watch\n", c=f"{APP}group: watch\n")

    text = render(stack, added=("@watch",), removed=("c",))

    assert read_flags(text) == "--with @watch --without c".split()
    assert "# Excluded: c (--without c)." in text
