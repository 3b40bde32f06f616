"""Which volumes of a project `down --volumes` may remove: those that were made here."""

import json
from types import SimpleNamespace

import pytest

from composegen.places.engine.containers import Maker, Mounted, Volume
from composegen.places.engine.volumes import list_volumes, note_volumes, read_known
from tests.enginefakes import make_container, make_notes

NOTES = make_notes()


class Engine:
    """Volumes with a time, and which of them containers and other folders mount."""

    is_here = True

    def __init__(self, *volumes, mounted=(), users=(), sizes=None):
        self.volumes = {name: float(at) for name, at in volumes}
        self.mounted, self.users, self.sizes = mounted, dict(users), sizes or {}

    def list_containers(self, project):
        mounts = [
            Mounted(kind="volume", name=name, source="", target="/x", is_writable=True)
            for name in self.mounted
        ]
        return (make_container("web", mounts=tuple(mounts)),) if mounts else ()

    def list_volumes(self, project):
        return tuple(sorted(self.volumes))

    def find_volume(self, name):
        at = self.volumes.get(name)
        return None if at is None else Volume(name=name, created_at=at, project="demo")

    def list_users(self, volume):
        folder = self.users.get(volume)
        return () if folder is None else (Maker(folder=folder, files=("-",)),)

    def ask_api(self, method, path, /, **params):
        listed = [
            {"Name": name, "UsageData": {"Size": size}}
            for name, size in self.sizes.items()
        ]
        return SimpleNamespace(json=lambda: {"Volumes": listed})


def bring_up(folder, before, after):
    """What `up` notes before it changes anything, and when it is up."""
    note_volumes(before, NOTES, folder, is_before=True)
    note_volumes(after, NOTES, folder)


def list_own(engine, folder, *external, **options):
    listed = list_volumes(engine, NOTES, folder, external, **options)
    return [each.name for each in listed.own]


@pytest.fixture
def elsewhere(tmp_path):
    """Another folder with a stack of its own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "stack.yaml").touch()
    return str(folder)


def test_what_up_has_made_can_be_removed_after_down(tmp_path):
    bring_up(tmp_path, Engine(), Engine(("a", 1), ("b", 1), mounted=["a", "b"]))

    listed = list_volumes(
        Engine(("a", 1), ("b", 1), sizes={"a": 1500, "b": -1}), NOTES, tmp_path
    )

    assert [(each.name, each.size) for each in listed.own] == [
        ("a", "1.5 kB"),
        ("b", ""),
    ]
    assert {each.folder for each in listed.own} == {str(tmp_path)}
    assert listed.notes == ()


def test_what_was_there_before_the_first_up_belongs_to_another_folder(tmp_path):
    there = Engine(("a", 1))
    bring_up(tmp_path, there, Engine(("a", 1), ("b", 2), mounted=["a", "b"]))

    assert list_own(Engine(("a", 1), ("b", 2), mounted=["a", "b"]), tmp_path) == ["b"]
    [note] = list_volumes(Engine(("a", 1), ("b", 2)), NOTES, tmp_path).notes
    assert note == (
        "a stays: nothing shows that it was made from this folder; to remove it: "
        "docker volume rm a"
    )


def test_what_own_containers_mount_before_up_is_own(tmp_path):
    there = Engine(("a", 1), mounted=["a"])
    bring_up(tmp_path, there, there)
    assert list_own(Engine(("a", 1)), tmp_path) == ["a"]


def test_a_volume_of_a_service_that_was_excluded_since_is_still_own(tmp_path):
    both = Engine(("a", 1), ("b", 1), mounted=["a", "b"])
    bring_up(tmp_path, Engine(), both)
    one = Engine(("a", 1), ("b", 1), mounted=["a"])
    bring_up(tmp_path, both, one)
    assert list_own(one, tmp_path) == ["a", "b"]


def test_one_that_was_made_again_since_is_another_one(tmp_path):
    bring_up(tmp_path, Engine(), Engine(("a", 1), mounted=["a"]))
    assert list_own(Engine(("a", 9)), tmp_path) == []


def test_without_notes_what_own_containers_mount_is_own(tmp_path):
    assert list_own(Engine(("a", 1), ("b", 1), mounted=["a"]), tmp_path) == ["a"]


def test_an_external_volume_stays_whatever_its_label_says(tmp_path):
    bring_up(tmp_path, Engine(), Engine(("a", 1), mounted=["a"]))
    listed = list_volumes(Engine(("a", 1)), NOTES, tmp_path, {"a"}, take_over=True)
    assert listed.own == ()
    assert listed.notes == ("a stays: it is external in the stack file",)


def test_one_that_another_folder_uses_stays(tmp_path, elsewhere):
    bring_up(tmp_path, Engine(), Engine(("a", 1), mounted=["a"]))
    used = Engine(("a", 1), mounted=["a"], users=[("a", elsewhere)])

    listed = list_volumes(used, NOTES, tmp_path)

    assert listed.own == ()
    assert listed.notes == (f"a stays: the containers of {elsewhere} use it",)
    assert list_own(used, tmp_path, take_over=True) == ["a"]


def test_notes_of_another_project_or_engine_say_nothing(tmp_path):
    bring_up(tmp_path, Engine(), Engine(("a", 1), mounted=["a"]))
    there = Engine(("a", 1))
    for other in (
        make_notes(project="other"),
        make_notes(host="tcp://far", context=""),
    ):
        assert list_volumes(there, other, tmp_path).own == ()


def test_a_file_that_others_may_read_is_not_trusted(tmp_path):
    bring_up(tmp_path, Engine(), Engine(("a", 1), mounted=["a"]))
    file = tmp_path / ".composegen" / "volumes.json"
    assert json.loads(file.read_text())["volumes"][0]["is_own"] is True
    file.chmod(0o644)
    assert read_known(tmp_path) is None
    assert list_own(Engine(("a", 1)), tmp_path) == []


def test_where_there_is_no_volume_no_file_is_written(tmp_path):
    bring_up(tmp_path, Engine(), Engine())
    assert list(tmp_path.iterdir()) == []
