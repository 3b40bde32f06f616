"""The script of the test cluster, as far as it needs no cluster."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.parts import require_part, require_program

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "scripts" / "cluster"


def call(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    require_program("bash")
    return subprocess.run(
        [str(FOLDER / "cluster.sh"), *words],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_word_that_is_no_command_shows_the_commands() -> None:
    done = call("begin")

    assert done.returncode == 2
    assert "usage: scripts/cluster/cluster.sh" in done.stderr


@pytest.mark.parametrize("command", ["status", "kubeconfig", "kubectl", "load", "ctr"])
def test_a_command_that_needs_a_cluster_says_that_there_is_none(
    tmp_path: Path, command: str
) -> None:
    done = call("--dir", str(tmp_path / "none"), command, "image")

    assert done.returncode == 1
    assert f"no cluster runs in {tmp_path / 'none'}" in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["start", "stop"])
def test_files_of_another_hand_are_left_alone(
    shared_folder: Path, command: str
) -> None:
    require_part(os.geteuid() == 0, "root, for a cluster")
    (shared_folder / "mine").write_text("kept")

    done = call("--dir", str(shared_folder), command)

    assert (done.returncode != 0) == (command == "start"), done
    assert [path.name for path in shared_folder.iterdir()] == ["mine"]


@pytest.mark.parametrize("folder", ["/run/x", "/var/lib/x", "relative", "/" + "x" * 60])
def test_a_folder_that_a_cluster_cannot_use_is_refused(folder: str) -> None:
    require_part(os.geteuid() == 0, "root, for a cluster")

    done = call("--dir", folder, "start")

    assert done.returncode == 1
    assert folder in done.stderr
    assert not Path(folder).exists()


def test_another_version_or_program_is_built_in_another_folder(tmp_path: Path) -> None:
    require_program("bash")
    places = set()
    for change in ("", "// changed\n"):
        copy = tmp_path / f"copy{len(places)}"
        subprocess.run(["cp", "-r", str(FOLDER), str(copy)], check=True)
        program = copy / "kubernetes" / "main.go"
        program.write_text(program.read_text() + change)
        words = [str(copy / "build.sh"), "--where"]
        env = {**os.environ, "XDG_CACHE_HOME": "/cache"}
        done = subprocess.run(
            words, env=env, capture_output=True, text=True, check=True
        )
        places.add(done.stdout.strip())

    assert len(places) == 2
    version = r"v1\.\d+\.\d+"
    assert all(
        re.fullmatch(f"/cache/composegen/cluster-{version}-[0-9a-f]{{8}}", place)
        for place in places
    )
