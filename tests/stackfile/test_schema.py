"""The schema for editors takes what the loader takes, and knows its keys."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from jsonschema import Draft202012Validator

from composegen.commands.scaffold import BARE_STACK
from composegen.images.facts import list_recipe_files
from composegen.model import RELAXABLE
from composegen.needs import Condition
from composegen.stackfile.catalogue import LEVELS
from composegen.stackfile.guide import read_problem_page
from composegen.stackfile.keys.health import HEALTH_KEYS, TOOLS
from composegen.stackfile.keys.needs import NEED_KEYS
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.keys.top import TOP_KEYS
from composegen.stackfile.schema import make_schema
from tests.stackfile.test_problems import BYTES, read_page

EXAMPLES = sorted(Path(__file__).parents[1].parent.glob("examples/*/stack.yaml"))


@cache
def get_schema() -> dict[str, Any]:
    return make_schema()


@cache
def get_service() -> dict[str, Any]:
    (service,) = get_schema()["properties"]["services"]["patternProperties"].values()
    found: dict[str, Any] = service
    return found


class _Editor(yaml.SafeLoader):
    """Reads what YAML 1.2 does: true, false, null, numbers, and merge keys."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _kind, _pattern, _first in (
    ("bool", r"^(true|false)$", ["t", "f"]),
    ("null", r"^(null|~|)$", ["n", "~", ""]),
    ("int", r"^-?[0-9]+$", list("-0123456789")),
    ("float", r"^-?[0-9]+\.[0-9]+$", list("-0123456789")),
    ("merge", r"^<<$", ["<"]),
):
    _Editor.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(_pattern), _first
    )


def list_errors(text: str | bytes) -> list[str]:
    data = yaml.load(text, Loader=_Editor)
    return [error.message for error in _make_validator().iter_errors(data)]


@cache
def _make_validator() -> Draft202012Validator:
    return Draft202012Validator(get_schema())


def make_service_text(keys: str) -> str:
    return f"services:\n  app:\n    image: a:1\n    {keys}\n"


# The schema itself


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(get_schema())


# Keys


def test_the_top_level_has_the_loader_s_keys() -> None:
    assert set(get_schema()["properties"]) == set(TOP_KEYS)


def test_a_service_has_the_loader_s_keys() -> None:
    assert set(get_service()["properties"]) == set(KEYS)


def find_mapping(schema: dict[str, Any]) -> dict[str, Any]:
    """The one kind of mapping with fixed keys that a schema takes."""
    waiting, found = [schema], []
    while waiting:
        choice = waiting.pop()
        waiting += choice.get("anyOf", ())
        if "properties" in choice:
            found.append(choice)
    (mapping,) = found
    return mapping


def test_a_health_check_has_the_loader_s_keys() -> None:
    health = find_mapping(get_service()["properties"]["health"])

    assert set(health["properties"]) == set(HEALTH_KEYS)
    assert health["properties"]["tool"]["enum"] == list(TOOLS)


def test_a_need_has_the_loader_s_keys() -> None:
    choices = get_service()["properties"]["needs"]["anyOf"][0]["anyOf"]
    (needs,) = [choice for choice in choices if "additionalProperties" in choice]
    need = find_mapping(needs["additionalProperties"])

    assert set(need["properties"]) == set(NEED_KEYS)
    assert set(need["properties"]["until"]["enum"]) == {c.value for c in Condition}


def test_what_can_be_relaxed_is_the_loader_s() -> None:
    for relax in (
        get_schema()["properties"]["relax"],
        get_service()["properties"]["relax"],
    ):
        assert set(find_mapping(relax)["properties"]) == set(RELAXABLE)


# What it takes


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_every_example_fits(path: Path) -> None:
    assert list_errors(path.read_text()) == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8


def test_the_stack_that_init_writes_fits() -> None:
    assert list_errors(BARE_STACK) == []


@pytest.mark.parametrize("name", [name for name in sorted(LEVELS) if name not in BYTES])
def test_the_fix_of_every_problem_fits(name: str) -> None:
    assert read_problem_page(name)
    assert list_errors(read_page(name).fix["stack.yaml"]) == []


@pytest.mark.parametrize("name", list_recipe_files())
def test_a_service_of_a_recipe_alone_fits(name: str) -> None:
    assert list_errors(f"services: {{db: {{use: {name}}}}}") == []


@pytest.mark.parametrize(
    "keys",
    [
        "needs: [a, b]",
        "needs: {a: }",
        "needs: {a: {}}",
        "needs: {a: NAME}",
        'needs: {a: {HOST: "{host}", PORT: 5}}',
        "needs: {a: {env: {X: y}, until: started, otherwise: {}}}",
        "needs: {a: {otherwise: {env: {X: 1}, replicas: 2, note: why}}}",
        "needs: {a: {otherwise: {later: restart}}}",
        "health: /path",
        "health: image",
        "health: none",
        "health: {none: why}",
        "health: {none: }",
        "health: {tcp: true, port: 80, boot: 1m30s}",
        "health: {command: [a, b], timeout: 500ms}",
        "health: {command: a b}",
        "health: {image: true, retries: 5}",
        "health: {boot: 5s}",
        "health:",
        "publish: true",
        "publish: 8080",
        'publish: "0.0.0.0:8080"',
        'publish: [80, "53:53/udp"]',
        "publish: ${PORT:-80}",
        "port: 80",
        "environment: {A: 1, B: true, C: x, D: }",
        "environment: [A=b]",
        "labels: {a: b}",
        "secrets: [a]",
        "secrets: {a: NAME}",
        "relax: a first try",
        "relax: {init: why, read_only: }",
        "resources: {cpus: 0.5, memory: 1G, pids: 10}",
        "resources: {cpus: none, memory: none, pids: none}",
        "resources: none",
        "replicas: 3",
        "job: true",
        "local: {command: [a], dir: ., port: 80, env: {A: 1}}",
        "local: {dir: .}",
        "build: .",
        "build: {context: ., args: {A: 1}}",
        "env_file: a.env",
        "env_file: [a.env, {path: b.env, required: false}]",
        "volumes: [a:/b, {type: bind, source: ., target: /c}]",
        "command: [a, 1]",
        "command: a b",
        "tmpfs: /x",
        "stop_grace_period: 1m",
        "shm_size: 64M",
        "ulimits: {nofile: 1024}",
        "user: 1000",
        "compose: {anything: {goes: [1, x]}}",
    ],
)
def test_what_the_loader_takes_fits(keys: str) -> None:
    assert list_errors(make_service_text(keys)) == []


@pytest.mark.parametrize(
    "text",
    [
        "name: a\nx-any: {thing: 1}\nservices: {a: {image: a}}",
        "volumes: {data: , more: {driver: local}}\nservices: {a: {image: a}}",
        "secrets: {a: , b: {env: X}, c: {file: y}}\nservices: {a: {image: a}}",
        "secrets: {d: {generate: true}}\nservices: {a: {image: a}}",
        "resources: none\nservices: {a: {image: a}}",
        "recipes: ./mine\nrelax: calm\nservices: {a: {image: a}}",
        "compose: {configs: {}}\nservices: {a: {image: a}}",
    ],
)
def test_a_top_level_that_the_loader_takes_fits(text: str) -> None:
    assert list_errors(text) == []


# What it refuses


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "services: {}",
        "services: {-a: {image: a}}",
        "services: {a b: {image: a}}",
        "servises: {a: {image: a}}",
        "services: {a: {image: a}}\nversion: '3'",
        "services: {a: {image: a}}\nsecrets: {a: {env: X, file: y}}",
        "services: {a: {image: a}}\nsecrets: {a: {generate: false}}",
        *map(
            make_service_text,
            [
                "depends_on: [b]",
                "ports: ['80:80']",
                "prot: 80",
                "port: 0",
                "port: 70000",
                "health: health",
                "health: {htpp: /}",
                "health: {boot: 5}",
                "health: {tool: nc}",
                "health: {tcp: false}",
                "needs: {a: {until: ready}}",
                "needs: {a: {otherwise: {envv: {}}}}",
                "needs: {a: {otherwise: {later: stop}}}",
                "replicas: 0",
                "resources: {cpu: 1}",
                "relax: {seccomp: why}",
                "local: {cmd: [a]}",
                "job: yes please",
            ],
        ),
    ],
)
def test_what_the_loader_refuses_does_not_fit(text: str) -> None:
    assert list_errors(text)
