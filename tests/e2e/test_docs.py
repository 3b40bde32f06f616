"""The pages' commands that need an engine print there what the pages show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.engine import PROJECT, run, run_well
from tests.e2e.examples import hold_ports, list_images
from tests.e2e.images import Images
from tests.leaks import find_running_in
from tests.pages import (
    PAGES,
    ROOT,
    Shell,
    are_equal,
    list_ports,
    read_blocks,
    read_stacks,
    run_page,
)

pytestmark = pytest.mark.engine

IMAGES = list_images("chat")
ON_ENGINE = [
    page
    for page in PAGES
    if any(block.notes.get("needs") == "engine" for block in read_blocks(page))
]
NAME = re.compile(r"^name: (\S+)$", re.MULTILINE)
LABELS = (
    '{{.Label "com.docker.compose.project"}} '
    '{{.Label "com.docker.compose.project.working_dir"}}'
)


def list_projects() -> dict[str, Path]:
    """The projects that have containers, by name, with their folders."""
    words = ("docker", "ps", "-a", "--filter", PROJECT, "--format", LABELS)
    pairs = (line.partition(" ") for line in run_well(*words).splitlines())
    return {name: Path(folder) for name, _, folder in pairs}


def take_down(name: str) -> None:
    """Remove a project with its volumes and the images that were built for it."""
    run("docker", "compose", "-p", name, "down", "-v", "--rmi", "local")
    remove_volumes(name)


def remove_left(names: set[str]) -> None:
    """Take down what killed tests have left: nothing runs in their folders."""
    for name, folder in list_projects().items():
        pages = [each for each in (folder, *folder.parents) if each.match("page-*")]
        if name in names and pages and not find_running_in(pages[-1]):
            take_down(name)


def remove_volumes(project: str) -> None:
    """What `composegen down` keeps; another folder would not name it as its own."""
    label = f"label=com.docker.compose.project={project}"
    listed = run_well("docker", "volume", "ls", "-q", "--filter", label).split()
    if listed:
        run("docker", "volume", "rm", *listed)


DRILLS = 3
"""How often a page with a drill is tried: a busy machine answers too late for it."""


@pytest.mark.parametrize(
    "page", ON_ENGINE, ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_commands_print_what_a_page_shows(page: Path, images: Images) -> None:
    images.have(*IMAGES)
    stacks = read_stacks(page)
    names = {*NAME.findall(stacks)}
    assert names
    remove_left(names)
    with hold_ports(*list_ports(stacks)):
        running = names & list_projects().keys()
        assert not running, f"on the engine, and not removed for a test: {running}"
        for _ in range(DRILLS if "composegen drill" in page.read_text() else 1):
            try:
                difference = find_difference(page)
            finally:
                for name in names:
                    take_down(name)
            if not difference:
                return
        pytest.fail(difference)


def find_difference(page: Path) -> str:
    """What one of the page's commands printed that it does not show, or nothing."""
    # Ports are published on this machine, whatever network the shell is in.
    with Shell(own_network=False) as shell:
        for outcome in run_page(read_blocks(page), shell):
            shown = outcome.block.text
            if not are_equal(shown, outcome.text):
                return (
                    f"{outcome.block} shows\n{shown}\n"
                    f"and this is printed:\n{outcome.text}"
                )
    return ""


def test_there_are_such_pages() -> None:
    assert ROOT / "README.md" in ON_ENGINE
