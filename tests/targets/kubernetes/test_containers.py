"""A container gets its command and its variables as under Compose."""

from __future__ import annotations

from typing import Any

import pytest

from composegen.targets.files import Cluster
from tests.clusters import (
    APP,
    USER,
    name_stack,
    read_app,
    read_kustomization,
    read_pod,
    refuse,
)

BUILT = f"build: .\nport: 8000\nhealth: {{http: /health, tool: python3}}\n{USER}"
DOCKERFILE = {"Dockerfile": "FROM python:3.13-slim\n"}


def expand(text: str, variables: dict[str, str]) -> str:
    """What Kubernetes makes of a text: `$(NAME)` and `$$`, and nothing else."""
    parts, position = [], 0
    while position < len(text):
        if text.startswith("$$", position):
            parts.append("$")
            position += 2
            continue
        end = text.find(")", position)
        if text.startswith("$(", position) and end > 0:
            name = text[position + 2 : end]
            parts.append(variables.get(name, text[position : end + 1]))
            position = end + 1
            continue
        parts.append(text[position])
        position += 1
    return "".join(parts)


# Texts with dollars, as a stack file writes them, and what Compose makes of them.
DOLLARS = [
    ("$$(V)", "$(V)"),
    ("$$$$(V)", "$$(V)"),
    ("$$V", "$V"),
    ("$$$$V", "$$V"),
    ("$$$$$$$$", "$$$$"),
    ("$$(cat f)", "$(cat f)"),
    ("$$(NONE)", "$(NONE)"),
    ("a$$", "a$"),
    ("5 $ and 10 $", "5 $ and 10 $"),
    ("${V:-x}$$y", "x$y"),
]


@pytest.mark.parametrize(("written", "meant"), DOLLARS)
def test_a_command_arrives_as_under_compose(written: str, meant: str) -> None:
    app = read_app(f'command: ["{written}"]\nentrypoint: ["{written}"]\n')

    assert expand(app["args"][0], {"V": "value"}) == meant
    assert expand(app["command"][0], {"V": "value"}) == meant


@pytest.mark.parametrize(("written", "meant"), DOLLARS[:-1])
def test_a_variable_arrives_as_under_compose(written: str, meant: str) -> None:
    app = read_app(f'environment: {{TEXT: "{written}"}}\n')

    assert expand(app["env"][0]["value"], {"V": "value"}) == meant


def test_a_text_is_split_into_words_as_compose_splits_it() -> None:
    app = read_app("command: sh -c 'echo \"a b\"' c\\ d\n")

    assert app["args"] == ["sh", "-c", 'echo "a b"', "c d"]
    assert "command" not in app


def test_a_quote_that_is_not_closed_is_refused() -> None:
    (problem,) = refuse(name_stack(app=f'{APP}command: "sh -c \'x"\n'))

    assert (problem.name, problem.location.line) == ("not-on-cluster", 8)


# Variables


def list_env(keys: str) -> dict[str, Any]:
    return {each["name"]: each for each in read_app(keys).get("env", [])}


def test_a_value_of_the_environment_is_a_key_of_the_stack_s_secret() -> None:
    env = list_env('environment: {A: plain, B: "${TOKEN}", C: "x${D:-y}"}\n')

    assert env["A"] == {"name": "A", "value": "plain"}
    for name in ("B", "C"):
        assert env[name]["valueFrom"]["secretKeyRef"] == {
            "name": "shop-env",
            "key": f"app.{name}",
        }


def test_a_variable_that_is_passed_on_may_be_absent() -> None:
    env = list_env("environment: [API_KEY]\n")

    assert env["API_KEY"]["valueFrom"]["secretKeyRef"] == {
        "name": "shop-env",
        "key": "app.API_KEY",
        "optional": True,
    }


def test_the_secret_is_made_from_the_file_that_secrets_writes() -> None:
    stack = name_stack(
        app=f"{APP}environment: [A]\n",
        job=f"image: python:3.13-slim\njob: true\n{USER}environment: [B]\n",
    )
    generators = read_kustomization(stack)["secretGenerator"]

    assert [(each["name"], each["envs"]) for each in generators] == [
        ("shop-env", [".secrets/kubernetes.env"]),
        ("shop-env-for-jobs", [".secrets/kubernetes.env"]),
    ]
    assert [each["options"].get("disableNameSuffixHash") for each in generators] == [
        None,
        True,
    ]
    job = read_pod(stack, "job")["containers"][0]
    reference = job["env"][0]["valueFrom"]["secretKeyRef"]
    assert reference["name"] == "shop-env-for-jobs"


def test_without_variables_there_is_no_secret() -> None:
    assert "secretGenerator" not in read_kustomization(name_stack(app=APP))


def test_an_env_file_is_a_secret_below_the_variables() -> None:
    files = {"app.env": "A=1\n"}
    stack = name_stack(app=f"{APP}env_file: app.env\nenvironment: {{B: c}}\n")
    app = read_pod(stack, files=files)["containers"][0]

    assert app["envFrom"] == [{"secretRef": {"name": "app-env-file"}}]
    (generator,) = read_kustomization(stack, files=files)["secretGenerator"]
    assert generator["envs"] == [".secrets/kubernetes.app.env"]


def test_a_password_in_a_variable_is_no_text_of_the_file() -> None:
    stack = f"""\
name: shop
services:
  app:
    image: python:3.13-slim
    port: 8000
    health: /health
    {USER.strip()}
    needs: {{db: {{DSN: "{{url}}"}}}}
  db:
    use: postgres
    secrets: {{db-password: POSTGRES_PASSWORD_FILE}}
secrets: {{db-password: {{generate: true}}}}
"""
    env = read_pod(stack)["containers"][0]["env"]

    assert env[0]["valueFrom"]["secretKeyRef"]["key"] == "app.DSN"


# Images


@pytest.mark.parametrize(
    ("cluster", "image"),
    [
        (Cluster(), "shop-app:dev"),
        (Cluster(tag="v1"), "shop-app:v1"),
        (Cluster(registry="r.example:5000/team"), "r.example:5000/team/shop-app:dev"),
        (Cluster(registry="r.example/"), "r.example/shop-app:dev"),
        (Cluster(pins={"app": "r.example/a@sha256:0"}), "r.example/a@sha256:0"),
    ],
)
def test_an_image_that_is_built_is_named_as_it_is_pushed(
    cluster: Cluster, image: str
) -> None:
    pod = read_pod(name_stack(app=BUILT), cluster=cluster, files=DOCKERFILE)

    assert pod["containers"][0]["image"] == image


def test_other_images_are_taken_as_they_are_written() -> None:
    cluster = Cluster(registry="r.example", tag="v1")

    assert read_app(cluster=cluster)["image"] == "python:3.13-slim"
    stack = name_stack(app=f"{BUILT}image: example.org/own:1\n")
    pod = read_pod(stack, cluster=cluster, files=DOCKERFILE)
    assert pod["containers"][0]["image"] == "example.org/own:1"


@pytest.mark.parametrize(
    ("keys", "policy"),
    [
        ("", "IfNotPresent"),
        ("pull_policy: always\n", "Always"),
        ("pull_policy: never\n", "Never"),
        ("pull_policy: missing\n", "IfNotPresent"),
        ("pull_policy: daily\n", "Always"),
    ],
)
def test_an_image_is_pulled_when_compose_pulls_it(keys: str, policy: str) -> None:
    """Without a word, Kubernetes would always pull an image of the tag `latest`."""
    assert read_app(keys)["imagePullPolicy"] == policy


# The rest


def test_keys_of_compose_have_their_place() -> None:
    app = read_app("working_dir: /srv\ntty: true\nstdin_open: true\n")

    assert (app["workingDir"], app["tty"], app["stdin"]) == ("/srv", True, True)


def test_limits_stand_next_to_small_requests() -> None:
    app = read_app('resources: {cpus: "${C:-0.5}", memory: 512m}\n')

    assert app["resources"] == {
        "requests": {"cpu": "10m", "memory": "32Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }
