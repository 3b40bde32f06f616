"""A variable in a name is filled in by Compose as in the file that it comes from."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.parts import require_compose
from tests.rendering import read_services, render
from tests.stacks import make_app, make_stack

LISTS = {
    "labels": "labels: ['traefik.${P:-shop}.rule=Host(`x`)', 'a$$b=1']",
    "environment": "environment: ['${P:-SHOP}_KEY=v', 'PLAIN=5 $$']",
    "sysctls": "sysctls: ['net.${P:-shop}=1']",
    "extra_hosts": "extra_hosts: ['${P:-shop}.local=10.0.0.1']",
    "args": "build: {context: ., args: ['${P:-SHOP}_ARG=v']}",
    "annotations": "compose: {annotations: ['a.${P:-shop}=v']}",
    "raw labels": "labels: {plain: a}\ncompose: {labels: ['a.${P:-shop}=v']}",
    "raw networks": "compose: {networks: ['${P:-default}']}",
}
MAPPINGS = {
    "labels": "labels: {'a$b': 1, 'c${P:-shop}': 2}",
    "raw labels": "labels: {plain: a}\ncompose: {labels: {'a.${P:-shop}': v}}",
}
SECTIONS = {"args": ("build", "args"), "raw networks": ("networks",)}


def make(lines: str) -> str:
    """A stack of one service with these lines."""
    return make_stack(app=f"image: a:1\nhealth: {{none: why}}\n{lines}")


def find_section(app: dict[str, Any], name: str) -> Any:
    value: Any = app
    for key in SECTIONS.get(name, (name.removeprefix("raw "),)):
        value = value[key]
    return value


@pytest.mark.parametrize("name", LISTS)
def test_a_variable_in_a_name_keeps_the_list(name: str) -> None:
    section = find_section(read_services(make(LISTS[name]))["app"], name)

    assert isinstance(section, list)
    assert any("${P" in item for item in section)


def test_a_name_without_a_dollar_stays_a_mapping() -> None:
    app = read_services(make("labels: [a=b]\nenvironment: ['A=${B:-c}']"))["app"]

    assert app["labels"] == {"a": "b"}
    assert app["environment"] == {"A": "${B:-c}"}


def test_the_key_of_a_mapping_is_no_variable_for_compose_and_stays_none() -> None:
    labels = read_services(make(MAPPINGS["labels"]))["app"]["labels"]

    assert labels == {"a$b": "1", "c${P:-shop}": "2"}


@pytest.fixture
def config(tmp_path: Path) -> Any:
    """What Compose makes of a file's text."""
    require_compose()

    def ask(text: str, name: str = "compose.yaml") -> dict[str, Any]:
        (tmp_path / name).write_text(text)
        command = ["docker", "compose", "-p", "named", "-f", name, "config"]
        done = subprocess.run(
            [*command, "--format", "json"],
            cwd=tmp_path,
            env={**os.environ, "P": "SHELL"},
            capture_output=True,
            text=True,
            check=True,
        )
        services: dict[str, Any] = json.loads(done.stdout)["services"]
        return services["app"]

    return ask


@pytest.mark.parametrize(
    ("name", "lines"),
    [pair for pair in (*LISTS.items(), *MAPPINGS.items()) if "raw" not in pair[0]],
)
def test_compose_reads_the_names_of_the_file_that_they_come_from(
    name: str, lines: str, config: Any
) -> None:
    rendered = config(render(make(lines)))
    if lines.startswith("compose: {"):
        lines = lines.removeprefix("compose: {").removesuffix("}")
    image = "" if name == "args" else "image: a:1\n"
    original = config(make_stack(app=image + lines), "own.yaml")

    said = find_section(original, name)
    assert said
    assert said == find_section(rendered, name)


# Volumes


@pytest.mark.parametrize(
    "mount",
    [
        "'${DATA:-opdata}:/data'",
        "{type: volume, source: '${DATA:-opdata}', target: /data}",
    ],
)
def test_a_volume_that_a_variable_names_is_kept(mount: str, config: Any) -> None:
    stack = make_app(f"volumes:\n  - {mount}\n")
    text = render(stack + "volumes: {opdata: {}, other: {}}\n")

    assert "\nvolumes:\n  opdata:" in text
    assert "\n  other:" in text
    app = config(text.replace("${DATA:", "${UNSET:"))
    assert app["volumes"][0]["source"] == "opdata"


def test_a_volume_that_only_a_default_names_is_declared() -> None:
    text = render(make_app("volumes: ['${DATA:-opdata}:/data', 'v_${N:-1}:/v']"))

    assert "\nvolumes:\n  opdata:\n  v_1:\n" in text


def test_a_path_in_a_variable_makes_no_volume() -> None:
    assert "\nvolumes:" not in render(make_app("volumes: ['${DATA:-./data}:/data']"))


# Dollars


def test_a_dollar_that_is_text_reaches_the_container(config: Any) -> None:
    app = config(render(make_app('command: [sh, -c, "echo $? $1 $(date)"]')))

    assert app["command"][2] == "echo $$? $$1 $$(date)"


def test_no_check_is_none_for_compose_too(config: Any) -> None:
    text = render(make_stack(app="image: a:1\nhealth: {none: why}"))

    assert config(text)["healthcheck"] == {"disable": True}
    assert read_services(make_stack(app="image: a:1\nhealth: none"))["app"][
        "healthcheck"
    ] == {"disable": True}
