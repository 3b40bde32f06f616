"""Installs the build before, v0.2.0, so that a figure can be paired with it.

``python benchmarks/before.py`` prints the path of its ``composegen``. The build stays
in build/before; it is made again when this Python or a dependency has another version.
"""

import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from importlib.metadata import distributions
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "before"
COMMIT, NAME = "3a46a54ac8e943a975c5e5a2548f0fcc29a5887b", "v0.2.0"
OURS = ("composegen", "chat-")


class CannotInstall(Exception):
    """The build before cannot be installed; the message says why and what to do."""


def find_before(
    *,
    repository: Path = ROOT,
    folder: Path = FOLDER,
    install: Callable[[Path], None] | None = None,
) -> Path:
    """The ``composegen`` program of the build before; installs it if necessary.

    It is installed like this checkout's own: editable, on the same Python, with the
    same versions of its dependencies. Raises CannotInstall.
    """
    made, wanted = folder / "made", f"{COMMIT}\n{describe_environment()}"
    program = folder / "venv" / "bin" / "composegen"
    if made.exists() and made.read_text() == wanted and program.exists():
        return program
    source = read_commit(repository, COMMIT)
    shutil.rmtree(folder, ignore_errors=True)
    with tarfile.open(fileobj=BytesIO(source)) as archive:
        archive.extractall(folder / "source", filter="data")
    (folder / "constraints.txt").write_text(list_versions())
    (install or install_with_pip)(folder)
    made.write_text(wanted)  # last: what is half made is made again
    return program


def read_commit(repository: Path, commit: str) -> bytes:
    """The files of a commit as a tar archive."""
    command = ["git", "-C", str(repository), "archive", "--format=tar", commit]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        raise CannotInstall("git is not installed; install it and try again") from None
    if done.returncode != 0:
        raise CannotInstall(
            f"commit {commit[:7]} ({NAME}) is not in {repository}: clone the whole "
            "history, or run `git fetch --unshallow`"
        )
    return done.stdout


def install_with_pip(folder: Path) -> None:
    """Install folder/source into folder/venv."""
    run([sys.executable, "-m", "venv", str(folder / "venv")])
    python = str(folder / "venv" / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraints = ["--constraint", str(folder / "constraints.txt")]
    run([*pip, *constraints, "--editable", str(folder / "source")])


def run(command: list[str]) -> None:
    """Run a command; raises CannotInstall with what it printed."""
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotInstall(f"{' '.join(command)} failed:\n{done.stdout.strip()}")


def list_versions() -> str:
    """What is installed here except this project, as constraints for pip."""
    found = {each.metadata["Name"].lower(): each.version for each in distributions()}
    return "".join(
        f"{name}=={version}\n"
        for name, version in sorted(found.items())
        if not name.startswith(OURS)
    )


def describe_environment() -> str:
    """This Python and the versions of everything that is installed on it."""
    return f"{sys.executable} {platform.python_version()}\n{list_versions()}"


def main() -> int:
    """Print the path of the program; the exit code."""
    try:
        print(find_before())
    except CannotInstall as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
