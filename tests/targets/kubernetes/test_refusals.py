"""What no cluster takes is reported at once, with its line, and nothing is rendered."""

from __future__ import annotations

import pytest

from composegen.targets.files import Cluster
from tests.clusters import (
    APP,
    USER,
    list_refusals,
    name_stack,
    read_app,
    read_app_pod,
    read_objects,
    refuse,
)


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ("compose: {mem_swappiness: 0}", "not-on-cluster"),
        ("compose: {logging: {driver: json-file}}", "not-on-cluster"),
        ("devices: [/dev/dri]", "not-on-cluster"),
        ("gpus: all", "not-on-cluster"),
        ("network_mode: host", "not-on-cluster"),
        ('sysctls: {kernel.msgmax: "1"}', "pod-security"),
    ],
)
def test_a_key_that_a_pod_cannot_have_is_refused_at_its_line(
    keys: str, name: str
) -> None:
    assert list_refusals(name_stack(app=f"{APP}{keys}\n")) == [(name, 8)]


def test_the_network_of_another_service_is_refused() -> None:
    stack = name_stack(
        app=APP, other=f"image: python:3.13-slim\n{USER}network_mode: service:app\n"
    )
    (problem,) = refuse(stack)

    assert problem.name == "not-on-cluster"
    assert "uses the network of `app`" in problem.message


def test_raw_settings_of_the_whole_file_are_refused() -> None:
    stack = name_stack(app=APP) + "compose: {configs: {a: {file: ./a}}}\n"

    assert list_refusals(stack) == [("not-on-cluster", 8)]


def test_some_raw_settings_are_taken() -> None:
    keys = "compose: {restart: always, container_name: web, logging: null}\n"

    assert read_app(keys)["name"] == "app"


def test_safe_sysctls_are_settings_of_the_pod() -> None:
    pod = read_app_pod('sysctls: {net.ipv4.ip_unprivileged_port_start: "0"}\n')

    assert pod["securityContext"]["sysctls"] == [
        {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
    ]
    privileged = Cluster(pod_security="privileged")
    pod = read_app_pod('sysctls: {kernel.msgmax: "1"}\n', cluster=privileged)
    assert pod["securityContext"]["sysctls"][0]["name"] == "kernel.msgmax"


def test_everything_is_reported_together_by_line() -> None:
    stack = name_stack(
        app=f"{APP}gpus: all\ncommand: [run, '$NAME']\n",
        other="image: python:3.13-slim\nport: 9000\nhealth: /\n",
    )

    assert list_refusals(stack) == [
        ("not-on-cluster", 8),
        ("variable-on-cluster", 9),
        ("pod-security", 10),
    ]


# Variables


@pytest.mark.parametrize(
    "keys",
    [
        'command: [run, "${A}"]',
        'command: [run, "${A:?say}"]',
        'entrypoint: "run ${A:-${B}}"',
        "working_dir: $A",
        'tmpfs: ["/x:size=$A"]',
        "labels: {a: $A}",
    ],
)
def test_a_variable_without_a_default_is_refused_where_it_stands(keys: str) -> None:
    assert list_refusals(name_stack(app=f"{APP}{keys}\n")) == [
        ("variable-on-cluster", 8)
    ]


@pytest.mark.parametrize(
    ("text", "filled"),
    [("${A:-x}", "x"), ("${A-}y", "y"), ("${A:+x}y", "y"), ("${A:-${B:-z}}", "z")],
)
def test_a_default_is_used_whatever_the_environment_says(
    text: str, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A", "canary")

    assert read_app(f'command: ["{text}"]\n')["args"] == [filled]


NUMBERS = f"""\
image: python:${{V:-3.13}}-slim
port: ${{P:-8000}}
publish: "${{H:-8080}}:${{P:-8000}}"
health: {{http: /, boot: "${{B:-5s}}", tool: python3}}
{USER}"""


def test_numbers_are_those_of_the_defaults() -> None:
    objects = read_objects(name_stack(app=NUMBERS))

    app = objects["Deployment", "app"]["spec"]["template"]["spec"]["containers"][0]
    assert app["image"] == "python:3.13-slim"
    assert app["ports"] == [{"containerPort": 8000, "protocol": "TCP"}]
    assert app["startupProbe"]["failureThreshold"] == 5
