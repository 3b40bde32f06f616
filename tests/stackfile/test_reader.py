"""Single values: texts, switches, numbers, variables, raw settings."""

from __future__ import annotations

import pytest

from composegen.values import Duration
from tests.stackfile.loading import CACHE, list_app_names, load_health, place_of
from tests.stacks import (
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


def test_a_long_value_is_shortened_in_a_message() -> None:
    exact = find("bad-port", make_app(f"publish: {'a' * 40}")).message
    longer = find("bad-port", make_app(f"publish: {'a' * 41}")).message

    assert exact == f"`{'a' * 40}` is not a port"
    assert longer == f"`{'a' * 38}..` is not a port"


# Names


@pytest.mark.parametrize(
    ("keys", "near"),
    [
        ("resources: {pid: 5}", "pids"),
        ("resources: {memry: 1G}", "memory"),
        ("local: {comand: x}", "command"),
        ("relax: {readonly: why}", "read_only"),
        ("needs: {cache: {otherwize: {}}}", "otherwise"),
        ("needs: {cache: {otherwise: {evn: {}}}}", "env"),
    ],
)
def test_an_unknown_key_further_in_has_a_near_name(keys: str, near: str) -> None:
    text = make_app(keys) + "  cache: {use: redis}\n"

    problem = next(p for p in check(text) if p.name == "unknown-key")

    assert problem.help == f"did you mean `{near}`?"


# Types


@pytest.mark.parametrize(
    "value",
    [
        *("22:22", "1:30", "yes", "off", "012", "0o17", "1e3", "1_000", "089", "1.10"),
        *(".5", "+1e3", "5e-3", "2024-01-01", "true", "False", "42", "0x1f", ".inf"),
        *("=", "a: b", "- a", "'", '"', "#a", " a ", "null", "~", ""),
    ],
)
def test_a_text_arrives_as_it_was_written(value: str) -> None:
    plain = value == value.strip() and value not in {"", "null", "~", "'", '"', "#a"}
    quoted = "'" + value.replace("'", "''") + "'"
    written = value if plain and ": " not in value and value != "- a" else quoted

    app = load_app(
        f"environment:\n  A: {written}\n  B: {quoted}\n"
        f"labels:\n  a: {written}\ncommand: [{quoted}]\nhostname: {quoted}\n"
    )

    assert app.environment == {"A": value, "B": value}
    assert app.labels == {"a": value}
    assert app.passed == {"command": [value], "hostname": value}


def test_a_text_of_several_lines_arrives_whole() -> None:
    keys = "environment:\n  A: |\n    one\n      two\n\n  B: >-\n    one\n    two\n"

    assert load_app(keys).environment == {"A": "one\n  two\n", "B": "one two"}


@pytest.mark.parametrize("value", ["[a]", "{a: b}"])
@pytest.mark.parametrize(
    "key",
    ["image", "user", "working_dir", "hostname", "platform", "stop_signal", "use"],
)
def test_a_text_is_no_list_and_no_mapping(key: str, value: str) -> None:
    names = list_names(
        make_stack(web=f"use: nginx\n{key}: {value}\n").replace(
            "use: nginx\n    use", "port: 80\n    use"
        )
    )

    assert "wrong-type" in names


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
def test_true_is_true(value: str) -> None:
    assert load_app(f"tty: {value}").passed["tty"] is True


@pytest.mark.parametrize("value", ["false", "False", "FALSE"])
def test_false_is_false(value: str) -> None:
    assert load_app(f"tty: {value}").passed["tty"] is False


@pytest.mark.parametrize(
    ("value", "help"),
    [
        ("yes", "write `true`"),
        ("on", "write `true`"),
        ("no", "write `false`"),
        ("off", "write `false`"),
        ("1", "for example: true"),
        ("truee", "for example: true"),
    ],
)
def test_a_switch_is_true_or_false(value: str, help: str) -> None:
    for key in ("tty", "stdin_open", "job", "enabled"):
        problem = find("wrong-type", make_app(f"{key}: {value}"))

        assert problem.message == f"`{value}` is not true or false"
        assert problem.help == help


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30s", 30),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("2h", 7200),
        ("1.5s", 1.5),
        ("1us", 1e-6),
    ],
)
def test_a_duration_has_a_unit(value: str, seconds: float) -> None:
    health = load_health(f"{{http: /, interval: {value}}}")

    assert health.interval == Duration(value, seconds)


@pytest.mark.parametrize(
    "value",
    ["30", "30 s", "1d", "s", "-1s", "1s30", "1:30", "30S", "１s", "1e3s", "99999999h"],
)
def test_a_duration_is_nothing_else(value: str) -> None:
    assert list_app_names(f"stop_grace_period: {value}") == ["bad-duration"]


@pytest.mark.parametrize(
    "value", ["512M", "2G", "64k", "64kb", "1gb", "1.5g", "134217728", "1GiB", "300MB"]
)
def test_a_size_has_a_unit(value: str) -> None:
    assert load_app(f"shm_size: {value}").passed == {"shm_size": value}


@pytest.mark.parametrize("value", ["lots", "-1g", "1x", "1,5g", "0x10m", "1 000m", "M"])
def test_a_size_is_nothing_else(value: str) -> None:
    assert list_app_names(f'shm_size: "{value}"') == ["bad-size"]


@pytest.mark.parametrize("value", ["1", "80", "65535"])
def test_a_port_is_a_number(value: str) -> None:
    text = make_stack(app=f"image: python:3.13-slim\nport: {value}\nhealth: /")

    assert load_services(text)["app"].port == int(value)


@pytest.mark.parametrize(
    "value", ["0", "65536", "-1", "http", "80/tcp", "8e3", "80.0", "٨"]
)
def test_a_port_is_nothing_else(value: str) -> None:
    text = make_stack(app=f"image: python:3.13-slim\nport: {value}\nhealth: /")

    assert list_places(text) == [("bad-port", 4, 11)]


# Variables


@pytest.mark.parametrize(
    "value",
    [
        "$A",
        "${A}",
        "${A:-b}",
        "${A-b}",
        "${A:?b}",
        "${A?b}",
        "${A:+b}",
        "${A+b}",
        "${A:-${B:-c}}",
        "a$$b",
        "$$",
        "x${A}y$B",
    ],
)
def test_a_variable_is_passed_on_unresolved(value: str) -> None:
    assert load_app(f'environment: {{X: "{value}"}}').environment == {"X": value}


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        ("$", "$$"),
        ("a$", "a$$"),
        ("$ a", "$$ a"),
        ("$1 and $$", "$$1 and $$"),
        ("$-", "$$-"),
        ("$$$", "$$$$"),
        ("$(date) $?", "$$(date) $$?"),
        ("${A:-5$}$é", "${A:-5$$}$$é"),
    ],
)
def test_a_dollar_before_anything_else_is_text(value: str, rendered: str) -> None:
    for keys in (f'{{X: "{value}"}}', f'["X={value}"]'):
        assert load_app(f"environment: {keys}").environment == {"X": rendered}
    assert load_app(f'compose: {{x-a: "{value}"}}').compose == {"x-a": rendered}
    assert load_app(f'command: [echo, "{value}"]').passed["command"][1:] == [rendered]


@pytest.mark.parametrize("value", ["${}", "${A", "${A!b}", "${1}", "5$ ${2}"])
def test_a_brace_that_is_no_variable_is_reported_with_its_fix(value: str) -> None:
    keys = f'environment: {{X: "{value}"}}'
    problem = find("bad-variable", make_app(keys))

    assert "`$$`" in problem.help
    assert (problem.location.line, problem.location.column) == place_of(keys, '"')


def test_a_dollar_is_looked_at_wherever_text_is_passed_on() -> None:
    for keys in (
        "command: echo ${",
        "command: [echo, '${']",
        "labels: {a: '${'}",
        "environment: ['A=${']",
        "compose: {x-a: {b: ['${']}}",
        "volumes: ['${:/data']",
        "local: {command: 'echo ${'}",
        "extra_hosts: ['${:1.2.3.4']",
        "sysctls: {a.b: '${'}",
    ):
        assert list_app_names(keys) == ["bad-variable"], keys


@pytest.mark.parametrize(
    "keys",
    [
        "job: ${JOB}",
        "enabled: ${ENABLED}",
        "secrets: ['${NAME}']",
        "secrets: {a: '${NAME}'}",
        "needs: ['${NAME}']",
        "needs: {cache: '${NAME}'}",
        "needs: {cache: {until: '${UNTIL}'}}",
        "local: {command: [a], dir: '${DIR}'}",
        "local: {command: [a], port: '${PORT}'}",
        "health: ${PATH}",
        "health: {http: '/${PATH}'}",
        "health: {http: /, host: '${HOST}'}",
        "health: {http: /, tool: '${TOOL}'}",
        "use: ${RECIPE}",
    ],
)
def test_what_is_computed_with_takes_no_variable(keys: str) -> None:
    text = make_stack(app=f"image: python:3.13-slim\n{keys}", cache=CACHE)

    names = [name for name in list_names(text) if name != "unasked"]

    assert names == ["variable-here"]


# Variables where composegen computes

NUMBERS = (
    *("port: {}", "replicas: {}", "health: {{http: /, port: '{}'}}"),
    *("health: {{http: /, retries: '{}'}}", "resources: {{cpus: '{}'}}"),
    "resources: {{pids: '{}'}}",
)
TIMES = ("boot", "interval", "timeout")


@pytest.mark.parametrize("keys", NUMBERS)
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("${N:-2}", []),
        ("${N-${M:-2}}", []),
        ("$N", ["variable-without-default"]),
        ("${N:?which}", ["variable-without-default"]),
        ("${N:-}", ["variable-without-default"]),
        ("${N:-${M}}", ["variable-without-default"]),
        ("${N:+2}", ["variable-without-default"]),
    ],
)
def test_a_number_may_be_a_variable_with_a_default(
    keys: str, text: str, names: list[str]
) -> None:
    app = f"image: python:3.13-slim\n{keys.format(text)}\n"
    found = list_names(make_stack(app=app))

    assert [name for name in found if name not in {"unasked", "no-port"}] == names


@pytest.mark.parametrize("keys", NUMBERS)
def test_the_default_of_a_number_is_judged(keys: str) -> None:
    app = f"image: python:3.13-slim\n{keys.format('${N:-many}')}\n"

    assert {"wrong-type", "bad-port"} & set(list_names(make_stack(app=app)))


@pytest.mark.parametrize("key", TIMES)
def test_a_time_may_be_a_variable_with_a_default(key: str) -> None:
    def make(text: str) -> str:
        keys = f"port: 8000\nhealth: {{http: /, {key}: '{text}'}}\n"
        return make_stack(app=f"image: python:3.13-slim\n{keys}")

    health = load_services(make("${TIME:-9s}"))["app"].health
    assert getattr(health, key) == Duration("${TIME:-9s}", 9)
    assert list_names(make("${TIME}")) == ["variable-without-default"]
    assert list_names(make("${TIME:-soon}")) == ["bad-duration"]


def test_a_variable_without_a_default_is_answered_with_one() -> None:
    text = make_stack(app="image: python:3.13-slim\nport: $P\n")

    assert find("variable-without-default", text).help == (
        'give it one, which counts where the variable is not set:\n"${P:-8080}"'
    )


def test_a_size_may_be_a_variable_with_a_default() -> None:
    def load_memory(text: str) -> str:
        return load_app(f"resources: {{memory: '{text}'}}\n").resources.memory

    assert load_memory("${M:-256M}") == "${M:-256M}"
    assert list_names(make_app("resources: {memory: '${M:-1K}'}\n")) == ["bad-size"]


# Raw settings


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("true", True),
        ("false", False),
        ("yes", "yes"),
        ("on", "on"),
        ("5", 5),
        ("-1", -1),
        ("1.5", 1.5),
        ("012", "012"),
        ("1e3", "1e3"),
        ("1.10", "1.10"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("22:22", "22:22"),
        ("'5'", "5"),
        ("2024-01-01", "2024-01-01"),
        ('"true"', "true"),
        ("null", None),
        ("''", ""),
        ("[a, 1]", ["a", 1]),
        ("{b: {c: 2}}", {"b": {"c": 2}}),
        ("123456789012345678901", "123456789012345678901"),
        (".5", ".5"),
        ("+1", "+1"),
    ],
)
def test_a_raw_setting_is_typed_in_json_s_notation_only(
    value: str, read: object
) -> None:
    raw = load_app(f"compose: {{x-a: {value}}}").compose["x-a"]

    assert raw == read
    assert type(raw) is type(read)
