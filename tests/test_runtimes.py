"""The page about runtimes, and the stacks that are tried for it."""

import re
from pathlib import Path

import pytest

from composegen.targets.compose.newer import NEWER_KEYS, format_version
from scripts.runtimes.podman_checks import Timers
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


# Podman's timers, which systemd has elsewhere


class FakeTimers(Timers):
    """Timers of a Podman with these containers; each check takes no time."""

    def __init__(self, *containers):
        super().__init__("no socket")
        self.containers = containers
        self.checked = []
        self.now = 0.0

    def ask(self, question):
        if question == "/containers/json":
            return [{"Id": id, "StartedAt": start} for id, start, _ in self.containers]
        id = question.split("/")[2]
        interval = next(each[2] for each in self.containers if each[0] == id)
        check = {"Test": ["CMD", "true"], "Interval": interval * 10**9}
        return {"Config": {"Healthcheck": check if interval else None}}

    def run_check(self, id):
        self.checked.append(id)
        return self.now

    def read_clock(self):
        return self.now

    def look_at(self, *moments):
        for self.now in moments:
            self.look()
            for job in self.running.values():
                job.result()
        return self.checked


def test_a_check_runs_at_the_start_and_after_each_interval():
    timers = FakeTimers(("web", 1, 10))

    assert timers.look_at(0, 1, 9.9) == ["web"]
    assert timers.look_at(10, 15) == ["web"] * 2


def test_a_container_that_is_started_again_is_checked_at_once():
    timers = FakeTimers(("web", 1, 10))
    timers.look_at(0)
    timers.containers = (("web", 2, 10),)

    assert timers.look_at(1) == ["web"] * 2


def test_a_container_without_a_check_is_left_alone():
    assert FakeTimers(("web", 1, 0)).look_at(0, 100) == []
