"""The data of a folder's runs: what is listed, what is removed, and what stays."""

import json

import pytest

from composegen.errors import VolumesLeft
from composegen.places.processes import data as module
from composegen.places.processes.data import list_data, remove_data
from composegen.places.processes.records import RunFolder
from composegen.workspace.state import make_state_folder
from tests.runs import load

STACK = """\
name: demo
services:
  db: {image: "a:1", health: {none: x}, volumes: ["files:/data"]}
"""


@pytest.fixture
def stack(tmp_path):
    (tmp_path / "stack.yaml").write_text(STACK)
    return load(tmp_path / "stack.yaml")


@pytest.fixture
def docker(monkeypatch):
    """Docker with these volumes, by name, and the folder on the label of each."""
    volumes, asked = {}, []

    def ask(*words, **_):
        asked.append(words)
        match words:
            case ("volume", "ls", *_):
                return "\n".join(volumes)
            case ("volume", "inspect", *names):
                listed = [
                    {"Name": n, "Labels": {"composegen.folder": volumes[n]}}
                    if volumes[n]
                    else {"Name": n, "Labels": None}
                    for n in names
                ]
                return json.dumps(listed)
            case ("volume", "rm", name):
                return volumes.pop(name, None)
            case _:
                return json.dumps([{"Name": "demo-run_files", "Size": "5MB"}])

    monkeypatch.setattr(module, "ask_docker", ask)
    return volumes


def make_data(folder, service="db", size=1500):
    path = make_state_folder(folder, "data", service)
    (path / "file").write_bytes(b"x" * size)
    return path


def name(listed):
    return [each.name for each in listed.own]


def test_folders_of_data_are_listed_with_their_size_and_removed(tmp_path, docker):
    path = make_data(tmp_path)
    [volume] = list_data(tmp_path, "", None).own

    assert (volume.name, volume.size) == (".composegen/data/db", "1.5 kB")
    assert volume.folder == str(tmp_path)
    assert list(remove_data(tmp_path, [volume])) == ["removed .composegen/data/db"]
    assert not path.exists()


def test_what_a_link_leads_to_is_neither_listed_nor_removed(tmp_path, docker):
    make_data(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (tmp_path / ".composegen" / "data" / "web").symlink_to(outside)
    (tmp_path / ".composegen" / "data" / "db" / "link").symlink_to(outside)

    listed = list_data(tmp_path, "", None)
    assert name(listed) == [".composegen/data/db"]
    list(remove_data(tmp_path, listed.own))
    assert (outside / "kept").exists()


def test_a_volume_that_a_run_of_this_folder_has_made_is_own(tmp_path, stack, docker):
    docker["demo-run_files"] = str(tmp_path)
    docker["demo_files"] = str(tmp_path)  # that of `up`

    listed = list_data(tmp_path, "demo", stack)

    assert [(each.name, each.size) for each in listed.own] == [
        ("demo-run_files", "5MB")
    ]
    assert list(remove_data(tmp_path, listed.own)) == ["removed demo-run_files"]
    assert list(docker) == ["demo_files"]


def test_a_volume_of_another_folder_stays(tmp_path, stack, docker):
    (tmp_path / "other").mkdir()
    docker["demo-run_files"] = str(tmp_path / "other")

    listed = list_data(tmp_path, "demo", stack)

    assert listed.own == ()
    assert f"a run of {tmp_path / 'other'} has made it" in listed.notes[0]


def test_a_volume_of_a_folder_that_was_moved_is_own(tmp_path, stack, docker):
    docker["demo-run_files"] = str(tmp_path / "gone")
    assert name(list_data(tmp_path, "demo", stack)) == ["demo-run_files"]


def test_a_volume_without_a_label_is_own_where_the_store_has_run(
    tmp_path, stack, docker
):
    docker["demo-run_files"] = ""
    before = list_data(tmp_path, "demo", stack)
    assert before.own == ()
    assert "nothing shows that a run of this folder has made it" in before.notes[0]

    RunFolder(tmp_path).make_lock("db").take()
    assert name(list_data(tmp_path, "demo", stack)) == ["demo-run_files"]


def test_an_external_volume_is_not_listed(tmp_path, stack, docker):
    docker["demo-run_files"] = str(tmp_path)
    assert list_data(tmp_path, "demo", stack, {"demo-run_files"}).own == ()


def test_what_cannot_be_removed_is_named_after_the_rest(tmp_path, stack, docker):
    docker["demo-run_files"] = str(tmp_path)
    path = make_data(tmp_path)
    volumes = list_data(tmp_path, "demo", stack).own
    docker.clear()

    with pytest.raises(VolumesLeft, match="demo-run_files: docker cannot remove it"):
        list(remove_data(tmp_path, volumes))
    assert not path.exists()
