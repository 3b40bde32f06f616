"""The same stack gives the same bytes on any machine, in any folder."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHAT = Path(__file__).parents[1] / "examples" / "chat"
ROOT = Path(__file__).parents[1]


def render(folder: Path, *flags: str, umask: int = 0o022, **environment: str) -> str:
    """The SHA-256 of the chat stack's files, rendered by a process of its own."""
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(
        [sys.executable, "-m", "composegen", "render", *flags],
        cwd=folder,
        env=base | environment,
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    names = ("compose.yaml", "kubernetes.yaml", "kustomization.yaml")
    texts = [path.read_bytes() for path in map(folder.joinpath, names) if path.exists()]
    assert texts
    return hashlib.sha256(b"".join(texts)).hexdigest()


TARGETS = pytest.mark.parametrize("target", ["compose", "kubernetes"])


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    return copy_chat(tmp_path / "one")


def copy_chat(folder: Path) -> Path:
    for path in (
        "stack.yaml",
        *(f"{s}/Dockerfile" for s in ("router", "backend", "frontend")),
    ):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHAT / path, target)
    return folder


@TARGETS
def test_folders_and_environments_leave_no_trace(
    chat: Path, tmp_path: Path, target: str
) -> None:
    other = copy_chat(tmp_path / "Ein anderer Ordner, $HOME 'n so" / "näxt")
    home = tmp_path / "home"
    home.mkdir()
    flags = ("--target", target)
    first = render(chat, *flags, HOME=str(home), TZ="UTC", LANG="C", PYTHONHASHSEED="1")
    second = render(
        other,
        *flags,
        umask=0o077,
        HOME=str(tmp_path / "none"),
        TZ="Asia/Kathmandu",
        LANG="tr_TR.UTF-8",
        LC_ALL="C.UTF-8",
        PYTHONHASHSEED="4242",
        FORCE_COLOR="1",
        COLUMNS="20",
    )
    assert first == second


@TARGETS
def test_docker_dotenv_and_secrets_leave_no_trace(
    chat: Path, tmp_path: Path, target: str
) -> None:
    other = copy_chat(tmp_path / "two")
    (other / ".env").write_text("GROQ_API_KEY=canary\nCOMPOSE_PROJECT_NAME=other\n")
    (other / ".secrets").mkdir()
    (other / ".secrets" / "GROQ_API_KEY").write_text("canary")
    without_docker = tmp_path / "bin"
    without_docker.mkdir()
    first = render(chat, "--target", target)
    second = render(
        other,
        "--target",
        target,
        PATH=str(without_docker),
        GROQ_API_KEY="canary",
        DOCKER_HOST="tcp://127.0.0.1:1",
        COMPOSE_FILE="other.yaml",
    )
    assert first == second


def test_a_second_run_changes_nothing(chat: Path) -> None:
    assert render(chat) == render(chat)


def test_a_selection_does_change_the_file(chat: Path) -> None:
    assert render(chat) != render(chat, "--without", "redis")


def test_problems_come_in_the_same_order_every_time(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text(
        "services:\n  A: {use: x, y: 1}\n"
        "  b: {use: nginx, ports: [a], needs: [c, d], colour: red, relax: {x: , y: }}\n"
    )

    def check(seed: str) -> str:
        answer = subprocess.run(
            [sys.executable, "-m", "composegen", "check", "--format", "json"],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "PYTHONHASHSEED": seed,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 1, answer.stderr
        return answer.stdout

    first = check("1")
    assert first.count('"name"') > 5
    assert {check(seed) for seed in ("2", "3", "4242")} == {first}
