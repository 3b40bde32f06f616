"""The keys of a service: which there are, and what to write instead of others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from composegen.errors import Level
from composegen.model import Service
from composegen.stackfile.keys import compose, shapes
from composegen.stackfile.keys.key import Key, add_items
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.schema import make_schema
from tests.stackfile.loading import CACHE, DB, list_app_names, render_service
from tests.stacks import (
    Files,
    check,
    find,
    list_names,
    list_places,
    load_app,
    load_services,
    make_app,
    make_stack,
)

# The file


@pytest.mark.parametrize(
    ("keys", "name"),
    [("", "null-value"), ("[use, nginx]", "wrong-type"), ("nginx", "wrong-type")],
)
def test_a_service_is_a_mapping(keys: str, name: str) -> None:
    assert list_names(f"services:\n  web: {keys}\n") == [name]


# Names


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("helth", "health"),
        ("enviroment", "environment"),
        ("publsh", "publish"),
        ("comand", "command"),
        ("volume", "volumes"),
    ],
)
def test_an_unknown_key_of_a_service_has_a_near_name(key: str, near: str) -> None:
    problem = find("unknown-key", make_app(f"{key}: x"))

    assert problem.help == f"did you mean `{near}`?"
    assert (problem.location.line, problem.location.column) == (6, 5)


def test_a_key_like_nothing_lists_what_is_known() -> None:
    help = find("unknown-key", make_app("qqqqqq: x")).help

    assert "known here:" in help
    assert "publish" in help


def test_a_misspelt_key_of_compose_shows_the_word_for_it() -> None:
    problem = find("unknown-key", make_app("depend_on: [db]"))

    assert "needs: [db]" in problem.help


# Keys of Compose with a better word


TRANSLATIONS: Mapping[str, tuple[str, str]] = {
    "a list of needs": ("depends_on: [db, cache]", "needs: [db, cache]"),
    "healthy needs": (
        "depends_on: {db: {condition: service_healthy}}",
        "needs: [db]",
    ),
    "a started need": (
        "depends_on: {db: {condition: service_started}}",
        "needs:\n  db: {until: started}",
    ),
    "a job and a healthy need": (
        (
            "depends_on:\n  db: {condition: service_healthy}\n"
            "  job: {condition: service_completed_successfully}"
        ),
        "needs:\n  db:\n  job: {until: finished}",
    ),
    "a need that is not required": (
        "depends_on: {cache: {condition: service_healthy, required: false}}",
        "needs:\n  cache: {otherwise: {}}",
    ),
    "a check with curl": (
        "healthcheck: {test: [CMD, curl, -f, 'http://localhost:8080/health']}",
        "health: {http: /health, port: 8080}",
    ),
    "a check with curl in a shell": (
        "healthcheck: {test: curl -f http://localhost/ping || exit 1}",
        "health: {http: /ping, port: 80}",
    ),
    "a check with wget": (
        "healthcheck: {test: [CMD-SHELL, wget -q 'http://127.0.0.1:80/a?b=c' || exit]}",
        'health: {http: "/a?b=c", port: 80}',
    ),
    "a check with times": (
        (
            "healthcheck:\n  test: [CMD, curl, 'http://localhost/']\n"
            "  start_period: 40s\n  interval: 30s\n  timeout: 5s\n  retries: 5"
        ),
        (
            "health: {http: /, port: 80, boot: 40s, interval: 30s, timeout: 5s, "
            "retries: 5}"
        ),
    ),
    "a check with a command": (
        "healthcheck: {test: [CMD, redis-cli, ping]}",
        "health: {command: [redis-cli, ping]}",
    ),
    "a check with a shell": (
        "healthcheck: {test: [CMD-SHELL, 'pg_isready -U \"$$POSTGRES_USER\"']}",
        'health: {command: "pg_isready -U \\"$$POSTGRES_USER\\""}',
    ),
    "a check of the image": (
        "healthcheck: {interval: 5s}",
        "health: {image: true, interval: 5s}",
    ),
    "no check": (
        "healthcheck: {disable: true}",
        "health: {none: why it cannot be asked}",
    ),
    "a check that is NONE": (
        "healthcheck: {test: [NONE]}",
        "health: {none: why it cannot be asked}",
    ),
    "one port": ("ports: ['3000:3000']", "publish: 3000"),
    "two numbers": ("ports: ['8080:80']", "publish: [8080:80]"),
    "several ports": (
        "ports: ['80:80', '53:53/udp', '0.0.0.0:81:81']",
        "publish: [80:80, 53:53/udp, 0.0.0.0:81:81]",
    ),
    "a port with a variable": (
        "ports: ['${PORT:-80}:80']",
        'publish: ["${PORT:-80}:80"]',
    ),
    "a port in long form": (
        "ports: [{target: 80, published: '8080', host_ip: 127.0.0.1, protocol: udp}]",
        "publish: [127.0.0.1:8080:80/udp]",
    ),
    "a port that is exposed": ("expose: ['8000']", "port: 8000"),
    "deploy": (
        "deploy: {replicas: 3, resources: {limits: {cpus: '0.5', memory: 512M}}}",
        "replicas: 3\nresources: {cpus: 0.5, memory: 512M}",
    ),
    "deploy with a rest": (
        "deploy: {replicas: 2, restart_policy: {condition: any}}",
        "replicas: 2\ncompose: {deploy: {restart_policy: {condition: any}}}",
    ),
    "deploy with limits and reservations": (
        "deploy: {resources: {limits: {memory: 1G}, reservations: {memory: 512M}}}",
        (
            "resources: {memory: 1G}\n"
            "compose: {deploy: {resources: {reservations: {memory: 512M}}}}"
        ),
    ),
    "a container's name": ("container_name: web", "compose: {container_name: web}"),
    "profiles": ("profiles: [debug]", "group: debug"),
    "scale": ("scale: 3", "replicas: 3"),
    "memory": ("mem_limit: 512m", "resources: {memory: 512m}"),
    "processors": ("cpus: 0.5", "resources: {cpus: 0.5}"),
    "processes": ("pids_limit: 100", "resources: {pids: 100}"),
    "reserved memory": ("mem_reservation: 1g", "compose: {mem_reservation: 1g}"),
    "a writable file system": ("read_only: false", "relax: {read_only: why}"),
    "no capability": ("cap_drop: [ALL]", "relax: {cap_drop: false}"),
    "no init": ("init: false", "relax: {init: why}"),
    "security options": (
        "security_opt: ['apparmor:unconfined']",
        "compose: {security_opt: [apparmor:unconfined]}",
    ),
    "every privilege": ("privileged: true", "compose: {privileged: true}"),
    "logging": (
        "logging: {driver: json-file, options: {max-size: 10m}}",
        "compose: {logging: {driver: json-file, options: {max-size: 10m}}}",
    ),
    "the host's processes": ("pid: host", "compose: {pid: host}"),
}
"""What it is -> Compose's lines, the lines to write instead."""


@pytest.mark.parametrize("what", TRANSLATIONS)
def test_a_key_of_compose_is_translated(what: str) -> None:
    lines, help = TRANSLATIONS[what]
    problem = find("compose-key", make_stack(app=f"image: python:3.13\n{lines}"))

    assert problem.help == help or problem.help.endswith("\n" + help)
    assert str(problem.location) == "stack.yaml:4:5"
    assert f"`{lines.partition(':')[0]}`" in problem.message


@pytest.mark.parametrize("what", TRANSLATIONS)
def test_a_translation_can_be_pasted(what: str) -> None:
    lines, _ = TRANSLATIONS[what]
    problem = find("compose-key", make_stack(app=f"image: python:3.13\n{lines}"))
    first, _, rest = problem.help.partition("\n")
    is_sentence = " " in first and first.endswith(":")
    text = make_stack(
        app=f"image: python:3.13\n{rest if is_sentence else problem.help}",
        db=DB,
        cache=CACHE,
        job="image: python:3.13\njob: true",
    )

    errors = {p.name for p in check(text) if p.level is Level.ERROR}

    # That replicas want no port, and a check one, is another matter.
    assert errors <= {"no-port", "replicas-port"}, errors


def test_an_empty_service_is_named_with_what_it_needs() -> None:
    problem = find("null-value", "services: {web: }\n")

    assert problem.message == (
        "`web` is empty; a service needs at least `image`, `build` or `use`"
    )


def test_version_is_left_out() -> None:
    assert find("compose-key", make_app("version: '3'")).help == "remove it"


def test_several_keys_of_compose_are_reported_together() -> None:
    text = make_stack(
        web="image: nginx:1.29\nscale: 2\nports: ['80:80']\ndepends_on: [db]"
    )

    names = [place for place in list_places(text) if place[0] == "compose-key"]

    assert names == [("compose-key", line, 5) for line in (4, 5, 6)]


# The table


DOCUMENTATION = Path(__file__).parents[3] / "docs" / "stack-file.md"


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_is_explained_under_its_heading(key: Key) -> None:
    assert key.heading in DOCUMENTATION.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def mascot(monkeypatch: pytest.MonkeyPatch) -> Key:
    """A key that is in the table and nowhere else."""
    key = Key(
        "mascot",
        compose.read_texts,
        shapes.TEXTS,
        merge=add_items,
        is_passed=True,
        is_brought=True,
    )
    monkeypatch.setitem(KEYS, key.name, key)
    return key


ZOO: Files = {
    "mine/zoo.yaml": "about: a zoo\nimages: [python]\nimage: python:3.13-slim\n"
    "health: {none: it has no port}\nmascot: [cat]\n"
}


def load_zoo(keys: str) -> Service:
    text = f"recipes: ./mine\nservices: {{app: {{use: zoo, {keys}}}}}\n"
    return load_services(text, ZOO)["app"]


@pytest.mark.usefixtures("mascot")
def test_a_key_of_the_table_is_read() -> None:
    assert load_app("mascot: [dog]").passed["mascot"] == ["dog"]
    assert list_app_names("mascot: dog") == ["wrong-type"]


@pytest.mark.usefixtures("mascot")
def test_a_key_of_the_table_is_merged() -> None:
    assert load_zoo("mascot: [dog]").passed["mascot"] == ["cat", "dog"]
    assert "mascot" not in load_zoo("mascot: null").passed


def test_a_key_of_the_table_is_in_the_schema(mascot: Key) -> None:
    services = make_schema()["properties"]["services"]
    (service,) = services["patternProperties"].values()

    assert service["properties"]["mascot"]["anyOf"][0] == mascot.schema


@pytest.mark.usefixtures("mascot")
def test_a_key_of_the_table_is_suggested() -> None:
    assert find("unknown-key", make_app("mascott: [dog]")).help == (
        "did you mean `mascot`?"
    )


@pytest.mark.usefixtures("mascot")
def test_a_key_of_the_table_is_rendered() -> None:
    assert render_service(make_app("mascot: [dog]"))["mascot"] == ["dog"]
