"""Fallbacks that are taken while a stack comes up, on a real engine."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engine import has_started, run, run_well
from tests.e2e.images import Images
from tests.e2e.stacks import (
    PYTHON,
    Done,
    Stack,
    make_dependent,
)

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]

CALM = {"interval": "1s", "timeout": "20s"}
"""On a busy machine a probe takes seconds."""
NEVER = {"command": ["test", "-e", "/kept/nothing"], "boot": "3s", **CALM}
GATED = {"command": ["test", "-e", "/kept/go"], "boot": "10s", **CALM}
"""Is ready once a test has made a file."""
LONG = {"health": {**NEVER, "boot": "100s"}}
MISSING = "composegen.invalid/nothing:1"


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """A stack of one's own, removed after the test; `kept` is a folder for all."""
    images.have(PYTHON)
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept").chmod(0o777)
    with Stack(tmp_path) as made:
        yield made


def make_waiting(*needs: str, **keys: Any) -> dict[str, Any]:
    """A service that does nothing once what it needs is there, and is healthy."""
    health = {"command": ["true"], "boot": "100s", **CALM}
    return make_dependent(*needs, **{"health": health, **keys})


def make_needing(*names: str, **otherwise: Any) -> dict[str, Any]:
    """A service that needs others for a URL, and has a variable in its place."""
    needs = {
        name: {
            "env": {f"{name.upper()}_URL": "{host}"},
            "otherwise": {"env": {name.upper(): "none"}, **otherwise},
        }
        for name in names
    }
    return make_waiting(needs=needs)


def make_cache(health: dict[str, Any] = NEVER, **keys: Any) -> dict[str, Any]:
    """A service whose health a test decides."""
    return make_waiting(health=health, volumes=["./kept:/kept:ro"], **keys)


def read_environment(stack: Stack, service: str) -> dict[str, str]:
    """The environment of a service's container."""
    listed = stack.find(service)["Config"]["Env"]
    return dict(each.split("=", 1) for each in listed)


def read_id(stack: Stack, service: str) -> str:
    return stack.find(service)["Id"]


def read_status(stack: Stack) -> dict[str, dict[str, Any]]:
    done = stack.composegen("status", "--format", "json")
    return {each["service"]: each for each in json.loads(done.out)}


def assert_without(stack: Stack, service: str, name: str) -> None:
    """A service has been made with the fallback, and without the URL."""
    environment = read_environment(stack, service)
    assert environment[name.upper()] == "none"
    assert f"{name.upper()}_URL" not in environment


def assert_with(stack: Stack, service: str, name: str) -> None:
    environment = read_environment(stack, service)
    assert environment[f"{name.upper()}_URL"] == name
    assert name.upper() not in environment


def assert_excluded(stack: Stack, name: str, reason: str) -> None:
    """A service is stopped, and everything says that its fallback is used."""
    found = stack.find(name)
    assert found is None or not found["State"]["Running"]
    assert found is None or not found["State"]["Restarting"]
    status = read_status(stack)[name]
    assert status["state"] == "left-out"
    assert status["reason"] == reason
    assert status["fallback"] is True
    assert f"{name}: excluded: {reason}" in stack.composegen("status").out
    assert f'"{name}: excluded"' in stack.composegen("graph", "--now").out
    assert stack.composegen("status").code == 0


def assert_said(done: Done, name: str, reason: str, *instead: str) -> None:
    """The last lines say what is excluded, what is done, and what tries it again."""
    lines = [f"  {name} is excluded: {reason}", *(f"    {text}" for text in instead)]
    assert done.err.rstrip().endswith("\n".join([*lines, "  again: composegen up"]))


# What excludes a service


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({}, "not healthy within 3s"),
        ({"command": ["sh", "-c", "exit 3"], **LONG}, "exited twice with 3"),
        (
            {"command": ["sh", "-c", "exit 3"], "restart": "no", **LONG},
            "exited with 3",
        ),
        (
            {"command": ["nothing-of-that-name"], **LONG},
            "exited with 127: its program was not found",
        ),
        ({"compose": {"devices": ["/dev/nothing"]}}, "could not be started"),
        ({"image": MISSING}, "its image cannot be pulled"),
    ],
    ids=["late", "dies", "once", "no-program", "no-device", "no-image"],
)
def test_what_fails_is_excluded_and_the_fallback_is_taken(
    keys: dict[str, Any], reason: str, stack: Stack
) -> None:
    stack.write(
        {
            "web": make_needing("cache"),
            "db": make_waiting(),
            "after": make_waiting("web", "db"),
            "cache": make_cache(**keys),
        }
    )

    done = stack.up_well()

    assert_said(done, "cache", reason, "web: CACHE=none")
    assert_without(stack, "web", "cache")
    assert_excluded(stack, "cache", reason)
    assert has_started(stack.find("after"))
    assert stack.composegen("render", "--check").code == 0
    assert "CACHE_URL" in (stack.folder / "compose.yaml").read_text()


def test_what_cannot_be_built_is_excluded(stack: Stack) -> None:
    for name, step in (("good", "RUN true"), ("bad", "RUN exit 7")):
        (stack.folder / name).mkdir()
        (stack.folder / name / "Dockerfile").write_text(f"FROM {PYTHON}\n{step}\n")
    services = {"other": make_waiting(), "bad": make_cache(), "good": make_waiting()}
    for name, service in services.items():
        del service["image"]
        service["build"] = "./bad" if name == "bad" else "./good"
    stack.write({**services, "web": make_needing("good", "bad")})

    done = stack.up_well()

    assert_said(done, "bad", "its image cannot be built", "web: BAD=none")
    assert_without(stack, "web", "bad")
    assert_with(stack, "web", "good")
    why = stack.why("bad").out
    assert "the image of `bad` cannot be built" in why
    assert "try it again: composegen up" in why


def test_what_only_a_failed_service_requires_is_excluded_with_it(stack: Stack) -> None:
    stack.write(
        {
            "web": make_needing("worker"),
            "worker": make_waiting("queue", "disk"),
            "queue": make_cache(),
            "disk": make_waiting(),
        }
    )

    done = stack.up_well()

    assert_without(stack, "web", "worker")
    assert_excluded(stack, "queue", "not healthy within 3s")
    assert_excluded(stack, "worker", "it requires queue")
    assert_excluded(stack, "disk", "only worker needed it")
    assert "worker | started" not in done.err


def test_a_job_that_fails_is_excluded(stack: Stack) -> None:
    job = make_waiting(command=["sh", "-c", "exit 4"], job=True)
    del job["health"]
    needs = {"seed": {"until": "finished", "otherwise": {"env": {"SEED": "none"}}}}
    stack.write({"web": make_waiting(needs=needs), "seed": job})

    done = stack.up_well()

    assert_said(done, "seed", "exited with 4", "web: SEED=none")
    assert read_environment(stack, "web")["SEED"] == "none"


def test_a_job_that_was_done_before_is_not_done_again(stack: Stack) -> None:
    count = ["sh", "-c", "printf x >> /kept/n"]
    seed = make_waiting(job=True, command=count, volumes=["./kept:/kept"])
    del seed["health"]
    web = make_needing("cache")
    web["needs"]["seed"] = {"until": "finished"}
    stack.write({"web": web, "seed": seed, "cache": make_cache()})

    stack.up_well()

    assert (stack.folder / "kept" / "n").read_text() == "x"
    assert_without(stack, "web", "cache")


# When


def test_an_optional_service_holds_up_no_longer_than_its_boot(stack: Stack) -> None:
    slow = {**NEVER, "interval": "30s", "retries": 3}
    stack.write({"web": make_needing("cache"), "cache": make_cache(slow)})

    assert stack.up_well().seconds < 3 + 60  # Compose itself waits 93 s


def test_what_needs_another_one_alone_does_not_wait(stack: Stack) -> None:
    gated = make_cache({**GATED, "boot": "100s"})
    stack.write(
        {
            "web": make_needing("cache"),
            "api": make_waiting("db"),
            "db": gated,
            "cache": make_waiting(),
        }
    )
    with stack.start("up") as running:
        running.wait_for(r"web +\| healthy")
        assert not has_started(stack.find("api"))
        (stack.folder / "kept" / "go").touch()
        done = running.wait()

    assert done.code == 0, done
    assert_with(stack, "web", "cache")
    assert has_started(stack.find("api"))


def test_ctrl_c_excludes_nothing(stack: Stack) -> None:
    stack.write({"web": make_needing("cache"), "cache": make_cache(**LONG)})
    with stack.start("up") as running:
        running.wait_for(r"cache \| started")
        running.process.send_signal(signal.SIGINT)
        done = running.wait()

    assert done.code == 130
    assert read_status(stack)["cache"]["state"] == "starting"
    assert read_status(stack)["cache"]["fallback"] is None


def test_without_optional_needs_compose_is_called_once(stack: Stack) -> None:
    stack.write({"web": make_waiting("db"), "db": make_waiting()})
    log = stack.folder / "calls"
    tools = stack.folder / "bin"
    tools.mkdir()
    docker = tools / "docker"
    path = run_well("sh", "-c", "command -v docker").strip()
    docker.write_text(f'#!/bin/sh\necho "$@" >>{log}\nexec {path} "$@"\n')
    docker.chmod(0o755)
    import os

    stack.up_well(PATH=f"{tools}:{os.environ['PATH']}")

    calls = [line for line in log.read_text().splitlines() if " up " in line]
    assert len(calls) == 1
    assert calls[0].endswith("up --detach --no-build --remove-orphans")


# What is required for this time


def test_with_makes_it_required(stack: Stack) -> None:
    stack.write({"web": make_needing("cache"), "cache": make_cache()})

    failed = stack.up_in_vain("--with", "cache")

    assert "cache was not healthy 3s after it started" in failed.err
    assert "excluded" not in failed.err
    assert not has_started(stack.find("web"))


def test_without_skips_the_wait(stack: Stack) -> None:
    stack.write({"web": make_needing("cache"), "cache": make_cache(**LONG)})

    stack.up_well("--without", "cache")

    assert_without(stack, "web", "cache")
    assert read_status(stack)["cache"]["fallback"] is False


def test_what_another_service_requires_is_required(stack: Stack) -> None:
    stack.write(
        {
            "web": make_needing("cache"),
            "api": make_waiting("cache"),
            "cache": make_cache(),
        }
    )

    failed = stack.up_in_vain()

    assert "cache was not healthy 3s after it started" in failed.err


# Again


def make_gated(stack: Stack) -> None:
    """A cache that fails until a file is there, what needs it, and what does not."""
    cache = make_cache(GATED)
    stack.write(
        {
            "web": make_needing("cache"),
            "top": make_waiting("web"),
            "other": make_waiting(),
            "cache": cache,
        }
    )


def test_the_next_up_replaces_exactly_what_used_the_fallback(stack: Stack) -> None:
    make_gated(stack)
    stack.up_well()
    assert_without(stack, "web", "cache")
    before = {name: read_id(stack, name) for name in ("web", "top", "other")}
    # It fails again: nothing is touched.
    assert_said(stack.up_well(), "cache", "not healthy within 10s", "web: CACHE=none")
    assert {name: read_id(stack, name) for name in before} == before

    (stack.folder / "kept" / "go").touch()
    done = stack.up_well()

    assert "excluded" not in done.err
    assert_with(stack, "web", "cache")
    after = {name: read_id(stack, name) for name in before}
    assert {name for name in before if after[name] != before[name]} == {"web"}
    assert read_status(stack)["cache"]["state"] == "ready"


def test_what_runs_with_the_url_keeps_it_when_the_need_fails(stack: Stack) -> None:
    (stack.folder / "kept" / "go").touch()
    make_gated(stack)
    stack.up_well()
    before = read_id(stack, "web")
    (stack.folder / "kept" / "go").unlink()
    run_well("docker", "restart", "-t", "0", stack.find("cache")["Id"])

    done = stack.up_well()

    assert_said(done, "cache", "not healthy within 10s", "web: keeps running as it is")
    assert read_id(stack, "web") == before
    assert_with(stack, "web", "cache")


def test_what_is_replaced_in_any_case_gets_the_fallback(stack: Stack) -> None:
    (stack.folder / "kept" / "go").touch()
    make_gated(stack)
    stack.up_well()
    (stack.folder / "kept" / "go").unlink()
    run_well("docker", "restart", "-t", "0", stack.find("cache")["Id"])
    stack.services["web"]["environment"] = {"COLOUR": "blue"}
    stack.write(stack.services)

    stack.up_well()

    assert_without(stack, "web", "cache")
    assert read_environment(stack, "web")["COLOUR"] == "blue"


def test_what_is_to_restart_gets_the_fallback_at_the_next_up(stack: Stack) -> None:
    (stack.folder / "kept" / "go").touch()
    make_gated(stack)
    stack.services["web"] = make_needing("cache", later="restart")
    stack.write(stack.services)
    stack.up_well()
    (stack.folder / "kept" / "go").unlink()
    run_well("docker", "stop", "-t", "0", stack.find("cache")["Id"])
    assert "web still uses cache, which is gone: composegen up" in (
        stack.composegen("status").said
    )

    stack.up_well()

    assert_without(stack, "web", "cache")


def test_plain_compose_goes_on_with_what_was_written(stack: Stack) -> None:
    make_gated(stack)
    stack.up_well()
    (stack.folder / "kept" / "go").touch()

    run_well(*("docker", "compose", "-p", stack.name, "up", "-d"), cwd=stack.folder)

    assert_with(stack, "web", "cache")


def test_a_part_of_a_stack_falls_back_too(stack: Stack) -> None:
    make_gated(stack)

    stack.up_well("web")

    assert_without(stack, "web", "cache")
    assert not stack.list_containers("other")
    stack.up_well("other")
    assert_excluded(stack, "cache", "not healthy within 10s")


def test_the_oldest_notes_are_read(stack: Stack) -> None:
    make_gated(stack)
    stack.up_well()
    path = stack.folder / ".composegen" / "up.json"
    data = json.loads(path.read_text())
    assert data["form"] == 2
    del data["excluded"]
    for service in data["services"]:
        del service["without"]
    path.write_text(json.dumps({**data, "form": 1}))

    assert read_status(stack)["cache"]["state"] != "left-out"
    (stack.folder / "kept" / "go").touch()
    stack.up_well()
    assert_with(stack, "web", "cache")


def test_a_service_that_is_started_by_hand_is_excluded_no_more(stack: Stack) -> None:
    make_gated(stack)
    stack.up_well()
    (stack.folder / "kept" / "go").touch()

    assert stack.composegen("start", "cache").code == 0

    assert read_status(stack)["cache"]["state"] == "ready"
    assert "web runs without cache, which is up: composegen up" in (
        stack.composegen("status").said
    )


def test_nothing_is_left_of_it(stack: Stack) -> None:
    make_gated(stack)
    stack.up_well()

    assert stack.composegen("down").code == 0

    assert stack.is_clean()
    assert run("docker", "ps", "-aq", "--filter", f"name={stack.name}").stdout == ""


# Later


def make_restarting(stack: Stack) -> None:
    """A service that is to be restarted when what it needs is lost."""
    (stack.folder / "kept" / "go").touch()
    cache = make_cache({**GATED, "retries": 1})
    stack.write({"web": make_needing("cache", later="restart"), "cache": cache})


def test_plain_up_says_what_only_one_that_stays_does(stack: Stack) -> None:
    make_restarting(stack)

    done = stack.up_well()

    assert done.err.rstrip().endswith(
        "`web` has `later: restart`, which needs `composegen up --stay`"
    )


def test_up_that_stays_restarts_what_has_lost_its_need_and_back(stack: Stack) -> None:
    make_restarting(stack)
    with stack.start("up", "--stay") as running:
        running.wait_for(r"(?s)web +\| healthy.*cache +.*after|web .*after cache")
        assert "up --stay`" not in running.said
        (stack.folder / "kept" / "go").unlink()
        running.wait_for(r"web +\| restarts without cache: CACHE=none", deadline=120)
        running.wait_for(r"(?s)restarts without.*web +\| healthy", deadline=120)
        assert_without(stack, "web", "cache")
        assert stack.find("cache")["State"]["Running"]
        (stack.folder / "kept" / "go").touch()
        running.wait_for(r"web +\| restarts with cache", deadline=120)
        running.wait_for(r"(?s)restarts with cache.*web +\| healthy", deadline=120)
        assert_with(stack, "web", "cache")
        running.process.send_signal(signal.SIGINT)
        done = running.wait()

    assert done.code == 130, done
    assert "the stack stays up" in done.err
    assert read_status(stack)["web"]["state"] == "ready"


def test_another_up_may_run_beside_one_that_stays(stack: Stack) -> None:
    stack.write({"web": make_waiting()})
    with stack.start("up", "--stay") as running:
        running.wait_for(r"web +\| healthy")
        running.wait_for(r"(?m)^  web +[#.]")
        stack.services["web"]["environment"] = {"COLOUR": "blue"}
        stack.write(stack.services)
        stack.up_well()
        running.wait_for(r"(?s)web +\| healthy.*web +\| healthy", deadline=120)
        run_well("docker", "kill", stack.find("web")["Id"])
        running.wait_for(r"web +\| exited with 137")
        assert running.process.poll() is None
        running.process.send_signal(signal.SIGTERM)
        assert running.wait().code == 143
