"""What the stack file names is there, where it is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.errors import Problem, ProblemsFound
from composegen.stackfile.load import load_stack
from tests.stacks import Files, list_names, make_stack, write_files

DOCKERFILE = {"Dockerfile": "FROM python:3.13-slim\n"}


def look(folder: Path, text: str, files: Files | None = None) -> list[Problem]:
    """The errors of a stack whose files are looked for."""
    write_files(folder, {**(files or {}), "stack.yaml": text})
    try:
        load_stack(folder / "stack.yaml", "stack.yaml", with_files=True)
    except ProblemsFound as found:
        return [each for each in found.problems if each.level == "error"]
    return []


def find_words(folder: Path, text: str, files: Files | None = None) -> list[str]:
    """The words under which each missing file is marked."""
    problems = look(folder, text, files)
    assert {each.name for each in problems} <= {"missing-file"}
    return [
        each.location.text[each.location.column - 1 :][: each.location.width]
        for each in problems
    ]


def make_app(keys: str) -> str:
    return make_stack(app=f"image: python:3.13-slim\nhealth: {{none: why}}\n{keys}")


BUILT = "health: {none: why}\nbuild: "


@pytest.mark.parametrize(
    ("build", "words"),
    [
        ("./nothere", ["./nothere"]),
        (".", ["."]),
        ("{context: ., dockerfile: other}", ["other"]),
        ("{context: x.txt}", ["x.txt"]),
        ("{context: web, additional_contexts: {lib: ./lib}}", ["./lib"]),
        ("{context: web, additional_contexts: [lib=./lib]}", ["additional_contexts"]),
        ("web", []),
        ("lower", []),
        ("{context: ., dockerfile: web/Dockerfile}", []),
        ("{dockerfile_inline: FROM python}", []),
        ("https://example.com/x.git", []),
        ("git@example.com:x.git", []),
        ("${DIR}", []),
        ("~/web", []),
        ("/no/such/folder", []),
        ("{context: web, additional_contexts: {a: 'docker-image://x'}}", []),
        ("{context: web, additional_contexts: {b: 'service:x'}}", []),
    ],
)
def test_a_build_has_its_folders_and_its_dockerfile(
    build: str, words: list[str], tmp_path: Path
) -> None:
    files = {
        "web/Dockerfile": "FROM python:3.13-slim",
        "lower/dockerfile": "FROM python:3.13-slim",
        "x.txt": "",
    }
    found = find_words(tmp_path, make_stack(app=f"{BUILT}{build}\n"), files)

    assert [each.strip("\"'") for each in found] == words


def test_a_missing_dockerfile_is_one_error_whatever_else_follows(
    tmp_path: Path,
) -> None:
    text = make_stack(app="build: ./web\nport: 80\nhealth: /\n")

    (problem,) = look(tmp_path, text)

    assert problem.message == (
        "`./web`, the folder that `app` is built from, does not exist"
    )


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("env_file: no.env", ["no.env"]),
        ("env_file: [there.env, no.env]", ["no.env"]),
        ("env_file: [{path: no.env, required: false}]", []),
        ("env_file: [/etc/no.env, '${X}.env']", []),
        ("volumes: ['./no.conf:/etc/x.conf:ro']", ["'./no.conf:/etc/x.conf:ro'"]),
        ("volumes: ['./no.d:/etc/x.d', './data:/data', 'named:/x.conf']", []),
        ("volumes: ['./no.conf/:/etc/x.conf']", []),
        ("volumes: ['./there.env:/x.env']", []),
        ("local: {command: [a], dir: ./no}", ["./no"]),
        ("compose: {env_file: no.env, label_file: [no.l]}", ["no.env", "no.l"]),
        ("compose: {build: ./no}", ["build"]),
    ],
)
def test_what_a_service_reads_is_there(
    keys: str, words: list[str], tmp_path: Path
) -> None:
    assert find_words(tmp_path, make_app(keys), {"there.env": ""}) == words


def test_a_mount_that_docker_must_not_make_is_there(tmp_path: Path) -> None:
    mount = (
        "{type: bind, source: ./strict, target: /x, bind: {create_host_path: false}}"
    )

    assert look(tmp_path, make_app(f"volumes: [{mount}]"))
    assert look(tmp_path, make_app(f"volumes: [{mount}]"), {"strict/x": ""}) == []


@pytest.mark.parametrize(
    ("top", "words"),
    [
        ("secrets: {key: {file: no.txt}}", ["no.txt"]),
        ("secrets: {key: {file: there.txt}}", []),
        ("secrets: {key: {generate: true}}", []),
        ("compose: {configs: {c: {file: no.conf}}}", ["no.conf"]),
        ("compose: {configs: {c: {content: x}}}", []),
    ],
)
def test_what_the_top_level_names_is_there(
    top: str, words: list[str], tmp_path: Path
) -> None:
    text = f"{make_app('secrets: [key]')}\n{top}\n"

    assert find_words(tmp_path, text, {"there.txt": ""}) == words


def test_files_are_not_looked_for_unless_asked() -> None:
    text = make_app("env_file: no.env\nlocal: {command: [a], dir: ./no}\n")

    assert list_names(text) == []


@pytest.mark.parametrize("path", ['"a\\0b"', "x" * 5000, "a/../../nothere", "loop"])
def test_a_path_that_cannot_be_is_not_there(path: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    keys = f"env_file: {path}\nlocal: {{command: [a], dir: {path}}}"

    problems = look(tmp_path, make_app(keys))

    names = [each.name for each in problems if each.name != "bad-character"]
    assert names == ["missing-file"] * 2
    assert all(len(each.message) < 300 for each in problems)


def test_an_imported_stack_may_lack_what_its_project_makes_but_no_env_file(
    tmp_path: Path,
) -> None:
    keys = "env_file: [a.env, {path: b.env, required: false}]\n"
    keys += "volumes: ['./made.conf:/made.conf']\n"
    text = make_app(f"{keys}relax: imported, not tried hardened\n")

    assert find_words(tmp_path, text) == ["a.env"]
