"""What holds for rendered files whatever the values of a stack are."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import yaml
from hypothesis import strategies as st

from composegen.errors import ProblemsFound
from composegen.planning.plan import Plan, make_plan
from composegen.planning.printing import format_plan
from composegen.planning.selection import Selection
from composegen.stackfile.load import load_stack
from composegen.targets.compose.render import render_plan
from composegen.targets.files import Options
from composegen.targets.mermaid import draw_plan
from tests.hostile_values import env_names, keys, lines, texts, words
from tests.rendering import write_data

_TOP_KEYS = {"name", "services", "networks", "volumes", "secrets", "x-defaults"}

_scalars = st.one_of(texts, st.booleans(), st.integers(-(10**17), 10**17), st.none())
_raw = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=8,
)
_settings = {
    "environment": st.one_of(
        st.dictionaries(env_names, texts, max_size=4),
        st.lists(env_names, max_size=3, unique=True),
    ),
    "labels": st.dictionaries(keys, texts, max_size=4),
    "command": st.one_of(st.lists(texts, min_size=1, max_size=4), texts.filter(bool)),
    "entrypoint": st.lists(texts, min_size=1, max_size=3),
    "working_dir": texts.filter(bool),
    "relax": st.fixed_dictionaries({"read_only": lines, "cap_drop": lines}),
    "volumes": words.map(lambda word: [f"./{word}:/data/{word}"]),
    "secrets": st.lists(
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True),
        max_size=3,
        unique=True,
    ),
    "job": st.just(True),
    "compose": st.dictionaries(
        st.sampled_from(["x-one", "x-two", "annotations", "storage_opt"]),
        st.dictionaries(keys, _raw, max_size=3),
        max_size=2,
    ),
    "replicas": st.integers(1, 9),
    "aliases": st.lists(
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,9}", fullmatch=True),
        max_size=2,
        unique=True,
    ),
    "networks": st.dictionaries(
        st.from_regex(r"[A-Za-z0-9._-]{1,9}", fullmatch=True).filter(
            lambda name: name not in {"host", "none"}
        ),
        st.one_of(
            st.none(),
            st.fixed_dictionaries({"aliases": st.lists(texts, max_size=2)}),
            st.fixed_dictionaries({"x-note": _raw, "driver_opts": _raw}),
        ),
        min_size=1,
        max_size=3,
    ),
}
_health = st.one_of(
    st.fixed_dictionaries({"none": lines}),
    st.fixed_dictionaries(
        {"command": st.one_of(st.lists(texts, min_size=1, max_size=4), texts)}
    ),
)
_otherwise = st.fixed_dictionaries(
    {}, optional={"env": st.dictionaries(env_names, texts, max_size=3), "note": lines}
)


@st.composite
def _make_cases(draw: st.DrawFn) -> dict[str, Any]:
    """A stack whose one optional service may be excluded, and how it is rendered."""
    app = draw(
        st.fixed_dictionaries(
            {"image": st.just("example/app:1"), "health": _health}, optional=_settings
        )
    )
    app["needs"] = {"store": {"otherwise": draw(_otherwise)}}
    store = {"image": "example/store:1", "health": {"command": ["true"]}}
    stack: dict[str, Any] = {"services": {"app": app, "store": store}}
    if draw(st.booleans()):
        stack["x-more"] = draw(st.dictionaries(keys, _raw, max_size=3))
    if draw(st.booleans()):
        stack["compose"] = {"configs": {"one": draw(_raw)}}
    return {
        "stack": stack,
        "removed": ("store",) if draw(st.booleans()) else (),
        "engine": draw(st.sampled_from([24, 25])),
        "prefix": draw(st.sampled_from([".", "..", "a b", "'", "deep/er"])),
    }


cases = _make_cases()


@cache
def find_folder() -> Path:
    """A folder for stack files, kept as long as this process."""
    return Path(tempfile.mkdtemp(prefix="composegen-fuzz-"))


def plan_case(stack: dict[str, Any], removed: tuple[str, ...]) -> Plan:
    """The plan of a stack that is data; cases that are refused do not count."""
    path = write_data(stack, find_folder())
    try:
        loaded = load_stack(path, "stack.yaml")
    except ProblemsFound:
        hypothesis.reject()
    return make_plan(loaded.stack, Selection(removed=removed))


def read_case(case: dict[str, Any], stack: dict[str, Any]) -> tuple[Plan, Any]:
    """The plan of a case, and its rendered file as PyYAML reads it."""
    plan = plan_case(stack, case["removed"])
    [file] = render_plan(plan, Options(engine=case["engine"], prefix=case["prefix"]))
    assert format_plan(plan)
    assert draw_plan(plan)
    return plan, yaml.safe_load(file.text)


def check_rendering(case: dict[str, Any]) -> None:
    """Every value of a plan reads back as it was, and none changes the structure."""
    stack = case["stack"]
    plan, written = read_case(case, stack)
    assert set(written) <= _TOP_KEYS | set(stack) | set(stack.get("compose", {}))
    assert set(written["services"]) == set(plan.names)
    for step in plan.steps:
        service = written["services"][step.name]
        wanted = stack["services"][step.name]
        unset = dict.fromkeys(step.unset, "")
        assert service.get("environment", {}) == {**step.environment, **unset}
        for key in ("labels", "command", "entrypoint", "working_dir"):
            assert service.get(key) == (wanted.get(key) or None)
        for key, value in wanted.get("compose", {}).items():
            assert service[key] == value
        check_networks(service.get("networks"), wanted)
    assert written.get("x-more") == stack.get("x-more")
    if "compose" in stack:
        assert written["configs"] == stack["compose"]["configs"]
    _, calm = read_case(case, calm_down(stack))
    assert find_shape(written) == find_shape(calm)


def check_networks(written: Any, wanted: Any) -> None:
    """The networks of a service are written with their options and its aliases."""
    networks, aliases = wanted.get("networks"), wanted.get("aliases", [])
    if not networks and not aliases:
        assert written is None
        return
    found = dict.fromkeys(written) if isinstance(written, list) else written
    found = found or {"default": None}
    assert [*found] == [*(networks or {"default": None})]
    for name, options in found.items():
        expected = dict((networks or {}).get(name) or {})
        own = [each for each in aliases if each not in expected.get("aliases", [])]
        if aliases:
            expected["aliases"] = [*expected.get("aliases", []), *own]
        assert (options or {}) == expected


def calm_down(value: Any, key: str = "") -> Any:
    """The same stack with a harmless text in the place of every hostile one."""
    if isinstance(value, dict):
        return {name: calm_down(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return (
            value
            if key in {"volumes", "secrets", "environment", "aliases"}
            else [*map(calm_down, value)]
        )
    is_hostile = isinstance(value, str) and value and key != "image"
    return "calm" if is_hostile else value


def find_shape(value: Any) -> Any:
    """The keys, the lengths and the types of a file, without its texts."""
    if isinstance(value, dict):
        return {key: find_shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [*map(find_shape, value)]
    return type(value).__name__
