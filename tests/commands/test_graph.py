"""``composegen graph`` in each format, and what `--report` accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.commands import _run
from tests.stacks import APP, make_stack


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stack.yaml").write_text(make_stack(web=APP))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("mermaid", "flowchart LR"), ("svg", "<svg "), ("html", "<!doctype html>")],
)
def test_a_graph_is_a_flowchart_a_picture_or_a_page(
    folder: Path, capfd: pytest.CaptureFixture[str], form: str, beginning: str
) -> None:
    assert _run(["graph", "--format", form]) == 0
    assert capfd.readouterr().out.startswith(beginning)


@pytest.mark.parametrize("command", ["up", "run"])
@pytest.mark.parametrize(
    ("file", "said"),
    [("boot.txt", "name it .html"), ("no/boot.html", "there is no such folder")],
)
def test_a_report_that_cannot_be_written_is_refused_before_anything_starts(
    folder: Path, capfd: pytest.CaptureFixture[str], command: str, file: str, said: str
) -> None:
    assert _run([command, "--report", file]) == 2
    assert said in capfd.readouterr().err
    assert not (folder / ".composegen").exists()


def test_a_command_in_place_of_a_service_has_no_report(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _run(["run", "web", "--report", "boot.html", "--", "true"]) == 2
    assert "not of a command" in capfd.readouterr().err


def test_a_report_is_of_this_machine(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _run(["up", "--on", "kubernetes", "--report", "boot.html"]) == 2
    assert "--report is for the engine" in capfd.readouterr().err
