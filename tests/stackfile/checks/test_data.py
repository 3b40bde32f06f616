"""Data: replicas that share it, folders that can be written."""

from __future__ import annotations

import pytest

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


def test_an_image_that_runs_as_somebody_else_is_not_root() -> None:
    redis = make_stack(cache=CACHE + "\nvolumes: ['./data:/data']")
    grafana = make_stack(
        g="image: grafana/grafana:12.0.0\nport: 3000\nhealth: /\nvolumes: ['./a:/a']"
    )

    assert list_names(redis) == []
    assert list_names(grafana) == []


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
