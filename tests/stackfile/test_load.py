"""A stack file becomes a Stack: keys, types, names, forms, and which value counts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent

import pytest
import yaml

from composegen.errors import FileRefused, Level, ProblemsFound
from composegen.model import (
    RELAXABLE,
    Condition,
    Health,
    HealthKind,
    Mount,
    Need,
    Otherwise,
    Resources,
    Secret,
    SecretKind,
    SecretUse,
)
from composegen.planning.plan import Step, make_plan
from composegen.planning.selection import Selection
from composegen.stackfile.load import find_own_recipes, load_stack
from composegen.targets.compose.render import render_plan
from composegen.values import Duration, Port
from tests.stacks import (
    Files,
    check,
    find,
    list_names,
    list_places,
    load,
    load_app,
    load_only,
    load_services,
    make_app,
    make_stack,
    write_files,
)

CACHE = "use: redis"
DB = "use: postgres\nsecrets: {db-password: POSTGRES_PASSWORD_FILE}"


def place_of(keys: str, what: str) -> tuple[int, int]:
    """Line and column of a text within ``keys``, when ``make_app`` is given them."""
    before = dedent(keys)[: dedent(keys).index(what)]
    return 6 + before.count("\n"), 5 + len(before.rpartition("\n")[2])


def list_app_names(keys: str) -> list[str]:
    return list_names(make_app(keys))


def load_need(keys: str, cache: str = CACHE) -> Need:
    """The need for the service ``cache`` of an app with these keys."""
    text = make_app(keys) + indent(f"cache:\n{indent(cache, '  ')}\n", "  ")
    (need,) = load_only(text).services["app"].needs
    return need


def list_need_names(keys: str, cache: str = CACHE) -> list[str]:
    return list_names(make_app(keys) + indent(f"cache:\n{indent(cache, '  ')}\n", "  "))


def load_step(text: str, name: str = "app", *, without: tuple[str, ...] = ()) -> Step:
    """The step of a service in the plan of a stack."""
    plan = make_plan(load_only(text), Selection(removed=without))
    return next(step for step in plan.steps if step.name == name)


def render_service(text: str, name: str = "app") -> dict[str, object]:
    """A service as it stands in the rendered Compose file."""
    (file,) = render_plan(make_plan(load_only(text), Selection()))
    service: dict[str, object] = yaml.safe_load(file.text)["services"][name]
    return service


# The file


def test_the_smallest_stack_is_one_service() -> None:
    stack = load_only("services: {web: {use: nginx}}")

    assert stack.name == ""
    assert list(stack.services) == ["web"]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused):
        load_stack(tmp_path / "stack.yaml")


def test_problems_name_the_file_as_it_was_given(tmp_path: Path) -> None:
    write_files(tmp_path, {"stack.yaml": "name: a\n"})

    with pytest.raises(ProblemsFound) as raised:
        load_stack(tmp_path / "stack.yaml", "../shop/stack.yaml")

    assert str(raised.value.problems[0].location) == "../shop/stack.yaml:1:1"


@pytest.mark.parametrize(
    "text", ["- web\n- db\n", "web\n", "42\n", '"services: web"\n']
)
def test_a_list_or_a_text_at_the_top_is_no_stack(text: str) -> None:
    problem = find("wrong-type", text)

    assert problem.message.endswith("is not a mapping")
    assert "services:" in problem.help
    assert (problem.location.line, problem.location.column) == (1, 1)


@pytest.mark.parametrize("text", ["name: shop\n", "{}\n", "services: {}\n"])
def test_a_stack_has_services(text: str) -> None:
    assert list_names(text) == ["no-services"]


@pytest.mark.parametrize(
    ("services", "name"),
    [("", "null-value"), ("[web]", "wrong-type"), ("web", "wrong-type")],
)
def test_services_are_a_mapping(services: str, name: str) -> None:
    assert list_names(f"services: {services}\n") == [name]


@pytest.mark.parametrize(
    ("keys", "name"),
    [("", "null-value"), ("[use, nginx]", "wrong-type"), ("nginx", "wrong-type")],
)
def test_a_service_is_a_mapping(keys: str, name: str) -> None:
    assert list_names(f"services:\n  web: {keys}\n") == [name]


def test_problems_come_together_sorted_by_line() -> None:
    text = """\
        name: My Shop
        services:
          web:
            use: nginx
            publish: 99999
            tty: yes
          Db:
            use: postgers
            stop_grace_period: 30
        volumes: [data]
    """

    assert list_places(text) == [
        ("bad-name", 1, 7),
        ("bad-port", 5, 14),
        ("wrong-type", 6, 10),
        ("bad-name", 7, 3),
        ("unknown-recipe", 8, 5),
        ("bad-duration", 9, 24),
        ("wrong-type", 10, 10),
    ]


def test_what_cannot_be_read_is_not_judged_further() -> None:
    assert list_app_names("publish: 99999") == ["bad-port"]
    assert list_names(make_stack(web="use: nginx\nhealth: wrong")) == ["bad-health"]


def test_a_broken_service_does_not_hide_problems_of_others() -> None:
    text = make_stack(one="use: nginx\npublish: 0", two="use: nginx\nneeds: [three]")

    assert list_places(text) == [("bad-port", 4, 14), ("unknown-service", 7, 13)]


def test_warnings_do_not_stop_a_stack() -> None:
    loaded = load(make_stack(web="use: nginx\npublish: '0.0.0.0:8080'"))

    assert [problem.level for problem in loaded.problems] == [Level.WARNING]
    assert list(loaded.stack.services) == ["web"]


def test_a_long_value_is_shortened_in_a_message() -> None:
    exact = find("bad-port", make_app(f"publish: {'a' * 40}")).message
    longer = find("bad-port", make_app(f"publish: {'a' * 41}")).message

    assert exact == f"`{'a' * 40}` is no port"
    assert longer == f"`{'a' * 38}..` is no port"


# The top level


@pytest.mark.parametrize("name", ["shop", "my_shop-2", "0", "a" * 63])
def test_a_stack_has_a_name(name: str) -> None:
    assert load_only(f"name: {name}\nservices: {{web: {{use: nginx}}}}").name == name


@pytest.mark.parametrize("name", ["Shop", "my shop", "-a", "ä", "a" * 64, '""', "a.b"])
def test_a_name_that_compose_would_change_is_refused(name: str) -> None:
    assert list_places(f"services: {{web: {{use: nginx}}}}\nname: {name}\n") == [
        ("bad-name", 2, 7)
    ]


@pytest.mark.parametrize(
    ("key", "near"),
    [("service", "services"), ("secret", "secrets"), ("volume", "volumes")],
)
def test_an_unknown_key_at_the_top_has_a_near_name(key: str, near: str) -> None:
    problem = find("unknown-key", f"services: {{web: {{use: nginx}}}}\n{key}: {{}}\n")

    assert problem.help == f"did you mean `{near}`?"
    assert problem.location.line == 2


@pytest.mark.parametrize("key", ["version", "networks", "configs", "include"])
def test_a_key_of_compose_at_the_top_is_told_what_to_do(key: str) -> None:
    problem = find("compose-key", f"{key}: []\nservices: {{web: {{use: nginx}}}}\n")

    assert problem.help
    assert str(problem.location) == "stack.yaml:1:1"


def test_a_key_that_begins_with_x_is_passed_on() -> None:
    stack = load_only("x-team: {name: shop, size: 3}\nservices: {web: {use: nginx}}")

    assert stack.extensions == {"x-team": {"name": "shop", "size": 3}}


def test_a_key_that_only_holds_an_anchor_is_not_passed_on() -> None:
    stack = load_only("x-web: &web {use: nginx}\nservices: {web: *web}")

    assert stack.extensions == {}


@pytest.mark.parametrize("key", ["services", "secrets", "name", "version"])
def test_the_raw_settings_at_the_top_may_not_hold(key: str) -> None:
    text = f"services: {{web: {{use: nginx}}}}\ncompose: {{{key}: a}}\n"

    assert list_places(text) == [("computed-key", 2, 11)]


def test_raw_settings_at_the_top_are_kept() -> None:
    stack = load_only(
        "services: {web: {use: nginx}}\ncompose: {networks: {proxy: {external: true}}}"
    )

    assert stack.compose == {"networks": {"proxy": {"external": True}}}


# Names


@pytest.mark.parametrize("name", ["a", "web", "web-2", "a-", "a" * 63])
def test_a_service_has_a_name(name: str) -> None:
    assert list_names(f"services:\n  {name}: {{use: nginx}}\n") == []


@pytest.mark.parametrize(
    "name",
    [
        "Web",
        "web_1",
        "web.1",
        "1web",
        "-web",
        "a" * 64,
        "wéb",
        "default",
        "host",
        "none",
    ],
)
def test_a_service_cannot_be_called(name: str) -> None:
    assert list_places(f"services:\n  {name}: {{use: nginx}}\n") == [("bad-name", 2, 3)]


def test_a_name_that_could_be_mended_is_mended() -> None:
    problem = find("bad-name", "services: {Web_Shop.1: {use: nginx}}")

    assert "did you mean `web-shop-1`?" in problem.help


@pytest.mark.parametrize("name", ["A", "_a", "A.b-c", "a1"])
def test_a_variable_has_a_name(name: str) -> None:
    assert load_app(f"environment: {{{name}: x}}").environment == {name: "x"}


@pytest.mark.parametrize("name", ["1A", "-A", "A B", "Ä", '""', '"A=B"', '"A$B"'])
@pytest.mark.parametrize("where", ["environment", "local"])
def test_a_variable_cannot_be_called(name: str, where: str) -> None:
    mapping = f"{{{name}: x}}"
    keys = {
        "environment": f"environment: {mapping}",
        "local": f"local: {{command: [x], env: {mapping}}}",
    }[where]

    assert list_app_names(keys) == ["bad-name"]


@pytest.mark.parametrize("name", ["data", "my_data", "my.data-2", "0a"])
def test_a_volume_has_a_name(name: str) -> None:
    assert load_app(f"volumes: ['{name}:/data']").volumes[0].volume_name == name


@pytest.mark.parametrize(
    ("source", "help"),
    [
        ("a", "one letter is read as a Windows drive"),
        ("data/x", "write ./data/x:/data"),
        ("dä", "letters, digits"),
        ("-data", "letters, digits"),
    ],
)
def test_a_volume_cannot_be_called(source: str, help: str) -> None:
    (problem,) = check(make_app(f"volumes: ['{source}:/data']"))

    assert problem.name in {"bad-name", "bad-volume"}
    assert help in problem.help


@pytest.mark.parametrize("name", ["a", "API_KEY", "db-password", "0a"])
def test_a_secret_has_a_name(name: str) -> None:
    assert load_app(f"secrets: [{name}]").secrets[0].name == name


@pytest.mark.parametrize("name", ["-a", "_a", "a.b", "a b", "ä", "a/b", '""'])
def test_a_secret_cannot_be_called(name: str) -> None:
    assert list_app_names(f"secrets: [{name}]") == ["bad-name"]
    assert "bad-name" in list_names(
        make_app() + f"secrets: {{{name}: {{generate: true}}}}\n"
    )


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
        ("1", ""),
        ("truee", ""),
    ],
)
def test_a_switch_is_true_or_false(value: str, help: str) -> None:
    for key in ("tty", "stdin_open", "job", "enabled"):
        problem = find("wrong-type", make_app(f"{key}: {value}"))

        assert problem.message == f"`{value}` is not true or false"
        assert problem.help == help


@pytest.mark.parametrize(("value", "count"), [("1", 1), ("2", 2), ("1000", 1000)])
def test_replicas_are_counted(value: str, count: int) -> None:
    assert load_app(f"replicas: {value}").replicas == count


@pytest.mark.parametrize(
    "value",
    ["0", "-1", "1001", "1.5", "two", "1e3", "012", "1_0", "0x2", "+2", '""', "٣"],
)
def test_replicas_are_a_whole_number(value: str) -> None:
    assert list_app_names(f"replicas: {value}") == ["wrong-type"]


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


@pytest.mark.parametrize("value", ["512", "5M", "0"])
def test_a_memory_limit_below_what_docker_takes_is_refused(value: str) -> None:
    assert list_app_names(f"resources: {{memory: {value}}}") == ["bad-size"]


@pytest.mark.parametrize("value", ["0.5", "2", ".25", "16"])
def test_processors_are_a_number(value: str) -> None:
    assert load_app(f"resources: {{cpus: {value}}}").resources.cpus == value


@pytest.mark.parametrize("value", ["0", "0.0", "-1", "two", "1e1", "1.", "50%"])
def test_processors_are_nothing_else(value: str) -> None:
    assert list_app_names(f"resources: {{cpus: {value}}}") == ["wrong-type"]


def test_resources_are_a_fuse_by_default() -> None:
    assert load_app().resources == Resources(cpus="2", memory="2G", pids=512)
    assert load_app("resources: {pids: 100}").resources == Resources(pids=100)


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
    "value", ["$", "a$", "$ a", "$1", "${}", "${A", "${A!b}", "${1}", "$-"]
)
def test_a_dollar_that_is_no_variable_is_told_its_mend(value: str) -> None:
    keys = f'environment: {{X: "{value}"}}'
    problem = find("bad-variable", make_app(keys))

    assert "`$$`" in problem.help
    assert (problem.location.line, problem.location.column) == place_of(keys, '"')


def test_a_dollar_is_looked_at_wherever_text_is_passed_on() -> None:
    for keys in (
        "command: echo $",
        "command: [echo, $]",
        "labels: {a: $}",
        "environment: [A=$]",
        "compose: {x-a: {b: [$]}}",
        "volumes: ['$:/data']",
        "local: {command: echo $}",
        "extra_hosts: ['$:1.2.3.4']",
        "sysctls: {a.b: $}",
    ):
        assert list_app_names(keys) == ["bad-variable"], keys


@pytest.mark.parametrize(
    "keys",
    [
        "replicas: ${N}",
        "job: ${JOB}",
        "enabled: ${ENABLED}",
        "resources: {cpus: '${N}'}",
        "resources: {memory: '${N}'}",
        "resources: {pids: '${N}'}",
        "secrets: ['${NAME}']",
        "secrets: {a: '${NAME}'}",
        "needs: ['${NAME}']",
        "needs: {cache: '${NAME}'}",
        "needs: {cache: {until: '${UNTIL}'}}",
        "local: {command: [a], dir: '${DIR}'}",
        "local: {command: [a], port: '${PORT}'}",
        "health: ${PATH}",
        "health: {http: '/${PATH}'}",
        "health: {http: /, boot: '${TIME}'}",
        "health: {http: /, port: '${PORT}'}",
        "health: {http: /, host: '${HOST}'}",
        "health: {http: /, tool: '${TOOL}'}",
        "use: ${RECIPE}",
    ],
)
def test_what_is_computed_with_takes_no_variable(keys: str) -> None:
    text = make_stack(app=f"image: python:3.13-slim\n{keys}", cache=CACHE)

    names = [name for name in list_names(text) if name != "unasked"]

    assert names == ["variable-here"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("shm_size", "${S:-64m}"),
        ("stop_grace_period", "${T:-10s}"),
        ("tty", "${TTY:-true}"),
        ("stdin_open", "${X}"),
        ("hostname", "${HOSTNAME}"),
        ("working_dir", "${DIR:?where}"),
        ("command", "run ${FLAGS}"),
    ],
)
def test_what_is_only_passed_on_takes_variables(key: str, value: str) -> None:
    assert load_app(f"{key}: {value}").passed == {key: value}


def test_a_limit_that_is_only_passed_on_takes_variables() -> None:
    app = load_app("ulimits: {nofile: '${N:-1024}', memlock: {soft: '${S}', hard: -1}}")

    assert app.passed["ulimits"] == {
        "nofile": "${N:-1024}",
        "memlock": {"soft": "${S}", "hard": -1},
    }


@pytest.mark.parametrize(
    "image",
    ["redis:${TAG}", "redis:${TAG:-8-alpine}", "${REGISTRY}/redis:8", "redis:$TAG"],
)
def test_a_tag_and_a_registry_may_be_variables(image: str) -> None:
    app = load_services(make_stack(app=f"image: {image}\nhealth: {{command: [a]}}"))[
        "app"
    ]

    assert app.image == image
    assert app.facts is not None
    assert app.facts.name == "redis"


@pytest.mark.parametrize("image", ["${IMAGE}", "re${X}:8", "${A}:8"])
def test_the_name_of_an_image_is_no_variable(image: str) -> None:
    assert list_names(make_stack(app=f"image: {image}\nhealth: {{command: [a]}}")) == [
        "variable-here"
    ]


@pytest.mark.parametrize("image", ['"a b"', '""', '" "'])
def test_an_image_has_no_blanks(image: str) -> None:
    assert list_names(make_stack(app=f"image: {image}\nhealth: {{command: [a]}}")) == [
        "bad-name"
    ]


# Publish


@pytest.mark.parametrize(
    ("publish", "ports"),
    [
        ("true", [Port(published="8000", target="8000")]),
        ("8080", [Port(published="8080", target="8000")]),
        ('"0.0.0.0:8080"', [Port(address="0.0.0.0", published="8080", target="8000")]),
        ("9200:9201", [Port(published="9200", target="9201")]),
        ("${P:-3000}", [Port(published="${P:-3000}", target="8000")]),
        ("${P:-3000}:80", [Port(published="${P:-3000}", target="80")]),
        (
            "['9200:9200', 80]",
            [
                Port(published="9200", target="9200"),
                Port(published="80", target="8000"),
            ],
        ),
        ("['5000:5000/udp']", [Port(published="5000", target="5000", protocol="udp")]),
        ('["0.0.0.0:53:53"]', [Port(address="0.0.0.0", published="53", target="53")]),
        ('["[::1]:80:81"]', [Port(address="::1", published="80", target="81")]),
        ("['9000-9002:9000-9002']", [Port(published="9000-9002", target="9000-9002")]),
        ("[]", []),
    ],
)
def test_publish_takes(publish: str, ports: list[Port]) -> None:
    assert list(load_app(f"publish: {publish}").publish) == ports


@pytest.mark.parametrize(
    "publish",
    [
        *("0", "65536", "http", "80:http", "80:80/icmp", "1:2:3:4", '"999.0.0.1:80"'),
        *(
            "localhost:80",
            '":80"',
            '"80:"',
            "80-70",
            '"80-82:90-91"',
            "-1",
            "80/",
            '""',
        ),
        *("22:2222222", "80:${P}", "'[::1]80'", "'::1:80:80'", "1e3", "0x50"),
    ],
)
def test_publish_takes_nothing_else(publish: str) -> None:
    keys = f"publish: {publish}"

    assert list_places(make_app(keys)) == [("bad-port", *place_of(keys, publish))]


def test_publish_takes_no_long_form() -> None:
    names = list_app_names("publish: [{target: 80, published: 8080}]")

    assert names == ["wrong-type"]


def test_a_clock_is_a_pair_of_ports() -> None:
    assert load_app("publish: [22:22]").publish == (Port(published="22", target="22"),)


def test_the_port_is_the_first_published_one_where_it_is_left_out() -> None:
    one = load_services(make_stack(app="image: python:3.13\nhealth: /\npublish: 3000"))
    two = load_services(
        make_stack(app="image: python:3.13\nhealth: /\npublish: ['80:9000', 8001]")
    )

    assert one["app"].port == 3000
    assert two["app"].port == 9000


def test_a_range_listens_on_the_same_range() -> None:
    text = make_stack(app="image: python:3.13\nhealth: /\npublish: [9000-9002]")

    app = load_services(text)["app"]

    assert app.port == 9000
    assert app.publish == (Port(published="9000-9002", target="9000-9002"),)


def test_a_default_says_what_a_published_variable_listens_on() -> None:
    text = make_stack(app="image: python:3.13\nhealth: /\npublish: ${P:-3000}")

    app = load_services(text)["app"]

    assert app.port == 3000
    assert app.publish == (Port(published="${P:-3000}", target="3000"),)


# Health


def load_health(health: str) -> Health:
    text = make_stack(app=f"image: python:3.13-slim\nport: 8000\nhealth: {health}\n")
    found = load_services(text)["app"].health
    assert found is not None
    return found


def list_health_names(health: str) -> list[str]:
    return list_names(
        make_stack(app=f"image: python:3.13-slim\nport: 8000\nhealth: {health}\n")
    )


def test_a_health_check_has_defaults() -> None:
    assert load_health("/health") == Health(
        kind=HealthKind.HTTP,
        path="/health",
        port=8000,
        boot=Duration("60s", 60),
        interval=Duration("10s", 10),
        timeout=Duration("2s", 2),
        retries=3,
        tools=("python",),
    )


@pytest.mark.parametrize(
    ("health", "kind"),
    [
        ("/", HealthKind.HTTP),
        ("image", HealthKind.IMAGE),
        ("{http: '/a?b=c&d'}", HealthKind.HTTP),
        ("{tcp: true}", HealthKind.TCP),
        ("{command: [a, b]}", HealthKind.COMMAND),
        ("{command: a | b}", HealthKind.COMMAND),
        ("{image: true}", HealthKind.IMAGE),
        ("{none: it cannot be asked}", HealthKind.NONE),
    ],
)
def test_health_asks(health: str, kind: HealthKind) -> None:
    assert load_health(health).kind is kind


def test_a_health_command_is_words_or_a_text_for_a_shell() -> None:
    assert load_health("{command: [a, 'b c']}").command == ("a", "b c")
    assert load_health("{command: a | b}").command == "a | b"


def test_every_setting_of_health_is_read() -> None:
    health = load_health(
        "{http: /a, port: 81, boot: 2m, interval: 5s, timeout: 1s, retries: 9, "
        "host: example.com, tool: curl}"
    )

    assert health == Health(
        kind=HealthKind.HTTP,
        path="/a",
        port=81,
        boot=Duration("2m", 120),
        interval=Duration("5s", 5),
        timeout=Duration("1s", 1),
        retries=9,
        host="example.com",
        tools=("curl",),
    )


@pytest.mark.parametrize("tool", "python3 python node wget curl bash php".split())
def test_a_tool_can_ask(tool: str) -> None:
    assert load_health(f"{{http: /, tool: {tool}}}").tools == (tool,)


@pytest.mark.parametrize(
    ("health", "name"),
    [
        ("health", "bad-health"),
        ("http://localhost/", "bad-health"),
        ("true", "bad-health"),
        ('""', "bad-health"),
        ("{http: health}", "bad-health"),
        ("{http: '/a b'}", "bad-health"),
        ("{command: []}", "bad-health"),
        ("{command: ''}", "bad-health"),
        ("{tcp: false}", "wrong-type"),
        ("{image: yes}", "wrong-type"),
        ("{http: /, tcp: true}", "health-twice"),
        ("{none: why, command: [a]}", "health-twice"),
        ("{http: /, tool: ruby}", "bad-tool"),
        ("{http: /, port: 0}", "bad-port"),
        ("{http: /, boot: 30}", "bad-duration"),
        ("{http: /, retries: 0}", "wrong-type"),
        ("{http: /, host: 'a b'}", "bad-name"),
        ("{boot: 30s}", "no-health"),
        ("{http: }", "null-value"),
        ("{http: [a]}", "wrong-type"),
        ("[a]", "wrong-type"),
    ],
)
def test_health_is_nothing_else(health: str, name: str) -> None:
    assert list_health_names(health) == [name]


def test_a_tool_that_is_nearly_known_has_a_near_name() -> None:
    text = make_stack(app="image: a:1\nport: 80\nhealth: {http: /, tool: pyton}")

    assert find("bad-tool", text).help.startswith("did you mean `python`? one of")


def test_a_line_end_cannot_slip_into_a_path_or_a_host() -> None:
    assert list_health_names('{http: "/a\\nb"}') == ["bad-health"]
    assert list_health_names('{http: /, host: "a\\r\\nX: b"}') == ["bad-name"]


@pytest.mark.parametrize("health", ["none", "{none: }", "{none: ''}", "{none: '  '}"])
def test_an_empty_reason_is_a_warning(health: str) -> None:
    assert list_health_names(health) == ["no-reason"]


# Needs


@pytest.mark.parametrize(
    "needs",
    ["[cache]", "{cache: }", "{cache: null}", "{cache: ~}", "{cache: {}}"],
)
def test_a_bare_need_is_waited_for_until_it_is_healthy(needs: str) -> None:
    assert load_need(f"needs: {needs}") == Need(
        service="cache", until=Condition.HEALTHY
    )


@pytest.mark.parametrize(
    ("needs", "env"),
    [
        ("{cache: REDIS_URL}", {"REDIS_URL": "{url}"}),
        ("{cache: {H: '{host}', P: '{port}'}}", {"H": "{host}", "P": "{port}"}),
        ("{cache: {env: {U: '{url}'}}}", {"U": "{url}"}),
        ("{cache: {env: ['U={url}']}}", {"U": "{url}"}),
        ("{cache: {A: plain}}", {"A": "plain"}),
        ("{cache: {env: {}}}", {}),
    ],
)
def test_a_need_wires_variables(needs: str, env: dict[str, str]) -> None:
    assert load_need(f"needs: {needs}").env == env


def test_a_name_that_ends_in_file_gets_the_file_of_the_url() -> None:
    text = make_stack(
        app="image: python:3.13-slim\nport: 80\nhealth: /\nneeds: {db: DATABASE_FILE}",
        db=DB,
    )

    (need,) = load_only(text).services["app"].needs

    assert need.env == {"DATABASE_FILE": "{url_file}"}


@pytest.mark.parametrize("until", list(Condition))
def test_a_need_says_what_it_waits_for(until: Condition) -> None:
    cache = (
        "image: python:3.13-slim\njob: true" if until is Condition.FINISHED else CACHE
    )

    assert load_need(f"needs: {{cache: {{until: {until}}}}}", cache).until is until


def test_a_job_is_waited_for_until_it_has_finished() -> None:
    need = load_need("needs: [cache]", "image: python:3.13-slim\njob: true")

    assert need.until is Condition.FINISHED


def test_otherwise_makes_a_need_optional() -> None:
    need = load_need(
        "needs: {cache: {otherwise: {env: {A: b}, replicas: 1, note: in memory}}}"
    )

    assert need.is_optional
    assert need.otherwise == Otherwise(env={"A": "b"}, replicas=1, note="in memory")


def test_an_empty_otherwise_is_enough() -> None:
    need = load_need("needs: {cache: {otherwise: {}}}")

    assert need.otherwise == Otherwise()


@pytest.mark.parametrize(
    ("needs", "name"),
    [
        ("cache", "wrong-type"),
        ("{cache: {env: {A: b}, B: c}}", "unknown-key"),
        ("{cache: {A: b, until: started}}", "unknown-key"),
        ("{cache: {until: ready}}", "bad-condition"),
        ("{cache: {until: }}", "null-value"),
        ("{cache: {otherwise: }}", "null-value"),
        ("{cache: {otherwise: true}}", "wrong-type"),
        ('{cache: {otherwise: {note: "a\\nb"}}}', "not-one-line"),
        ("{cache: {otherwise: {replicas: 0}}}", "wrong-type"),
        ("{cache: {otherwise: {env: {A: }}}}", "null-value"),
        ("{cache: {A: }}", "null-value"),
        ("{cache: 1URL}", "bad-name"),
        ("{cache: [URL]}", "wrong-type"),
        ("[cache, cache]", "duplicate-key"),
        ("[{cache: URL}]", "wrong-type"),
    ],
)
def test_a_need_is_nothing_else(needs: str, name: str) -> None:
    assert list_need_names(f"needs: {needs}") == [name]


def test_a_need_that_stands_twice_in_a_list_names_the_first_place() -> None:
    text = make_app("needs: [cache, cache]") + "  cache: {use: redis}\n"
    problem = find("duplicate-key", text)

    assert "stack.yaml:6:13" in problem.message


@pytest.mark.parametrize(
    "word", ["ur", "urls", "hots", "prot", "pasword", "databse", "URL", " url "]
)
def test_a_word_that_is_nearly_a_placeholder_is_a_warning(word: str) -> None:
    assert list_need_names(f"needs: {{cache: {{A: '{{{word}}}'}}}}") == [
        "near-placeholder"
    ]


@pytest.mark.parametrize("text", ["{}", "{x}", "{  }", "{{", "{zzzz}", "{0}", "{url2}"])
def test_every_other_brace_is_text(text: str) -> None:
    need = load_need(f"needs: {{cache: {{A: '{text}'}}}}")

    assert need.env == {"A": text}
    assert list_need_names(f"needs: {{cache: {{A: '{text}'}}}}") == []


def test_no_placeholder_is_replaced_in_otherwise() -> None:
    keys = "needs: {cache: {otherwise: {env: {A: '{url}'}}}}"
    text = make_app(keys) + "  cache: {use: redis}\n"

    assert load_step(text, without=("cache",)).environment["A"] == "{url}"


# Secrets


@pytest.mark.parametrize(
    ("secrets", "uses"),
    [
        (
            "[GROQ_API_KEY]",
            [SecretUse(name="GROQ_API_KEY", variables=("GROQ_API_KEY_FILE",))],
        ),
        ("[db-pass]", [SecretUse(name="db-pass", variables=("DB_PASS_FILE",))]),
        ("{db-pass: PASS_FILE}", [SecretUse(name="db-pass", variables=("PASS_FILE",))]),
        ("{db-pass: }", [SecretUse(name="db-pass", variables=("DB_PASS_FILE",))]),
        (
            "[a, b]",
            [
                SecretUse(name="a", variables=("A_FILE",)),
                SecretUse(name="b", variables=("B_FILE",)),
            ],
        ),
        ("[]", []),
    ],
)
def test_secrets_take(secrets: str, uses: list[SecretUse]) -> None:
    assert list(load_app(f"secrets: {secrets}").secrets) == uses


@pytest.mark.parametrize(
    ("secrets", "name"),
    [
        ("a", "wrong-type"),
        ("{a: 1B}", "bad-name"),
        ("{a: [B]}", "wrong-type"),
        ("[[a]]", "wrong-type"),
        ("[ '' ]", "bad-name"),
    ],
)
def test_secrets_take_nothing_else(secrets: str, name: str) -> None:
    assert list_app_names(f"secrets: {secrets}") == [name]


def test_the_long_form_of_a_secret_is_translated() -> None:
    problem = find(
        "compose-key", make_app("secrets: [{source: db-pass, target: password}]")
    )

    assert "secrets: {db-pass: " in problem.help


@pytest.mark.parametrize(
    ("declared", "secret"),
    [
        ("{env: API_KEY}", Secret(name="key", kind=SecretKind.ENV, source="API_KEY")),
        ("{file: ./k.txt}", Secret(name="key", kind=SecretKind.FILE, source="./k.txt")),
        ("{generate: true}", Secret(name="key", kind=SecretKind.GENERATE)),
        ("", Secret(name="key", kind=SecretKind.ENV, source="key")),
        ("~", Secret(name="key", kind=SecretKind.ENV, source="key")),
    ],
)
def test_a_secret_is_declared(declared: str, secret: Secret) -> None:
    text = make_app("secrets: [key]") + f"secrets: {{key: {declared}}}\n"

    assert load_only(text).secrets == {"key": secret}


def test_a_secret_of_compose_is_told_its_word_here() -> None:
    text = make_app("secrets: [key]") + "secrets: {key: {environment: JWT}}\n"

    assert list_names(text) == ["compose-key"]
    assert find("compose-key", text).help == "{env: JWT}"


def test_an_undeclared_secret_comes_from_the_variable_of_its_name() -> None:
    stack = load_only(make_app("secrets: [GROQ_API_KEY]"))

    assert stack.secrets["GROQ_API_KEY"].source == "GROQ_API_KEY"


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("{env: A, file: b}", "wrong-type"),
        ("{}", "wrong-type"),
        ("{generate: false}", "wrong-type"),
        ("{generate: yes}", "wrong-type"),
        ("{env: 1A}", "bad-name"),
        ("{env: A-B}", "bad-name"),
        ("{env: }", "null-value"),
        ("{file: ''}", "wrong-type"),
        ("{external: true}", "compose-key"),
        ("{environment: JWT}", "compose-key"),
        ("API_KEY", "wrong-type"),
    ],
)
def test_a_secret_is_declared_in_no_other_way(declared: str, name: str) -> None:
    text = make_app("secrets: [key]") + f"secrets: {{key: {declared}}}\n"

    assert name in list_names(text)


# Keys of Compose that are taken as they are


@pytest.mark.parametrize(
    ("environment", "values"),
    [
        ("{A: b, C: 012}", {"A": "b", "C": "012"}),
        ("[A=b, C=d=e, F=]", {"A": "b", "C": "d=e", "F": ""}),
        ("['A=b c', \"D=e\\nf\"]", {"A": "b c", "D": "e\nf"}),
        ("{A: ''}", {"A": ""}),
        ("{}", {}),
    ],
)
def test_environment_takes(environment: str, values: dict[str, str]) -> None:
    assert load_app(f"environment: {environment}").environment == values


@pytest.mark.parametrize(
    ("environment", "name", "help"),
    [
        ("[A]", "null-value", "A=${A}"),
        ("{A: }", "null-value", "A: ${A}"),
        ("{A: null}", "null-value", "A: ${A}"),
        ("A=b", "wrong-type", ""),
        ("{A: [b]}", "wrong-type", ""),
        ("[{A: b}]", "wrong-type", ""),
        ("[A=b, A=c]", "duplicate-key", ""),
    ],
)
def test_environment_takes_nothing_else(environment: str, name: str, help: str) -> None:
    problem = find(name, make_app(f"environment: {environment}"))

    assert help in problem.help


@pytest.mark.parametrize(
    ("volume", "mount"),
    [
        ("data:/data", Mount(source="data", target="/data")),
        ("./a:/b:ro", Mount(source="./a", target="/b", options="ro")),
        ("/data", Mount(target="/data")),
        ("~/a:/b:ro", Mount(source="~/a", target="/b", options="ro")),
        ("${DIR}:/b:ro", Mount(source="${DIR}", target="/b", options="ro")),
        ("${DIR:-./a}:/b:ro", Mount(source="${DIR:-./a}", target="/b", options="ro")),
        ("C:\\a:/b:ro", Mount(source="C:\\a", target="/b", options="ro")),
    ],
)
def test_a_volume_is_read(volume: str, mount: Mount) -> None:
    assert load_app(f"volumes: ['{volume}']").volumes == (mount,)


def test_a_volume_source_that_begins_with_a_variable_is_a_path() -> None:
    (mount,) = load_app("volumes: ['${DIR}/x:/b:ro']").volumes

    assert mount.is_bind
    assert mount.volume_name == ""


def test_the_long_form_of_a_volume_is_taken() -> None:
    (mount,) = load_app(
        "volumes: [{type: volume, source: data, target: /data, read_only: true}]"
    ).volumes

    assert (mount.source, mount.target, mount.is_writable) == ("data", "/data", False)
    assert mount.volume_name == "data"


def test_a_volume_in_memory_has_no_source() -> None:
    (mount,) = load_app("volumes: [{type: tmpfs, target: /run}]").volumes

    assert (mount.source, mount.target, mount.volume_name) == ("", "/run", "")


@pytest.mark.parametrize(
    ("volume", "name"),
    [
        ("'data:relative'", "bad-volume"),
        ("relative", "bad-volume"),
        ("'a:/b:c:d'", "bad-volume"),
        ("'::'", "bad-volume"),
        ("{source: a}", "wrong-type"),
        ("[a]", "wrong-type"),
        ("''", "bad-volume"),
    ],
)
def test_a_volume_is_nothing_else(volume: str, name: str) -> None:
    assert list_app_names(f"volumes: [{volume}]") == [name]


@pytest.mark.parametrize("volumes", ["data:/data", "{a: /b}"])
def test_volumes_are_a_list(volumes: str) -> None:
    assert list_app_names(f"volumes: {volumes}") == ["wrong-type"]


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("command", "a b", "a b"),
        ("command", "[a, b]", ["a", "b"]),
        ("entrypoint", "[]", []),
        ("working_dir", "/app", "/app"),
        ("hostname", "web", "web"),
        ("platform", "linux/arm64", "linux/arm64"),
        ("stop_signal", "SIGINT", "SIGINT"),
        ("stop_grace_period", "1m30s", "1m30s"),
        ("shm_size", "64m", "64m"),
        ("ulimits", "{nofile: 1024}", {"nofile": 1024}),
        (
            "ulimits",
            "{memlock: {soft: -1, hard: -1}}",
            {"memlock": {"soft": -1, "hard": -1}},
        ),
        ("extra_hosts", "['a:1.2.3.4']", ["a:1.2.3.4"]),
        ("extra_hosts", "{a: 1.2.3.4}", ["a=1.2.3.4"]),
        ("tty", "true", True),
        ("stdin_open", "true", True),
        ("devices", "[/dev/a:/dev/a]", ["/dev/a:/dev/a"]),
        ("sysctls", "{net.core.somaxconn: 1024}", {"net.core.somaxconn": "1024"}),
        ("sysctls", "[net.core.somaxconn=1024]", {"net.core.somaxconn": "1024"}),
        (
            "develop",
            "{watch: [{path: ., action: rebuild}]}",
            {"watch": [{"path": ".", "action": "rebuild"}]},
        ),
        ("pull_policy", "always", "always"),
        ("dns", "1.1.1.1", ["1.1.1.1"]),
        ("dns", "[1.1.1.1, 8.8.8.8]", ["1.1.1.1", "8.8.8.8"]),
        ("group_add", "[video, 44]", ["video", "44"]),
        ("gpus", "all", "all"),
        ("gpus", "[{count: 1}]", [{"count": 1}]),
    ],
)
def test_a_key_of_compose_is_taken_as_it_is(key: str, value: str, read: object) -> None:
    assert load_app(f"{key}: {value}").passed == {key: read}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("command", "{a: b}"),
        ("cap_add", "SYS_TIME"),
        ("tmpfs", "{a: b}"),
        ("ulimits", "[a]"),
        ("ulimits", "{nofile: many}"),
        ("devices", "/dev/a"),
        ("dns", "{a: b}"),
        ("labels", "text"),
        ("group_add", "video"),
        ("build", "[.]"),
        ("env_file", "{file: a}"),
        ("sysctls", "text"),
    ],
)
def test_a_key_of_compose_has_its_type(key: str, value: str) -> None:
    assert list_app_names(f"{key}: {value}") in (["wrong-type"], ["wrong-type"] * 2)


@pytest.mark.parametrize(
    ("value", "files"),
    [
        ("a.env", ("a.env",)),
        ("[a.env, b.env]", ("a.env", "b.env")),
        ("[{path: a.env, required: false}]", ({"path": "a.env", "required": False},)),
    ],
)
def test_an_env_file_is_taken(value: str, files: tuple[object, ...]) -> None:
    assert load_app(f"env_file: {value}").env_file == files


def test_names_in_env_files_are_known_and_their_values_are_not_kept() -> None:
    files: Files = {"a.env": "# no\nA=hush\nexport B = x\n\nC\nD: y\n"}

    app = load_app("env_file: a.env", files)

    assert app.env_file_names == {"A", "B", "C", "D"}
    assert "hush" not in repr(app)


@pytest.mark.parametrize(
    ("build", "options"),
    [
        ("./app", {"context": "./app"}),
        (
            "{dockerfile: Dockerfile.dev}",
            {"context": ".", "dockerfile": "Dockerfile.dev"},
        ),
        (
            "{context: a, target: b, args: {C: 012}}",
            {"context": "a", "target": "b", "args": {"C": "012"}},
        ),
        ("{context: a, args: [C=d]}", {"context": "a", "args": {"C": "d"}}),
        ("{context: a, no_cache: true}", {"context": "a", "no_cache": True}),
        ("https://example.com/a.git", {"context": "https://example.com/a.git"}),
    ],
)
def test_a_build_is_read(build: str, options: dict[str, object]) -> None:
    text = make_stack(app=f"build: {build}\nhealth: {{command: [a]}}\nport: 80")

    read = load_services(text)["app"].build

    assert read is not None
    assert read.options == options


STAGES = {"Dockerfile": "FROM python:3.13-slim AS base\nFROM base AS prod\n"}


@pytest.mark.parametrize("target", ["production", "2", "bas"])
def test_a_target_is_a_stage_of_the_dockerfile(target: str) -> None:
    keys = f"build: {{context: ., target: '{target}'}}\nport: 8000\nhealth: /\n"
    problem = find("unknown-target", make_stack(app=keys), STAGES)

    assert str(problem.location) == "stack.yaml:3:25"
    assert list_names(make_stack(app=keys), STAGES) == ["unknown-target"]


@pytest.mark.parametrize("target", ["base", "PROD", "1", "${TARGET:-prod}"])
def test_a_target_that_there_may_be_is_no_problem(target: str) -> None:
    keys = f"build: {{context: ., target: '{target}'}}\nhealth: {{command: [x]}}\n"

    assert list_names(make_stack(app=keys), STAGES) == []
    assert list_names(make_stack(app=keys), {"Dockerfile": "# nothing\n"}) == []


def test_a_dockerfile_tells_about_its_image() -> None:
    files: Files = {
        "app/Dockerfile": "FROM node:22-slim\nUSER node\nEXPOSE 80\nHEALTHCHECK CMD x\n"
    }
    text = make_stack(app="build: ./app\nport: 3000\nhealth: /")

    app = load_services(text, files)["app"]

    assert app.build is not None
    assert (app.build.base_image, app.build.user) == ("node:22-slim", "node")
    assert app.build.has_healthcheck
    assert app.build.exposed == ("80",)
    assert app.health is not None
    assert app.health.tools == ("node",)


# Null


@pytest.mark.parametrize(
    "keys",
    [
        *("environment: ", "publish: ", "tty: null", "command: ~", "volumes: "),
        *("labels: {a: }", "volumes: [null]", "command: [a, ~]", "secrets: [null]"),
        *("resources: {cpus: }", "local: {command: [a], env: {A: }}", "needs: [null]"),
        *("build: {context: }", "cap_add: [~]", "local: {command: }", "env_file: [~]"),
    ],
)
def test_null_is_an_error_where_it_removes_nothing(keys: str) -> None:
    assert set(list_app_names(keys)) == {"null-value"}


def test_a_quoted_null_is_a_text() -> None:
    assert load_app("environment: {A: 'null', B: '~'}").environment == {
        "A": "null",
        "B": "~",
    }


def test_null_removes_what_a_recipe_brought() -> None:
    services = load_services(
        make_stack(
            one="use: redis\nvolumes: \nport: \nhealth: {command: [a]}",
            two="use: redis\nhealth: \n",
        )
    )

    assert services["one"].volumes == ()
    assert services["one"].port is None
    assert services["two"].health is None


def test_null_is_passed_on_in_raw_settings() -> None:
    stack = load_only(
        make_app("compose: {x-a: , x-b: {c: null}}") + "compose: {x-d: }\nx-e: {f: ~}\n"
    )

    assert stack.services["app"].compose == {"x-a": None, "x-b": {"c": None}}
    assert stack.compose == {"x-d": None}
    assert stack.extensions == {"x-e": {"f": None}}


@pytest.mark.parametrize("name", ["a", "a/b", "-data", "dä", '""'])
def test_a_declared_volume_cannot_be_called(name: str) -> None:
    assert list_names(make_app() + f"volumes: {{{name}: {{}}}}\n") == ["bad-name"]


@pytest.mark.parametrize("options", ["local", "[local]", "true"])
def test_a_volume_has_options_or_none(options: str) -> None:
    text = make_app("volumes: [data:/data]") + f"volumes: {{data: {options}}}\n"

    assert list_names(text) == ["wrong-type"]


def test_null_is_no_options_of_a_volume() -> None:
    stack = load_only(make_app("volumes: [data:/data]") + "volumes: {data: }\n")

    assert stack.volumes == {"data": None}


@pytest.mark.parametrize("key", ["name", "services", "recipes"])
def test_null_is_an_error_at_the_top(key: str) -> None:
    text = f"{key}:\n" + ("" if key == "services" else make_app())

    assert list_places(text)[0][0] == "null-value"


# Relax


@pytest.mark.parametrize("name", RELAXABLE)
def test_one_protection_is_relaxed(name: str) -> None:
    assert load_app(f"relax: {{{name}: why}}").relax == {name: "why"}


def test_a_reason_alone_relaxes_all_four() -> None:
    assert load_app("relax: trying it out").relax == dict.fromkeys(
        ("read_only", "cap_drop", "no_new_privileges", "init"), "trying it out"
    )


def test_a_stack_is_relaxed_whole() -> None:
    text = "relax: {init: a}\n" + make_stack(
        one="use: nginx", two="use: nginx\nrelax: {init: b, cap_drop: c}"
    )

    services = load_only(text).services

    assert services["one"].relax == {"init": "a"}
    assert services["two"].relax == {"init": "b", "cap_drop": "c"}


@pytest.mark.parametrize(
    ("relax", "name"),
    [
        ("[init]", "wrong-type"),
        ("{user: why}", "unknown-key"),
        ("{init: [a]}", "wrong-type"),
        ('{init: "a\\nb"}', "not-one-line"),
    ],
)
def test_nothing_else_is_relaxed(relax: str, name: str) -> None:
    assert list_app_names(f"relax: {relax}") == [name]


@pytest.mark.parametrize(
    "relax", ["{read_only: }", "{read_only: ''}", "{read_only: ~}", "''"]
)
def test_relaxing_without_a_reason_is_a_warning(relax: str) -> None:
    assert set(list_app_names(f"relax: {relax}")) == {"no-reason"}


def test_a_dollar_in_a_reason_means_nothing() -> None:
    assert load_app("relax: {init: costs 5 $ a day}").relax == {
        "init": "costs 5 $ a day"
    }


# Local


def test_local_is_read() -> None:
    local = load_app(
        "local: {command: [python, -m, app], dir: ./app, port: 81, env: {A: b}}"
    ).local

    assert local is not None
    assert local.command == ("python", "-m", "app")
    assert (local.dir, local.port, local.env) == ("./app", 81, {"A": "b"})


def test_a_local_command_may_be_a_text() -> None:
    local = load_app("local: {command: python -m app}").local

    assert local is not None
    assert local.command == "python -m app"


@pytest.mark.parametrize(
    ("local", "name"),
    [
        ("{dir: a}", "local-command"),
        ("{}", "local-command"),
        ("python", "wrong-type"),
        ("{command: []}", "wrong-type"),
        ("{command: '', dir: a}", "wrong-type"),
        ("{command: [a], port: 0}", "bad-port"),
        ("{command: [a], cwd: b}", "unknown-key"),
    ],
)
def test_local_is_nothing_else(local: str, name: str) -> None:
    assert list_app_names(f"local: {local}") == [name]


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


@pytest.mark.parametrize(
    "keys",
    [
        *("depends_on: [a]", "healthcheck: {}", "ports: ['80:80']", "secrets: [a]"),
        *("network_mode: bridge", "network_mode: none", "network_mode: 'service:a'"),
        *("scale: 2", "deploy: {replicas: 2}", "extends: a", "profiles: [a]"),
        "deploy: {resources: {limits: {cpus: '1'}}}",
    ],
)
def test_what_is_computed_cannot_be_overruled(keys: str) -> None:
    problem = find("computed-key", make_app(f"compose:\n  {keys}\n"))

    assert problem.help
    assert problem.location.line == 7


@pytest.mark.parametrize(
    "keys",
    [
        *("restart: always", "container_name: web", "networks: [default]", "pid: host"),
        *(
            "network_mode: host",
            "deploy: {endpoint_mode: dnsrr}",
            "logging: {driver: none}",
        ),
        *("networks: {default: {ipv4_address: 10.0.0.2}}", "privileged: true"),
    ],
)
def test_other_raw_settings_are_taken(keys: str) -> None:
    assert list_app_names(f"compose:\n  {keys}\n") == []


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
        "health: {http: /a?b=c, port: 80}",
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
    "networks": ("networks: [front, back]", "compose: {networks: [front, back]}"),
    "restart": ("restart: always", "compose: {restart: always}"),
    "a container's name": ("container_name: web", "compose: {container_name: web}"),
    "the host's network": ("network_mode: host", "compose: {network_mode: host}"),
    "profiles": ("profiles: [debug]", "enabled: false"),
    "scale": ("scale: 3", "replicas: 3"),
    "memory": ("mem_limit: 512m", "resources: {memory: 512m}"),
    "processors": ("cpus: 0.5", "resources: {cpus: 0.5}"),
    "processes": ("pids_limit: 100", "resources: {pids: 100}"),
    "reserved memory": ("mem_reservation: 1g", "compose: {mem_reservation: 1g}"),
    "a writable file system": ("read_only: false", "relax: {read_only: why}"),
    "no capability": ("cap_drop: [ALL]", "relax: {cap_drop: why}"),
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
    lines, mend = TRANSLATIONS[what]
    problem = find("compose-key", make_stack(app=f"image: python:3.13\n{lines}"))

    assert problem.help == mend or problem.help.endswith("\n" + mend)
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

    # That replicas want no port, a check one, and a network to be declared at the
    # top level, is another matter.
    assert errors <= {"no-port", "replicas-port", "undeclared-network"}, errors


def test_version_is_left_out() -> None:
    assert find("compose-key", make_app("version: '3'")).help == "leave it out"


def test_a_network_mode_that_is_not_taken_is_not_translated_to_another() -> None:
    problem = find("compose-key", make_app("network_mode: bridge"))

    assert "network_mode: host" not in problem.help


def test_several_keys_of_compose_are_told_together() -> None:
    text = make_stack(
        web="image: nginx:1.29\nrestart: always\nports: ['80:80']\ndepends_on: [db]"
    )

    names = [place for place in list_places(text) if place[0] == "compose-key"]

    assert names == [("compose-key", line, 5) for line in (4, 5, 6)]


# Precedence: recipe, own keys, wires, raw settings


RECIPE: Files = {
    "recipes/base.yaml": """\
about: a base
images: [python]
image: python:3.13-slim
port: 8000
health: {http: /health, boot: 2m, interval: 7s}
volumes: [data:/data]
environment: {A: recipe, B: recipe}
labels: {a: recipe, b: recipe}
local: {command: [recipe], dir: ./recipe, env: {A: recipe, B: recipe}}
tools: [python]
"""
}


def load_base(keys: str = "") -> tuple[str, Files]:
    own = indent(dedent(keys), "    ")
    return f"recipes: ./recipes\nservices:\n  app:\n    use: base\n{own}", RECIPE


def test_a_recipe_brings_what_it_says() -> None:
    app = load_services(*load_base())["app"]

    assert (app.recipe, app.image, app.port) == ("base", "python:3.13-slim", 8000)
    assert app.environment == {"A": "recipe", "B": "recipe"}
    assert app.volumes == (Mount(source="app-data", target="/data"),)


def test_a_build_takes_the_place_of_the_recipe_s_image() -> None:
    text, _ = load_base("build: .\n")
    files = {**RECIPE, "Dockerfile": "FROM python:3.13-slim\n"}
    app = load_services(text, files)["app"]

    assert app.image == ""
    assert app.build is not None


@pytest.mark.parametrize("tmpfs", ["cache", "[/run, cache]", "7", "./x"])
def test_tmpfs_is_a_folder_of_the_container(tmpfs: str) -> None:
    assert list_app_names(f"tmpfs: {tmpfs}") == ["bad-volume"]


def test_tmpfs_merges_by_path() -> None:
    text = make_app("tmpfs: ['/tmp:size=64m', /run]")

    assert render_service(text)["tmpfs"] == ["/tmp:size=64m", "/run"]


def test_secrets_under_a_merge_key_are_replaced_whole() -> None:
    text = "x-a: &a {secrets: {one: ONE_FILE}}\n" + make_app(
        "<<: *a\nsecrets: {two: TWO_FILE}"
    )

    names = [use.name for use in load_only(text).services["app"].secrets]

    assert names == ["two"]  # a merge key of YAML replaces; only recipes merge


def test_a_wire_comes_after_one_s_own_variables() -> None:
    text = make_app("environment: {A: own}\nneeds: {cache: REDIS_URL}")
    step = load_step(text + "  cache: {use: redis}\n")

    assert step.environment == {"A": "own", "REDIS_URL": "redis://cache:6379/0"}


def test_otherwise_may_override_environment() -> None:
    text = make_app(
        "environment: {STORE: redis}\n"
        "needs: {cache: {env: {U: '{url}'}, otherwise: {env: {STORE: memory}}}}"
    )
    text += "  cache: {use: redis}\n"

    assert load_step(text).environment == {
        "STORE": "redis",
        "U": "redis://cache:6379/0",
    }
    assert load_step(text, without=("cache",)).environment == {"STORE": "memory"}


def test_otherwise_may_change_the_number_of_replicas() -> None:
    text = make_app("replicas: 3\nneeds: {cache: {otherwise: {replicas: 1}}}")
    text += "  cache: {use: redis}\n"

    assert load_step(text).replicas == 3
    assert load_step(text, without=("cache",)).replicas == 1


def test_raw_settings_come_last() -> None:
    text = make_app(
        "environment: {A: own, B: own}\nneeds: {cache: REDIS_URL}\n"
        "compose: {environment: {B: raw, REDIS_URL: raw}, cap_add: [NET_RAW], "
        "command: [raw]}\ncommand: [own]\n"
    )
    service = render_service(text + "  cache: {use: redis}\n")

    assert service["environment"] == {"A": "own", "B": "raw", "REDIS_URL": "raw"}
    assert service["cap_add"] == ["NET_RAW"]
    assert service["command"] == ["raw"]


def test_checks_look_at_the_result() -> None:
    text, files = load_base("image: bitnami/python:3\n")

    assert list_names(text, files) == ["foreign-image"]


# Recipes


def test_a_recipe_of_one_s_own_comes_before_the_shipped() -> None:
    files = {
        "mine/redis.yaml": "about: a\nimages: [redis]\nimage: redis:7-alpine\n"
        "health: {command: [a]}\n"
    }
    text = "recipes: ./mine\nservices: {cache: {use: redis}}\n"

    assert load_services(text, files)["cache"].image == "redis:7-alpine"


def test_a_recipe_that_is_not_there_has_a_near_name() -> None:
    problem = find("unknown-recipe", "services: {a: {use: postgress}}")

    assert problem.help == "did you mean `postgres`?"


def test_a_recipe_that_looks_like_nothing_lists_those_there_are() -> None:
    problem = find("unknown-recipe", "services: {a: {use: zzzzz}}")

    assert "redis" in problem.help


def test_a_problem_in_a_recipe_is_shown_in_its_own_file() -> None:
    files = {"mine/a.yaml": "about: a\nimages: [a]\nimage: a:1\nhelth: /\n"}
    problem = find("unknown-key", "recipes: ./mine\nservices: {a: {use: a}}\n", files)

    assert str(problem.location) == "./mine/a.yaml:4:1"
    assert problem.help == "did you mean `health`?"


@pytest.mark.parametrize(
    "line",
    [
        "images: a",
        "store: yes",
        "start_interval: 5",
        "volumes: [data]",
        "variants: {tag: a}",
        "variants: [{image: a:1}]",
        "logins: [{users: [A]}]",
        "port: 0",
        "health: nothing",
        'why: "a\\nb"',
    ],
)
def test_a_recipe_of_one_s_own_is_checked(line: str) -> None:
    files = {"mine/a.yaml": f"about: a\nimage: a:1\n{line}\n"}
    problems = check("recipes: ./mine\nservices: {a: {use: a}}\n", files)

    assert problems[0].location.file == "./mine/a.yaml"
    assert problems[0].location.line == 3


def test_a_recipe_may_be_made_for_a_family_of_images() -> None:
    files = {"mine/a.yaml": "about: a\nimages: [acme/*]\nhealth: {command: [a]}\n"}
    text = "recipes: ./mine\nservices: {{a: {{use: a, image: '{}'}}}}\n"

    assert list_names(text.format("acme/shop:1"), files) == []
    assert list_names(text.format("example.com/acme/shop:1"), files) == []
    assert list_names(text.format("acmeshop:1"), files) == ["foreign-image"]
    assert list_names(text.format("b/acme/shop:1"), files) == ["foreign-image"]


def test_a_variant_of_a_recipe_is_chosen_by_the_tag() -> None:
    files = {
        "mine/a.yaml": "about: a\nimages: [a]\nimage: a:2\nport: 1\n"
        "health: {command: [ask]}\nvariants: [{tag: '1*', port: 2}]\n"
    }
    text = "recipes: ./mine\nservices: {{a: {{use: a, image: '{}'}}}}\n"

    ports = [
        load_services(text.format(image), files)["a"].port
        for image in ("a:1", "a:1.5", "a:2", "a:${TAG:-1.2}")
    ]

    assert ports == [2, 2, 1, 2]


def test_recipes_are_a_folder() -> None:
    text = "recipes: ./mine\nservices: {a: {use: nginx}}\n"

    assert list_names(text) == ["missing-file"]
    assert list_names(text, {"mine": "a file"}) == ["missing-file"]


def test_own_recipes_are_found_beside_other_problems(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {"stack.yaml": "recipes: ./r\nservices: {A: {}}\n", "r/a.yaml": "about: a\n"},
    )

    assert find_own_recipes(tmp_path / "stack.yaml") == {"a": tmp_path / "r" / "a.yaml"}


# What is hostile


LONG = "a" * 5000
NINES = "9" * 5000


@pytest.mark.parametrize(
    "keys",
    [
        f"build: {LONG}",
        f"build: {{context: ., dockerfile: {LONG}}}",
        f"env_file: {LONG}",
        f"volumes: ['./{LONG}:/a:ro']",
        "build: '//'",
        'build: "a\\nb"',
    ],
)
def test_a_path_that_cannot_be_is_like_one_that_is_not_there(keys: str) -> None:
    text = make_stack(app=f"image: python:3.13-slim\nhealth: image\n{keys}")

    assert list_names(text) == []


@pytest.mark.parametrize("folder", [LONG, '"a\\nb"', "/dev/null"])
def test_a_folder_of_recipes_that_cannot_be_is_not_there(folder: str) -> None:
    assert list_names(f"recipes: {folder}\n" + make_app()) == ["missing-file"]


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        (f"shm_size: {NINES}", "bad-size"),
        (f"resources: {{memory: {NINES}g}}", "bad-size"),
        (f"resources: {{cpus: {NINES}}}", "wrong-type"),
        (f"replicas: {NINES}", "wrong-type"),
        (f"stop_grace_period: {NINES}s", "bad-duration"),
        (f"publish: {NINES}", "bad-port"),
        (f"publish: '{NINES}-1'", "bad-port"),
        (f"publish: '${{A:-{NINES}}}'", "bad-port"),
        (f"ulimits: {{nofile: {NINES}}}", "wrong-type"),
        (f"secrets: [{LONG}]", "bad-name"),
    ],
)
def test_a_number_of_five_thousand_digits_is_refused_in_words(
    keys: str, name: str
) -> None:
    problem = find(name, make_app(keys))

    assert "limit (4300 digits)" not in problem.help
    assert len(problem.message) < 200


def test_thousands_of_nested_variables_are_refused_at_once() -> None:
    value = "${A:-" * 5000 + "}" * 5000
    begin = time.process_time()

    assert list_app_names(f'environment: {{A: "{value}"}}') == ["bad-variable"]
    assert list_app_names(f'publish: "{value}"') == ["bad-variable"]
    assert time.process_time() - begin < 2


def test_a_few_nested_variables_are_fine() -> None:
    value = "${A:-" * 10 + "}" * 10

    assert load_app(f'environment: {{A: "{value}"}}').environment == {"A": value}


def test_thousands_of_broken_services_are_told_soon() -> None:
    lines = [f"  a{number}: {{use: nginx, x: 1}}\n" for number in range(4000)]
    begin = time.process_time()

    names = list_names("services:\n" + "".join(lines))

    assert time.process_time() - begin < 2.5
    assert names == ["unknown-key"] * 4000


def test_thousands_of_keys_without_a_value_are_read_soon() -> None:
    keys = ", ".join(f"k{number}" for number in range(20_000))
    begin = time.process_time()

    assert list_names(f"x-a: {{{keys}}}\n{make_app()}") == []
    assert time.process_time() - begin < 2.5


# What follows from another problem


@pytest.mark.parametrize(
    ("service", "name"),
    [
        ("", "null-value"),
        ("nginx", "wrong-type"),
        ("[nginx]", "wrong-type"),
        ("{imagee: 'python:3.13', port: 80, health: /}", "unknown-key"),
        ("{image: , port: 80, health: /}", "null-value"),
        ("{image: [a], port: 80, health: /}", "wrong-type"),
        ("{use: zzzz, needs: [b], publish: true}", "unknown-recipe"),
    ],
)
def test_what_follows_from_a_problem_is_not_told_besides(
    service: str, name: str
) -> None:
    text = f"services:\n  a: {service}\n  b: {{use: nginx}}\n"

    assert list_names(text) == [name]
