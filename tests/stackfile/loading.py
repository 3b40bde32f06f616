"""Loads stacks of one app, for the tests of the keys of a service."""

from __future__ import annotations

from textwrap import dedent, indent

import yaml

from composegen.health import Health
from composegen.needs import Need
from composegen.planning.plan import Step, make_plan
from composegen.planning.selection import Selection
from composegen.targets.compose.render import render_plan
from tests.stacks import list_names, load_only, load_services, make_app, make_stack

CACHE = "use: redis"
DB = "use: postgres\nsecrets: {db-password: POSTGRES_PASSWORD_FILE}"


def place_of(keys: str, what: str) -> tuple[int, int]:
    """Line and column of a text within ``keys``, when ``make_app`` is given them."""
    before = dedent(keys)[: dedent(keys).index(what)]
    return 6 + before.count("\n"), 5 + len(before.rpartition("\n")[2])


def list_app_names(keys: str) -> list[str]:
    """The names of the problems of an app with these keys."""
    return list_names(make_app(keys))


def load_need(keys: str, cache: str = CACHE) -> Need:
    """The need for the service ``cache`` of an app with these keys."""
    text = make_app(keys) + indent(f"cache:\n{indent(cache, '  ')}\n", "  ")
    (need,) = load_only(text).services["app"].needs
    return need


def load_step(text: str, name: str = "app", *, without: tuple[str, ...] = ()) -> Step:
    """The step of a service in the plan of a stack."""
    plan = make_plan(load_only(text), Selection(removed=without))
    return next(step for step in plan.steps if step.name == name)


def load_health(health: str) -> Health:
    """The health check of an app whose `health` is this text."""
    text = make_stack(app=f"image: python:3.13-slim\nport: 8000\nhealth: {health}\n")
    found = load_services(text)["app"].health
    assert found is not None
    return found


def render_service(text: str, name: str = "app") -> dict[str, object]:
    """A service as it stands in the rendered Compose file."""
    (file,) = render_plan(make_plan(load_only(text), Selection()))
    service: dict[str, object] = yaml.safe_load(file.text)["services"][name]
    return service
