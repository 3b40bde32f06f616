"""``composegen board`` before it serves: what is missing, taken or wrong."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from composegen.commands import _run
from tests.stacks import APP, make_stack


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "stack.yaml").write_text(make_stack(web=APP))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_port_that_is_taken_is_an_error(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert _run(["board", "--port", str(port)]) == 1
    said = capfd.readouterr().err

    assert f"cannot be served on port {port}: another program uses it" in said
    assert "--port 0" in said


@pytest.mark.parametrize("words", [["board"], ["run", "--board"], ["up", "--board"]])
def test_a_missing_extra_is_named(
    folder: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "starlette" else find(name, *more),
    )

    assert _run(words) == 2
    said = capfd.readouterr().err
    assert "the board needs starlette, which is not installed" in said
    assert 'pip install "composegen[board]"' in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["board", "--port", "70000"], "70000"),
        (["board", "--port", "x"], "'x'"),
        (["up", "--board", "--detach"], "--detach contradicts"),
        (["up", "--on", "kubernetes", "--board"], "--board is for the engine"),
    ],
)
def test_wrong_words_are_a_usage_error(
    folder: Path, capfd: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert _run(words) == 2
    assert said in capfd.readouterr().err


def test_a_stack_file_with_errors_is_not_served(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "stack.yaml").write_text("services: {web: {imaeg: x}}\n")

    assert _run(["board", "--port", "0"]) == 1
    assert "imaeg" in capfd.readouterr().err
