"""What kubectl reads of a random stack is what the plan says; nothing is created."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings

from tests.clusters import Objects, split_objects
from tests.e2e.kubernetes.cluster import Cluster
from tests.fuzz import words
from tests.test_cluster_validity import assert_is_what_the_plan_says, make_case


def read_with_kubectl(cluster: Cluster, path: Path) -> Objects:
    """The objects of a file as kubectl would create them."""
    said = cluster.kubectl("create", "--dry-run=client", "-o", "json", "-f", str(path))
    decoder, found, rest = json.JSONDecoder(), [], said.lstrip()
    while rest:
        each, end = decoder.raw_decode(rest)
        assert each["metadata"].pop("namespace") == "default"
        found.append(each)
        rest = rest[end:].lstrip()
    return split_objects("\n---\n".join(map(json.dumps, found)))


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)
@given(case=words.cases)
def test_kubectl_and_pyyaml_read_a_random_stack_as_its_plan_says(
    cluster: Cluster, case: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        plan, text = make_case(case, Path(name))
        path = Path(name) / "kubernetes.yaml"
        path.write_text(text)
        made = read_with_kubectl(cluster, path)

    assert made == split_objects(text)
    assert_is_what_the_plan_says(plan, made)
