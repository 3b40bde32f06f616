"""Data: replicas that share it, folders that can be written."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from composegen.errors import Problem
from composegen.stackfile.load import load_stack
from tests.stackfile.checks.checking import CACHE, SLIM
from tests.stacks import APP, list_names, list_places, make_app, make_stack

# Replicas


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("publish: 8000\nreplicas: 2", ["replicas-port"]),
        ("publish: ['8000-8001:8000']\nreplicas: 3", ["replicas-port"]),
        ("publish: ['8000-8002:8000']\nreplicas: 3", []),
        ("publish: 8000\nreplicas: 1", []),
        ("replicas: 2", []),
    ],
)
def test_replicas_do_not_share_a_port_of_the_host(keys: str, names: list[str]) -> None:
    assert list_names(make_app(keys)) == names


def test_replicas_of_a_fallback_do_not_share_a_port_of_the_host() -> None:
    text = make_stack(
        app=APP + "publish: 8000\nneeds: {cache: {otherwise: {replicas: 2}}}",
        cache=CACHE,
    )

    assert list_names(text) == ["replicas-port"]


def test_replicas_do_not_share_the_volume_of_a_store() -> None:
    text = make_stack(cache=CACHE + "\nreplicas: 2")

    assert list_places(text) == [("replicas-volume", 4, 5)]


def test_replicas_of_a_store_without_a_volume_are_fine() -> None:
    assert list_names(make_stack(cache=CACHE + "\nreplicas: 2\nvolumes: \n")) == []


def test_replicas_of_what_is_no_store_may_share_a_volume() -> None:
    assert list_names(make_app("volumes: [data:/data]\nreplicas: 2")) == []


# Volumes


@pytest.mark.parametrize(
    "keys",
    [
        "volumes: ['./data:/data']",
        "volumes: ['/srv/data:/data:rw']",
        "volumes: ['${DATA}:/data']",
        "volumes: ['~/data:/data']",
        "volumes: [{type: bind, source: ./data, target: /data}]",
        "volumes: ['./data:/data']\nuser: '0:0'",
        "volumes: ['./data:/data']\nuser: root",
        "volumes: ['./data:/data']\ncap_add: [NET_RAW]",
        "volumes: ['./data:/data']\nrelax: {read_only: why}",
    ],
)
def test_root_without_capabilities_cannot_write_a_folder_of_the_host(keys: str) -> None:
    assert list_names(make_app(keys)) == ["root-bind-mount"]


@pytest.mark.parametrize(
    "keys",
    [
        "volumes: [data:/data]",
        "volumes: [/data]",
        "volumes: ['./data:/data:ro']",
        "volumes: ['./data:/data:z,ro']",
        "volumes: [{type: bind, source: ./data, target: /data, read_only: true}]",
        "volumes: ['./data:/data']\nuser: '1000:1000'",
        "volumes: ['./data:/data']\nuser: app",
        "volumes: ['./data:/data']\ncap_add: [DAC_OVERRIDE]",
        "volumes: ['./data:/data']\ncap_add: [ALL]",
        "volumes: ['./data:/data']\nrelax: {cap_drop: why}",
        "volumes: ['/run/app/app.sock:/run/app.sock']",
    ],
)
def test_these_mounts_can_be_written_or_are_not_meant_to_be(keys: str) -> None:
    assert list_names(make_app(keys)) == []


def test_an_image_that_runs_as_another_user_is_not_root() -> None:
    redis = make_stack(cache=CACHE + "\nvolumes: ['data1:/data']")
    grafana = make_stack(
        g="image: grafana/grafana:12.0.0\nport: 3000\nhealth: /\nvolumes: ['./a:/a']"
    )

    assert list_names(redis) == []
    assert list_names(grafana) == []


linux_only = pytest.mark.skipif(sys.platform != "linux", reason="owners are real there")


def check_mount(folder: Path, keys: str) -> list[Problem]:
    """What is said of the owner of the folder that a service mounts."""
    (folder / "stack.yaml").write_text(make_stack(cache=f"{CACHE}\n{keys}"))
    found = load_stack(folder / "stack.yaml").problems
    return [problem for problem in found if problem.name == "closed-bind-mount"]


@linux_only
def test_a_folder_that_docker_would_make_is_not_the_stores(tmp_path: Path) -> None:
    [problem] = check_mount(tmp_path, "volumes: ['./kept:/data']")

    assert "`cache` runs as user 999:1000 and cannot write `./kept`" in problem.message
    assert "does not exist" in problem.message
    assert "-v ./kept:/data redis:8-alpine 999:1000 /data\n" in problem.help
    assert problem.help.endswith("volumes: [cache-data:/data]")


@linux_only
@pytest.mark.parametrize(
    ("raw", "user"),
    [("null", ""), ("root", ""), ("'0:0'", ""), ("'4321:4321'", "4321:4321")],
)
def test_the_user_that_counts_is_the_rendered_one(
    tmp_path: Path, raw: str, user: str
) -> None:
    (tmp_path / "kept").mkdir(mode=0o755)
    keys = f"volumes: ['./kept:/data']\nrelax: why\ncompose: {{user: {raw}}}"

    found = check_mount(tmp_path, keys)

    assert [f"as user {user} " in problem.message for problem in found] == (
        [True] if user else []
    )


@linux_only
@pytest.mark.parametrize(
    # The store's group is 1000, which may be that of the user who runs the tests.
    ("mode", "is_closed"),
    [(0o755, True), (0o775, os.getegid() != 1000), (0o777, False)],
)
def test_a_folder_of_another_owner_is_judged_by_its_mode(
    tmp_path: Path, mode: int, is_closed: bool
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept").chmod(mode)

    found = check_mount(tmp_path, "volumes: ['./kept:/data']")

    assert bool(found) == is_closed
    assert all(f"belongs to {os.geteuid()}:" in problem.message for problem in found)


@linux_only
@pytest.mark.parametrize(
    "keys",
    [
        "volumes: ['./kept:/data:ro']",
        "volumes: ['./redis.conf:/data/redis.conf']",
        "volumes: ['${KEPT}:/data']",
        "volumes: ['/srv/kept:/data']",
        "volumes: ['../kept:/data']",
        "volumes: ['./kept:/data']\nuser: '1000'",
        "volumes: ['./kept:/data']\nuser: redis",
    ],
)
def test_what_cannot_be_known_is_not_said(tmp_path: Path, keys: str) -> None:
    assert check_mount(tmp_path, keys) == []


@linux_only
def test_a_folder_of_the_user_is_fine(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir(mode=0o755)
    user = f"user: '{os.geteuid() or 1}:{os.getegid()}'"
    if not os.geteuid():
        os.chown(tmp_path / "kept", 1, -1)

    assert check_mount(tmp_path, f"volumes: ['./kept:/data']\n{user}") == []


def test_a_user_in_the_dockerfile_is_not_root() -> None:
    text = make_stack(app="build: .\nport: 80\nhealth: /\nvolumes: ['./data:/data']")

    assert list_names(text, SLIM) == ["root-bind-mount"]
    assert list_names(text, {"Dockerfile": "FROM python:3.13-slim\nUSER app\n"}) == []


def test_a_volume_that_is_declared_is_used() -> None:
    text = make_app("volumes: [data:/data]") + "volumes: {data: , rest: , driver: }\n"

    assert [place[0] for place in list_places(text)] == ["unused-volume"] * 2


def test_a_volume_that_raw_settings_use_is_used() -> None:
    text = make_app("compose: {volumes: ['rest:/rest']}") + "volumes: {rest: }\n"

    assert list_names(text) == []


def test_a_volume_of_the_long_form_is_used() -> None:
    text = make_app("volumes: [{type: volume, source: rest, target: /rest}]")

    assert list_names(text + "volumes: {rest: }\n") == []
