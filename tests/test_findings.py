"""Findings have the form of their page; what differs is reported as such."""

import pytest

from scripts.findings import (
    Outcome,
    format_outcomes,
    list_findings,
    read_about,
    run_finding,
)

FINDINGS = list_findings()
each_finding = pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.stem)


def read_header(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines[1:] if line.startswith("#"))


def test_there_are_findings():
    assert FINDINGS


@each_finding
def test_a_header_names_version_behaviour_and_output(path):
    header = read_header(path)
    for part in ("version:", "behaviour:", "looked at:", "output seen:"):
        assert f"\n# {part}" in header, part
    assert read_about(path).endswith(".")


@each_finding
def test_a_finding_runs_without_composegen_in_a_folder_that_it_removes(path):
    text = path.read_text(encoding="utf-8")
    program = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert "set -euo pipefail" in program
    assert "composegen" not in program
    assert "folder=$(mktemp -d)" in program
    assert 'rm -rf "$folder"' in program
    assert "http://" not in program
    assert "https://" not in program


def write_finding(folder, body):
    path = folder / "it.sh"
    path.write_text(f"#!/usr/bin/env bash\n# A tool does a thing.\n{body}\n")
    return path


def test_one_that_ends_with_0_is_as_it_was_found(tmp_path):
    outcome = run_finding(write_finding(tmp_path, "echo fine"))
    assert outcome.is_same
    assert outcome.about == "A tool does a thing."


def test_one_that_ends_with_1_differs_and_its_lines_are_shown(tmp_path):
    outcome = run_finding(write_finding(tmp_path, "echo '< old'; exit 1"))
    assert not outcome.is_same
    assert format_outcomes([outcome]).endswith("\nit:\n  < old\n")


def test_one_that_hangs_differs(tmp_path):
    outcome = run_finding(write_finding(tmp_path, "sleep 60"), longest=0.2)
    assert not outcome.is_same
    assert outcome.lines == ("it took longer than 0.2 s",)


def test_the_table_has_a_line_for_each():
    fine = Outcome(name="a", about="It is.", is_same=True, seconds=1)
    wrong = Outcome(name="bcd", about="It was.", is_same=False, seconds=12.34)
    assert format_outcomes([fine, wrong]).splitlines()[:2] == [
        "a    as found     1.0 s  It is.",
        "bcd  DIFFERS     12.3 s  It was.",
    ]
