"""What hardening means inside a container; each word of `relax` ends its own part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.engine import Project, run_composegen
from tests.e2e.images import Images

pytestmark = pytest.mark.engine

IMAGES = ["python:3.12-slim"]
WORDS = ("read_only", "cap_drop", "no_new_privileges", "init")
"""What is on unless it is relaxed."""

SERVICES: dict[str, Any] = {
    "hardened": {},
    **{
        word.replace("_", "-"): {"relax": {word: f"to see what {word} does"}}
        for word in WORDS
    },
    "everything": {"relax": "to see all of it"},
}
RELAXED = {
    "hardened": set(),
    **{word.replace("_", "-"): {word} for word in WORDS},
    "everything": set(WORDS),
}


@pytest.fixture(scope="module")
def project(
    images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    images.have(*IMAGES)
    with Project(tmp_path_factory.mktemp("relax")) as made:
        services = {
            name: {
                "image": IMAGES[0],
                "command": ["tail", "-f", "/dev/null"],
                "health": {"command": "true"},
                **keys,
            }
            for name, keys in SERVICES.items()
        }
        stack = yaml.safe_dump({"services": services}, sort_keys=False)
        (made.folder / "stack.yaml").write_text(stack)
        run_composegen(made.folder, "render")
        made.up()
        yield made


def look_inside(project: Project, service: str) -> set[str]:
    """What does not hold in a container, by what the kernel says there."""
    # As root, whom only the kernel's own limits stop.
    written = project.exec(service, "touch", "/usr/probe", user="0").returncode == 0
    told = project.exec(service, "cat", "/proc/1/status", user="0").stdout
    status = dict(line.split(":\t", 1) for line in told.splitlines() if ":\t" in line)
    missing = {
        "read_only": written,
        "cap_drop": int(status["CapBnd"], 16) != 0,
        "no_new_privileges": status["NoNewPrivs"] == "0",
        "init": "init" not in status["Name"],
    }
    return {word for word, is_missing in missing.items() if is_missing}


@pytest.mark.parametrize("service", SERVICES)
def test_only_what_is_relaxed_does_not_hold(service: str, project: Project) -> None:
    assert look_inside(project, service) == RELAXED[service]
