"""Gates: a dependent has no start time until its dependency is ready.

Each gate is a service that does not listen before the test says so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.engine import (
    Project,
    end,
    has_started,
    is_healthy,
    list_probes,
    read_time,
    run_composegen,
    wait_until,
)
from tests.e2e.images import Images

pytestmark = pytest.mark.engine

HERE = Path(__file__).parent
PYTHON = "python:3.12-slim"
NGINX = "nginx:1.29-alpine"
NODE = "node:22-alpine"
IMAGES = [PYTHON, NGINX, NODE]
UNTIL_TOLD = "until [ -e /told/listen ]; do sleep 0.1; done"

PYTHON_GATE = {
    "image": PYTHON,
    "command": ["python", "-u", "/gate.py"],
    "volumes": ["./gate.py:/gate.py:ro"],
}
NGINX_GATE = {
    "image": NGINX,
    "command": [
        *("sh", "-c"),
        f"{UNTIL_TOLD}; echo listening; exec nginx -g 'daemon off;'",
    ],
    "volumes": ["./gate.conf:/etc/nginx/conf.d/gate.conf:ro"],
}

NODE_GATE = {
    "image": NODE,
    "command": ["node", "/gate.js"],
    "volumes": ["./gate.js:/gate.js:ro"],
}

# Every probe that composegen makes itself, in an image that has its tool.
PROBES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "http-python": (PYTHON_GATE, {"http": "/", "tool": "python"}),
    "http-python3": (PYTHON_GATE, {"http": "/", "tool": "python3"}),
    "http-bash": (PYTHON_GATE, {"http": "/", "tool": "bash"}),
    "http-curl": (NGINX_GATE, {"http": "/", "tool": "curl"}),
    "http-node": (NODE_GATE, {"http": "/", "tool": "node"}),
    "http-wget": (NGINX_GATE, {"http": "/", "tool": "wget"}),
    "tcp-python": (PYTHON_GATE, {"tcp": True, "tool": "python"}),
    "tcp-python3": (PYTHON_GATE, {"tcp": True, "tool": "python3"}),
    "tcp-bash": (PYTHON_GATE, {"tcp": True, "tool": "bash"}),
    "tcp-curl": (NGINX_GATE, {"tcp": True, "tool": "curl"}),
    "tcp-node": (NODE_GATE, {"tcp": True, "tool": "node"}),
    "tcp-wget": (NGINX_GATE, {"tcp": True, "tool": "wget"}),
}
WAITER = {
    "image": PYTHON,
    "command": ["tail", "-f", "/dev/null"],
    "health": {"none": "it only waits"},
}


class Gates:
    """The gates of one project, each with its own folder for orders."""

    def __init__(self, project: Project) -> None:
        self.project = project

    def add(self, name: str, gate: dict[str, Any]) -> dict[str, Any]:
        """The keys of a gate, closed."""
        told = self.project.folder / "told" / name
        told.mkdir(parents=True)
        # Whoever it runs as must be able to look.
        told.chmod(0o755)
        return {**gate, "volumes": [*gate["volumes"], f"./told/{name}:/told:ro"]}

    def tell(self, name: str, word: str) -> None:
        """Tell a gate to `listen`, or that all is `well`."""
        (self.project.folder / "told" / name / word).touch()

    def wait_for_failed_probes(self, name: str, count: int = 2) -> None:
        """Until a gate that is there has been asked some more times in vain."""
        seen = set(self._list_failed(name))

        def look() -> bool:
            return len({*self._list_failed(name)} - seen) >= count

        wait_until(look, f"{count} more failed checks of {name}")

    def wait_for_start(self, name: str) -> datetime:
        """When a service was started, as soon as it has been."""
        wait_until(lambda: has_started(self.project.find(name)), f"{name} starts")
        return read_time(self.project.inspect(name)["State"]["StartedAt"])

    def _list_failed(self, name: str) -> list[datetime]:
        return list_probes(self.project.find(name), exit_zero=False)


def write_stack(folder: Path, services: dict[str, Any], *options: str) -> None:
    """Write a stack with the files that gates need, and render it."""
    for name in ("gate.py", "gate.conf", "gate.js"):
        shutil.copy(HERE / name, folder / name)
    text = yaml.safe_dump({"services": services}, sort_keys=False)
    (folder / "stack.yaml").write_text(text)
    run_composegen(folder, "render", *options)


@pytest.fixture(scope="module")
def gates(images: Images, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    """A project with one gate for each probe, all closed, and a waiter behind each."""
    images.have(PYTHON, NGINX)
    with Project(tmp_path_factory.mktemp("gates")) as project:
        made = Gates(project)
        services: dict[str, Any] = {}
        for name, (gate, health) in PROBES.items():
            if gate["image"] not in images:
                continue
            services[name] = {
                **made.add(name, gate),
                "port": 8000,
                "health": {**health, "boot": "30m", "interval": "1s"},
            }
            services[f"after-{name}"] = {**WAITER, "needs": [name]}
        write_stack(project.folder, services)
        process = project.start_up()
        try:
            yield made
        finally:
            end(process)


@pytest.mark.parametrize("name", PROBES)
def test_nothing_starts_before_its_dependency_is_ready(
    name: str, images: Images, gates: Gates
) -> None:
    images.have(PROBES[name][0]["image"], name=name)
    project = gates.project
    waiter = f"after-{name}"
    wait_until(lambda: project.find(waiter), f"{waiter} is created", deadline=180)
    gates.wait_for_failed_probes(name)
    assert not has_started(project.inspect(waiter))

    gates.tell(name, "listen")
    wait_until(lambda: "listening" in project.read_logs(name), f"{name} listens")
    if name.startswith("http"):
        wait_until(
            lambda: project.read_logs(name).count(" 503 ") >= 2,
            f"{name} has said twice that it is not well",
        )
        gates.wait_for_failed_probes(name)
        assert not has_started(project.inspect(waiter))
        gates.tell(name, "well")

    started = gates.wait_for_start(waiter)
    assert min(list_probes(project.inspect(name), exit_zero=True)) < started
    assert is_healthy(project.inspect(name))


def test_the_migration_of_a_database_is_over_before_its_backend_starts(
    images: Images, project: Project
) -> None:
    images.have(PYTHON)
    gates = Gates(project)
    job = gates.add("migration", PYTHON_GATE)
    job["command"] = [
        *("sh", "-c"),
        f"{UNTIL_TOLD}; echo migrated",
    ]
    services = {
        "backend": {
            **WAITER,
            "needs": {
                "migration": {"until": "finished"},
                "early": {"until": "started"},
            },
        },
        "migration": {**job, "job": True},
        "early": WAITER,
    }
    write_stack(project.folder, services)
    process = project.start_up()
    try:
        gates.wait_for_start("migration")
        gates.wait_for_start("early")
        assert not has_started(project.inspect("backend"))
        gates.tell("migration", "listen")
        started = gates.wait_for_start("backend")
        assert process.wait(timeout=180) == 0
    finally:
        end(process)
    ended = project.inspect("migration")["State"]
    assert ended["ExitCode"] == 0
    assert read_time(ended["FinishedAt"]) < started


def test_a_backend_does_not_start_after_a_migration_that_failed(
    images: Images, project: Project
) -> None:
    images.have(PYTHON)
    services = {
        "backend": {**WAITER, "needs": ["migration"]},
        "migration": {"image": PYTHON, "command": ["sh", "-c", "exit 3"], "job": True},
    }
    write_stack(project.folder, services)
    done = project.compose("up", "-d")
    assert done.returncode == 1
    assert 'service "migration" didn\'t complete successfully: exit 3' in done.stderr
    assert not has_started(project.inspect("backend"))


# A service that never listens, and is given two seconds and two more chances.
NEVER = """
never:
  image: python:3.12-slim
  command: [tail, -f, /dev/null]
  port: 8000
  health: {tcp: true, boot: 2s, interval: 1s, retries: 2}
"""


def test_an_optional_dependency_that_never_gets_healthy_times_out(
    images: Images, project: Project
) -> None:
    images.have(PYTHON)
    services = yaml.safe_load(NEVER)
    need = {"env": {"STORE": "{host}"}, "otherwise": {}}
    services["waiter"] = {**WAITER, "needs": {"never": need}}
    write_stack(project.folder, services)
    process = project.start_up()
    try:
        wait_until(lambda: project.find("waiter"), "waiter is created", deadline=180)
        Gates(project).wait_for_failed_probes("never")
        assert not has_started(project.inspect("waiter"))
        assert process.wait(timeout=180) == 0
    finally:
        end(process)
    assert has_started(project.inspect("waiter"))
    assert project.inspect("never")["State"]["Health"]["Status"] == "unhealthy"


def test_a_required_dependency_that_never_gets_healthy_stops_the_start(
    images: Images, project: Project
) -> None:
    images.have(PYTHON)
    services = yaml.safe_load(NEVER)
    services["waiter"] = {**WAITER, "needs": ["never"]}
    write_stack(project.folder, services)
    done = project.compose("up", "-d", deadline=180)
    assert done.returncode == 1
    assert "is unhealthy" in done.stderr
    assert not has_started(project.inspect("waiter"))


def test_a_file_for_engine_24_gates_as_well(images: Images, project: Project) -> None:
    images.have(PYTHON)
    gates = Gates(project)
    services = {
        "gate": {
            **gates.add("gate", PYTHON_GATE),
            "port": 8000,
            "health": {"http": "/", "boot": "30s"},
        },
        "waiter": {**WAITER, "needs": ["gate"]},
    }
    write_stack(project.folder, services, "--engine", "24")
    assert "start_interval" not in (project.folder / "compose.yaml").read_text()
    process = project.start_up()
    try:
        wait_until(lambda: project.find("waiter"), "waiter is created", deadline=180)
        gates.wait_for_failed_probes("gate")
        assert not has_started(project.inspect("waiter"))
        gates.tell("gate", "listen")
        gates.tell("gate", "well")
        gates.wait_for_start("waiter")
        assert process.wait(timeout=180) == 0
    finally:
        end(process)
    assert is_healthy(project.inspect("gate"))
