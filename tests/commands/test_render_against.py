"""`render --against` reads what Compose reads where one file is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from composegen.commands import _run
from tests.adopt.projects import adopt

BASE = "services: {web: {image: 'a/b:1', environment: {A: one}}}\n"
OVERRIDE = "services: {web: {environment: {A: two}}}\n"
OURS = "compose.override.yaml"


@pytest.fixture
def compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Adopt a project, then change it, then compare: exit code and what is said."""

    def run(adopted: str, after: str) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        adopt(tmp_path, BASE.replace("one", adopted))
        (tmp_path / "compose.yaml").write_text(BASE)
        (tmp_path / OURS).write_text(OVERRIDE.replace("two", after))
        capsys.readouterr()
        code = _run(["render", "--against", "compose.yaml"])
        return code, "".join(capsys.readouterr())

    return run


def test_an_override_is_read_next_to_the_usual_file(
    compare: Callable[..., tuple[int, str]],
) -> None:
    code, said = compare("two", "two")

    assert code == 0
    assert f"says what compose.yaml and {OURS} say: 1 service" in said
    assert f"note: {OURS} is read too, as Compose does" in said


def test_a_stack_of_the_named_file_alone_passes_and_says_so(
    compare: Callable[..., tuple[int, str]],
) -> None:
    code, said = compare("one", "two")

    assert code == 0
    assert "says what compose.yaml says: 1 service" in said
    assert f"note: {OURS} was not read" in said


def test_a_stack_that_says_neither_fails_with_what_compose_reads(
    compare: Callable[..., tuple[int, str]],
) -> None:
    code, said = compare("three", "two")

    assert code == 1
    assert f"note: {OURS} is read too" in said
    assert "A: two -> three" in said
