"""The checks that are known for images without a recipe, on an engine."""

from __future__ import annotations

import pytest
import yaml

from composegen.images.checks import write_known_check
from composegen.images.facts import find_facts, read_images
from tests.e2e.engine import Project, is_healthy, run_composegen
from tests.e2e.images import Images

pytestmark = pytest.mark.engine

FAMILIES = {
    "node-exporter": "prom/node-exporter:v1.9.1",
    "prometheus": "prom/prometheus:v3.1.0",
}
"""A family, and the image on which its check is tried."""
IMAGES = list(FAMILIES.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_the_known_check_finds_a_hardened_service_healthy_in_two_starts(
    family: str, images: Images, project: Project
) -> None:
    image = FAMILIES[family]
    images.have(image)
    facts = find_facts(image)
    assert facts is not None
    line = write_known_check(facts, None)
    keys = {"image": image} | yaml.safe_load(line)
    stack = yaml.safe_dump({"services": {"one": keys}}, sort_keys=False)
    (project.folder / "stack.yaml").write_text(stack)
    run_composegen(project.folder, "render")

    for _ in range(2):
        project.up()
        one = project.inspect("one")
        assert is_healthy(one)
        assert one["HostConfig"]["ReadonlyRootfs"]
        assert one["HostConfig"]["CapDrop"] == ["ALL"]
        project.down()


def test_what_is_said_to_be_tested_is_tried_here() -> None:
    checked = {name for name, entry in read_images().items() if entry.get("health")}
    known = {"grafana", "kibana", "logstash", "nextcloud", "wordpress"}
    said = {name for name in checked if read_images()[name].get("tested") != "false"}

    assert said - known == FAMILIES.keys()
