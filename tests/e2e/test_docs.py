"""The pages' commands that need an engine print there what the pages show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.engine import PROJECT, run, run_well
from tests.e2e.examples import list_images, wait_for_free_ports
from tests.e2e.images import Images
from tests.pages import PAGES, ROOT, Shell, are_equal, read_blocks, run_page

pytestmark = pytest.mark.engine

IMAGES = list_images("chat")
ON_ENGINE = [
    page
    for page in PAGES
    if any(block.notes.get("needs") == "engine" for block in read_blocks(page))
]
PORTS = (3000, 3002)
"""What the chat stack publishes; it is the one that the pages bring up."""


def list_projects() -> set[str]:
    """The names of the projects that have containers."""
    label = '{{.Label "com.docker.compose.project"}}'
    listed = run_well("docker", "ps", "-a", "--filter", PROJECT, "--format", label)
    return set(listed.split())


@pytest.mark.parametrize(
    "page", ON_ENGINE, ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_commands_print_what_a_page_shows(page: Path, images: Images) -> None:
    images.have(*IMAGES)
    wait_for_free_ports(*PORTS)
    before = list_projects()
    assert "chat" not in before, "the pages' project, `chat`, runs already"
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
        if "chat" in list_projects():
            run("docker", "compose", "-p", "chat", "down", "-v", "--rmi", "local")


def test_there_are_such_pages() -> None:
    assert ROOT / "README.md" in ON_ENGINE
