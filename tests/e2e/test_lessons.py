"""Each lesson comes up as its README says, and answers."""

from __future__ import annotations

import pytest

from composegen.model import Stack
from composegen.stackfile.load import load_stack
from tests.e2e.engine import Project, is_healthy, run_composegen, run_well
from tests.e2e.examples import (
    LESSONS,
    ask,
    copy_example,
    hold_ports,
    list_images,
)
from tests.e2e.images import Images
from tests.parts import require_program

pytestmark = pytest.mark.engine

IMAGES_OF = {lesson: list_images(lesson) for lesson in LESSONS}
INSTALLED = {"08-express": "api"}
"""Where `npm install` comes first, and in which folder."""
PAGES = {"08-express": "/ask?q=hello"}
"""What is asked for where there is no front page."""

IMAGES = [image for images in IMAGES_OF.values() for image in images]


def list_ports(stack: Stack) -> list[int]:
    """The ports of this machine that a lesson publishes."""
    published = [port for each in stack.services.values() for port in each.publish]
    return [number for port in published for number in port.host_ports]


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_comes_up_and_answers(
    lesson: str, images: Images, project: Project
) -> None:
    images.have(*IMAGES_OF[lesson], name=lesson)
    copy_example(lesson, project.folder)
    if lesson in INSTALLED:
        require_program("npm")
        run_well("npm", "install", "--no-audit", cwd=project.folder / INSTALLED[lesson])
    stack = load_stack(project.folder / "stack.yaml").stack
    run_composegen(project.folder, "secrets")
    run_composegen(project.folder, "render")
    with hold_ports(*list_ports(stack)), project:
        project.up("--build")
        assert_answers(lesson, stack, project)


def assert_answers(lesson: str, stack: Stack, project: Project) -> None:
    """That all of a lesson is up, and that each published port answers."""
    services = stack.services
    containers = project.inspect_all()
    assert containers.keys() == services.keys()
    for name, service in services.items():
        if service.job:
            assert containers[name]["State"]["ExitCode"] == 0, name
            assert containers[name]["State"]["Status"] == "exited", name
        else:
            assert is_healthy(containers[name]), name
    for port in list_ports(stack):
        assert ask(port, PAGES.get(lesson, "/")).status == 200, port


def test_a_count_goes_on_without_redis_when_redis_is_excluded(
    images: Images, project: Project
) -> None:
    images.have(*IMAGES_OF["03-optional-with-fallback"])
    copy_example("03-optional-with-fallback", project.folder)
    run_composegen(project.folder, "render")
    with hold_ports(8003), project:
        project.up("--build")
        assert ask(8003, "/").text == "visit 1, counted in redis\n"
        run_composegen(project.folder, "render", "--without", "redis")
        project.up("--remove-orphans")
        assert project.inspect_all().keys() == {"web"}
        assert ask(8003, "/").text == "visit 1, counted in memory\n"
