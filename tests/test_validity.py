"""Every rendered file is valid, and linters find nothing that was not relaxed."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, reject, settings

from composegen.errors import Level, ProblemsFound, SelectionError
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from composegen.stackfile.load import load_stack
from composegen.targets.compose.render import ORDER, render_plan
from composegen.targets.files import Options
from tests.fuzz import words
from tests.parts import require_compose, require_part
from tests.rendering import render as render_stack
from tests.rendering import write_data
from tests.stacks import make_stack

EXAMPLES = Path(__file__).parents[1] / "examples"
STACKS = sorted(EXAMPLES.glob("*/stack.yaml"))
CHAT = EXAMPLES / "chat" / "stack.yaml"
WITHOUT_REDIS = Selection(removed=("redis",))

# What a lesson relaxes on purpose, by lesson: rule of compose-lint and service.
RELAXED = {"06-relax-with-reasons": {("CL-0007", "wiki")}}
MISSING_DIGEST = "CL-0019"


def render(path: Path, selection: Selection | None = None, engine: int = 25) -> str:
    plan = make_plan(load_stack(path).stack, selection)
    [file] = render_plan(plan, Options(engine=engine))
    return file.text


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every example's Compose file, and the chat stack's other variants, by name."""
    folder = tmp_path_factory.mktemp("rendered")
    texts = {path.parent.name: render(path) for path in STACKS}
    texts["chat-without-redis"] = render(CHAT, WITHOUT_REDIS)
    texts["chat-for-engine-24"] = render(CHAT, engine=24)
    files = {}
    for name, text in texts.items():
        files[name] = folder / name / "compose.yaml"
        files[name].parent.mkdir()
        files[name].write_text(text, encoding="utf-8")
    return files


def run(*command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_there_are_lessons_and_the_chat_stack() -> None:
    names = [path.parent.name for path in STACKS]
    assert "chat" in names
    assert len(names) >= 8


def test_every_file_passes_the_compose_schema(rendered: dict[str, Path]) -> None:
    files = [str(path) for path in rendered.values()]
    answer = run(
        *(sys.executable, "-m", "check_jsonschema"),
        *("--builtin-schema", "vendor.compose-spec", *files),
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.engine
def test_compose_itself_accepts_every_file(rendered: dict[str, Path]) -> None:
    require_compose()
    for path in rendered.values():
        answer = run(
            *("docker", "compose", "-p", "valid", "-f", str(path), "config", "-q")
        )
        assert answer.returncode == 0, f"{path}: {answer.stderr}"
        assert answer.stderr == "", f"{path}: {answer.stderr}"


PODMAN = """#!/bin/sh
# podman-compose asks for nothing but the version before it prints a file.
test "$1" = --version && echo podman version 5.8.6
"""


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that says of itself that it is Podman."""
    path = tmp_path_factory.mktemp("bin") / "podman"
    path.write_text(PODMAN, encoding="utf-8")
    path.chmod(0o755)
    return path


def test_podman_compose_reads_every_file(
    rendered: dict[str, Path], podman: Path
) -> None:
    for path in rendered.values():
        answer = run(
            *(sys.executable, "-m", "podman_compose", "--podman-path", str(podman)),
            *("-f", str(path), "config"),
        )
        assert answer.returncode == 0, f"{path}: {answer.stderr}"
        services = yaml.safe_load(path.read_text(encoding="utf-8"))["services"]
        assert yaml.safe_load(answer.stdout)["services"].keys() == services.keys()


@pytest.mark.engine
@settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(case=words.cases)
def test_compose_accepts_every_word_whatever_its_variables_are(
    case: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    require_compose()
    folder = tmp_path_factory.mktemp("words")
    path = write_data(case["stack"], folder)
    try:
        stack = load_stack(path).stack
    except ProblemsFound as found:
        names = {each.name for each in found.problems if each.level is Level.ERROR}
        # What two services take, and what a selection leaves, is up to chance.
        assert names <= {"port-twice", "left-out", "replicas-port", "same-variable"}
        reject()
    try:
        plan = make_plan(stack, Selection(added=case["added"]))
    except SelectionError:
        reject()
    [file] = render_plan(plan)
    (folder / "compose.yaml").write_text(file.text, encoding="utf-8")

    answer = subprocess.run(
        ["docker", "compose", "-p", "valid", "config", "--format", "json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **case["values"]},
    )

    assert answer.returncode == 0, answer.stderr + file.text
    services = json.loads(answer.stdout)["services"]
    assert set(services) == set(plan.names)
    for step in plan.steps:
        ports = services[step.name].get("ports", [])
        assert len(ports) == len(step.service.publish)
        assert all(port["host_ip"] == "127.0.0.1" for port in ports)
        assert (
            all("published" in port for port in ports)
            != any(port.is_random for port in step.service.publish)
            or not ports
        )


@cache
def find_findings(name: str, path: Path) -> set[tuple[str, str]]:
    """Rule and service of whatever compose-lint finds, missing digests apart."""
    answer = run(
        *(sys.executable, "-m", "compose_lint", "check", "--format", "json", str(path))
    )
    report = json.loads(answer.stdout)
    assert report["errors"] == [], name
    return {
        (finding["rule_id"], finding["service"])
        for finding in report["findings"]
        if finding["rule_id"] != MISSING_DIGEST
    }


def test_compose_lint_finds_only_what_is_relaxed_on_purpose(
    rendered: dict[str, Path],
) -> None:
    found = {name: find_findings(name, path) for name, path in rendered.items()}
    assert found == {name: RELAXED.get(name, set()) for name in rendered}


def test_compose_lint_would_find_a_weak_service(tmp_path: Path) -> None:
    weak = tmp_path / "compose.yaml"
    weak.write_text("services:\n  web:\n    image: nginx:1.29\n    privileged: true\n")
    assert {rule for rule, _ in find_findings("weak", weak)} >= {"CL-0002", "CL-0006"}


@cache
def find_dclint() -> str:
    """The linter as npx names it, where it can be had."""
    name = os.environ.get("DCLINT", "dclint@3.1.0")
    try:
        answer = run("npx", "--yes", name, "--version")
    except FileNotFoundError:
        return ""
    return name if answer.returncode == 0 else ""


def test_dclint_finds_nothing_but_matters_of_style(
    rendered: dict[str, Path], tmp_path: Path
) -> None:
    require_part(bool(find_dclint()), "dclint (npx)")
    files = [str(path) for path in rendered.values()]
    # Written to a file: what it prints to a pipe is cut when it exits.
    report = tmp_path / "report.json"
    run("npx", "--yes", find_dclint(), "-f", "json", "-o", str(report), *files)
    reports = json.loads(report.read_text(encoding="utf-8"))
    assert len(reports) == len(files)
    found = [
        (report["filePath"], message["rule"], message["line"])
        for report in reports
        for message in report["messages"]
        if message["category"] != "style"
    ]
    assert found == []


def test_no_rendered_file_switches_a_linter_off(rendered: dict[str, Path]) -> None:
    for path in rendered.values():
        text = path.read_text(encoding="utf-8")
        assert "dclint" not in text
        assert "compose-lint" not in text


COMPUTED = ("ports", "secrets", "healthcheck", "depends_on", "network_mode")
"""What a raw setting may not remove: `check` says so."""

FULL = """
image: python:3.13-slim
build: {dockerfile_inline: "FROM python:3.13-slim"}
environment: {A: b}
user: "1000"
volumes: ["data:/data"]
extra_hosts: ["a=192.0.2.1"]
cap_add: [KILL]
labels: {a: b}
replicas: 2
ulimits: {nofile: 100}
develop: {watch: [{action: rebuild, path: .}]}
port: 80
health: /
"""


def test_every_rendered_setting_can_be_removed(tmp_path: Path) -> None:
    require_compose()
    removed = [key for key in ORDER if key not in COMPUTED]
    names = {key: f"no-{key.replace('_', '-')}" for key in removed}
    stack = make_stack(
        **{name: f"{FULL}compose: {{{key}: null}}\n" for key, name in names.items()}
    )
    path = tmp_path / "compose.yaml"
    path.write_text(render_stack(stack), encoding="utf-8")

    done = run("docker", "compose", "-f", str(path), "config", "--format", "json")

    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    left = {key for key, name in names.items() if services[name].get(key) is not None}
    assert left <= {"command", "entrypoint", "networks"}  # Compose's own defaults
