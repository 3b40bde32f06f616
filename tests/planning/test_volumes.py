"""External volumes are found by the name that the engine knows them by."""

from composegen.planning.volumes import list_external_volumes
from tests.runs import load


def test_external_volumes_of_both_tables_are_named_as_on_the_engine(tmp_path):
    path = tmp_path / "stack.yaml"
    path.write_text(
        """\
volumes:
  plain: {external: true}
  named: {external: true, name: "${N}-files"}
  own: {name: mine}
compose:
  volumes:
    raw: {external: true}
    more: {driver: local}
services:
  web:
    image: a:1
    health: {none: x}
    volumes: ["plain:/a", "named:/b", "own:/c"]
"""
    )
    assert list_external_volumes(load(path)) == ("plain", "${N}-files", "raw")
