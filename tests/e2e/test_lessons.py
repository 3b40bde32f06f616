"""Each lesson comes up as its README says, and answers."""

from __future__ import annotations

import pytest

from composegen.loader import load_stack
from tests.e2e.engine import Project, is_healthy, run_composegen
from tests.e2e.examples import LESSONS, ask, copy_example, wait_for_free_ports
from tests.e2e.images import Images

pytestmark = pytest.mark.engine

IMAGES = ("python:3.12-slim", "nginx:1.29-alpine", "postgres:18-alpine")
REDIS = ("redis:7-alpine", "redis:8-alpine")


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_comes_up_and_answers(
    lesson: str, images: Images, project: Project
) -> None:
    images.have(*IMAGES, *REDIS)
    copy_example(lesson, project.folder)
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
        assert ask(port, "/").status == 200, port
