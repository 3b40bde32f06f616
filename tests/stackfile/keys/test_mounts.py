"""Mounts of a service: `volumes` and `tmpfs`."""

from __future__ import annotations

import pytest

from composegen.model import Mount
from tests.stackfile.loading import list_app_names
from tests.stacks import (
    check,
    load_app,
    make_app,
)


@pytest.mark.parametrize("name", ["data", "my_data", "my.data-2", "0a"])
def test_a_volume_has_a_name(name: str) -> None:
    assert load_app(f"volumes: ['{name}:/data']").volumes[0].volume_name == name


@pytest.mark.parametrize(
    ("source", "help"),
    [
        ("a", "one letter is read as a Windows drive"),
        ("data/x", "write ./data/x:/data"),
        ("dä", "letters, digits"),
        ("-data", "letters, digits"),
    ],
)
def test_a_volume_cannot_be_called(source: str, help: str) -> None:
    (problem,) = check(make_app(f"volumes: ['{source}:/data']"))

    assert problem.name in {"bad-name", "bad-volume"}
    assert help in problem.help


@pytest.mark.parametrize(
    ("volume", "mount"),
    [
        ("data:/data", Mount(source="data", target="/data")),
        ("./a:/b:ro", Mount(source="./a", target="/b", options="ro")),
        ("/data", Mount(target="/data")),
        ("~/a:/b:ro", Mount(source="~/a", target="/b", options="ro")),
        ("${DIR}:/b:ro", Mount(source="${DIR}", target="/b", options="ro")),
        ("${DIR:-./a}:/b:ro", Mount(source="${DIR:-./a}", target="/b", options="ro")),
        ("C:\\a:/b:ro", Mount(source="C:\\a", target="/b", options="ro")),
    ],
)
def test_a_volume_is_read(volume: str, mount: Mount) -> None:
    assert load_app(f"volumes: ['{volume}']").volumes == (mount,)


def test_a_volume_source_that_begins_with_a_variable_is_a_path() -> None:
    (mount,) = load_app("volumes: ['${DIR}/x:/b:ro']").volumes

    assert mount.is_bind
    assert mount.volume_name == ""


def test_the_long_form_of_a_volume_is_taken() -> None:
    (mount,) = load_app(
        "volumes: [{type: volume, source: data, target: /data, read_only: true}]"
    ).volumes

    assert (mount.source, mount.target, mount.is_writable) == ("data", "/data", False)
    assert mount.volume_name == "data"


def test_a_volume_in_memory_has_no_source() -> None:
    (mount,) = load_app("volumes: [{type: tmpfs, target: /run}]").volumes

    assert (mount.source, mount.target, mount.volume_name) == ("", "/run", "")


@pytest.mark.parametrize(
    ("volume", "name"),
    [
        ("'data:relative'", "bad-volume"),
        ("relative", "bad-volume"),
        ("'a:/b:c:d'", "bad-volume"),
        ("'::'", "bad-volume"),
        ("{source: a}", "wrong-type"),
        ("[a]", "wrong-type"),
        ("''", "bad-volume"),
    ],
)
def test_a_volume_is_nothing_else(volume: str, name: str) -> None:
    assert list_app_names(f"volumes: [{volume}]") == [name]


@pytest.mark.parametrize("volumes", ["data:/data", "{a: /b}"])
def test_volumes_are_a_list(volumes: str) -> None:
    assert list_app_names(f"volumes: {volumes}") == ["wrong-type"]


@pytest.mark.parametrize("tmpfs", ["cache", "[/run, cache]", "7", "./x"])
def test_tmpfs_is_a_folder_of_the_container(tmpfs: str) -> None:
    assert list_app_names(f"tmpfs: {tmpfs}") == ["bad-volume"]
