"""A project of these tests is gone afterwards, in whatever state a test has left it."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from tests.e2e.engine import KINDS, PROJECT, Project, run_well
from tests.e2e.images import Images

pytestmark = pytest.mark.engine

IMAGES = ["python:3.12-slim"]
RESTS = {"image": IMAGES[0], "command": ["tail", "-f", "/dev/null"], "init": True}
SERVICES = {
    "frozen": RESTS,
    "built": {"build": ".", "command": RESTS["command"], "init": True},
    "keeps": {**RESTS, "volumes": ["kept:/kept", "/unnamed"]},
    "crashes": {**RESTS, "command": ["sh", "-c", "exit 3"], "restart": "always"},
    "orphan": RESTS,
}


class TestFailed(Exception):
    """What a failed test raises."""

    __test__ = False


def list_left(name: str) -> dict[str, list[str]]:
    """What of a project the engine knows, by its kind."""
    mine = ("--filter", f"{PROJECT}={name}")
    found = {kind: run_well(*words, *mine).split() for kind, words in KINDS.items()}
    return {kind: ids for kind, ids in found.items() if ids}


def write_file(folder: Path, *excluded: str) -> None:
    """The Compose file, without some of its services."""
    services = {k: v for k, v in SERVICES.items() if k not in excluded}
    file = {"services": services, "volumes": {"kept": {}}}
    (folder / "compose.yaml").write_text(yaml.safe_dump(file))


def leave_a_mess(project: Project, volumes: list[str]) -> NoReturn:
    """Bring up a bit of everything, note its volumes, named or not, and fail."""
    write_file(project.folder)
    project.up("keeps")
    volumes += [mount["Name"] for mount in project.inspect("keeps")["Mounts"]]
    assert len(volumes) == 2
    # Nothing that is there later refers to the one without a name.
    project.down()
    done = project.compose("up", "-d", "--build")
    assert done.returncode == 0, done.stderr
    assert project.compose("pause", "frozen").returncode == 0
    assert list_left(project.name).keys() == KINDS.keys()
    write_file(project.folder, "orphan")
    raise TestFailed


def test_nothing_is_left_of_a_test_that_failed(images: Images, tmp_path: Path) -> None:
    images.have(*IMAGES)
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGES[0]}\nRUN touch /built\n")
    project = Project(tmp_path)
    volumes: list[str] = []

    with pytest.raises(TestFailed), project:
        leave_a_mess(project, volumes)

    assert list_left(project.name) == {}
    assert not {*volumes} & {*run_well(*KINDS["volume"]).split()}
