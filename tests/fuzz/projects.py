"""Valid Compose projects: what one says, the adopted one says as well, or lists."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.adopt.projects import adopt

_NAMES = ("web", "api", "my_worker", "Store", "cache.internal", "init", "proxy")
_WORDS = st.sampled_from(
    [
        "plain",
        "two words",
        "$$literal",
        "$(date)",
        "${ONE}",
        "a${TWO:-b}c",
        "",
        "yes",
        "012",
        "1e3",
        "tcp://api:80/x",
        "{url}",
        "line\nend\n",
        "#no comment",
        "k: v",
    ]
)
_TEXTS = _WORDS.filter(lambda word: word not in {"1e3", ""})
"""What every reader of YAML takes for a text."""
_VALUES = st.one_of(_WORDS, st.integers(0, 99), st.booleans())
_NAMED = st.dictionaries(
    st.sampled_from(["A", "B_C", "D.E", "${KEY}"]), _VALUES, max_size=3
)


def make_list(items: Any) -> Any:
    return st.lists(items, min_size=1, max_size=3)


_ENVIRONMENT = st.one_of(
    _NAMED, make_list(st.sampled_from(["A=1", "PASSED", "B=${TWO:-b}", "C="]))
)
_CHECKS = st.one_of(
    st.just({"disable": True}),
    st.fixed_dictionaries(
        {
            "test": st.sampled_from(
                [
                    "exit 0",
                    ["CMD", "true"],
                    "curl -f http://localhost:80/up",
                    ["CMD", "wget", "-q", "--spider", "http://127.0.0.1/"],
                    ["NONE"],
                ]
            )
        },
        optional={
            "interval": st.sampled_from(["5s", "1m30s", "${TIME:-7s}"]),
            "timeout": st.sampled_from(["3s", "10s"]),
            "retries": st.integers(1, 9),
            "start_period": st.sampled_from(["1s", "2m"]),
        },
    ),
)
_MOUNTS = st.lists(
    st.sampled_from(
        ["data:/data", "./a:/a:ro", "${DIR:-./b}:/b", "/anonymous", "~/c:/c", "../d:/d"]
    ),
    unique=True,
    min_size=1,
    max_size=4,
)
_KEYS: dict[str, Any] = {
    "command": st.one_of(_TEXTS, make_list(_TEXTS)),
    "entrypoint": make_list(st.sampled_from(["run", "${TWO:-b}", "-x"])),
    "environment": _ENVIRONMENT,
    "labels": _NAMED,
    "volumes": _MOUNTS,
    "tmpfs": st.sampled_from(["/run", ["/run", "/cache:size=1m"]]),
    "healthcheck": _CHECKS,
    "restart": st.sampled_from(["no", "always", "on-failure:3", "${RULE:-always}"]),
    "networks": st.sampled_from(
        [["back"], ["default", "back"], {"back": {"aliases": ["other"]}}]
    ),
    "expose": st.sampled_from([["80"], ["80", "81"], ["${P:-90}"]]),
    "user": st.sampled_from(["1000", "1000:1000", "nobody", "${UID_OF:-0}"]),
    "deploy": st.sampled_from(
        [
            {"replicas": 2},
            {"replicas": 0},
            {"resources": {"limits": {"memory": "100m", "cpus": "0.5"}}},
            {"resources": {"reservations": {"memory": "${MEM:-20m}"}}},
            {"restart_policy": {"condition": "any"}},
        ]
    ),
    "profiles": st.sampled_from([["one"], ["one", "two"], []]),
    "logging": st.just({"driver": "json-file", "options": {"max-size": "1m"}}),
    "read_only": st.booleans(),
    "init": st.booleans(),
    "cap_add": st.just(["NET_ADMIN"]),
    "security_opt": st.just(["label=disable"]),
    "hostname": st.just("host-${ONE}"),
    "working_dir": st.just("/srv"),
    "stop_grace_period": st.sampled_from(["1m", "0s"]),
    "ulimits": st.just({"nofile": {"soft": 10, "hard": 20}}),
    "extra_hosts": st.sampled_from([["a:1.2.3.4"], {"b": "host-gateway"}]),
    "dns": st.just("1.1.1.1"),
    "privileged": st.booleans(),
    "tty": st.booleans(),
    "container_name": st.none(),
    "secrets": st.sampled_from([["key"], [{"source": "key", "target": "other"}]]),
    "configs": st.just([{"source": "settings", "target": "/settings"}]),
}
_IMAGES = ("a/b:1", "${IMAGE:-x/y}:2", "redis:8", "postgres:17", "python:3.13", "d/e")


@st.composite
def _make_projects(draw: st.DrawFn) -> dict[str, Any]:
    """A project whose edges lead to earlier services.

    No two services that can run together publish the same port.
    """
    alternatives = {("one",), ("two",)}
    names = draw(st.permutations(_NAMES))[: draw(st.integers(2, len(_NAMES)))]
    services: dict[str, Any] = {}
    for index, name in enumerate(names):
        service = draw(st.fixed_dictionaries({}, optional=_KEYS))
        service["image"] = draw(st.sampled_from(_IMAGES))
        if draw(st.booleans()):
            service["ports"] = draw(st.sampled_from(list_ports(9000 + 10 * index)))
        profiles = tuple(service.get("profiles", ()))
        if profiles in alternatives and draw(st.booleans()):
            alternatives.remove(profiles)
            service["ports"] = ["9900:80"]
        targets = draw(st.lists(st.sampled_from([*services, ""]), unique=True))
        edges = {
            target: draw_edge(draw, services[target]) for target in targets if target
        }
        if edges:
            service["depends_on"] = edges
        services[name] = {key: v for key, v in service.items() if v is not None}
    return {
        "services": services,
        "volumes": {"data": None},
        "networks": {"back": None},
        "secrets": {"key": {"file": "./key"}},
        "configs": {"settings": {"content": "a=${ONE}"}},
    }


def list_ports(port: int) -> list[list[Any]]:
    return [
        [f"{port}:80"],
        [f"127.0.0.1:{port}:80", f"{port + 1}:81/udp"],
        [f"${{PORT_{port}:-{port}}}:80"],
        ["80"],
        [{"target": 80, "published": str(port), "mode": "host"}],
        [f"{port}-{port + 2}:80-82"],
    ]


def draw_edge(draw: st.DrawFn, target: dict[str, Any]) -> dict[str, Any]:
    conditions = ["service_started", "service_completed_successfully"]
    check = target.get("healthcheck", {})
    if check and not check.get("disable") and check["test"] != ["NONE"]:
        conditions.append("service_healthy")
    edge = {"condition": draw(st.sampled_from(conditions))}
    if draw(st.booleans()):
        edge["required"] = draw(st.booleans())
    return edge


projects = _make_projects()


def check_adopting(project: dict[str, Any]) -> None:
    """A project is the same when it was adopted, or what differs is listed."""
    with tempfile.TemporaryDirectory() as name:
        text = yaml.safe_dump(project, sort_keys=False)
        report = adopt(Path(name), text, {"key": "secret"})

    assert report.unlisted == (), text
