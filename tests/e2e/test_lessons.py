"""Each lesson comes up as its README says, and answers."""

from __future__ import annotations

import pytest

from composegen.stackfile.load import load_stack
from tests.e2e.engine import Project, is_healthy, run_composegen, run_well
from tests.e2e.examples import (
    LESSONS,
    ask,
    copy_example,
    list_images,
    wait_for_free_ports,
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


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_comes_up_and_answers(
    lesson: str, images: Images, project: Project
) -> None:
    images.have(*IMAGES_OF[lesson], name=lesson)
    copy_example(lesson, project.folder)
    if lesson in INSTALLED:
        require_program("npm")
        run_well("npm", "install", "--no-audit", cwd=project.folder / INSTALLED[lesson])
    services = load_stack(project.folder / "stack.yaml").stack.services
    ports = [
        number
        for service in services.values()
        for port in service.publish
        for number in port.host_ports
    ]
    run_composegen(project.folder, "secrets")
    run_composegen(project.folder, "render")
    wait_for_free_ports(*ports)

    project.up("--build")

    containers = project.inspect_all()
    assert containers.keys() == services.keys()
    for name, service in services.items():
        if service.job:
            assert containers[name]["State"]["ExitCode"] == 0, name
            assert containers[name]["State"]["Status"] == "exited", name
        else:
            assert is_healthy(containers[name]), name
    for port in ports:
        assert ask(port, PAGES.get(lesson, "/")).status == 200, port


def test_a_count_goes_on_without_redis_when_redis_is_excluded(
    images: Images, project: Project
) -> None:
    images.have(*IMAGES_OF["03-optional-with-fallback"])
    copy_example("03-optional-with-fallback", project.folder)
    run_composegen(project.folder, "render")
    wait_for_free_ports(8003)
    project.up("--build")
    assert ask(8003, "/").text == "visit 1, counted in redis\n"
    run_composegen(project.folder, "render", "--without", "redis")
    project.up("--remove-orphans")
    assert project.inspect_all().keys() == {"web"}
    assert ask(8003, "/").text == "visit 1, counted in memory\n"
