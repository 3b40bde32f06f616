"""Which cluster and namespace are meant, from what was typed and what was noted."""

import pytest

from composegen.places.cluster.finding import choose_where
from composegen.places.cluster.notes import write_notes
from composegen.workspace.workspace import Workspace
from tests.clusterfakes import FakeKubectl, make_config, make_noted, make_notes


@pytest.mark.parametrize(
    ("context", "namespace", "found"),
    [("", "", "mine"), ("lab", "", "mine"), ("lab", "b", "b"), ("other", "", "demo")],
)
def test_a_noted_namespace_is_that_of_its_cluster(tmp_path, context, namespace, found):
    fake = FakeKubectl(tmp_path)
    fake.answer("config view", make_config("lab", "other", current="other"), first=True)
    write_notes(tmp_path, make_notes(make_noted("web"), namespace="mine"))

    where = choose_where(
        Workspace(tmp_path / "stack.yaml", fake.environment),
        "demo",
        context=context,
        namespace=namespace,
        ask=None,
        purpose="up",
    )

    assert (where.context, where.namespace) == (context or "lab", found)
