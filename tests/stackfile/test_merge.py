"""What lies over what: recipe, own keys, needs, raw settings."""

from __future__ import annotations

from typing import Any

import pytest

from composegen.health import HealthKind
from composegen.model import Raw
from composegen.targets.compose.merge import merge_raw
from tests.rendering import read_app, read_services
from tests.stacks import APP, find, list_names, load_services, make_stack

RECIPE = """\
about: A thing
images: [thing]
image: thing:1
port: 80
health: {http: /ready, boot: 90s, interval: 20s}
environment: {A: recipe, B: recipe}
labels: {a: recipe, b: recipe}
volumes: [data:/data, conf:/conf]
local: {command: [thing], dir: ./thing, env: {A: recipe, B: recipe}}
tools: [curl]
cap_add: [CHOWN]
"""


def load(keys: str) -> Any:
    """A service that uses the recipe ``thing``, with keys of its own."""
    stack = "recipes: ./recipes\n" + make_stack(app=f"use: thing\n{keys}")
    return load_services(stack, {"recipes/thing.yaml": RECIPE})["app"]


# Own keys over the recipe's


def test_a_recipe_brings_what_is_not_said() -> None:
    app = load("")

    assert (app.image, app.port) == ("thing:1", 80)
    assert app.environment == {"A": "recipe", "B": "recipe"}


@pytest.mark.parametrize(
    ("keys", "field", "value"),
    [
        ("environment: [B, C=own]", "environment", {"A": "recipe", "B": None}),
        ("environment: {B: own, C: own}", "environment", {"A": "recipe", "B": "own"}),
        ("labels: {b: own, c: own}", "labels", {"a": "recipe", "b": "own"}),
    ],
)
def test_names_with_values_merge_name_by_name(
    keys: str, field: str, value: dict[str, str]
) -> None:
    merged = dict(getattr(load(f"{keys}\n"), field))

    assert merged.pop("C", None) == "own" or merged.pop("c", None) == "own"
    assert merged == value


def test_a_list_of_names_with_values_merges_too() -> None:
    app = load("environment: [B=own]\nlabels: [b=own]\n")

    assert app.environment == {"A": "recipe", "B": "own"}
    assert app.labels == {"a": "recipe", "b": "own"}


def test_null_removes_one_name() -> None:
    app = load("environment: {B: }\nlabels: {b: }\nlocal: {env: {B: }}\n")

    assert app.environment == {"A": "recipe"}
    assert app.labels == {"a": "recipe"}
    assert app.local.env == {"A": "recipe"}


@pytest.mark.parametrize("key", ["environment", "labels", "local", "health"])
def test_null_removes_a_whole_key(key: str) -> None:
    app = load(f"{key}:\n")

    assert not getattr(app, key)


def test_null_that_removes_nothing_is_an_error() -> None:
    assert list_names(make_stack(app=f"{APP}labels:\n")) == ["null-value"]
    problem = find("null-value", make_stack(app=f"{APP}environment: {{KEY: }}\n"))
    assert "KEY: ${KEY}" in problem.help


def test_everything_else_replaces() -> None:
    app = load("image: thing:2\nport: 81\n")

    assert (app.image, app.port) == ("thing:2", 81)


def test_health_merges_key_by_key() -> None:
    health = load("health: {boot: 5s}\n").health

    assert (health.kind, health.path) == (HealthKind.HTTP, "/ready")
    assert (health.boot.text, health.interval.text) == ("5s", "20s")


@pytest.mark.parametrize("own", ["{tcp: true}", "{none: why}", "image"])
def test_another_kind_of_check_replaces_the_kind_and_keeps_the_times(own: str) -> None:
    health = load(f"health: {own}\n").health

    assert health.kind is not HealthKind.HTTP
    assert health.path == ""
    assert health.interval.text == "20s"


def test_another_path_keeps_the_times() -> None:
    health = load("health: /live\n").health

    assert (health.path, health.boot.text) == ("/live", "90s")


def test_resources_merge_with_the_defaults() -> None:
    resources = load("resources: {cpus: 1}\n").resources

    assert (resources.cpus, resources.memory, resources.pids) == ("1", "2G", 512)


def test_local_merges_key_by_key() -> None:
    local = load("local: {dir: ./mine}\n").local

    assert (local.command, local.dir) == (("thing",), "./mine")


def test_the_environment_of_local_merges_too() -> None:
    assert load("local: {env: {B: own}}\n").local.env == {"A": "recipe", "B": "own"}


def test_a_mount_of_one_s_own_never_loses_the_data_volume() -> None:
    mounts = load("volumes: [./x:/x]\n").volumes

    assert [(m.source, m.target) for m in mounts] == [
        ("app-data", "/data"),
        ("app-conf", "/conf"),
        ("./x", "/x"),
    ]


@pytest.mark.parametrize("target", ["/data", "/data/"])
def test_a_mount_on_the_same_path_replaces_the_recipe_s(target: str) -> None:
    mounts = load(f"volumes: [mine:{target}]\n").volumes

    assert [m.source for m in mounts] == ["mine", "app-conf"]


def test_capabilities_add_up() -> None:
    stack = "recipes: ./recipes\n" + make_stack(app="use: thing\ncap_add: [KILL]\n")
    files = {"recipes/thing.yaml": RECIPE}

    app = read_services(stack, files=files)["app"]

    assert app["cap_add"] == ["CHOWN", "KILL"]


def test_relax_of_the_top_level_and_of_a_service_add_up() -> None:
    stack = "relax: {init: all, cap_drop: all}\n" + make_stack(
        app=f"{APP}relax: {{init: own, read_only: own}}\n"
    )

    assert load_services(stack)["app"].relax == {
        "init": "own",
        "cap_drop": "all",
        "read_only": "own",
    }


def test_an_anchor_is_merged_before_anything_else() -> None:
    stack = "x-base: &base {port: 1, tty: true}\n" + make_stack(
        app="<<: *base\nimage: a:1\nport: 2\nhealth: image\n"
    )

    app = load_services(stack)["app"]

    assert (app.port, app.passed["tty"]) == (2, True)


# Variables that two sides set


def test_a_variable_of_a_need_and_of_the_environment_is_an_error() -> None:
    stack = make_stack(
        app=f"{APP}environment: {{URL: x}}\nneeds: {{db: URL}}\n", db=APP
    )

    assert list_names(stack) == ["same-variable"]


def test_a_variable_of_two_needs_is_an_error() -> None:
    stack = make_stack(app=f"{APP}needs: {{a: URL, b: URL}}\n", a=APP, b=APP)

    assert list_names(stack) == ["same-variable"]


def test_a_variable_of_a_secret_and_of_the_environment_is_an_error() -> None:
    stack = make_stack(app=f"{APP}environment: {{KEY_FILE: x}}\nsecrets: [KEY]\n")

    assert list_names(stack) == ["same-variable"]


# Raw settings


def test_raw_settings_lie_over_everything() -> None:
    app = read_app(
        "environment: {A: own, B: own}\n"
        "compose: {environment: {B: raw, C: raw}, image: 'b:2', hostname: h}\n"
    )

    assert app["environment"] == {"A": "own", "B": "raw", "C": "raw"}
    assert (app["image"], app["hostname"]) == ("b:2", "h")


def test_raw_settings_that_nothing_computes_are_passed_on() -> None:
    app = read_app("compose: {cpuset: 0-1, container_name: one}\n")

    assert (app["cpuset"], app["container_name"]) == ("0-1", "one")


@pytest.mark.parametrize(
    ("key", "base", "own", "merged"),
    [
        ("deploy", {"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}, None),
        ("command", ["a", "b"], ["c"], ["c"]),
        ("entrypoint", ["a"], "b c", "b c"),
        ("environment", {"A": "1", "B": "2"}, {"B": "3"}, {"A": "1", "B": "3"}),
        ("environment", {"A": "1"}, ["B=2", "C"], {"A": "1", "B": "2", "C": None}),
        ("labels", ["a=b"], {"c": "d"}, {"a": "b", "c": "d"}),
        ("environment", {"A": "1"}, ["B=x=y"], {"A": "1", "B": "x=y"}),
        ("networks", ["a"], {"b": {"aliases": ["x"]}}, None),
        ("cap_add", ["A", "B"], ["B", "C"], ["A", "B", "C"]),
        ("dns", ["1.1.1.1"], "8.8.8.8", ["1.1.1.1", "8.8.8.8"]),
        ("volumes", ["a1:/a", "b1:/b"], ["c1:/a"], ["c1:/a", "b1:/b"]),
        ("volumes", ["a1:/a:ro"], ["c1:/a/"], ["c1:/a/"]),
        ("volumes", ["a1:/a"], [{"target": "/a", "type": "tmpfs"}], None),
        ("tmpfs", ["/tmp", "/x:uid=1"], ["/tmp:exec"], ["/tmp:exec", "/x:uid=1"]),
        ("tmpfs", ["/tmp"], "/y", ["/tmp", "/y"]),
        ("hostname", "a", "b", "b"),
        ("init", True, False, False),
    ],
)
def test_raw_settings_merge_as_compose_merges_override_files(
    key: str, base: Raw, own: Raw, merged: Raw
) -> None:
    expected: dict[str, Raw] = {
        "deploy": {"a": 1, "b": {"c": 2, "d": 3}},
        "networks": {"a": None, "b": {"aliases": ["x"]}},
        "volumes": [{"target": "/a", "type": "tmpfs"}],
    }

    assert merge_raw(base, own, key) == (expected[key] if merged is None else merged)


def test_merging_changes_neither_side() -> None:
    base: dict[str, Raw] = {"a": {"b": [1]}}
    own: dict[str, Raw] = {"a": {"b": [2]}}

    assert merge_raw(base, own) == {"a": {"b": [1, 2]}}
    assert (base, own) == ({"a": {"b": [1]}}, {"a": {"b": [2]}})


def test_a_raw_mount_takes_the_place_of_the_service_s() -> None:
    app = read_app("volumes: [a1:/a, b1:/b]\ncompose: {volumes: ['c1:/a:ro']}\n")

    assert app["volumes"] == ["c1:/a:ro", "b1:/b"]


def test_a_raw_tmpfs_takes_the_place_of_ours() -> None:
    assert read_app("compose: {tmpfs: ['/tmp:exec']}\n")["tmpfs"] == ["/tmp:exec"]


@pytest.mark.parametrize("build", ["./app", "{context: ./app}"])
def test_a_raw_build_adds_to_the_build(build: str) -> None:
    stack = make_stack(
        app=f"build: {build}\nhealth: image\ncompose: {{build: {{target: prod}}}}\n"
    )

    assert read_services(stack)["app"]["build"] == {
        "context": "./app",
        "target": "prod",
    }


def test_a_raw_command_replaces() -> None:
    app = read_app("command: [a, b]\ncompose: {command: [c]}\n")

    assert app["command"] == ["c"]
