"""The rules that choose a route: read from routes.yaml, tried in their order."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta

_Text = Annotated[str, Meta(min_length=1)]
_Count = Annotated[int, Meta(ge=0)]


class RoutesError(Exception):
    """A rule cannot be used; the text begins with file and line."""


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule, and what it leads to."""

    name: Annotated[str, Meta(pattern="^[a-z][a-z0-9-]*$")]
    model: _Text
    keywords: tuple[_Text, ...] = ()
    longer_than: _Count | None = None
    default: bool = False
    system: str = ""
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    history: _Count = 40
    history_characters: _Count = 100_000

    def __post_init__(self) -> None:
        conditions = (self.keywords, self.longer_than is not None, self.default)
        if sum(map(bool, conditions)) != 1:
            text = "exactly one of `keywords`, `longer_than`, `default: true`"
            raise ValueError(f"rule {self.name} needs {text}")

    def reason_for(self, text: str) -> str | None:
        """Why this rule fits a message; None when it does not."""
        if self.default:
            return "no other rule fits"
        if self.longer_than is not None:
            return f"{len(text)} characters" if len(text) > self.longer_than else None
        found = _make_pattern(self.keywords).search(text)
        return f'keyword "{found[0].lower()}"' if found else None


@cache
def _make_pattern(keywords: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(_word, keywords)), re.IGNORECASE)


def _word(keyword: str) -> str:
    # A whole word only, where it begins or ends like one: `sql`, but also "```".
    before = r"\b" if keyword[0].isalnum() else ""
    after = r"\b" if keyword[-1].isalnum() else ""
    return before + re.escape(keyword) + after


class Choice(msgspec.Struct, frozen=True):
    """The route a message takes, and why."""

    route: Route
    reason: str


def choose_route(routes: Sequence[Route], text: str, wanted: str = "") -> Choice:
    """The route that was asked for by name, else the first whose rule fits."""
    for route in routes:
        if route.name == wanted:
            return Choice(route, "asked for by name")
    for route in routes:
        if reason := route.reason_for(text):
            return Choice(route, reason)
    raise LookupError("load_routes lets no rules pass without a default")


def load_routes(path: Path) -> tuple[Route, ...]:
    """The rules in a file, in their order; raises RoutesError."""
    try:
        loader = yaml.SafeLoader(path.read_text("utf-8"))
        root = loader.get_single_node()
        return _read_rules(root, loader)
    except (OSError, UnicodeDecodeError) as error:
        raise RoutesError(f"{path}: cannot be read: {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise RoutesError(f"{path}:{line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise RoutesError(f"{path}:1: {error}") from error


def _read_rules(root: yaml.Node | None, loader: yaml.SafeLoader) -> tuple[Route, ...]:
    top = root.value if isinstance(root, yaml.MappingNode) else []
    rules = top[0][1] if [key.value for key, _ in top] == ["routes"] else None
    if not isinstance(rules, yaml.SequenceNode) or not rules.value:
        raise _fault(root, "expected `routes:` and a list of rules, nothing else")
    routes: list[Route] = []
    for node in rules.value:
        route = _read_route(node, loader)
        if any(route.name == other.name for other in routes):
            raise _fault(node, f"there is already a rule named {route.name}")
        if routes and routes[-1].default:
            raise _fault(node, f"rule {route.name} is after the default: never reached")
        routes.append(route)
    if not routes[-1].default:
        raise _fault(rules.value[-1], "the last rule needs `default: true`")
    return tuple(routes)


def _read_route(node: yaml.Node, loader: yaml.SafeLoader) -> Route:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    keys = {}
    for key, _ in pairs:
        if str(key.value) in keys:
            raise _fault(key, f"`{key.value}` is there twice")
        keys[str(key.value)] = key
    try:
        return msgspec.convert(loader.construct_object(node, deep=True), Route)
    except msgspec.ValidationError as error:
        # It ends with the field it is about: "... - at `$.longer_than`".
        field = re.search(r"`(?:\$\.)?(\w+)[^`]*`$", str(error))
        where = keys.get(field[1], node) if field else node
        raise _fault(where, str(error)) from error
    except ValueError as error:  # a date or number that is none, as YAML reads it
        raise _fault(node, str(error)) from error


def _fault(node: yaml.Node | None, text: str) -> yaml.MarkedYAMLError:
    mark = node.start_mark if node else None
    return yaml.MarkedYAMLError(problem=text, problem_mark=mark)
