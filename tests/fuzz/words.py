"""Random stacks of the words whose values a variable, or a selection, can change."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

VARIABLES = ("A", "B", "PORT", "NAME")
"""The variables of the stacks; Compose is asked with some of them set."""

_names = st.sampled_from(VARIABLES)


def vary(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A value, or a variable whose default it is."""
    return st.one_of(
        values,
        st.tuples(_names, values).map(lambda pair: f"${{{pair[0]}_X:-{pair[1]}}}"),
        st.tuples(_names, values).map(lambda pair: f"${{{pair[0]}_Y-{pair[1]}}}"),
    )


_ports = st.integers(1, 65535).map(str)
_times = st.sampled_from(["500ms", "3s", "1m30s", "0.5h"])
_health = st.one_of(
    st.fixed_dictionaries(
        {"http": st.just("/up"), "tool": st.sampled_from(["python3", "wget", "bash"])},
        optional={
            "boot": vary(st.sampled_from(["3m", "1h"])),
            "interval": vary(_times),
            "timeout": vary(st.sampled_from(["500ms", "3s"])),
            "retries": vary(st.integers(1, 9).map(str)),
            "port": vary(_ports),
        },
    ),
    st.fixed_dictionaries(
        {"tcp": st.just(True), "tool": st.sampled_from(["node", "curl", "php"])}
    ),
)
_publish = st.one_of(
    st.just("0"),
    st.builds(lambda target: f"0:{target}", vary(_ports)),
    st.builds(lambda host, target: f"{host}:{target}", vary(_ports), vary(_ports)),
    st.builds(
        lambda host, target: f"${{B_X:-127.0.0.1}}:{host}:{target}/udp",
        vary(_ports),
        _ports,
    ),
)
_resources = st.one_of(
    st.just("none"),
    st.fixed_dictionaries(
        {},
        optional={
            "cpus": st.one_of(st.just("none"), vary(st.sampled_from(["0.5", "2"]))),
            "memory": st.one_of(st.just("none"), vary(st.sampled_from(["64M", "1G"]))),
            "pids": st.one_of(st.just("none"), vary(st.just("99"))),
        },
    ),
)
_environment = st.lists(
    st.sampled_from(["A", "NAME", "MODE=fast", "${NAME}_X=1", "${NAME}_Y", "E="]),
    unique=True,
)
_restart = st.sampled_from(
    ["no", "always", "on-failure", "on-failure:3", "unless-stopped", "${A_R:-always}"]
)
_service = st.fixed_dictionaries(
    {
        "image": st.builds(
            lambda name, tag: f"{name}:{tag}",
            vary(st.sampled_from(["nginx", "example.org/app", "a/b"])),
            vary(st.sampled_from(["1.29", "2-alpine"])),
        ),
        "port": vary(_ports),
        "health": _health,
    },
    optional={
        "environment": _environment,
        "labels": st.lists(
            st.sampled_from(["a=b", "router.${NAME}.rule=x", "empty="]), unique=True
        ),
        "publish": _publish,
        "resources": _resources,
        "restart": _restart,
        "secrets": st.dictionaries(
            st.sampled_from(["key", "cert"]), st.sampled_from(["none", "PATH_FILE"])
        ),
        "group": st.sampled_from(["tools", ["tools", "tests"]]),
        "enabled": st.booleans(),
    },
)
_member = _service.map(
    lambda service: {
        key: value for key, value in service.items() if key not in {"group", "enabled"}
    }
)


@st.composite
def _make_cases(draw: st.DrawFn) -> dict[str, Any]:
    """A stack, a selection of it, and what some of its variables are."""
    services: dict[str, Any] = {
        "one": draw(_service),
        "two": draw(_service),
        "either": {"one_of": ["left", "right"]},
        "left": draw(_member),
        "right": draw(_member),
        "web": {
            "image": "nginx:1.29",
            "port": "80",
            "health": "/",
            "needs": {
                "either": {"env": {"EITHER": "{url}"}},
                "one": {"env": {"ONE": "{host}:{port}"}, "otherwise": {}},
            },
        },
    }
    if draw(st.booleans()):
        del services["two"]["health"]
        services["two"] |= {"replicas": draw(vary(st.integers(1, 4).map(str)))}
        services["two"] |= {"health": {"none": "why"}}
        services["two"].pop("publish", None)
    stack: dict[str, Any] = {"services": services}
    if draw(st.booleans()):
        stack["output"] = draw(st.sampled_from(["compose.gated.yaml", "x.yml"]))
    return {
        "stack": stack,
        "added": draw(
            st.sampled_from([(), ("right",), ("two",), ("right", "one"), ("either",)])
        ),
        "values": draw(st.dictionaries(st.sampled_from(["A", "NAME"]), st.just("7"))),
    }


cases = _make_cases()
