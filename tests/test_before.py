"""The build before is installed once, from its commit, next to the checkout."""

import subprocess
from pathlib import Path

import pytest

from benchmarks import before
from benchmarks.before import CannotInstall, find_before, read_commit
from tests.parts import require_program

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose first of two commits is the build before."""
    require_program("git")
    folder = tmp_path / "repository"
    folder.mkdir()

    def git(*words: str) -> str:
        done = subprocess.run(
            [*GIT, *words], cwd=folder, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q")
    for text in ("before", "now"):
        (folder / "file").write_text(text)
        git("add", "-A")
        git("commit", "-qm", text)
    monkeypatch.setattr(before, "COMMIT", git("rev-parse", "HEAD~1"))
    return folder


class Installer:
    """Counts how often it installs, and what it was given."""

    def __init__(self) -> None:
        self.sources: list[str] = []

    def __call__(self, folder: Path) -> None:
        self.sources.append((folder / "source" / "file").read_text())
        program = folder / "venv" / "bin" / "composegen"
        program.parent.mkdir(parents=True)
        program.touch()


def test_the_files_of_the_commit_are_installed_once(
    repository: Path, tmp_path: Path
) -> None:
    install, folder = Installer(), tmp_path / "before"

    paths = [
        find_before(repository=repository, folder=folder, install=install)
        for _ in range(2)
    ]

    assert paths == [folder / "venv" / "bin" / "composegen"] * 2
    assert paths[0].exists()
    assert install.sources == ["before"]


def test_its_dependencies_have_the_versions_of_this_environment(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install, folder = Installer(), tmp_path / "before"
    find_before(repository=repository, folder=folder, install=install)

    names = [line.partition("==")[0] for line in before.list_versions().splitlines()]
    assert (folder / "constraints.txt").read_text() == before.list_versions()
    assert {"click", "docker", "jinja2", "pyyaml"} <= set(names)
    assert not [name for name in names if name.startswith(("composegen", "chat-"))]

    monkeypatch.setattr(before, "list_versions", lambda: "click==0.0.1\n")
    find_before(repository=repository, folder=folder, install=install)
    assert len(install.sources) == 2


def test_an_installation_that_failed_is_made_again(
    repository: Path, tmp_path: Path
) -> None:
    install, folder = Installer(), tmp_path / "before"

    def fail(folder: Path) -> None:
        raise CannotInstall("no network")

    with pytest.raises(CannotInstall):
        find_before(repository=repository, folder=folder, install=fail)
    find_before(repository=repository, folder=folder, install=install)

    assert install.sources == ["before"]


def test_a_clone_without_the_commit_is_reported_with_the_fix(
    repository: Path, tmp_path: Path
) -> None:
    shallow = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{repository}", str(shallow)],
        check=True,
    )

    with pytest.raises(CannotInstall, match="git fetch --unshallow") as caught:
        find_before(repository=shallow, folder=tmp_path / "before", install=Installer())
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "before").exists()
    with pytest.raises(CannotInstall, match="is not in"):
        read_commit(tmp_path, before.COMMIT)


def test_the_program_prints_an_error_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> Path:
        raise CannotInstall("commit 3a46a54 is not here")

    monkeypatch.setattr(before, "find_before", refuse)

    assert before.main() == 1
    assert capsys.readouterr() == ("", "error: commit 3a46a54 is not here\n")
