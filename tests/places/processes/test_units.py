"""Whatever a stack says, it runs on this machine or is refused in words."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from composegen.errors import ComposegenError
from composegen.places.processes.environment import prepare_secrets, read_surroundings
from composegen.places.processes.plan import Asked, settle_plan
from composegen.places.processes.units import make_units
from composegen.stackfile.load import load_stack
from composegen.workspace.workspace import Workspace
from tests.runs import FakeMachine

TEXTS = st.sampled_from(
    [
        *("x", "''", "5", "10s", "~/x", "/x", "./x", "é", "a b", "{port}", "{data}/x"),
        *("$A", "${A}", "${A:-5s}", "${A:?say it}", "${A:+x}", "$$x", "it's", 'a "b'),
    ]
)
WORDS = st.one_of(TEXTS.map(repr), st.lists(TEXTS, max_size=3).map(repr))
NAMED = st.dictionaries(st.sampled_from(["W", "X_FILE"]), TEXTS, max_size=2).map(repr)
KEYS = {
    "command": WORDS,
    "entrypoint": WORDS,
    "environment": NAMED,
    "env_file": st.sampled_from(
        [
            *("some.env", "'${A}.env'", "[some.env, '${A:-no}.env']"),
            *(
                "{path: '${A:?say it}', required: false}",
                "{path: some.env, format: raw}",
            ),
        ]
    ),
    "volumes": st.sampled_from(
        ["[more:/x]", "[./x:/x:ro]", "['${A}:/x']", "[{type: tmpfs, target: /x}]"]
    ),
    "user": TEXTS.map(repr),
    "working_dir": TEXTS.map(repr),
    "tmpfs": WORDS,
    "stop_signal": st.sampled_from(["SIGINT", "int", "'15'", "SIGNONE", "'${A}'"]),
    "stop_grace_period": st.sampled_from(["5s", "'${A}'", "'${A:-5s}'"]),
    "compose": st.sampled_from(
        ["{stop_grace_period: 5}", "{stop_grace_period: [x]}", "{stop_signal: 9}"]
    ),
    "publish": st.sampled_from(
        ["9100", "'${A}:80'", "'${A:-81}:80'", "9100-9102", "'9101'"]
    ),
    "job": st.just("true"),
}
LOCAL = st.fixed_dictionaries(
    {"command": WORDS},
    optional={
        "dir": TEXTS.map(repr),
        "port": st.sampled_from(["9100", "80"]),
        "env": NAMED,
    },
)
NEEDS = st.sampled_from(
    [
        *(
            "U",
            "V_FILE",
            "{until: started}",
            "{env: {U: '{host}:{port} ${A:?say it}'}}",
        ),
        "{env: {U: '{url}'}, otherwise: {env: {U: '${A:?say it}'}}}",
        "{env: {U: '{password_file}'}, otherwise: {replicas: 1}}",
    ]
)
ENV_TEXTS = st.sampled_from(
    ["", "A=b\n", "B=${A:?say it}\n", "C='\n", "A=${B:-${C}}\n"]
)
POSTGRES = ["use: postgres", "secrets: {pass: POSTGRES_PASSWORD_FILE}"]


@st.composite
def stacks(draw):
    """A program that needs a store, each with some more keys."""
    app, db = (draw(st.fixed_dictionaries({}, optional=KEYS)) for _ in range(2))
    ways = [draw(st.none() | LOCAL) for _ in range(2)]
    lines = ["name: t", "secrets: {key: {env: A}, pass: {generate: true}}", "services:"]
    heads = (
        ["image: python:3.12-slim", "port: 8000", "health: /", "secrets: [key]"],
        draw(st.sampled_from([POSTGRES, ["use: redis"], ["use: nginx"]])),
    )
    for name, head, keys, way in zip(
        ("app", "db"), heads, (app, db), ways, strict=True
    ):
        lines += [f"  {name}:", *(f"    {line}" for line in head)]
        lines += [f"    {key}: {text}" for key, text in keys.items()]
        if way is not None:
            inside = ", ".join(f"{key}: {text}" for key, text in way.items())
            lines.append(f"    local: {{{inside}}}")
        if name == "app":
            lines.append(f"    needs: {{db: {draw(NEEDS)}}}")
    return "\n".join(lines) + "\n"


@settings(max_examples=400, deadline=None)
@given(
    text=stacks(),
    dotenv=ENV_TEXTS,
    env_file=ENV_TEXTS,
    value=st.none() | st.sampled_from(["", "5s", "a/b", "\n", "it's", "$B", "81"]),
    asked=st.builds(
        Asked,
        names=st.sampled_from([(), ("app",), ("db",)]),
        reuse=st.booleans(),
    ),
    engine=st.booleans(),
    listening=st.sampled_from([set(), {5432, 6379, 80}]),
)
def test_nothing_ends_in_a_traceback(
    text, dotenv, env_file, value, asked, engine, listening
):
    environ = {"PATH": os.environ["PATH"]} | ({} if value is None else {"A": value})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "stack.yaml").write_text(text)
        (folder / ".env").write_text(dotenv)
        (folder / "some.env").write_text(env_file)
        try:
            stack = load_stack(folder / "stack.yaml").stack
            around = read_surroundings(Workspace(folder / "stack.yaml", environ))
            machine = FakeMachine(engine=engine, listening=listening)
            local = settle_plan(stack, asked, around, machine)
            units = make_units(local, prepare_secrets(local.plan, around))
        except ComposegenError:
            return  # in words
        assert {unit.name for unit in units} == set(local.plan.names)
