"""A key of Compose is answered with the lines to write instead, and they work."""

from __future__ import annotations

import pytest
import yaml

from composegen.errors import Level
from composegen.stackfile.hints.keys import (
    KNOWN_TO_COMPOSE,
    TOP_LEVEL,
    TRANSLATIONS,
    translate_key,
    translate_top_key,
)
from composegen.stackfile.keys.service import KEYS
from composegen.stackfile.keys.words import WORDS
from tests.stacks import check, find, make_stack

OTHERS = "\n".join(
    f"  {name}:\n    image: python:3.13-slim\n    port: 80\n    health: /\n"
    for name in ("db", "cache", "job")
).replace("  job:\n", "  job:\n    job: true\n")


def help(key: str, value: str) -> str:
    """The lines that are offered for a key with a value, as it stands in a file."""
    translated = translate_key(key, yaml.load(value, Loader=yaml.BaseLoader))
    assert translated is not None
    first, *rest = translated[1].splitlines()
    is_a_sentence = " " in first and first.endswith(":")
    return "\n".join(rest if is_a_sentence else [first, *rest])


# Each key


@pytest.mark.parametrize(
    ("key", "value", "lines"),
    [
        ("depends_on", "[db, cache]", "needs: [db, cache]"),
        ("depends_on", "{db: {condition: service_healthy}}", "needs: [db]"),
        (
            "depends_on",
            "{db: {condition: service_started}}",
            "needs:\n  db: {until: started}",
        ),
        (
            "depends_on",
            "{job: {condition: service_completed_successfully}, db: }",
            "needs:\n  job: {until: finished}\n  db:",
        ),
        (
            "depends_on",
            "{cache: {condition: service_healthy, required: false}}",
            "needs:\n  cache: {otherwise: {}}",
        ),
        (
            "healthcheck",
            "{test: [CMD, curl, -f, 'http://localhost/']}",
            "health: {http: /, port: 80}",
        ),
        (
            "healthcheck",
            "{test: [CMD, curl, -f, 'http://localhost:8080/up']}",
            "health: {http: /up, port: 8080}",
        ),
        (
            "healthcheck",
            "{test: 'wget -q http://127.0.0.1:3000/ || exit 1', start_period: 40s}",
            "health: {http: /, port: 3000, boot: 40s}",
        ),
        (
            "healthcheck",
            "{test: [CMD-SHELL, 'curl -f http://localhost/a?b=c || exit 1']}",
            'health: {http: "/a?b=c", port: 80}',
        ),
        (
            "healthcheck",
            "{test: [CMD, pg_isready, -U, x], interval: 5s, retries: 9}",
            "health: {command: [pg_isready, -U, x], interval: 5s, retries: 9}",
        ),
        (
            "healthcheck",
            "{test: pg_isready -U x}",
            'health: {command: "pg_isready -U x"}',
        ),
        ("healthcheck", "{test: [NONE]}", "health: {none: why it cannot be asked}"),
        ("healthcheck", "{disable: true}", "health: {none: why it cannot be asked}"),
        ("healthcheck", "{interval: 5s}", "health: {image: true, interval: 5s}"),
        ("healthcheck", "nonsense", "health: /path"),
        ("ports", "['8080:8080']", "publish: 8080"),
        ("ports", "['8080:80']", "publish: [8080:80]"),
        ("ports", "[80]", "publish: [0:80]"),
        ("ports", "['127.0.0.1:80:80']", "publish: [127.0.0.1:80:80]"),
        ("ports", "['1:1', '53:53/udp']", "publish: [1:1, 53:53/udp]"),
        ("ports", "[{target: 80, published: 8080}]", "publish: [8080:80]"),
        (
            "ports",
            "[{target: 80, published: 8080, host_ip: 0.0.0.0, protocol: udp}]",
            "publish: [0.0.0.0:8080:80/udp]",
        ),
        ("expose", "['3000']", "port: 3000"),
        ("expose", "[]", "port: 8080"),
        ("deploy", "{replicas: 3}", "replicas: 3"),
        (
            "deploy",
            "{resources: {limits: {cpus: '0.5', memory: 1G}}}",
            "resources: {cpus: 0.5, memory: 1G}",
        ),
        (
            "deploy",
            "{replicas: 2, mode: global}",
            "replicas: 2\ncompose: {deploy: {mode: global}}",
        ),
        ("container_name", "one", "compose: {container_name: one}"),
        ("profiles", "[debug]", "group: debug"),
        ("profiles", "[a, b]", "group: [a, b]"),
        ("profiles", "[]", "remove it: the service is always included"),
        ("scale", "3", "replicas: 3"),
        ("scale", "0", "enabled: false"),
        ("pids_limit", "-1", "resources: {pids: none}"),
        ("mem_limit", "0", "resources: {memory: none}"),
        ("cpus", "0", "resources: {cpus: none}"),
        ("deploy", "{}", "remove it: it is empty"),
        ("deploy", "", "remove it: it is empty"),
        ("expose", "['3000-3005']", "port: 3000"),
        (
            "ports",
            "['${BIND:-10.0.0.1}:9000:9000', '${BIND}:${PORT:-1}:1']",
            (
                'publish: ["${BIND:-10.0.0.1}:9000:9000", '
                '"${BIND:-127.0.0.1}:${PORT:-1}:1"]'
            ),
        ),
        ("extends", "{service: db}", "<<: *db"),
        (
            "extends",
            "{service: db, file: base.yaml}",
            "write here what `db` has in base.yaml: it is not read",
        ),
        ("mem_limit", "1g", "resources: {memory: 1g}"),
        ("cpus", "0.5", "resources: {cpus: 0.5}"),
        ("pids_limit", "9", "resources: {pids: 9}"),
        ("privileged", "true", "compose: {privileged: true}"),
        ("security_opt", "[a=b]", 'compose: {security_opt: ["a=b"]}'),
        ("logging", "{driver: none}", "compose: {logging: {driver: none}}"),
        ("ipc", "host", "compose: {ipc: host}"),
    ],
)
def test_a_key_of_compose_is_answered_with_our_words(
    key: str, value: str, lines: str
) -> None:
    assert help(key, value) == lines


@pytest.mark.parametrize("key", ["prot", "needs", "image", "x-a", ""])
def test_what_is_no_key_of_compose_has_no_answer(key: str) -> None:
    assert translate_key(key, None) is None


def test_no_key_has_both_a_word_of_ours_and_a_translation() -> None:
    for key in KEYS:
        assert translate_key(key, None) is None, key


# The lines work


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("depends_on", "[db, cache]"),
        ("depends_on", "{db: {condition: service_started}, cache: {required: false}}"),
        ("depends_on", "{job: {condition: service_completed_successfully}}"),
        ("depends_on", "db"),
        ("healthcheck", "{test: [CMD, curl, -f, 'http://localhost:8080/up']}"),
        ("healthcheck", "{test: [CMD, 'a b', '{c}', 'd: e']}"),
        ("healthcheck", "{test: 'a \"b\" \\ c', timeout: 5s}"),
        ("healthcheck", "{disable: true}"),
        ("ports", "['8080:80', '53:53/udp', '127.0.0.1:9000:9000']"),
        ("ports", "['${PORT:-80}:80']"),
        ("ports", "[{target: 80, published: 8080}]"),
        ("ports", "['3000']"),
        ("expose", "[3000]"),
        ("deploy", "{replicas: 2, resources: {limits: {cpus: '1', memory: 1G}}}"),
        ("container_name", "one"),
        ("scale", "3"),
        ("mem_limit", "1g"),
        ("cpus", "0.5"),
        ("pids_limit", "9"),
        ("privileged", "true"),
        ("security_opt", "[seccomp=unconfined]"),
        ("mem_reservation", "1g"),
        ("logging", "{driver: local, options: {max-size: 1m}}"),
        ("links", "[db]"),
        ("post_start", "[{command: [a, 'b, c']}]"),
    ],
)
def test_the_lines_that_are_offered_load(key: str, value: str) -> None:
    base = {"image": "python:3.13-slim", "port": "80", "health": "/"}
    offered = help(key, value)
    for word in base:
        if f"\n{word}:" in f"\n{offered}":
            base[word] = ""
    keys = "".join(f"{word}: {text}\n" for word, text in base.items() if text)

    problems = check(make_stack(app=keys + offered + "\n") + OTHERS)

    shown = [(p.name, p.message) for p in problems if p.level is Level.ERROR]
    assert shown == []


def test_the_answer_stands_at_the_key() -> None:
    stack = make_stack(app="image: a:1\nhealth: image\ndepends_on: [db]\n")

    problem = find("compose-key", stack)

    assert str(problem.location) == "stack.yaml:5:5"
    assert problem.help == "needs: [db]"


def test_a_misspelt_key_of_compose_is_answered_too() -> None:
    stack = make_stack(app="image: a:1\nhealth: image\ndepend_on: [db]\n")

    assert find("unknown-key", stack).help == "needs: [db]"


@pytest.mark.parametrize(
    ("lines", "help"),
    [
        (
            "logging: {driver: , options: }",
            "compose: {logging: {driver: null, options: null}}",
        ),
        (
            "healthcheck: {<<: *hc, retries: 4}",
            "health: {image: true, interval: 15s, retries: 4}",
        ),
        ("healthcheck: {<<: *hc}", "health: {image: true, interval: 15s, retries: 3}"),
        ("depends_on: {<<: {db: }}", "needs: [db]"),
        (
            "deploy: {<<: [{mode: a}, {mode: b, replicas: 1}]}",
            "replicas: 1\ncompose: {deploy: {mode: a}}",
        ),
    ],
)
def test_nothing_and_merge_keys_are_what_they_are(lines: str, help: str) -> None:
    stack = make_stack(app=f"image: a:1\nhealth: image\n{lines}\n")
    anchor = "x-hc: &hc {interval: 15s, retries: 3}\n"

    assert help in find("compose-key", anchor + stack).help


@pytest.mark.parametrize("key", TOP_LEVEL)
def test_a_top_level_key_of_compose_is_answered(key: str) -> None:
    stack = make_stack(app="image: a:1\nhealth: image\n") + f"{key}: {{a: b}}\n"

    assert find("compose-key", stack).help == translate_top_key(key, {"a": "b"})


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (
            "configs: {one: {file: ./one.conf}, two: }",
            "{one: {file: ./one.conf}, two: null}",
        ),
        ("configs: {app: {file: ./app.conf}}", "{app: {file: ./app.conf}}"),
        ("include: [{path: other.yaml}]", "[{path: other.yaml}]"),
    ],
)
def test_what_stands_at_the_top_is_passed_on_as_it_is(value: str, lines: str) -> None:
    stack = make_stack(app="image: a:1\nhealth: image\n") + f"{value}\n"
    help = find("compose-key", stack).help.splitlines()[1]

    assert help == f"compose: {{{value.partition(':')[0]}: {lines}}}"


@pytest.mark.parametrize("key", sorted(KNOWN_TO_COMPOSE))
def test_every_other_key_of_compose_is_passed_on_below_compose(key: str) -> None:
    translated = translate_key(key, "x")

    assert translated is not None
    assert f"compose: {{{key}: x}}" in translated[1]


def test_every_key_with_another_word_here_is_translated_and_no_other_one() -> None:
    assert TRANSLATIONS.keys() == WORDS.keys()
