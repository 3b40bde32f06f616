"""Records: frozen, slotted, equal by their fields, made quickly."""

import pytest

from composegen.records import FrozenRecordError, as_dict, field, record, replace


@record
class Point:
    """A record with a default, and one that is made for each."""

    x: int
    y: int = 2
    notes: dict[str, str] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list, compare=False, repr=False)

    @property
    def sum(self) -> int:
        return self.x + self.y


@record(kw_only=False)
class Pair:
    first: str
    second: str = ""


def test_fields_have_their_values_and_defaults() -> None:
    point = Point(x=1)
    assert (point.x, point.y, point.notes, point.sum) == (1, 2, {}, 3)


def test_a_record_is_made_by_names_alone() -> None:
    with pytest.raises(TypeError):
        Point(1)  # type: ignore[misc]


def test_a_record_may_take_positions() -> None:
    assert Pair("a", "b") == Pair(first="a", second="b")


def test_a_missing_field_is_an_error() -> None:
    with pytest.raises(TypeError, match="'x'"):
        Point()  # type: ignore[call-arg]


def test_a_fresh_default_is_not_shared() -> None:
    assert Point(x=1).notes is not Point(x=1).notes


def test_records_are_equal_when_their_fields_are() -> None:
    assert Point(x=1) == Point(x=1)
    assert Point(x=1) != Point(x=2)
    assert Point(x=1, seen=[1]) == Point(x=1)
    assert Pair("a") != ("a", "")


@record
class Nothing:
    """A record without fields."""


@record
class Uncompared:
    """A record of which nothing is compared."""

    seen: list[int] = field(default_factory=list, compare=False)


@pytest.mark.parametrize("kind", [Nothing, Uncompared])
def test_records_of_which_nothing_is_compared_are_equal(kind: type) -> None:
    assert kind() == kind()
    assert hash(kind()) == hash(kind())
    assert kind() != Pair("a")


def test_equal_records_have_one_hash() -> None:
    assert hash(Pair("a")) == hash(Pair("a", ""))
    assert len({Pair("a"), Pair("a"), Pair("a", "b")}) == 2


def test_a_record_cannot_be_changed() -> None:
    point = Point(x=1)
    with pytest.raises(FrozenRecordError):
        point.x = 3  # type: ignore[misc]
    with pytest.raises(FrozenRecordError):
        del point.x
    assert point.x == 1


def test_a_record_takes_no_other_names() -> None:
    with pytest.raises(AttributeError):
        Point(x=1).z = 3  # type: ignore[attr-defined]


def test_replace_makes_a_new_one() -> None:
    point = Point(x=1, notes={"a": "b"})
    assert replace(point, y=5) == Point(x=1, y=5, notes={"a": "b"})
    assert point.y == 2


def test_a_record_shows_what_it_is() -> None:
    assert repr(Pair("a", "b")) == "Pair(first='a', second='b')"
    assert "seen" not in repr(Point(x=1))


def test_records_can_be_keys() -> None:
    assert {Pair("a"): 1}[Pair("a")] == 1


def test_a_record_as_a_dictionary_is_not_deep() -> None:
    pair = Pair("a")
    assert as_dict(pair) == {"first": "a", "second": ""}


# Inheritance, and fields without a default


@record
class Place(Point):
    """A point with a name, and a secret that should not be read by accident."""

    name: str
    key: str = field(repr=False)


def test_a_record_has_the_fields_of_the_one_that_it_inherits_from() -> None:
    place = Place(x=1, name="here", key="k")

    assert (place.x, place.y, place.notes, place.name) == (1, 2, {}, "here")
    assert place.sum == 3
    assert replace(place, x=5) == Place(x=5, name="here", key="k")
    assert place != Place(x=1, name="there", key="k")
    assert place != Point(x=1)
    assert repr(place) == "Place(x=1, y=2, notes={}, name='here')"
    assert not hasattr(place, "__dict__")
    with pytest.raises(FrozenRecordError):
        place.x = 2  # type: ignore[misc]


def test_a_field_without_a_default_must_be_given() -> None:
    with pytest.raises(TypeError, match="'key'"):
        Place(x=1, name="here")  # type: ignore[call-arg]


def test_a_record_within_a_record_is_plain_data_too() -> None:
    @record
    class Line:
        start: Point
        ends: tuple[int, ...] = ()

    assert as_dict(Line(start=Point(x=1))) == {
        "start": {"x": 1, "y": 2, "notes": {}, "seen": []},
        "ends": (),
    }


MANY = 50


def test_the_init_of_a_class_with_many_records_is_compiled() -> None:
    @record
    class Base:
        x: int

    @record
    class More(Base):
        y: int = 2

    later = Base.__init__
    assert More.__init__ is later
    for x in range(MANY):
        assert (More(x=x).x, More(x=x, y=3).y) == (x, 3)
        assert More(x=x) == More(x=x, y=2)
    assert More.__init__ is not later
    assert Base.__init__ is later
    with pytest.raises(TypeError):
        Base(1)  # type: ignore[call-arg]
    assert Base(x=1).x == 1


@pytest.mark.parametrize("before", [0, MANY])
def test_the_first_record_is_made_as_the_last_one(before: int) -> None:
    @record
    class Fresh:
        x: int
        key: str = field(repr=False)
        y: int = 2
        notes: list[int] = field(default_factory=list)

    @record
    class More(Fresh):
        z: int = 3

    for _ in range(before):
        Fresh(x=1, key="")
        More(x=1, key="")
    for kind in (Fresh, More):
        assert kind(x=1, key="k", notes=[4]).notes == [4]
        assert kind(x=1, key="k").notes is not kind(x=1, key="k").notes
        with pytest.raises(TypeError, match="'key'"):
            kind(x=1)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="'w'"):
            kind(x=1, key="", w=2)  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="positional"):
            kind(1, key="")  # type: ignore[call-arg]
    assert repr(More(x=1, key="k")).endswith("More(x=1, y=2, notes=[], z=3)")
