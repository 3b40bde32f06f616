"""The pages' commands that need an engine print there what the pages show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.engine import PROJECT, run, run_well
from tests.e2e.examples import hold_ports, list_images
from tests.e2e.images import Images
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


def list_projects() -> set[str]:
    """The names of the projects that have containers."""
    label = '{{.Label "com.docker.compose.project"}}'
    listed = run_well("docker", "ps", "-a", "--filter", PROJECT, "--format", label)
    return set(listed.split())


def remove_volumes(project: str) -> None:
    """What `composegen down` keeps; another folder would not name it as its own."""
    label = f"label=com.docker.compose.project={project}"
    listed = run_well("docker", "volume", "ls", "-q", "--filter", label).split()
    if listed:
        run("docker", "volume", "rm", *listed)


@pytest.mark.parametrize(
    "page", ON_ENGINE, ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_commands_print_what_a_page_shows(page: Path, images: Images) -> None:
    images.have(*IMAGES)
    stacks = read_stacks(page)
    names = {*NAME.findall(stacks)}
    assert names
    with hold_ports(*list_ports(stacks)):
        running = names & list_projects()
        assert not running, f"on the engine, and not removed for a test: {running}"
        try:
            # Ports are published on this machine, whatever network the shell is in.
            with Shell(own_network=False) as shell:
                for outcome in run_page(read_blocks(page), shell):
                    shown = outcome.block.text
                    assert are_equal(shown, outcome.text), (
                        f"{outcome.block} shows\n{shown}\n"
                        f"and this is printed:\n{outcome.text}"
                    )
        finally:
            for name in names & list_projects():
                run("docker", "compose", "-p", name, "down", "-v", "--rmi", "local")
            for name in names:
                remove_volumes(name)


def test_there_are_such_pages() -> None:
    assert ROOT / "README.md" in ON_ENGINE
