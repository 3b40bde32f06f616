"""A test cluster that runs, and a stack in a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.engine import run
from tests.e2e.images import Images
from tests.e2e.kubernetes.cluster import SCRIPT, Cluster, Stack
from tests.parts import require_part


@pytest.fixture(scope="session")
def cluster(images: Images) -> Cluster:
    """The cluster that `make cluster` starts."""
    found = run(str(SCRIPT), "kubeconfig").returncode == 0
    require_part(found, "a test cluster")
    return Cluster()


@pytest.fixture
def stack(cluster: Cluster, tmp_path: Path) -> Iterator[Stack]:
    """A stack in a folder and a namespace of its own, removed after the test."""
    with Stack(tmp_path, cluster) as made:
        yield made
