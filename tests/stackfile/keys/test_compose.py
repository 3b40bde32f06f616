"""Keys of a service that are Compose's own."""

from __future__ import annotations

import pytest

from composegen.images.reference import parse_image
from tests.stackfile.loading import list_app_names
from tests.stacks import (
    check,
    find,
    list_names,
    load,
    load_app,
    load_services,
    make_app,
    make_stack,
)

# Types


@pytest.mark.parametrize(("value", "count"), [("1", 1), ("2", 2), ("1000", 1000)])
def test_replicas_are_counted(value: str, count: int) -> None:
    assert load_app(f"replicas: {value}").replicas == count


@pytest.mark.parametrize(
    "value",
    ["0", "-1", "1001", "1.5", "two", "1e3", "012", "1_0", "0x2", "+2", '""', "٣"],
)
def test_replicas_are_a_whole_number(value: str) -> None:
    assert list_app_names(f"replicas: {value}") == ["wrong-type"]


SWITCHES = {
    "networks": ("internal", "attachable", "enable_ipv6", "external"),
    "volumes": ("external",),
}


@pytest.mark.parametrize(
    ("key", "option"), [(key, each) for key in SWITCHES for each in SWITCHES[key]]
)
def test_a_switch_among_passed_options_is_true_or_false(key: str, option: str) -> None:
    text = make_app("") + f"{key}: {{back: {{{option}: VALUE}}}}\n"

    problem = find("wrong-type", text.replace("VALUE", "yes"))
    assert (problem.message, problem.help) == (
        "`yes` is not true or false",
        "write `true`",
    )
    for written, value in (("TRUE", True), ("'false'", False), ("'${X}'", "${X}")):
        stack = load(text.replace("VALUE", written)).stack
        assert getattr(stack, key)["back"] == {option: value}


@pytest.mark.parametrize(
    "lines",
    [
        "volumes: [{type: bind, source: ., target: /x, read_only: VALUE}]",
        "volumes: [{source: ., target: /x, bind: {create_host_path: VALUE}}]",
        "volumes: [{source: dd, target: /x, volume: {nocopy: VALUE}}]",
        "build: {context: ., no_cache: VALUE}",
        "build: {context: ., pull: VALUE}",
        "env_file: [{path: ./x, required: VALUE}]",
    ],
)
def test_a_switch_in_a_long_form_is_true_or_false(lines: str) -> None:
    files = {"x": "A=1", "Dockerfile": "FROM python:3.13-slim"}
    off = make_app(lines.replace("VALUE", "off"))

    problem = find("wrong-type", off, files)
    assert (problem.message, problem.help) == (
        "`off` is not true or false",
        "write `false`",
    )
    written = make_app(lines.replace("VALUE", "False"))
    assert list_names(written, files) == list_names(
        make_app(lines.replace("VALUE", "false")), files
    )


def test_an_env_file_that_is_not_required_may_be_missing() -> None:
    assert list_app_names("env_file: [{path: ./x, required: False}]") == []


def test_what_an_option_of_a_driver_holds_is_text() -> None:
    text = make_app("") + "networks: {back: {driver_opts: {internal: yes}}}\n"

    assert load(text).stack.networks["back"] == {"driver_opts": {"internal": "yes"}}


# Variables


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


@pytest.mark.parametrize(
    "image", ["${IMAGE:-redis:8}", "${IMG:-redis}:${TAG:-8}", "${REGISTRY}redis:8"]
)
def test_a_variable_in_the_name_of_an_image_counts_as_its_default(image: str) -> None:
    app = load_services(make_stack(app=f"image: {image}\nhealth: {{command: [a]}}"))[
        "app"
    ]

    assert app.image == image
    assert app.facts is not None
    assert app.facts.name == "redis"


@pytest.mark.parametrize("image", ["${IMAGE}", "${A}:8", "${IMAGE?name an image}"])
def test_an_image_that_only_a_variable_names_is_unknown(image: str) -> None:
    text = make_stack(app=f'image: "{image}"\nhealth: {{command: [a]}}')

    assert [problem.name for problem in check(text)] == ["unknown-image"]
    assert list_names(make_stack(app=f'use: nginx\nimage: "{image}"')) == []


@pytest.mark.parametrize("image", ['"a b"', '""', '" "'])
def test_an_image_has_no_blanks(image: str) -> None:
    assert list_names(make_stack(app=f"image: {image}\nhealth: {{command: [a]}}")) == [
        "bad-name"
    ]


# Keys of Compose that are taken as they are


@pytest.mark.parametrize(
    ("environment", "values"),
    [
        ("{A: b, C: 012}", {"A": "b", "C": "012"}),
        ("[A=b, C=d=e, F=]", {"A": "b", "C": "d=e", "F": ""}),
        ("[API_KEY, MODE=fast]", {"API_KEY": None, "MODE": "fast"}),
        ("['${PREFIX}_KEY']", {"${PREFIX}_KEY": None}),
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
        ("[A-b c]", "bad-name", ""),
        ("[A, A=c]", "duplicate-key", ""),
        ("{A: }", "null-value", "environment: [A, ..]"),
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


@pytest.mark.parametrize(
    ("image", "tag", "path"),
    [
        ("a/b:${V?VERSION must be set}", "", "a/b"),
        ("a/b:${V:-${W:?a: b/c@d}}", "", "a/b"),
        ("${R?a/b: c}/a/b:1", "1", "a/b"),
        ("${R:-ghcr.io}/a/b:1", "1", "a/b"),
        ("${I:-ghcr.io/a/b:1}", "1", "a/b"),
        ("a/b:1@${D?sha/x: y}", "1", "a/b"),
    ],
)
def test_the_message_of_a_variable_is_no_part_of_an_image(
    image: str, tag: str, path: str
) -> None:
    loaded = load_services(make_stack(app=f'image: "{image}"\nhealth: image'))["app"]
    reference = parse_image(loaded.image)

    assert (loaded.image, reference.path, reference.tag) == (image, path, tag)


@pytest.mark.parametrize("image", ["a b", "a b:${V}", "a:${V} b"])
def test_a_blank_outside_of_a_variable_is_in_no_image(image: str) -> None:
    assert "bad-name" in list_names(make_stack(app=f'image: "{image}"\nhealth: image'))


_SLIM = {"Dockerfile": "FROM python:3.13-slim\n"}


def test_a_build_argument_is_passed_on_too() -> None:
    build = load_app("build: {context: ., args: [VERSION, MODE=fast]}", _SLIM).build

    assert build is not None
    assert build.options["args"] == {"VERSION": None, "MODE": "fast"}


# Restart


@pytest.mark.parametrize(
    "restart",
    [
        *("no", "always", "on-failure", "on-failure:5", "unless-stopped"),
        *("${RESTART}", "${RESTART:-always}"),
    ],
)
def test_restart_takes_the_policies_of_compose(restart: str) -> None:
    assert load_app(f"restart: {restart}").restart == restart


@pytest.mark.parametrize(
    "restart",
    ["allways", "on-failure:", "on-failure:x", "always:3", "${R:-sometimes}", "[no]"],
)
def test_restart_takes_nothing_else(restart: str) -> None:
    assert list_names(make_app(f"restart: '{restart}'")) == ["wrong-type"]


def test_a_policy_that_is_nearly_one_is_suggested() -> None:
    assert find("wrong-type", make_app("restart: allways")).help == (
        "did you mean `always`?"
    )
