"""Every relative path of a stack is right from another folder too."""

from __future__ import annotations

from typing import Any

import pytest

from composegen.targets.compose.paths import Mover
from tests.rendering import read, read_app, read_services, render
from tests.stacks import APP, make_stack

FILES = {"a.env": "", "conf/b.env": ""}


def moved_app(keys: str, prefix: str = "..") -> dict[str, Any]:
    return read_app(keys, prefix=prefix, files=FILES)


# One path


@pytest.mark.parametrize(
    ("prefix", "path", "moved"),
    [
        ("..", "./data", "../data"),
        ("..", "data", "../data"),
        ("..", ".", ".."),
        ("..", "../up", "../../up"),
        ("../..", "./a/b", "../../a/b"),
        ("stacks/shop", "./data", "./stacks/shop/data"),
        ("stacks/shop", "../data", "./stacks/data"),
        ("stacks", "../data", "./data"),
        ("..", "./a/../b", "../b"),
        (".", "./a/../b", "./a/../b"),
    ],
)
def test_a_relative_path_is_seen_from_the_other_folder(
    prefix: str, path: str, moved: str
) -> None:
    assert Mover(prefix).move(path) == moved


@pytest.mark.parametrize("path", ["/abs", "~/home", "~", "${DIR}/x", "$DIR"])
def test_a_path_that_is_not_relative_stays(path: str) -> None:
    assert Mover("..").move(path) == path


def test_without_a_prefix_every_path_stays_as_it_was_written() -> None:
    text = "./x/./y"

    assert Mover(".").move(text) == text
    assert Mover(".").stays
    assert not Mover("..").stays


# Builds


@pytest.mark.parametrize(
    ("context", "moved"),
    [
        (".", ".."),
        ("./app", "../app"),
        ("/abs", "/abs"),
        ("${DIR}", "${DIR}"),
        ("https://example.com/a.git", "https://example.com/a.git"),
        ("https://example.com/a.git#main:sub", "https://example.com/a.git#main:sub"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ("ssh://git@example.com/a", "ssh://git@example.com/a"),
        ("git://example.com/a", "git://example.com/a"),
        ("github.com/owner/name", "github.com/owner/name"),
    ],
)
def test_a_build_context_moves_unless_it_is_remote(context: str, moved: str) -> None:
    stack = make_stack(app=f"build: '{context}'\nhealth: image\n")

    assert read_services(stack, prefix="..")["app"]["build"] == moved


def test_a_dockerfile_stays_within_its_context() -> None:
    stack = make_stack(
        app="build: {context: ./app, dockerfile: docker/Dockerfile}\nhealth: image\n"
    )

    assert read_services(stack, prefix="..")["app"]["build"] == {
        "context": "../app",
        "dockerfile": "docker/Dockerfile",
    }


@pytest.mark.parametrize(
    ("context", "moved"),
    [
        ("./lib", "../lib"),
        ("docker-image://alpine:3", "docker-image://alpine:3"),
        ("oci-layout://./x", "oci-layout://./x"),
        ("https://example.com/a.git", "https://example.com/a.git"),
        ("service:base", "service:base"),
    ],
)
@pytest.mark.parametrize("form", ["{{lib: '{}'}}", "['lib={}']"])
def test_additional_contexts_move_unless_they_are_no_folders(
    context: str, moved: str, form: str
) -> None:
    contexts = form.format(context)
    stack = make_stack(
        app=f"build: {{context: ., additional_contexts: {contexts}}}\nhealth: image\n"
    )

    build = read_services(stack, prefix="..")["app"]["build"]

    assert build["additional_contexts"] in ({"lib": moved}, [f"lib={moved}"])


@pytest.mark.parametrize(
    ("ssh", "moved"),
    [("default", "default"), ("mine=./key", "mine=../key"), ("a=/abs", "a=/abs")],
)
def test_the_keys_of_a_build_move(ssh: str, moved: str) -> None:
    stack = make_stack(app=f"build: {{context: ., ssh: ['{ssh}']}}\nhealth: image\n")

    assert read_services(stack, prefix="..")["app"]["build"]["ssh"] == [moved]


# Volumes


@pytest.mark.parametrize(
    ("volume", "moved"),
    [
        ("./data:/data", "../data"),
        ("../up:/data", "../../up"),
        (".:/data", ".."),
        ("/abs:/data", "/abs"),
        ("~/x:/data", "~/x"),
    ],
)
def test_a_bind_mount_moves(volume: str, moved: str) -> None:
    [mount] = moved_app(f"volumes: ['{volume}']\n")["volumes"]

    assert mount == {"type": "bind", "source": moved, "target": "/data"}


@pytest.mark.parametrize(
    "volume", ["data:/data", "${DIR:-./x}:/data", "/anonymous", "data:/data:ro"]
)
def test_a_volume_stays(volume: str) -> None:
    assert moved_app(f"volumes: ['{volume}']\n")["volumes"] == [volume]


def test_a_path_of_windows_is_no_volume() -> None:
    stack = make_stack(app=f"{APP}volumes: ['C:\\data:/data']\n")

    data = read(stack, prefix="..")

    assert data["services"]["app"]["volumes"] == ["C:\\data:/data"]
    assert "volumes" not in data


def test_a_bind_mount_in_the_long_form_moves() -> None:
    mount = "{type: bind, source: ./x, target: /x, bind: {create_host_path: false}}"

    assert moved_app(f"volumes: [{mount}]\n")["volumes"] == [
        {
            "type": "bind",
            "source": "../x",
            "target": "/x",
            "bind": {"create_host_path": False},
        }
    ]


def test_a_named_volume_in_the_long_form_stays() -> None:
    mount = {"type": "volume", "source": "data", "target": "/x"}

    app = moved_app("volumes: [{type: volume, source: data, target: /x}]\n")

    assert app["volumes"] == [mount]


def test_options_of_a_named_volume_stay_as_compose_leaves_them() -> None:
    stack = make_stack(app=f"{APP}volumes: [data:/data]\n") + (
        "volumes: {data: {driver_opts: {type: none, o: bind, device: ./data}}}\n"
    )

    assert read(stack, prefix="..")["volumes"]["data"]["driver_opts"]["device"] == (
        "./data"
    )


# Everything else that names a path


def test_env_files_move() -> None:
    app = moved_app("env_file: [a.env, {path: ./conf/b.env, required: false}]\n")

    assert app["env_file"] == [
        "../a.env",
        {"path": "../conf/b.env", "required": False},
    ]


def test_secret_files_move() -> None:
    stack = make_stack(app=f"{APP}secrets: [a, b]\n") + (
        "secrets: {b: {file: ./tls/b.pem}}\n"
    )

    assert read(stack, prefix="..")["secrets"] == {
        "a": {"file": "../.secrets/a"},
        "b": {"file": "../tls/b.pem"},
    }


def test_the_header_moves() -> None:
    text = render(make_stack(app=f"{APP}secrets: [a]\n"), prefix="../stacks")

    assert text.startswith("# Made by composegen from ../stacks/stack.yaml. ")
    assert "#   mkdir -p -m 700 ../stacks/.secrets\n" in text
    assert " > ../stacks/.secrets/a\n" in text


def test_the_rules_of_develop_move() -> None:
    app = moved_app(
        "develop: {watch: [{action: sync, path: ./src, target: /src}, "
        "{action: rebuild, path: package.json}]}\n"
    )

    assert [rule["path"] for rule in app["develop"]["watch"]] == [
        "../src",
        "../package.json",
    ]
    assert app["develop"]["watch"][0]["target"] == "/src"


@pytest.mark.parametrize(
    ("raw", "moved"),
    [
        (
            "volumes: ['./x:/x', 'named:/y']",
            [{"type": "bind", "source": "../x", "target": "/x"}, "named:/y"],
        ),
        (
            "volumes: [{type: bind, source: ./x, target: /x}]",
            [{"type": "bind", "source": "../x", "target": "/x"}],
        ),
        ("env_file: a.env", ["../a.env"]),
        ("env_file: [{path: a.env}]", [{"path": "../a.env"}]),
        ("label_file: ./labels", ["../labels"]),
        ("label_file: [./a, ./b]", ["../a", "../b"]),
    ],
)
def test_raw_settings_of_a_service_move(raw: str, moved: object) -> None:
    key = raw.partition(":")[0]

    found = moved_app(f"compose: {{{raw}}}\n")[key]

    assert found in (moved, moved[0] if isinstance(moved, list) else moved)


def test_a_raw_build_moves() -> None:
    stack = make_stack(
        app="build: ./app\nhealth: image\n"
        "compose: {build: {additional_contexts: {lib: ./lib}}}\n"
    )

    build = read_services(stack, prefix="..")["app"]["build"]

    assert build["additional_contexts"] == {"lib": "../lib"}
    assert build["context"] == "../app"


@pytest.mark.parametrize(
    ("raw", "key", "moved"),
    [
        ("configs: {c: {file: ./c.txt}}", "configs", {"c": {"file": "../c.txt"}}),
        ("configs: {c: {content: ./x}}", "configs", {"c": {"content": "./x"}}),
        ("include: [./other.yaml]", "include", ["../other.yaml"]),
        ("include: [{path: ./o.yaml}]", "include", [{"path": "../o.yaml"}]),
        (
            "include: [{path: [./o.yaml, ./p.yaml]}]",
            "include",
            [{"path": ["../o.yaml", "../p.yaml"]}],
        ),
        (
            "include: [{path: ./o.yaml, project_directory: ./d, env_file: ./e}]",
            "include",
            [{"path": "../o.yaml", "project_directory": "../d", "env_file": "../e"}],
        ),
    ],
)
def test_raw_settings_of_the_top_level_move(raw: str, key: str, moved: object) -> None:
    stack = make_stack(app=APP) + f"compose: {{{raw}}}\n"

    assert read(stack, prefix="..")[key] == moved


def test_what_names_no_path_stays() -> None:
    keys = "command: [./run, ../x]\nworking_dir: ./app\nlabels: {a: ./b}\n"

    app = moved_app(f"{keys}environment: {{A: ./b}}\ntmpfs: [/x]\n")

    assert app["command"] == ["./run", "../x"]
    assert app["working_dir"] == "./app"
    assert (app["labels"], app["environment"]) == ({"a": "./b"}, {"A": "./b"})
