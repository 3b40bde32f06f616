"""The one way to say "record": frozen values with slots, made quickly at import.

``@record`` means what ``@dataclass(frozen=True, slots=True, kw_only=True)`` means and
takes a fraction of its time to make a class: ``__init__`` alone is compiled for each
class, when it has more than a few records, and everything else is shared.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform, overload

Class = TypeVar("Class", bound=type)
Value = TypeVar("Value")

_BY_HAND = 50
"""How many records of a class are filled before its ``__init__`` is compiled.

Compiling one takes as long as filling about 50 records.
"""


class FrozenRecordError(AttributeError):
    """A record was to be changed; a change is a new value: ``replace``."""


class _Fresh:
    """A default that is made for each record; no factory: there is no default."""

    __slots__ = ("compare", "factory", "repr")

    def __init__(
        self, factory: Callable[[], Any] | None, *, compare: bool, repr: bool
    ) -> None:
        self.factory = factory
        self.compare = compare
        self.repr = repr


@overload
def field(
    *, default_factory: Callable[[], Value], compare: bool = True, repr: bool = True
) -> Value: ...


@overload
def field(*, compare: bool = True, repr: bool = True) -> Any: ...


def field(
    *,
    default_factory: Callable[[], Any] | None = None,
    compare: bool = True,
    repr: bool = True,
) -> Any:
    """A field that is not compared, not shown, or whose default is made each time."""
    return _Fresh(default_factory, compare=compare, repr=repr)


@overload
def record(cls: Class, /) -> Class: ...


@overload
def record(
    *, kw_only: bool = True, frozen: bool = True
) -> Callable[[Class], Class]: ...


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(field,)
)
def record(
    cls: Class | None = None, /, *, kw_only: bool = True, frozen: bool = True
) -> Class | Callable[[Class], Class]:
    """Make a class a record of its annotated names, in their order.

    The names of a record that it inherits from come first. Records of one class are
    equal when their fields are; a frozen one raises FrozenRecordError when code
    sets a field.
    """

    def make(cls: Class) -> Class:
        return _make_record(cls, kw_only=kw_only, frozen=frozen)

    return make if cls is None else make(cls)


def _make_record(cls: Class, *, kw_only: bool, frozen: bool) -> Class:
    own = tuple(vars(cls).get("__annotations__", ()))
    namespace = {
        key: value
        for key, value in vars(cls).items()
        if key not in own and key not in {"__dict__", "__weakref__"}
    }
    base: Any = cls.__base__
    names = (*getattr(base, "__record_fields__", ()), *own)
    defaults = {
        **getattr(base, "__record_defaults__", {}),
        **{name: vars(cls)[name] for name in own if name in vars(cls)},
    }
    fresh = {name: value for name, value in defaults.items() if type(value) is _Fresh}
    shared: dict[str, Any] = {
        "__init__": _make_init_later,
        "__repr__": _show,
        "__eq__": _equal,
        "__hash__": _hash if frozen else None,
        "__match_args__": () if kw_only else names,
        "__slots__": own,
        "__record_fields__": names,
        "__record_defaults__": defaults,
        "__record_kw_only__": kw_only,
        "__record_left__": [_BY_HAND],
        "_compared": _get_all([n for n in names if n not in fresh or fresh[n].compare]),
        "_shown": tuple(n for n in names if n not in fresh or fresh[n].repr),
    }
    if frozen:
        shared |= {"__setattr__": _refuse, "__delattr__": _refuse}
    made: Any = type(cls)(cls.__name__, cls.__bases__, {**namespace, **shared})
    made.__qualname__ = cls.__qualname__
    result: Class = made
    return result


def _make_init_later(self: Any, *values: Any, **fields: Any) -> None:
    """Fill a class's first records by hand; compile ``__init__`` for more of them.

    Most classes that a command imports have few records or none: this saves 19 of
    the 380 million instructions of ``check``.
    """
    cls: Any = type(self)
    while vars(cls).get("__init__") is not _make_init_later:
        cls = cls.__base__  # a class without an own `__init__` has that of its record
    left = cls.__record_left__
    left[0] -= 1
    if left[0] > 0 and not values and _fill(self, cls, fields):
        return
    names, defaults = cls.__record_fields__, cls.__record_defaults__
    cls.__init__ = _compile_init(names, defaults, kw_only=cls.__record_kw_only__)
    cls.__init__(self, *values, **fields)


def _fill(self: Any, cls: Any, fields: dict[str, Any]) -> bool:
    """Set every field of a record; false where they are not those of its class."""
    given = {**cls.__record_defaults__, **fields}
    if len(given) != len(cls.__record_fields__):
        return False
    for name in cls.__record_fields__:
        value = given.get(name, _MISSING)
        if type(value) is _Fresh:
            value = _MISSING if value.factory is None else value.factory()
        if value is _MISSING:
            return False
        _set(self, name, value)
    return True


def _compile_init(
    names: tuple[str, ...], defaults: dict[str, Any], *, kw_only: bool
) -> Callable[..., None]:
    scope: dict[str, Any] = {"_set": _set, "_missing": _MISSING}
    parameters, lines = [], []
    for name in names:
        default = defaults.get(name, _MISSING)
        if type(default) is _Fresh and default.factory is not None:
            scope[f"_make_{name}"] = default.factory
            parameters.append(f"{name}=_missing")
            lines.append(f"    if {name} is _missing: {name} = _make_{name}()")
        elif default is _MISSING or type(default) is _Fresh:
            parameters.append(name)
        else:
            scope[f"_default_{name}"] = default
            parameters.append(f"{name}=_default_{name}")
        lines.append(f"    _set(self, {name!r}, {name})")
    star = "*, " if kw_only and names else ""
    head = f"def __init__(self, {star}{', '.join(parameters)}):\n"
    # The names are those that the class's own source annotates.
    exec(head + "\n".join(lines or ["    pass"]), scope)  # noqa: S102  # nosec B102
    init: Callable[..., None] = scope["__init__"]
    return init


_MISSING = object()
_set = object.__setattr__


def _show(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown)
    return f"{type(self).__qualname__}({fields})"


def _equal(self: Any, other: Any) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    same: bool = self._compared(self) == self._compared(other)
    return same


def _hash(self: Any) -> int:
    return hash(self._compared(self))


def _get_all(names: list[str]) -> Callable[[Any], Any]:
    """What gets the values of all names from a record."""
    return attrgetter(*names) if names else staticmethod(lambda _: ())


def _refuse(self: Any, name: str, *_: Any) -> None:
    raise FrozenRecordError(f"{type(self).__qualname__}.{name} cannot be changed")


def replace(value: Value, /, **changes: Any) -> Value:
    """A copy of a record with some fields changed."""
    record: Any = value
    fields = {name: getattr(record, name) for name in record.__record_fields__}
    result: Value = type(record)(**{**fields, **changes})
    return result


def list_fields(kind: type) -> tuple[str, ...]:
    """The names of a record's fields, inherited ones first."""
    names: tuple[str, ...] = vars(kind)["__record_fields__"]
    return names


def as_dict(value: Any) -> dict[str, Any]:
    """A record's fields by name; one that is a record itself by its own fields."""
    fields = {name: getattr(value, name) for name in value.__record_fields__}
    return {
        name: as_dict(field) if hasattr(field, "__record_fields__") else field
        for name, field in fields.items()
    }
