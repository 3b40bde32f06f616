"""``render --target kubernetes`` writes both files or none, and never another's."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from composegen.commands import _run
from composegen.records import record
from tests.clusters import APP, USER, name_stack
from tests.stacks import write_files

BUILT = f"build: .\nport: 8000\nhealth: {{http: /, tool: python3}}\n{USER}"
STACK = name_stack(app=BUILT, cache=f"{APP}enabled: false\n")
OURS = ("kubernetes.yaml", "kustomization.yaml")
BY_HAND = "resources: [a.yaml]\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_files(
        tmp_path, {"stack.yaml": STACK, "Dockerfile": "FROM python:3.13-slim\n"}
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@record(kw_only=False)
class Ended:
    """What a command ended with, and what it wrote where."""

    exit_code: int
    stdout: str
    stderr: str


def call(*words: str) -> Ended:
    """Run a command as it is typed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = _run([*words])
    return Ended(code, out.getvalue(), err.getvalue())


def render(*words: str) -> Ended:
    return call("render", "--target", "kubernetes", *words)


def read(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in OURS}


def list_files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"stack.yaml", "Dockerfile"}


# Writing


def test_both_files_are_written_next_to_the_stack(folder: Path) -> None:
    result = render()

    assert result.exit_code == 0
    assert result.stdout == ""
    assert list_files(folder) == {*OURS}
    assert "wrote kubernetes.yaml: 1 service\n" in result.stderr
    assert "wrote kustomization.yaml: 1 service\n" in result.stderr


def test_a_second_time_they_are_up_to_date(folder: Path) -> None:
    render()
    first = read(folder)
    result = render()

    assert read(folder) == first
    assert "kubernetes.yaml is up to date" in result.stderr


def test_what_is_lost_is_a_message_and_no_data(folder: Path) -> None:
    result = render("-o", "-")

    assert result.stdout.startswith("# Made by composegen")
    assert "kind: Kustomization" not in result.stdout
    assert "what a cluster does not carry, and what replaces it:\n" in result.stderr
    assert list_files(folder) == set()


def test_a_stack_that_a_cluster_cannot_take_writes_nothing(folder: Path) -> None:
    (folder / "stack.yaml").write_text(STACK.replace(USER.strip(), "gpus: all"))
    result = render()

    assert result.exit_code == 1
    assert "error[not-on-cluster]" in result.stderr
    assert list_files(folder) == set()


def test_another_name_is_the_one_that_the_kustomization_reads(folder: Path) -> None:
    assert render("-o", "objects.yaml").exit_code == 0

    assert list_files(folder) == {"objects.yaml", "kustomization.yaml"}
    assert "  - objects.yaml\n" in (folder / "kustomization.yaml").read_text()
    assert render("--check", "-o", "objects.yaml").exit_code == 0


@pytest.mark.parametrize("name", ["sub/x.yaml", "../x.yaml", "x.txt", OURS[1]])
def test_the_files_lie_next_to_the_stack_and_nowhere_else(
    folder: Path, name: str
) -> None:
    (folder / "sub").mkdir()
    result = render("-o", name)

    assert result.exit_code == 2
    assert list_files(folder) == {"sub"}


# What composegen did not write


@pytest.mark.parametrize("name", OURS)
def test_a_file_of_another_hand_is_refused_and_nothing_is_written(
    folder: Path, name: str
) -> None:
    (folder / name).write_text(BY_HAND)
    result = render()

    assert result.exit_code == 1
    assert f"{name}: was not made by composegen" in result.stderr
    assert list_files(folder) == {name}
    assert (folder / name).read_text() == BY_HAND


def test_a_file_that_was_edited_is_refused(folder: Path) -> None:
    render()
    edited = f"{read(folder)[OURS[1]]}# mine\n"
    (folder / OURS[1]).write_text(edited)
    result = render("--tag", "v2")

    assert "kustomization.yaml: was edited by hand since it was made" in result.stderr
    assert result.exit_code == 1
    assert ":dev" in read(folder)[OURS[0]]


def test_force_keeps_what_it_replaces(folder: Path) -> None:
    (folder / OURS[1]).write_text(BY_HAND)

    assert render("--force").exit_code == 0
    assert (folder / "kustomization.yaml.bak").read_text() == BY_HAND
    assert "kind: Kustomization" in (folder / OURS[1]).read_text()


# Checking


def test_check_takes_the_flags_from_the_header(folder: Path) -> None:
    flags = ("--registry", "r.example", "--tag", "v1", "--with", "cache")
    assert render(*flags).exit_code == 0

    assert render("--check").exit_code == 0
    other = render("--check", "--tag", "v2")
    assert other.exit_code == 1
    assert "-          image: r.example/shop-app:v1" in other.stdout + other.stderr


def test_check_looks_at_both_files(folder: Path) -> None:
    render()
    (folder / OURS[1]).unlink()
    result = render("--check")

    assert result.exit_code == 1
    assert "kustomization.yaml: there is no such file" in result.stderr
    assert list_files(folder) == {OURS[0]}


def test_an_image_that_was_pushed_is_pinned(folder: Path) -> None:
    digest = f"sha256:{'b' * 64}"
    (folder / "images.lock").write_text(
        '{"form": 1, "images": [{"service": "app", "image": "r.example/shop-app:v1",'
        f' "digest": "{digest}"}}]}}'
    )
    render()

    assert f"image: r.example/shop-app@{digest}\n" in read(folder)[OURS[0]]


# Wrong usage


@pytest.mark.parametrize(
    "words",
    [
        ("--engine", "24"),
        ("--against", "compose.yaml"),
        ("-o", "-", "--check"),
        ("--pod-security", "none"),
        ("--registry", "http://r.example"),
        ("--registry", "a b"),
        ("--tag", "a:b"),
        ("--tag", "-x"),
        ("--wait-image", "a b"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    folder: Path, words: tuple[str, ...]
) -> None:
    assert render(*words).exit_code == 2
    assert list_files(folder) == set()


@pytest.mark.parametrize(
    "words",
    [
        ("--registry", "r.example"),
        ("--tag", "v1"),
        ("--wait-image", "kubectl:1"),
        ("--pod-security", "baseline"),
    ],
)
def test_an_option_of_a_cluster_has_no_effect_on_compose(
    folder: Path, words: tuple[str, ...]
) -> None:
    result = call("render", *words)

    assert result.exit_code == 2
    assert "--target kubernetes" in result.stderr
    assert list_files(folder) == set()


def test_there_is_no_other_target(folder: Path) -> None:
    result = call("render", "--target", "swarm")

    assert result.exit_code == 2
    assert list_files(folder) == set()


# Secrets


def test_secrets_writes_the_values_that_kustomize_reads(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = name_stack(app=f"{APP}environment: [TOKEN]\n")
    (folder / "stack.yaml").write_text(stack)
    monkeypatch.setenv("TOKEN", "canary")
    missing = render()
    assert "missing: .secrets/kubernetes.env (composegen secrets)" in missing.stderr
    result = call("secrets")

    assert result.stdout == ".secrets/kubernetes.env  written\n"
    assert (folder / ".secrets/kubernetes.env").read_text() == "app.TOKEN=canary\n"
    assert "canary" not in "".join(read(folder).values())


def test_a_stack_that_is_not_rendered_for_a_cluster_has_no_such_file(
    folder: Path,
) -> None:
    result = call("secrets")

    assert result.exit_code == 0
    assert list_files(folder) == set()
