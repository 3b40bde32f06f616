"""What another version of Compose has made, and this one made again, is reported."""

from __future__ import annotations

from composegen.places.engine.notes import write_notes
from composegen.places.engine.other_compose import describe_remade, find_unchanged
from composegen.records import replace
from tests.enginefakes import make_container, make_noted, make_notes


def made(service="web", id="old", compose="2.40.3", image_id="sha256:1"):
    return make_container(service, id=id, compose=compose, image_id=image_id)


def remade(before, after, unchanged=("web", "db")):
    return describe_remade(before, after, frozenset(unchanged))


def test_services_that_another_compose_has_made_are_named_with_both_versions():
    before = [made("db"), made()]
    after = [made("db", "new", "5.6.0"), made("web", "newer", "5.6.0")]

    assert remade(before, after) == (
        "Compose 5.6.0 recreated db, web: Compose 2.40.3 had made the containers, "
        "and describes the same service differently"
    )


def test_a_service_that_was_left_as_it_is_is_not_named():
    after = [made(), made("db", "new", "5.6.0")]

    assert "recreated db: " in remade([made(), made("db")], after)


def test_what_was_recreated_for_another_reason_is_not_named():
    new = made(id="new", compose="5.6.0")

    assert remade([made()], [new]) != ""
    assert remade([made()], [new], unchanged=()) == ""
    assert remade([made()], [replace(new, compose="2.40.3")]) == ""
    assert remade([made()], [replace(new, image_id="sha256:2")]) == ""
    assert remade([made(compose="")], [new]) == ""
    assert remade([], [new]) == ""


def test_a_service_is_unchanged_where_its_definition_is(tmp_path):
    web = make_noted("web", definition="a", without=("cache",))
    db, new = make_noted("db", definition="b"), make_noted("new", definition="c")
    write_notes(tmp_path, make_notes(web, db))

    def find(*services):
        return find_unchanged(tmp_path, make_notes(*services))

    assert find(web, db, new) == {"web", "db"}
    assert find(replace(web, definition="other"), db) == {"db"}
    assert find(replace(web, without=()), db) == {"db"}
    assert find_unchanged(tmp_path, make_notes(web, project="other")) == frozenset()
    assert find_unchanged(tmp_path / "nowhere", make_notes(web)) == frozenset()
