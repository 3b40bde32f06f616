"""The volume of a store in Docker belongs to a folder; a program plays docker."""

import json
import stat

import pytest

from composegen.errors import OtherFolder
from composegen.model import Mount, Service
from composegen.places.processes.plan import Way
from composegen.places.processes.volumes import claim_volumes
from composegen.records import record

DOCKER = """#!/usr/bin/env python3
import json, pathlib, sys
kept = pathlib.Path(__file__).with_name("volumes.json")
known = json.loads(kept.read_text()) if kept.exists() else {}
name = sys.argv[-1]
if sys.argv[2] == "inspect":
    if name not in known:
        sys.exit(1)
    print(known[name])
else:
    known[name] = sys.argv[4].partition("=")[2]
    kept.write_text(json.dumps(known))
"""


@record
class _Step:
    name: str
    service: Service


@record
class _Stack:
    name: str


@record
class _Plan:
    steps: tuple
    stack: _Stack


@record
class _Local:
    plan: _Plan
    ways: dict


class _Around:
    def __init__(self, folder):
        self.folder = folder
        self.values = {}

    def fill(self, text, _):
        return text


@pytest.fixture
def claim(tmp_path, monkeypatch):
    """Claim the volume of a store for a folder; a program knows the volumes."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    mounts = (
        Mount(source="db-data", target="/data"),
        Mount(source="./own", target="/own"),
        Mount(target="/anonymous"),
    )

    def make(name, way=Way.DOCKER):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "stack.yaml").touch()
        step = _Step(name="db", service=Service(name="db", volumes=mounts))
        plan = _Plan(steps=(step,), stack=_Stack(name="shop"))
        claim_volumes(_Local(plan=plan, ways={"db": way}), _Around(folder))
        return folder

    make.known = program.with_name("volumes.json")
    return make


def test_a_volume_is_made_for_the_folder_and_used_again(claim):
    folder = claim("one")

    assert json.loads(claim.known.read_text()) == {"shop-run_db-data": str(folder)}
    claim("one")


def test_another_folder_does_not_get_it(claim):
    one = claim("one")

    with pytest.raises(OtherFolder) as refused:
        claim("two")

    assert "the volume shop-run_db-data of `db` belongs to" in refused.value.message
    assert str(one) in refused.value.message
    assert "COMPOSE_PROJECT_NAME=shop-two" in refused.value.help


def test_the_volume_of_a_folder_that_has_gone_is_used(claim):
    (claim("one") / "stack.yaml").unlink()

    claim("two")


def test_a_volume_without_a_label_is_used(claim):
    claim.known.write_text(json.dumps({"shop-run_db-data": ""}))

    claim("one")

    assert json.loads(claim.known.read_text()) == {"shop-run_db-data": ""}


def test_a_store_that_is_a_process_has_no_volume(claim):
    claim("one", way=Way.PROCESS)

    assert not claim.known.exists()
