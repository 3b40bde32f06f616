"""Facts match an image by its path and its tag; the table of images is well-formed."""

from __future__ import annotations

import re
from typing import Any

import pytest

from composegen.images.facts import (
    FACT_KEYS,
    SELECTORS,
    find_facts,
    fits_image,
    list_recipe_files,
    read_images,
    read_recipe,
)
from composegen.model import Facts
from composegen.stackfile.keys.health import TOOLS
from composegen.targets.compose.probes import _HTTP, _TCP

IMAGES = read_images()
ENTRIES: dict[str, dict[str, Any]] = {
    **{name: dict(entry) for name, entry in IMAGES.items()},
    **{name: dict(read_recipe(name)) for name in list_recipe_files()},
}
LISTS = frozenset({"writable", "volumes", "cap_add", "tools"})
FLAGS = frozenset(
    {"exec_tmp", "hostname", "init", "read_only", "no_new_privileges", "tested"}
)
WANTED = """
    python node golang php-apache aspnet temurin kibana logstash grafana prometheus
    caddy traefik pgadmin4 minecraft-server linuxserver kafka cp-kafka cp-zookeeper
    cp-schema-registry cp-connect ksqldb keycloak loki tempo opentelemetry-collector
    flagd jaeger alertmanager node-exporter influxdb n8n mailpit ollama vllm
""".split()


def know(image: str) -> Facts:
    facts = find_facts(image)
    assert facts is not None
    return facts


# Finding facts


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("python:3.13", "python"),
        ("docker.io/library/python:3.13", "python"),
        ("registry.example:5000/python", "python"),
        ("mcr.microsoft.com/dotnet/aspnet:9.0", "aspnet"),
        ("docker.elastic.co/elasticsearch/elasticsearch:9.0.0", "elasticsearch"),
        ("lscr.io/linuxserver/sonarr:4", "linuxserver"),
        ("linuxserver/jellyfin", "linuxserver"),
        ("postgres:17", "postgres"),
        ("valkey/valkey:8", "valkey"),
    ],
)
def test_facts_match_by_path_whatever_registry_stands_before_it(
    image: str, name: str
) -> None:
    assert know(image).name == name


@pytest.mark.parametrize(
    "image",
    ["mine", "team/python:3", "python2", "pythonx:3", "linuxserver", "bitnami/redis:8"],
)
def test_nothing_is_known_about_another_image(image: str) -> None:
    assert find_facts(image) is None


@pytest.mark.parametrize(
    ("image", "tools"),
    [
        ("python:3.13-slim", ("python",)),
        ("python:3.13-alpine", ("wget", "python")),
        ("python:3.13-alpine3.22", ("wget", "python")),
        ("node:22", ("node",)),
        ("node:22-alpine", ("wget", "node")),
        ("php:8-apache", ("php",)),
        ("dotnet/aspnet:9.0", ("bash",)),
        ("dotnet/aspnet:9.0-alpine", ("wget",)),
        ("dotnet/aspnet:9.0-noble-chiseled", ()),
        ("eclipse-temurin:21-jre", ("bash",)),
        ("eclipse-temurin:21-jre-alpine", ("wget",)),
        ("rabbitmq:4", ("bash",)),
        ("rabbitmq:4-management", ("python3", "bash")),
        ("rabbitmq:4-management-alpine", ("wget",)),
        ("grafana/grafana:12.0.0-ubuntu", ("curl", "bash")),
        ("prom/prometheus:v3-distroless", ()),
        ("nginx:1.29", ("bash", "curl")),
        ("nginx:1.29-alpine-slim", ("wget",)),
    ],
)
def test_the_tag_says_which_tool_is_in_the_image(
    image: str, tools: tuple[str, ...]
) -> None:
    assert know(image).tools == tools


@pytest.mark.parametrize(
    ("image", "user"),
    [
        ("postgres:17", "999:999"),
        ("postgres:17-alpine", "70:70"),
        ("redis:8", "999:999"),
        ("redis:8-alpine", "999:1000"),
        ("rabbitmq:4", "999:999"),
        ("rabbitmq:4-alpine", "100:101"),
        ("rabbitmq:4-management-alpine", "100:101"),
        ("mysql:8", "999:999"),
        ("mongo:8", "999:999"),
    ],
)
def test_the_tag_says_which_user_the_image_has(image: str, user: str) -> None:
    assert know(image).user == user


@pytest.mark.parametrize(
    ("image", "user"),
    [
        ("grafana/grafana:12.0.0", "472:0"),
        ("elasticsearch:9.0.0", "1000:0"),
        ("nginxinc/nginx-unprivileged:1.29", "101:101"),
        ("dotnet/aspnet:9.0-noble-chiseled", "1654:1654"),
        ("python:3.13", ""),
    ],
)
def test_the_user_that_an_image_starts_as_by_itself_is_known(
    image: str, user: str
) -> None:
    assert (know(image).user, know(image).runs_as) == ("", user)


def test_only_php_with_apache_writes_below_run() -> None:
    assert know("php:8-apache").writable == ("/run/apache2", "/run/lock")
    assert know("php:8-cli").writable == ()
    assert know("php:8-cli").cap_add == ()


@pytest.mark.parametrize(
    ("image", "assumed"),
    [
        ("redis:8", False),
        ("redis:${TAG:-8}", True),
        ("redis:${TAG}", True),
        ("${REGISTRY}/redis:8", False),
    ],
)
def test_a_variable_in_the_tag_is_noted(image: str, assumed: bool) -> None:
    assert know(image).assumed_tag is assumed


def test_ids_are_those_of_the_user_or_of_what_it_runs_as() -> None:
    assert Facts(name="a", user="1:2").ids == ("1", "2")
    assert Facts(name="a", runs_as="1:0").ids == ("1", "0")
    assert Facts(name="a", user="1").ids == ("1", "1")
    assert Facts(name="a").ids == ("", "")


def test_an_entry_fits_its_paths_and_those_below_a_star() -> None:
    images = ["redis", "team/*"]

    assert fits_image(images, "ghcr.io/team/any:1")
    assert fits_image(images, "redis")
    assert not fits_image(images, "team")
    assert not fits_image(images, "other/redis")


# The data


@pytest.mark.parametrize("name", WANTED)
def test_there_are_facts_for(name: str) -> None:
    assert name in IMAGES


@pytest.mark.parametrize("name", IMAGES)
def test_an_entry_of_the_table_has_known_keys_only(name: str) -> None:
    assert set(IMAGES[name]) <= FACT_KEYS | {"images", "variants", "health"}


def iterate_layers(name: str) -> list[dict[str, Any]]:
    """The entry itself and each of its variants."""
    return [ENTRIES[name], *ENTRIES[name].get("variants", ())]


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_matches_by_paths_without_registry_or_tag(name: str) -> None:
    assert ENTRIES[name]["images"]
    for path in ENTRIES[name]["images"]:
        assert re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)*(/\*)?", path)


def test_no_two_entries_match_one_path() -> None:
    paths = [path for entry in ENTRIES.values() for path in entry["images"]]

    assert len(paths) == len(set(paths))


@pytest.mark.parametrize("name", ENTRIES)
def test_every_variant_names_its_tags_and_changes_something(name: str) -> None:
    known = FACT_KEYS | {*SELECTORS, "health"}
    for variant in ENTRIES[name].get("variants", ()):
        assert set(variant) & set(SELECTORS)
        assert set(variant) - set(SELECTORS)
        assert set(variant) <= known


@pytest.mark.parametrize("name", ENTRIES)
def test_users_are_numbers_with_a_group(name: str) -> None:
    for layer in iterate_layers(name):
        for key in ("user", "runs_as"):
            assert re.fullmatch(r"(\d+:\d+)?", layer.get(key, ""))


@pytest.mark.parametrize("name", ENTRIES)
def test_a_user_is_chosen_or_found_and_never_both(name: str) -> None:
    assert not {"user", "runs_as"} <= set(ENTRIES[name])


@pytest.mark.parametrize("name", ENTRIES)
def test_tools_are_ones_that_can_ask_and_the_best_one_asks_both_ways(name: str) -> None:
    for layer in iterate_layers(name):
        assert set(layer.get("tools", ())) <= set(TOOLS)
        for tool in layer.get("tools", ())[:1]:
            assert tool in _HTTP
            assert tool in _TCP


@pytest.mark.parametrize("name", ENTRIES)
def test_folders_are_absolute_and_none_is_tmp(name: str) -> None:
    for layer in iterate_layers(name):
        folders = [*layer.get("writable", ())]
        folders += [text.rpartition(":")[2] for text in layer.get("volumes", ())]
        for folder in folders:
            assert re.fullmatch(r"(/[A-Za-z0-9._-]+)+", folder)
            assert folder != "/tmp"


@pytest.mark.parametrize("name", ENTRIES)
def test_capabilities_are_known_to_the_kernel_and_sorted(name: str) -> None:
    known = set(
        "CHOWN DAC_OVERRIDE FOWNER FSETID IPC_LOCK KILL NET_ADMIN NET_BIND_SERVICE "
        "NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT SYS_NICE".split()
    )
    for layer in iterate_layers(name):
        capabilities = layer.get("cap_add", [])
        assert set(capabilities) <= known
        assert capabilities == sorted(capabilities)


@pytest.mark.parametrize("name", ENTRIES)
def test_values_are_of_the_type_that_their_key_wants(name: str) -> None:
    for layer in iterate_layers(name):
        for key, value in layer.items():
            if key in LISTS:
                assert isinstance(value, list)
                assert all(isinstance(item, str) for item in value)
            elif key in FLAGS:
                assert value in ("true", "false")
            elif key == "why":
                assert value == value.strip()
                assert "\n" not in value


@pytest.mark.parametrize("name", ENTRIES)
def test_whatever_deviates_from_the_defaults_says_why(name: str) -> None:
    for layer in iterate_layers(name):
        if {"user", "cap_add", "init", "read_only", "exec_tmp"} & set(layer):
            assert layer.get("why") or ENTRIES[name].get("why")


@pytest.mark.parametrize("name", ENTRIES)
def test_a_reason_is_one_short_line(name: str) -> None:
    for layer in iterate_layers(name):
        assert len(layer.get("why", "")) <= 80


@pytest.mark.parametrize(
    ("image", "tools"),
    [
        ("ruby:3.3", ("bash",)),
        ("ruby:3.3-slim", ("bash",)),
        ("ruby:3.3-alpine", ("wget",)),
        ("rust:1-slim", ("bash",)),
        ("elixir:1.18-otp-27-alpine", ("wget",)),
        ("oven/bun:1", ("bash",)),
        ("oven/bun:1-distroless", ()),
        ("denoland/deno:alpine-2.1.4", ("wget",)),
        ("denoland/deno:bin-2.1.4", ()),
        ("ghcr.io/astral-sh/uv:0.8", ()),
        ("ghcr.io/astral-sh/uv:python3.12-bookworm-slim", ("python",)),
        ("ghcr.io/astral-sh/uv:0.8-python3.12-alpine3.22", ("wget", "python")),
        ("ghcr.io/astral-sh/uv:debian-slim", ("bash",)),
        ("ghcr.io/astral-sh/uv:alpine", ("wget",)),
        ("gcr.io/distroless/static-debian12", ()),
    ],
)
def test_the_tools_of_images_of_languages(image: str, tools: tuple[str, ...]) -> None:
    facts = find_facts(image)

    assert facts is not None
    assert facts.tools == tools


def test_facts_that_were_not_tried_say_so() -> None:
    assert know("prom/prometheus:v3").is_tested
    assert know("rabbitmq:4").is_tested
    assert not know("qdrant/qdrant:v1.14.1").is_tested
    assert not know("apache/kafka:4.0.0").is_tested
