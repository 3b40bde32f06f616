"""When a service on a cluster counts as ready."""

import pytest

from composegen.places.cluster.status import is_ready
from tests.clusterfakes import (
    NOW,
    make_deployment,
    make_noted,
    make_pod,
    make_replica_set,
    running,
    take,
)


@pytest.mark.parametrize(
    ("age", "restarts", "is_it"),
    [(0.5, 0, False), (2, 0, True), (2, 1, False), (12, 1, True)],
)
def test_one_without_a_check_has_to_live_a_second_or_ten_if_it_has_died(
    age, restarts, is_it
):
    main = running(since=NOW - 60, ready=True, restarts=restarts)
    objects = [
        make_deployment("web"),
        make_replica_set("web"),
        make_pod("web", main=main, ready=True),
    ]
    snapshot = take(objects, now=NOW - 60 + age)
    noted = make_noted("web", is_asked=False)

    assert is_ready(snapshot, noted, snapshot.find_workload("web")) is is_it
