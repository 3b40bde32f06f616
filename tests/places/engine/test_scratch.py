"""A project of its own shares nothing with the real one."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from composegen.errors import CannotHarden
from composegen.places.engine.scratch import (
    Scratch,
    check_size,
    copy_files,
    make_scratch,
)


def make(folder: Path, **service: Any) -> Scratch:
    top = {key: service.pop(key) for key in ("volumes_", "networks_") if key in service}
    model = {
        "name": "real-harden",
        "services": {"web": {"image": "x", **service}},
        "volumes": top.get("volumes_"),
        "networks": top.get("networks_"),
    }
    return make_scratch(model, folder / "scratch", folder / ".secrets")


def bind(source: Path, **options: Any) -> dict[str, Any]:
    return {"type": "bind", "source": str(source), "target": "/data", **options}


def test_nothing_of_it_is_reached_or_named_from_outside(tmp_path: Path) -> None:
    scratch = make(
        tmp_path,
        build={"context": "."},
        ports=[{"target": 80, "published": "8080"}],
        container_name="web",
        labels={"traefik.enable": "true"},
        networks={"front": {"ipv4_address": "10.0.0.2", "aliases": ["w"]}, "in": None},
        networks_={
            "front": {"name": "proxy", "external": True},
            "in": {"name": "real_in", "internal": True, "ipam": {"config": []}},
        },
        volumes=[{"type": "volume", "source": "data", "target": "/data"}],
        volumes_={"data": {"name": "precious", "driver_opts": {"device": "/srv"}}},
    )

    assert scratch.model == {
        "services": {
            "web": {
                "build": {"context": "."},
                "networks": {"front": {"aliases": ["w"]}, "in": None},
                "volumes": [{"type": "volume", "source": "data", "target": "/data"}],
            }
        },
        "networks": {"front": None, "in": {"internal": True}},
        "volumes": {
            "data": {"labels": {"composegen.harden": str(tmp_path / "scratch")}}
        },
    }


def test_a_folder_that_it_may_write_becomes_a_volume(tmp_path: Path) -> None:
    scratch = make(tmp_path, volumes=[bind(tmp_path)])

    [mount] = scratch.model["services"]["web"]["volumes"]
    [filling] = scratch.fillings
    assert (mount["type"], mount["source"]) == ("volume", "composegen-copy-0")
    assert (filling.source, filling.service) == (tmp_path, "web")
    assert list(scratch.model["volumes"]) == ["composegen-copy-0"]


def test_a_folder_that_is_not_there_is_an_empty_volume(tmp_path: Path) -> None:
    scratch = make(tmp_path, volumes=[bind(tmp_path / "nothing")])

    assert scratch.model["services"]["web"]["volumes"][0]["type"] == "volume"
    assert scratch.fillings == ()


def test_what_it_only_reads_is_copied_on_the_host(tmp_path: Path) -> None:
    source = tmp_path / "conf"
    (source / "inner").mkdir(parents=True)
    (source / "inner" / "file").write_text("text")
    (source / "link").symlink_to("/etc/shadow")
    os.mkfifo(source / "pipe")

    scratch = make(tmp_path, volumes=[bind(source, read_only=True)])
    copy_files(scratch, tmp_path / "scratch")

    [mount] = scratch.model["services"]["web"]["volumes"]
    place = Path(mount["source"])
    assert place.is_relative_to(tmp_path / "scratch")
    assert (place / "inner" / "file").read_text() == "text"
    assert (place / "link").readlink() == Path("/etc/shadow")
    assert not (place / "pipe").exists()


def test_the_folder_of_the_copies_is_not_copied_into_itself(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    scratch = make(tmp_path, volumes=[bind(tmp_path, read_only=True)])
    copy_files(scratch, tmp_path / "scratch")

    [mount] = scratch.model["services"]["web"]["volumes"]
    assert [each.name for each in Path(mount["source"]).iterdir()] == ["file"]


def test_a_secret_is_read_from_the_copy_of_its_file(tmp_path: Path) -> None:
    own = str(tmp_path / "own.pem")
    made = str(tmp_path / ".secrets" / "key")
    model = {
        "services": {"web": {}},
        "secrets": {"own": {"name": "own", "file": own}, "key": {"file": made}},
    }

    scratch = make_scratch(model, tmp_path / "scratch", tmp_path / ".secrets")

    assert scratch.model["secrets"] == {
        "own": {"file": own},
        "key": {"file": str(tmp_path / "scratch" / ".secrets" / "key")},
    }


def test_what_cannot_be_kept_apart_is_refused(tmp_path: Path) -> None:
    data = {"type": "volume", "source": "data", "target": "/data"}
    with pytest.raises(CannotHarden, match="`web` uses the host's network"):
        make(tmp_path, network_mode="host")
    with pytest.raises(CannotHarden, match="volume `data`, which is external"):
        make(tmp_path, volumes=[data], volumes_={"data": {"external": True}})
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "s"))
        with pytest.raises(CannotHarden, match="cannot be copied: it is a socket"):
            make(tmp_path, volumes=[bind(tmp_path / "s")])


def test_too_much_is_not_copied(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 31)

    with pytest.raises(CannotHarden, match="too large to be copied"):
        check_size({tmp_path: "web"})
