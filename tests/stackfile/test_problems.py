"""Every problem has a page whose example has it, and whose fix does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from composegen.commands import cli
from composegen.errors import ComposegenError, Level, ProblemsFound, UsageError
from composegen.resources import find_templates
from composegen.stackfile.catalogue import (
    CLUSTER_PROBLEMS,
    COMMAND_ERRORS,
    LEVELS,
    PAGES,
)
from composegen.stackfile.guide import list_problems, read_problem_page
from composegen.stackfile.nodes import MAX_BYTES
from composegen.targets.files import Options
from composegen.targets.table import TARGETS
from tests.rendering import plan_for_cluster
from tests.stacks import check

NAMES = sorted(LEVELS)
BYTES = {
    "file-too-large": b"#" * (MAX_BYTES + 1),
    "not-utf-8": "services: {caf\u00e9: {use: nginx}}".encode("latin-1"),
}
"""Examples that no page can show."""

_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SOURCES = Path(__file__).parents[1].parent / "composegen"


@dataclass(frozen=True)
class Page:
    """A page taken apart; files by their name, the stack file as ``stack.yaml``."""

    title: str
    meaning: str
    example: dict[str, str | bytes]
    fix: dict[str, str | bytes]


@cache
def read_page(name: str) -> Page:
    text = read_problem_page(name)
    head, _, rest = text.partition("\n## Example\n")
    example, _, fix = rest.partition("\n## Fix\n")
    title, _, meaning = head.partition("\n")
    shown = read_files(example)
    if name in BYTES:
        shown = {"stack.yaml": BYTES[name]}
    return Page(title, meaning, shown, {**shown, **read_files(fix)})


def read_files(text: str) -> dict[str, str | bytes]:
    return {match[2] or "stack.yaml": match[3] for match in _FENCE.finditer(text)}


def check_files(files: dict[str, str | bytes]) -> list[tuple[str, str]]:
    beside = {name: text for name, text in files.items() if name != "stack.yaml"}
    return [
        (problem.name, f"{problem.location} {problem.message}")
        for problem in check(files["stack.yaml"], beside)
    ]


# Pages


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_the_problem_means(name: str) -> None:
    page = read_page(name)

    assert re.fullmatch(r"# [A-Z`].{8,60}[^.\s]", page.title)
    assert len(page.meaning.split()) > 15


@pytest.mark.parametrize("name", NAMES)
def test_the_example_has_this_problem_and_no_other(name: str) -> None:
    found = check_files(read_page(name).example)

    assert {problem for problem, _ in found} == {name}, found


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BYTES])
def test_the_fix_has_no_problem_left(name: str) -> None:
    assert check_files(read_page(name).fix) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_a_terminal(name: str) -> None:
    text = read_problem_page(name)

    assert max(map(len, text.splitlines())) <= 88
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert re.findall(r"^## .*", text, re.MULTILINE) == ["## Example", "## Fix"]


def test_two_pages_never_have_one_title() -> None:
    titles = [read_page(name).title for name in PAGES]

    assert len(set(titles)) == len(titles)


def test_there_is_a_page_for_every_problem_and_no_other() -> None:
    pages = {path.stem for path in (find_templates() / "problems").iterdir()}

    assert pages == set(PAGES)


def test_every_name_is_used_and_every_used_name_is_listed() -> None:
    sources = "".join(
        path.read_text()
        for path in _SOURCES.glob("**/*.py")
        if path.name != "catalogue.py"
    )
    words = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)*)"', sources))
    added = set(re.findall(r'\badd\(\s*"([a-z0-9-]+)"', sources))

    listed = {*LEVELS, *CLUSTER_PROBLEMS}
    assert listed - words == set()
    assert added - listed == set()


def test_a_page_of_a_command_is_about_an_error_with_that_name() -> None:
    names = {each.name for each in ComposegenError.__subclasses__()}

    assert set(COMMAND_ERRORS) <= names


# Problems of a cluster


def render_for_cluster(files: dict[str, str | bytes]) -> list[str]:
    """The problems of a page's stack where it is rendered for a cluster."""
    stack = str(files["stack.yaml"])
    try:
        TARGETS["kubernetes"].render(plan_for_cluster(stack), Options())
    except ProblemsFound as found:
        return [problem.name for problem in found.problems]
    return []


@pytest.mark.parametrize("name", CLUSTER_PROBLEMS)
def test_the_example_cannot_be_rendered_for_a_cluster(name: str) -> None:
    page = read_page(name)

    assert {*render_for_cluster(page.example)} == {name}
    assert render_for_cluster(page.fix) == []


# The command


@pytest.mark.parametrize("name", PAGES)
def test_explain_prints_the_page(name: str) -> None:
    result = CliRunner().invoke(cli, ["explain", name])

    assert result.exit_code == 0
    assert result.stdout.strip() == read_problem_page(name).strip()


def test_explain_alone_lists_every_problem_with_its_title() -> None:
    result = CliRunner().invoke(cli, ["explain"])

    assert result.exit_code == 0
    for name in PAGES:
        assert re.search(
            rf"\b{name}\b.*{re.escape(read_page(name).title[2:])}", result.stdout
        )


def test_problems_are_listed_by_name_with_their_level() -> None:
    listed = list(list_problems())

    assert [name for _, name, _ in listed] == [*PAGES]
    assert ("warning", "open-port", "A port that others can reach") in listed


ADVICE = """
    boot-too-short
    closed-bind-mount
    early-variable
    engine-socket
    env-file-wires
    foreign-image
    implied-need
    internal-port
    job-unwaited
    latest-image
    near-placeholder
    no-reason
    not-hardened
    old-data-folder
    open-port
    port-unpublished
    root-bind-mount
    secret-in-context
    secret-literal
    store-network
    traefik-network
    unasked
    unused-drill
    unused-health
    unused-later
    unused-network
    unused-secret
    unused-volume
    visible-password
"""
INFORMATION = "all-excluded assumed-tag recipe-for-image unknown-image"


def test_what_does_not_stop_a_stack_is_this_and_no_more() -> None:
    """Pipelines rely on it: a warning that becomes an error stops them."""
    levels = {name: level for name, level in LEVELS.items() if level != Level.ERROR}

    assert levels == {
        **dict.fromkeys(ADVICE.split(), Level.WARNING),
        **dict.fromkeys(INFORMATION.split(), Level.NOTE),
    }


def test_a_name_that_is_nearly_right_is_reported() -> None:
    with pytest.raises(UsageError) as raised:
        read_problem_page("unknown-servise")

    assert raised.value.help == "did you mean `unknown-service`?"


def test_a_name_with_a_path_in_it_is_no_problem() -> None:
    with pytest.raises(UsageError):
        read_problem_page("../recipes/redis")
