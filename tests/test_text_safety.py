"""No value can change the structure of a rendered file; each reads back as it was."""

import json
import subprocess
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from composegen.errors import ProblemsFound
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from composegen.stackfile.load import load_stack
from composegen.targets.compose.render import render_plan
from tests.hostile_values import (
    CONTROLS,
    VALUES,
    env_names,
    keys,
    lines,
    service_names,
    texts,
    words,
)
from tests.parts import require_compose
from tests.rendering import write_data

FIXED_KEYS = set(
    "<< image command entrypoint environment labels volumes working_dir hostname "
    "healthcheck tmpfs init read_only cap_drop security_opt depends_on extra_hosts "
    "user build logging restart cpus mem_limit pids_limit".split()
)

_MOUNT_KEYS = {"type", "source", "target"}


def render(stack: dict[str, Any], folder: Path, **selection: Any) -> str:
    """The Compose file of a stack that is given as data."""
    path = write_data(stack, folder)
    plan = make_plan(load_stack(path).stack, Selection(**selection))
    [file] = render_plan(plan)
    return file.text


def make_labels(values: list[str]) -> dict[str, str]:
    return {
        f"label {number} {value[:200]}": value for number, value in enumerate(values)
    }


services = st.fixed_dictionaries(
    {
        "image": st.just("example/app:1"),
        "health": st.fixed_dictionaries({"none": lines}),
    },
    optional={
        "environment": st.dictionaries(env_names, texts, max_size=5),
        "labels": st.dictionaries(keys, texts, max_size=5),
        "command": st.lists(texts, min_size=1, max_size=5),
        "entrypoint": st.lists(texts, min_size=1, max_size=3),
        "working_dir": texts.filter(bool),
        "volumes": words.map(lambda word: [f"./{word}:/data/{word}"]),
        "relax": st.fixed_dictionaries({"read_only": lines}),
    },
)
stacks = st.fixed_dictionaries(
    {"services": st.dictionaries(service_names, services, min_size=1, max_size=3)},
    optional={
        "x-more": st.dictionaries(keys, texts, max_size=4),
        "compose": st.fixed_dictionaries(
            {"configs": st.dictionaries(service_names, st.just({"external": True}))}
        ),
    },
)


def check_service(written: dict[str, Any], wanted: dict[str, Any]) -> None:
    """A service as PyYAML reads it back holds just what was wanted."""
    assert written.get("environment", {}) == wanted.get("environment", {})
    assert written.get("labels", {}) == wanted.get("labels", {})
    assert written.get("command") == wanted.get("command")
    assert written.get("entrypoint") == wanted.get("entrypoint")
    assert written.get("working_dir") == wanted.get("working_dir")
    mounts = [
        f"{mount['source']}:{mount['target']}" for mount in written.get("volumes", [])
    ]
    assert mounts == wanted.get("volumes", [])
    assert all(set(mount) == _MOUNT_KEYS for mount in written.get("volumes", []))
    assert set(written) <= FIXED_KEYS
    assert "privileged" not in written


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(stack=stacks)
def test_every_value_reads_back_and_nothing_else_appears(
    stack: dict[str, Any], tmp_path: Path
) -> None:
    written = yaml.safe_load(render(stack, tmp_path))
    assert list(written["services"]) == list(stack["services"])
    for name, service in stack["services"].items():
        check_service(written["services"][name], service)
    assert written.get("x-more", {}) == (stack.get("x-more") or {})
    configs = stack.get("compose", {}).get("configs", {})
    assert (written.get("configs") or {}) == configs
    known = {"services", "x-defaults", "configs", "x-more"}
    assert set(written) <= known


def make_hostile_stack(values: list[str]) -> dict[str, Any]:
    """Every value in every place that takes any text."""
    chunks = [values[start : start + 60] for start in range(0, len(values), 60)]
    return {
        "services": {
            f"app-{number}": {
                "image": "example/app:1",
                "health": {"command": [*chunk]},
                "environment": {
                    f"V{index}": value for index, value in enumerate(chunk)
                },
                "labels": make_labels(chunk),
                "command": chunk,
            }
            for number, chunk in enumerate(chunks)
        }
    }


def test_every_row_that_broke_others_reads_back_by_pyyaml(tmp_path: Path) -> None:
    stack = make_hostile_stack(VALUES)
    written = yaml.safe_load(render(stack, tmp_path))
    for name, service in stack["services"].items():
        check_service(written["services"][name], service)
        assert written["services"][name]["healthcheck"]["test"] == [
            "CMD",
            *service["command"],
        ]


def ask_compose(text: str, folder: Path) -> Any:
    """What Compose's own reader makes of a file, values untouched."""
    path = folder / "compose.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    answer = subprocess.run(
        [
            *("docker", "compose", "-p", "hostile", "-f", str(path)),
            *("config", "--format", "json"),
            *("--no-interpolate", "--no-normalize", "--no-path-resolution"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)["services"]


def check_by_compose(stack: dict[str, Any], folder: Path) -> None:
    read = ask_compose(render(stack, folder), folder)
    assert set(read) == set(stack["services"])
    for name, service in stack["services"].items():
        assert read[name].get("environment", {}) == service["environment"]
        assert read[name].get("labels", {}) == service["labels"]
        assert read[name]["command"] == service["command"]
        assert read[name]["healthcheck"]["test"] == ["CMD", *service["command"]]


@pytest.mark.engine
def test_every_row_that_broke_others_reads_back_by_compose(tmp_path: Path) -> None:
    require_compose()
    check_by_compose(make_hostile_stack(VALUES), tmp_path)


@pytest.mark.engine
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(values=st.lists(texts, min_size=200, max_size=300))
def test_hundreds_of_values_at_a_time_read_back_by_compose(
    values: list[str], tmp_path: Path
) -> None:
    require_compose()
    check_by_compose(make_hostile_stack(values), tmp_path)


@pytest.mark.parametrize("code", [*map(ord, CONTROLS), 0xD800, 0xDFFF])
def test_what_yaml_cannot_carry_is_an_error_that_names_it(
    code: int, tmp_path: Path
) -> None:
    character = chr(code)
    stack = {
        "services": {"app": {"image": "a:1", "environment": {"A": f"x{character}y"}}}
    }
    with pytest.raises(ProblemsFound) as caught:
        render(stack, tmp_path)
    [problem] = [p for p in caught.value.problems if p.name == "bad-character"]
    assert f"U+{ord(character):04X}" in problem.message
    assert problem.location.line == 1


def test_a_key_that_is_longer_than_yaml_likes_reads_back(tmp_path: Path) -> None:
    key = "k" * 3_000
    stack = {
        "services": {
            "app": {"image": "a:1", "labels": {key: "1"}, "health": {"none": "a"}}
        },
        "x-more": {key: {key: "2"}},
    }
    path = tmp_path / "stack.yaml"
    path.write_text(
        "services:\n  app:\n    image: a:1\n    health: {none: a}\n    labels:\n"
        f"      ? {key}\n      : '1'\nx-more:\n  ? {key}\n  :\n    ? {key}\n    : '2'\n"
    )
    [file] = render_plan(make_plan(load_stack(path).stack))
    written = yaml.safe_load(file.text)
    assert written["services"]["app"]["labels"] == stack["services"]["app"]["labels"]
    assert written["x-more"] == stack["x-more"]


LINES = [
    value
    for value in VALUES
    if not set(value) & set("\n\r\x85\u2028\u2029")
    and value.lower() not in {"true", "false", "yes", "no"}
]


@pytest.mark.parametrize("reason", LINES)
def test_no_reason_or_note_can_leave_its_comment(reason: str, tmp_path: Path) -> None:
    stack = {
        "services": {
            "app": {
                "image": "a:1",
                "health": {"none": reason},
                "relax": {"read_only": reason},
                "needs": {"store": {"otherwise": {"note": reason}}},
            },
            "store": {"image": "b:1", "health": {"command": ["true"]}},
        }
    }
    written = yaml.safe_load(render(stack, tmp_path, removed=("store",)))
    assert list(written) == ["x-defaults", "services"]
    assert set(written["services"]) == {"app"}
    assert written["services"]["app"]["read_only"] is False
