"""The page about runtimes, and the stacks that are tried for it."""

import re
from pathlib import Path

import pytest

from composegen.targets.compose.newer import NEWER_KEYS, format_version
from tests.stacks import check

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "runtimes.md").read_text(encoding="utf-8")
STACKS = sorted((ROOT / "scripts" / "runtimes" / "stacks").glob("**/stack.yaml"))
SCRIPTS = sorted((ROOT / "scripts" / "runtimes").glob("*.sh"))


def write_row(key):
    value = f" = `{key.value}`" if key.value else ""
    engine = format_version(key.engine.version) if key.engine else ""
    return f"| `{key.path}`{value} | {format_version(key.compose)} | {engine} |"


def test_the_page_lists_every_newer_key_with_its_releases():
    section = PAGE.partition("## Keys and their releases")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    keys = sorted(NEWER_KEYS, key=lambda each: each.compose)
    assert rows == [write_row(key) for key in keys]


def test_no_cell_of_the_table_is_empty():
    table = PAGE.partition("<!-- table: begin -->")[2].partition("<!-- table: end")[0]
    rows = [
        re.split(r" *\| *", line.strip("| "))
        for line in table.splitlines()
        if line.startswith("|")
    ]
    assert len(rows) > 4
    assert len({len(row) for row in rows}) == 1
    assert all(all(row) for row in rows)


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.parent.name)
def test_a_stack_that_is_tried_says_what_is_meant(path):
    """It is a good stack file but for what is missing next to it."""
    text = path.read_text()
    for word, value in (("NAME", "x"), ("PORT", "21501"), ("REGISTRY", "a.b:1")):
        text = text.replace(f"@{word}@", value)
    files = {
        each.name: each.read_text()
        for each in path.parent.iterdir()
        if each.name != "stack.yaml"
    }
    errors = {each.name for each in check(text, files) if each.level == "error"}
    assert errors <= {"missing-file"}
    if path.parent.parent.name == "failing":
        assert re.match(r"# culprit:.*\n# cause:.*\n", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_can_be_run(path):
    assert path.stat().st_mode & 0o111
    assert path.read_text().startswith("#!/usr/bin/env bash\n")


def test_the_findings_have_the_form_that_their_page_names():
    for path in (ROOT / "findings").glob("*.sh"):
        header = path.read_text().partition("\nset -euo pipefail\n")[0]
        for part in ("version:", "behaviour:", "looked at:", "output seen:"):
            assert f"# {part}" in header, f"{path.name} has no {part}"
        assert path.stat().st_mode & 0o111
        assert "composegen" not in path.read_text()
