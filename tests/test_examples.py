"""Every example is a test: adding a folder adds its tests.

``GOLDEN=1 pytest tests/test_examples.py`` rewrites what is expected: the files in the
examples' ``expected`` folders and the output shown in the lessons' READMEs.
"""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from composegen.commands import main
from composegen.errors import Level
from composegen.stackfile.load import load_stack
from tests.parts import require_compose

EXAMPLES = Path(__file__).parents[1] / "examples"
STACKS = sorted(path.parent for path in EXAMPLES.glob("*/stack.yaml"))
LESSONS = [folder for folder in STACKS if folder.name[0].isdigit()]
ADOPTED = sorted(path.parent for path in EXAMPLES.glob("*/docker-compose.yml"))
REWRITE = bool(os.environ.get("GOLDEN"))

# What may lie in an example after a user has tried it.
LEFTOVERS = (
    *("compose.yaml", ".env", ".secrets", ".composegen", ".venv", "logs"),
    *("kubernetes.yaml", "kustomization.yaml", "images.lock"),
    *("__pycache__", ".*_cache", "*.egg-info", "node_modules", "build", "dist"),
)
FENCE = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

each_stack = pytest.mark.parametrize("stack", STACKS, ids=lambda folder: folder.name)
each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda folder: folder.name)


def copy_example(folder: Path, place: Path, *besides: str) -> Path:
    ignored = shutil.ignore_patterns(*LEFTOVERS, *besides)
    return Path(shutil.copytree(folder, place / folder.name, ignore=ignored))


def run_composegen(*arguments: str, folder: Path) -> tuple[str, object]:
    """What a terminal shows of a command, and its exit code."""
    screen = io.StringIO()
    with (
        chdir(folder),
        redirect_stdout(screen),
        redirect_stderr(screen),
        pytest.raises(SystemExit) as end,
    ):
        main(list(arguments))
    return screen.getvalue(), end.value.code


def list_optional(folder: Path) -> list[str]:
    """The services that every other one can do without."""
    services = load_stack(folder / "stack.yaml").stack.services
    needs = [need for service in services.values() for need in service.needs]
    required = {need.service for need in needs if need.otherwise is None}
    return sorted({need.service for need in needs} - required)


def list_outputs(folder: Path) -> dict[str, list[str]]:
    """Each file that belongs into ``expected``, with the command that makes it."""
    services = load_stack(folder / "stack.yaml").stack.services
    disabled = sorted(name for name, service in services.items() if not service.enabled)
    flags = [
        [],
        *(["--without", name] for name in list_optional(folder)),
        *(["--with", name] for name in disabled),
    ]
    made = {"check.txt": ["check"]}
    for words in flags:
        end = "-".join(words).replace("--", "-", 1)
        made[f"plan{end}.txt"] = ["plan", *words]
        made[f"compose{end}.yaml"] = ["render", "-o", "-", *words]
    return made


# What a cluster needs beyond the stack file, where an example cannot do without.
FOR_CLUSTER = {
    "04-database-with-migration-job": [
        "--wait-image",
        "registry.k8s.io/kubectl:v1.37.2",
    ],
    "05-bring-your-own-images": ["--pod-security", "baseline"],
    "08-express": ["--pod-security", "baseline"],
}


def render_for_cluster(folder: Path, *words: str) -> dict[str, str]:
    """What rendering for a cluster writes and shows; nothing is written if refused."""
    end = "-".join(word for word in words if not word[0].isalpha() or "." not in word)
    end = end.replace("--", "-", 1)
    shown, code = run_composegen(
        "render", "--target", "kubernetes", *words, folder=folder
    )
    made = {f"kubernetes{end}.txt": shown}
    written = [folder / "kubernetes.yaml", folder / "kustomization.yaml"]
    assert [path.exists() for path in written] == [code == 0] * 2
    for path in written:
        if code == 0:
            made[f"{path.stem}{end}.yaml"] = path.read_text()
            path.unlink()
    return made


def list_cluster_outputs(folder: Path) -> dict[str, str]:
    """Each file about a cluster that belongs into ``expected``, with its text."""
    made = render_for_cluster(folder)
    if len(made) > 1:
        for name in list_optional(folder):
            made |= render_for_cluster(folder, "--without", name)
    if folder.name in FOR_CLUSTER:
        assert len(made) == 1, "it needs no flag"
        made |= render_for_cluster(folder, *FOR_CLUSTER[folder.name])
    return made


def list_files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix()


def rerun_console(text: str, folder: Path) -> str:
    """The text of a ``console`` block with what its commands print now."""
    shown = ""
    for line in text.splitlines():
        if line.startswith("$ "):
            program, *arguments = line.removeprefix("$ ").split()
            assert program == "composegen", f"{line}: others go into `sh` blocks"
            screen, _ = run_composegen(*arguments, folder=folder)
            shown += f"{line}\n{screen}"
    return shown


@each_stack
def test_an_example_has_neither_errors_nor_warnings(stack: Path) -> None:
    levels = {problem.level for problem in load_stack(stack / "stack.yaml").problems}
    assert levels <= {Level.NOTE}


@each_stack
def test_an_example_makes_what_is_expected(stack: Path, tmp_path: Path) -> None:
    copy = copy_example(stack, tmp_path, "expected")
    made: dict[str, str] = {}
    for name, command in list_outputs(copy).items():
        made[name], code = run_composegen(*command, folder=copy)
        assert code == 0, made[name]
    made |= list_cluster_outputs(copy)
    expected = stack / "expected"
    if REWRITE:
        # Only now, when all of it could be made.
        shutil.rmtree(expected, ignore_errors=True)
        expected.mkdir()
        for name, text in made.items():
            (expected / name).write_text(text)
    assert {path.name for path in expected.iterdir()} == made.keys()
    for name, text in made.items():
        assert text == (expected / name).read_text(), f"{name}: make golden"


@each_lesson
def test_commands_in_a_readme_print_what_it_shows(lesson: Path, tmp_path: Path) -> None:
    copy = copy_example(lesson, tmp_path, "expected")

    def rerun(fence: re.Match[str]) -> str:
        if fence["kind"] != "console":
            return fence[0]
        return f"```console\n{rerun_console(fence['text'], copy)}```"

    readme = lesson / "README.md"
    shown = readme.read_text()
    made = FENCE.sub(rerun, shown)
    assert "$ composegen " in made
    if REWRITE:
        readme.write_text(made)
        return
    assert made == shown


@each_lesson
def test_yaml_in_a_readme_stands_in_its_lesson(lesson: Path) -> None:
    sources = [path.read_text() for path in lesson.rglob("*.yaml")]
    for fence in FENCE.finditer((lesson / "README.md").read_text()):
        if fence["kind"] == "yaml":
            assert any(fence["text"] in source for source in sources), fence["text"]


@each_lesson
def test_a_readme_says_what_every_file_is_for(lesson: Path, tmp_path: Path) -> None:
    _, _, section = (lesson / "README.md").read_text().partition("\n## Files\n")
    listed: list[str] = []
    for line in section.splitlines():
        names, colon, purpose = line.partition(": ")
        if line.startswith("- `") and colon and purpose:
            listed += re.findall(r"`([^`]+)`", names)
    copy = copy_example(lesson, tmp_path, "expected", "README.md")
    assert sorted(listed) == sorted([*list_files(copy), "expected/"])


@each_lesson
def test_a_dockerfile_takes_another_base_and_a_numeric_user(lesson: Path) -> None:
    for path in lesson.rglob("Dockerfile"):
        text = path.read_text()
        assert text.startswith("ARG BASE=python:3.12-slim\nFROM ${BASE}\n")
        assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", text, re.MULTILINE)


@pytest.mark.parametrize("lesson", ADOPTED, ids=lambda folder: folder.name)
def test_a_compose_project_is_adopted_as_its_lesson_shows(
    lesson: Path, tmp_path: Path
) -> None:
    require_compose()
    copy = copy_example(lesson, tmp_path, "expected")
    readme = lesson / "README.md"
    shown = readme.read_text()
    made = FENCE.sub(
        lambda fence: (
            f"```console\n{rerun_console(fence['text'], copy)}```"
            if fence["kind"] == "console"
            else fence[0]
        ),
        shown,
    )
    stack = (copy / "stack.yaml").read_text()
    expected = lesson / "expected" / "stack.yaml"
    if REWRITE:
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(stack)
        readme.write_text(made)
        return
    assert made == shown
    assert stack == expected.read_text()


def test_the_list_of_lessons_is_complete_and_in_order() -> None:
    text = (EXAMPLES / "README.md").read_text()
    links = re.findall(r"^(?:\d+\.|-) \[([\w-]+)\]\(\1/\): \w", text, re.MULTILINE)
    assert links == [folder.name for folder in sorted([*STACKS, *ADOPTED])]


def test_lessons_can_run_side_by_side() -> None:
    taken: dict[int, str] = {}
    for folder in LESSONS:
        for service in load_stack(folder / "stack.yaml").stack.services.values():
            for number in (n for port in service.publish for n in port.host_ports):
                assert number not in taken, f"{number}: {taken.get(number)}"
                taken[number] = f"{folder.name}, {service.name}"
