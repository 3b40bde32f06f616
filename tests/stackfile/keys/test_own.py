"""The keys publish, resources, secrets, relax, local and compose."""

from __future__ import annotations

import pytest

from composegen.model import RELAXABLE, Resources, SecretUse
from composegen.ports import Port
from tests.stackfile.loading import list_app_names, place_of
from tests.stacks import (
    check,
    find,
    list_names,
    list_places,
    load_app,
    load_only,
    load_services,
    make_app,
    make_stack,
)

# Names


@pytest.mark.parametrize("name", ["a", "API_KEY", "db-password", "0a"])
def test_a_secret_has_a_name(name: str) -> None:
    assert load_app(f"secrets: [{name}]").secrets[0].name == name


@pytest.mark.parametrize("name", ["-a", "_a", "a.b", "a b", "ä", "a/b", '""'])
def test_a_secret_cannot_be_called(name: str) -> None:
    assert list_app_names(f"secrets: [{name}]") == ["bad-name"]
    assert "bad-name" in list_names(
        make_app() + f"secrets: {{{name}: {{generate: true}}}}\n"
    )


# Types


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
    limits = load_app("resources: {pids: 100}").resources
    assert limits == Resources(pids=100, written=frozenset({"pids"}))


@pytest.mark.parametrize("limit", ["cpus: 0", "memory: 0", "pids: 0", "pids: -1"])
def test_a_limit_of_none_is_reported_with_the_right_word(limit: str) -> None:
    (problem,) = check(make_app(f"resources: {{{limit}}}"))
    assert "`none` sets no limit" in problem.help


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        ("none", ("", "", 0)),
        ("{cpus: none}", ("", "2G", 512)),
        ("{memory: none}", ("2", "", 512)),
        ("{pids: none, cpus: 1}", ("1", "2G", 0)),
    ],
)
def test_none_is_no_limit(value: str, limits: tuple[str, str, int]) -> None:
    found = load_app(f"resources: {value}").resources
    assert (found.cpus, found.memory, found.pids) == limits


# Publish


@pytest.mark.parametrize(
    ("publish", "ports"),
    [
        ("true", [Port(published="8000", target="8000")]),
        ("8080", [Port(published="8080", target="8000")]),
        ('"0.0.0.0:8080"', [Port(address="0.0.0.0", published="8080", target="8000")]),
        ("9200:9201", [Port(published="9200", target="9201")]),
        ("0", [Port(published="", target="8000")]),
        ("0:3000", [Port(published="", target="3000")]),
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


def test_a_port_that_is_published_twice_in_one_service_is_one() -> None:
    assert len(load_app("publish: ['0:3000', '127.0.0.1:0:3000']").publish) == 1
    assert load_app("publish: [80, '80', 81:80]").publish == (
        Port(published="80", target="8000"),
        Port(published="81", target="80"),
    )


def test_a_variable_alone_is_the_same_port_on_both_sides() -> None:
    [port] = load_services(
        make_stack(app="image: a:1\nhealth: {none: why}\npublish: ['${P}']")
    )["app"].publish

    assert (port.published, port.target) == ("${P}", "${P}")


def test_a_variable_target_is_the_port_that_a_probe_asks() -> None:
    app = load_services(
        make_stack(
            app="image: a:1\nhealth: {http: /, tool: curl}\n"
            "publish: ['8080:${INSIDE:-9000}']"
        )
    )["app"]

    assert (app.port, app.written_port) == (9000, "${INSIDE:-9000}")
    assert app.health is not None
    assert (app.health.port, app.health.written_port) == (9000, "${INSIDE:-9000}")


def test_a_variable_target_without_a_default_cannot_be_asked() -> None:
    problem = find(
        "variable-without-default",
        make_stack(
            web="image: a:1\nhealth: {http: /, tool: curl}\npublish: ['8080:${INSIDE}']"
        ),
    )

    assert "${INSIDE:-8080}" in problem.help


@pytest.mark.parametrize(
    "publish",
    [
        *("65536", "http", "80:http", "80:80/icmp", "1:2:3:4", '"999.0.0.1:80"'),
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
        *("22:2222222", "80:${P:-http}", "'[::1]80'", "'::1:80:80'", "1e3", "0x50"),
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
        ("{tls-key: none}", [SecretUse(name="tls-key", variables=())]),
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


@pytest.mark.parametrize("name", RELAXABLE)
def test_what_the_top_level_relaxes_is_kept_in_one_service(name: str) -> None:
    text = "relax: a first try\n" + make_stack(
        one=f"use: nginx\nrelax: {{{name}: false}}", two="use: nginx\nrelax: false"
    )
    services = load_only(text).services

    assert services["one"].relax == dict.fromkeys({*RELAXABLE} - {name}, "a first try")
    assert services["one"].kept == {name}
    assert services["two"].relax == {}
    assert services["two"].kept == {*RELAXABLE}


def test_the_top_level_relaxes_with_a_reason_only() -> None:
    text = "relax: {init: false}\n" + make_app()

    assert list_names(text) == ["wrong-type"]


@pytest.mark.parametrize("name", ["read_only", "init"])
def test_a_raw_protection_is_kept_like_any_other(name: str) -> None:
    assert load_app(f"compose: {{{name}: true}}").kept == {name}
    assert load_app(f"compose: {{{name}: false}}").kept == frozenset()


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


# Groups


@pytest.mark.parametrize(
    ("keys", "groups", "enabled"),
    [
        ("group: watch", ("watch",), False),
        ("group: [watch, tools, watch]", ("watch", "tools"), False),
        ("group: watch\nenabled: true", ("watch",), True),
        ("enabled: false", (), False),
        ("group: []", (), True),
    ],
)
def test_a_service_of_a_group_is_excluded_unless_it_is_enabled(
    keys: str, groups: tuple[str, ...], enabled: bool
) -> None:
    app = load_app(keys)

    assert (app.groups, app.enabled) == (groups, enabled)
    assert app.is_root == ("enabled: true" in keys)


@pytest.mark.parametrize(
    ("group", "name"),
    [("'@watch'", "bad-name"), ("[a b]", "bad-name"), ("{a: b}", "wrong-type")],
)
def test_a_group_takes_nothing_else(group: str, name: str) -> None:
    assert list_app_names(f"group: {group}") == [name]
