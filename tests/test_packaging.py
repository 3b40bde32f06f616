"""What is installed works anywhere: a wheel made from the sdist, and a checkout."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from composegen import __version__

ROOT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    answer = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": ""},
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(
        *(sys.executable, "-m", "build", "--no-isolation", "--sdist"),
        *("--outdir", folder, ROOT),
        cwd=folder,
    )
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    [source] = (folder / "source").iterdir()
    run(
        *(sys.executable, "-m", "build", "--no-isolation", "--wheel"),
        *("--outdir", folder, source),
        cwd=folder,
    )
    return folder


@pytest.fixture(scope="module")
def composegen(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command as the wheel installs it, in an environment of its own.

    Its dependencies are those of this environment, so that nothing is downloaded.
    """
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False, symlinks=True)
    [wheel] = built.glob("*.whl")
    [site] = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    others = [path for path in sys.path if path.endswith("site-packages")]
    # The checkout is installed there too, by a finder: only plain folders are added.
    (site / "dependencies.pth").write_text("\n".join(others) + "\n")
    command = folder / "bin" / "composegen"
    command.write_text(
        f"#!{folder}/bin/python\nfrom composegen.commands import main\nmain()\n"
    )
    command.chmod(0o755)
    where = run(
        folder / "bin" / "python",
        "-c",
        "import composegen as c; print(c.__file__)",
        cwd=folder,
    )
    assert Path(where.strip()).is_relative_to(site)
    return command


def test_the_wheel_says_its_version(composegen: Path, tmp_path: Path) -> None:
    assert run(composegen, "--version", cwd=tmp_path) == f"composegen {__version__}\n"


def test_the_wheel_is_a_module_that_runs(composegen: Path, tmp_path: Path) -> None:
    python = composegen.with_name("python")
    shown = run(python, "-m", "composegen", "--version", cwd=tmp_path)
    assert shown == f"composegen {__version__}\n"


def test_the_wheel_makes_and_renders_the_chat_stack_anywhere(
    composegen: Path, tmp_path: Path
) -> None:
    run(composegen, "init", "chat", cwd=tmp_path)
    folder = tmp_path / "chat"
    for service in ("frontend", "backend", "router"):
        assert (folder / service / "Dockerfile").is_file()
        assert (folder / service / "pyproject.toml").is_file()
    rendered = run(composegen, "render", "-o", "-", cwd=folder)
    assert "condition: service_healthy" in rendered
    expected = ROOT / "examples" / "chat" / "expected" / "compose.yaml"
    assert rendered == expected.read_text(encoding="utf-8")


def test_the_wheel_explains_and_knows_its_recipes(
    composegen: Path, tmp_path: Path
) -> None:
    assert "in a cycle" in run(composegen, "explain", "cycle", cwd=tmp_path)
    assert "redis" in run(composegen, "recipes", cwd=tmp_path)


def test_the_wheel_carries_nothing_that_was_made_by_running(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    stray = [
        name
        for name in names
        if "__pycache__" in name
        or ".secrets" in name
        or name.endswith((".pyc", ".log"))
    ]
    assert stray == []
    assert "composegen/py.typed" in names


def test_a_checkout_works_from_any_folder(tmp_path: Path) -> None:
    answer = subprocess.run(
        [
            *(sys.executable, "-m", "composegen", "render", "-o", "-"),
            *("-f", str(ROOT / "examples" / "chat" / "stack.yaml")),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert answer.returncode == 0, answer.stderr
    assert "condition: service_healthy" in answer.stdout


def test_version_and_changelog_agree() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text or f"## [{__version__}]" in text
    assert f"[{__version__}]" in text
