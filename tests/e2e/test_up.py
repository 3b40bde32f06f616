"""`composegen up` on a real engine, and who is asked about it afterwards."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from composegen.places.status import ServiceStatus
from composegen.records import list_fields
from tests.e2e.engine import ROOT, has_started, run, run_well
from tests.e2e.images import Images
from tests.e2e.proxies import SOCKET, Proxy
from tests.e2e.stacks import (
    COMMAND,
    PYTHON,
    SERVE,
    Done,
    Stack,
    make_dependent,
    make_service,
    serve_after,
)
from tests.parts import require_part, require_program

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]

KEYS = list_fields(ServiceStatus)
"""The keys of each service in `status --format json`."""

BUILT = f"FROM {PYTHON}\n"
NEVER = "import time\nwhile True: time.sleep(1)"
HASTY = {"tcp": True, "boot": "2s", "interval": "1s"}
COUNT = """
import pathlib
count = pathlib.Path("/kept/starts")
starts = len(count.read_text()) + 1 if count.exists() else 1
count.write_text("x" * starts)
"""


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """A stack of one's own, removed after the test; `kept` is a folder for all."""
    images.have(PYTHON)
    for name in ("kept", "told"):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    with Stack(tmp_path) as made:
        yield made


def make_optional(name: str) -> dict[str, Any]:
    return {name: {"until": "started", "otherwise": {}}}


def count_starts(stack: Stack) -> int:
    """How often a service that counts has been started."""
    return len((stack.folder / "kept" / "starts").read_text())


def make_counting(program: str, **keys: Any) -> dict[str, Any]:
    return make_service(COUNT + program, volumes=["./kept:/kept"], **keys)


def assert_one_error(done: Done, *words: str, code: int = 1) -> None:
    """One clear error with its help, and nothing else."""
    assert done.code == code, done
    errors = [line for line in done.err.splitlines() if line.startswith("error")]
    assert len(errors) == 1, done
    assert "Traceback" not in done.err, done
    assert "Aborted" not in done.err, done
    for text in words:
        assert text in done.err, done


def read_compose(stack: Stack) -> str:
    return (stack.folder / "compose.yaml").read_text()


# The file


def test_the_file_is_written_and_keeps_its_selection_and_engine(stack: Stack) -> None:
    extra = make_dependent()
    app = make_dependent(needs=make_optional("extra"))
    stack.write({"app": app, "extra": extra})
    rendered = stack.composegen("render", "--without", "extra", "--engine", "24")
    assert rendered.code == 0
    before = read_compose(stack)
    app["environment"] = {"COLOUR": "blue"}
    stack.write({"app": app, "extra": extra})

    done = stack.up_well()
    renewed = read_compose(stack)
    assert "renewed compose.yaml" in done.err
    assert "extra is excluded" in done.err
    assert "COLOUR" in renewed
    assert "--without extra" in renewed
    assert "--engine 24" in renewed
    assert "--engine 24" in before
    assert stack.find("extra") is None

    with_it = stack.up_well("--with", "extra")
    assert read_compose(stack) == renewed
    assert "compose.yaml is left as it is" in with_it.err
    assert has_started(stack.find("extra"))

    # What the next one has no place for is removed.
    again = stack.up_well()
    assert read_compose(stack) == renewed
    assert "compose.yaml" not in again.err
    assert stack.find("extra") is None


def test_a_file_that_is_not_ours_is_left_alone(stack: Stack) -> None:
    stack.write({"app": make_dependent()})
    path = stack.folder / "compose.yaml"
    path.write_text("services: {}\n")
    assert_one_error(stack.up(), "compose.yaml", "render --force")
    assert path.read_text() == "services: {}\n"

    path.unlink()
    assert stack.composegen("render").code == 0
    edited = read_compose(stack) + "# by hand\n"
    path.write_text(edited)
    assert_one_error(stack.up(), "compose.yaml", "render --force")
    assert read_compose(stack) == edited
    assert stack.is_clean()


def test_another_output_leaves_the_compose_file_of_another_hand(stack: Stack) -> None:
    others = stack.folder / "compose.yaml"
    others.write_text("services: {}\n")
    (stack.folder / "compose.override.yaml").write_text("services: {}\n")
    stack.write({"app": make_dependent()})
    assert_one_error(stack.up(), "output: compose.gated.yaml")

    stack.write({"app": make_dependent()}, output="compose.gated.yaml")
    done = stack.up_well()

    assert "wrote compose.gated.yaml" in done.err
    assert "compose.override.yaml" not in done.err
    assert others.read_text() == "services: {}\n"
    assert stack.composegen("render", "--check").code == 0
    (stack.folder / ".composegen" / "up.json").unlink()
    assert "app" in stack.composegen("status").out


def test_what_is_missing_is_made_and_an_old_stack_goes_quickly(stack: Stack) -> None:
    check = {"http": "/", "boot": "20s", "interval": "1s"}
    app = make_service(secrets=["token"], health=check)
    top = {"secrets": {"token": {"generate": True}}}
    stack.write({"app": app, "after": make_dependent("app")}, **top)
    first = stack.up_well()
    assert "wrote compose.yaml" in first.err
    assert "wrote .secrets/token" in first.err
    for word in ("created", "started", "healthy after"):
        assert f"app   | {word}" in first.err, first
    assert "after | running after 1." in first.err
    before = stack.inspect_all()

    second = stack.up_well()
    assert "is already running" in second.err
    assert second.seconds < first.seconds + 30
    kept = stack.inspect_all()
    for name, container in before.items():
        assert kept[name]["Id"] == container["Id"]
        assert kept[name]["State"]["StartedAt"] == container["State"]["StartedAt"]

    stack.write({"app": {**app, "environment": {"NEW": "1"}}}, **top)
    third = stack.up_well()
    assert stack.inspect("app")["Id"] != before["app"]["Id"]
    assert stack.find("after") is None
    assert "exited with" not in third.err
    assert "stopped from outside" not in third.err
    assert third.err.count("app | healthy after") == 1


def test_images_are_built_unless_they_shall_stay(stack: Stack) -> None:
    source = stack.folder / "app"
    source.mkdir()
    (source / "Dockerfile").write_text(BUILT)
    app = make_dependent(build="./app")
    del app["image"]
    stack.write({"app": app})
    unbuilt = stack.up_in_vain("--no-build")
    assert "cause: the image" in unbuilt.err, unbuilt
    assert "composegen up, without --no-build" in unbuilt.err

    stack.up_well()
    before = stack.inspect("app")["Image"]
    (source / "Dockerfile").write_text(BUILT + "ENV COLOUR=blue\n")
    stack.up_well("--no-build")
    assert stack.inspect("app")["Image"] == before
    stack.up_well()
    assert "COLOUR=blue" in stack.inspect("app")["Config"]["Env"]


# The verdict


def test_nothing_starts_before_what_it_needs_is_ready(stack: Stack) -> None:
    wait = "import os, time\nwhile not os.path.exists('/told/listen'): time.sleep(.05)"
    gate = make_service(
        serve_after(wait),
        volumes=["./told:/told:ro"],
        health={"tcp": True, "boot": "60s", "interval": "1s"},
    )
    stack.write({"gate": gate, "after": make_dependent("gate")})
    with stack.start("up") as up:
        up.wait_for(r"gate +\| started")
        status = stack.composegen("status")
        assert status.code == 1
        assert "waiting" in status.out
        assert not has_started(stack.find("after"))
        (stack.folder / "told" / "listen").touch()
        done = up.wait()
    assert done.code == 0, done
    assert done.said.index("gate  | healthy") < done.said.index("after | started")
    assert "critical path: gate" in done.said
    assert stack.composegen("status").code == 0


def test_a_death_is_reported_and_forgiven_two_are_not(stack: Stack) -> None:
    once = "import sys; sys.exit(3) if starts == 1 else None\n" + SERVE
    stack.write({"app": make_counting(once)})
    done = stack.up_well()
    assert "exited with 3; it is restarted" in done.err
    assert "app | healthy after" in done.err
    assert count_starts(stack) == 2

    always = "import sys; sys.exit(3)"
    stack.write({"app": make_counting(always), "after": make_dependent("app")})
    failed = stack.up_in_vain()
    assert "app exited twice with 3" in failed.err
    assert "The containers are still there" in failed.err
    assert stack.find("app") is not None
    assert not has_started(stack.find("after"))
    assert stack.composegen("status").code == 1


def test_a_job_runs_at_every_up_and_may_not_fail(stack: Stack) -> None:
    job = make_counting("pass", job=True, health=None, port=None)
    after = make_dependent("job")
    stack.write({"job": job, "after": after})
    first = stack.up_well()
    assert first.err.index("finished") < first.err.index("after | started")
    assert stack.composegen("status").code == 0
    stack.up_well()
    assert count_starts(stack) == 2

    failing = make_counting("exit(4)", job=True, health=None, port=None)
    stack.write({"job": failing, "after": after})
    failed = stack.up_in_vain()
    assert "job exited with 4" in failed.err
    assert count_starts(stack) == 3


def test_optional_services_end_nothing(stack: Stack) -> None:
    optional = {"otherwise": {}}
    app = make_dependent(needs={"dying": optional, "slow": optional})
    stack.write(
        {
            "dying": make_service("exit(3)", health={**HASTY, "boot": "8s"}),
            "slow": make_service(NEVER, health=HASTY),
            "app": app,
        }
    )
    done = stack.up_well()
    assert "dying | excluded: exited twice with 3" in done.err
    assert "slow  | excluded: not healthy within 2s" in done.err
    for name in ("dying", "slow "):
        assert f"{name} |   app: starts without it" in done.err
    assert "app   | running after" in done.err
    assert stack.composegen("status").code == 0
    assert stack.why("slow").out


def test_replicas_come_and_go(stack: Stack) -> None:
    for count in (2, 3, 1):
        stack.write({"app": make_service(replicas=count)})
        done = stack.up_well("--wait", "30s")
        assert "was not" not in done.err
        assert len(stack.list_containers("app")) == count


def test_without_a_check_a_crash_loop_is_not_ready(stack: Stack) -> None:
    crash = ["sh", "-c", "sleep 0.1; exit 5"]
    stack.write({"app": make_dependent(command=crash)})
    failed = stack.up_in_vain()
    assert "app exited twice with 5" in failed.err
    assert "running after" not in failed.err
    # Once more, on the crash loop that is there.
    again = stack.up_in_vain()
    assert "app exited twice with 5" in again.err
    assert again.seconds < 40


def test_a_service_has_its_boot_and_all_have_their_wait(stack: Stack) -> None:
    calm = {"tcp": True, "boot": "90s", "interval": "1s"}
    stack.write(
        {
            "hasty": make_service(NEVER, health={**calm, "boot": "3s"}),
            "calm": make_service(NEVER, health=calm),
            "after": make_dependent("hasty"),
        }
    )
    failed = stack.up_in_vain()
    assert "hasty was not healthy 3s after it started" in failed.err
    assert "calm was not" not in failed.err
    assert 3 <= failed.seconds < 3 + 40

    waited = stack.up_in_vain("--wait", "4s")
    for name in ("hasty", "calm"):
        assert f"{name} was not healthy within 4s" in waited.err
    assert 4 <= waited.seconds < 4 + 40


# An end before the end


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["ctrl-c", "term", "hang-up"],
)
def test_a_signal_leaves_things_whole(
    number: signal.Signals, code: int, stack: Stack
) -> None:
    source = stack.folder / "app"
    source.mkdir()
    # A step of its own: one that has been built before would be over at once.
    step = f"RUN sleep 100 # {stack.name}"
    (source / "Dockerfile").write_text(f"{BUILT}{step}\n")
    app = make_service(NEVER, build="./app")
    app["health"]["tool"] = "python3"
    del app["image"]
    stack.write({"app": app})
    assert_interrupted(interrupt(stack, step, number), code)
    assert stack.composegen("render", "--check").code == 0
    assert not any(path.name.endswith(".tmp") for path in stack.folder.iterdir())

    (source / "Dockerfile").write_text(BUILT)
    assert_interrupted(interrupt(stack, r"app \| started", number), code)
    assert stack.inspect("app")["State"]["Running"]
    assert stack.composegen("render", "--check").code == 0
    assert stack.composegen("status").code == 1
    assert stack.composegen("down").code == 0
    assert stack.is_clean()


def interrupt(stack: Stack, moment: str, number: signal.Signals) -> Done:
    """Send a signal as soon as something is said: Ctrl-C reaches the whole group."""
    with stack.start("up") as up:
        up.wait_for(moment)
        if number is signal.SIGINT:
            os.killpg(up.process.pid, number)
        else:
            up.process.send_signal(number)
        done = up.wait()
    assert list_followers(stack) == []
    return done


def list_followers(stack: Stack) -> list[str]:
    """Command lines of Compose that still work on the project."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if stack.name in words and "compose" in words:
            found.append(" ".join(words))
    return found


def assert_interrupted(done: Done, code: int) -> None:
    stays = (
        "The containers are still there: inspect them with `composegen why` and "
        "`composegen logs`, remove them with `composegen down`."
    )
    assert_one_error(done, "interrupted", stays, code=code)


# The engine


def test_an_engine_that_cannot_be_reached_is_reported_before_anything(
    stack: Stack, tmp_path: Path
) -> None:
    stack.write({"app": make_dependent()})
    nowhere = stack.up(DOCKER_HOST=f"unix://{tmp_path}/gone.sock")
    assert_one_error(nowhere, "no Docker engine is there", "DOCKER_HOST")
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    assert_one_error(stack.up(PATH=str(nothing)), "there is no `docker` command")
    unknown = stack.up(DOCKER_CONTEXT="no-such-context")
    assert_one_error(unknown, "there is no docker context `no-such-context`")
    assert not (stack.folder / "compose.yaml").exists()
    assert not (stack.folder / ".composegen").exists()


def test_a_socket_that_one_may_not_use(images: Images) -> None:
    require_program("setpriv")
    require_part(os.geteuid() == 0, "root, who can be another user")
    nobody = "65534"
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        shutil.chown(folder, int(nobody))
        stack.write({"app": make_dependent()})
        for name in ("composegen", "templates"):
            shutil.copytree(ROOT / name, stack.folder / "own" / name)
        words = ("setpriv", "--reuid", nobody, "--regid", nobody, "--clear-groups")
        env = {**os.environ, "PYTHONPATH": str(stack.folder / "own"), "HOME": folder}
        done = run(*words, *COMMAND, "up", cwd=stack.folder, env=env)
        assert_one_error(
            Done(done.returncode, done.stdout, done.stderr, 0),
            "you may not use the Docker engine's socket",
            "usermod -aG docker",
        )
        assert not (stack.folder / "compose.yaml").exists()


def test_an_engine_that_goes_away_meanwhile(stack: Stack) -> None:
    stack.write({"app": make_service(NEVER)})
    with (
        tempfile.TemporaryDirectory() as folder,
        Proxy(Path(folder) / "engine.sock") as proxy,
        stack.start("up", DOCKER_HOST=proxy.host) as up,
    ):
        up.wait_for(r"app \| started")
        proxy.cut()
        done = up.wait()
        assert_one_error(done, "the connection to the Docker engine was lost")
        asked = stack.composegen("status", DOCKER_HOST=proxy.host)
        assert_one_error(asked, "no Docker engine is there", "DOCKER_HOST")
        # Without that variable another engine is chosen, and none is asked.
        other = stack.composegen("status")
        assert_one_error(other, "[other-engine]", f"DOCKER_HOST={proxy.host}", code=2)
    assert list_followers(stack) == []


def test_a_stack_on_another_engine_than_the_chosen_one_is_named_and_not_asked(
    stack: Stack, tmp_path: Path
) -> None:
    config = {"DOCKER_CONFIG": str(tmp_path / "config")}
    env = {**os.environ, **config}
    env.pop("DOCKER_HOST", None)
    for name, host in (("here", SOCKET), ("gone", f"{tmp_path}/gone.sock")):
        words = ("docker", "context", "create", name)
        run_well(*words, "--docker", f"host=unix://{host}", env=env)
    run_well("docker", "context", "use", "here", env=env)
    stack.write({"app": make_dependent(command=["sh", "-c", "echo hello; sleep 600"])})
    stack.up_well(**config)
    run_well("docker", "context", "use", "gone", env=env)

    for command in ("status", "why", "logs", "down"):
        other = stack.composegen(command, **config)
        words = ("[other-engine]", "docker context here", "export DOCKER_CONTEXT=here")
        assert_one_error(other, *words, code=2)
    assert not stack.is_clean()

    chosen = {**config, "DOCKER_CONTEXT": "here"}
    assert stack.composegen("status", **chosen).code == 0
    assert "app is up" in stack.composegen("why", "app", **chosen).err
    assert "hello" in stack.composegen("logs", **chosen).out
    assert stack.composegen("down", **chosen).code == 0
    assert stack.is_clean()
    assert_one_error(stack.up(**config), "docker context gone", "context use")


# Asked afterwards


def read_status(stack: Stack) -> dict[str, Any]:
    """What is said of each service, by its name."""
    done = stack.composegen("status", "--format", "json")
    listed = json.loads(done.out)
    assert all(tuple(each) == KEYS for each in listed), listed
    return {each["service"]: each for each in listed}


def test_status_logs_and_down_need_no_file(stack: Stack) -> None:
    check = {"http": "/", "boot": "20s", "interval": "1s"}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    app = make_service(publish=f"{port}:8000", health=check, volumes=["data:/data"])
    job = make_dependent(command=["true"], job=True)
    del job["health"], job["needs"]
    stack.write({"app": app, "job": job, "extra": make_dependent(enabled=False)})
    done = stack.up_well()
    address = f"http://127.0.0.1:{port}"
    assert f"app: {address}" in done.err

    told = read_status(stack)
    assert told["app"] == {
        **told["app"],
        "state": "ready",
        "health": "healthy",
        "pid": None,
        "restarts": 0,
        "exit_code": None,
        "address": address,
        "image": PYTHON,
        "log": None,
        "reused": None,
    }
    assert told["app"]["since"][:16] == stack.inspect("app")["State"]["StartedAt"][:16]
    assert told["job"]["state"] == "finished"
    assert told["job"]["exit_code"] == 0
    assert told["extra"] == {
        **dict.fromkeys(KEYS),
        "service": "extra",
        "addresses": [],
        "state": "left-out",
        "reason": "enabled: false",
        "fallback": False,
    }
    table = stack.composegen("status")
    assert table.code == 0
    assert "extra: excluded" in table.out

    for name in ("stack.yaml", "compose.yaml"):
        (stack.folder / name).unlink()
    run_well("docker", "kill", stack.inspect("app")["Id"])
    broken = stack.composegen("status")
    assert broken.code == 1, broken
    assert "stopped (137)" in broken.out
    assert "listening" in stack.composegen("logs", "app").out
    down = stack.composegen("down")
    assert down.code == 0
    assert f"removed the containers of {stack.name}" in down.err
    volume = f"{stack.name}_data"
    assert f"its volumes are kept, with their data: {volume}" in down.err
    assert stack.is_clean()
    assert stack.list_volumes() == [volume]
    assert not (stack.folder / ".composegen" / "up.json").exists()


def test_a_stack_that_compose_alone_brought_up_is_known(stack: Stack) -> None:
    stack.write(
        {
            "app": make_service(SERVE, "9000", health=HASTY),
            "other": make_dependent(needs=make_optional("extra")),
            "extra": make_dependent(),
        }
    )
    rendered = stack.composegen("render", "--without", "extra")
    assert rendered.code == 0
    assert stack.compose("up", "-d").returncode == 0
    told = read_status(stack)
    assert told["app"]["state"] in {"starting", "failed"}
    assert told["extra"]["state"] == "left-out"
    assert "it listens on port 9000, not on 8000" in stack.why("app").out
    assert stack.composegen("down").code == 0
    assert stack.is_clean()


# Ports


def test_a_random_port_is_shown_and_answers(stack: Stack) -> None:
    app = make_service(publish="0:8000", health={"http": "/", "interval": "1s"})
    stack.write({"app": app, "other": make_service(publish=0)})

    said = stack.up_well().err
    shown = stack.composegen("status").out

    found = re.findall(r"http://127[.]0[.]0[.]1:([0-9]+)", said)
    assert len(found) == 1
    assert int(found[0]) > 1023
    assert found[0] in shown
    with socket.create_connection(("127.0.0.1", int(found[0])), timeout=60):
        pass


# One of several


def test_the_one_that_is_chosen_is_reached_by_the_name_of_its_choice(
    stack: Stack,
) -> None:
    ask = (
        "import os, time, urllib.request\n"
        "urllib.request.urlopen(os.environ['LLM_URL'], timeout=60)\n"
        "print('answered', flush=True)\n"
    )
    web = make_service(serve_after(ask), needs={"llm": "LLM_URL"})
    member = make_service(publish="0:8000")
    choice = {"one_of": ["cpu", "gpu"]}
    stack.write({"llm": choice, "cpu": member, "gpu": member, "web": web})

    stack.up_well()
    assert has_started(stack.find("cpu"))
    assert stack.find("gpu") is None

    done = stack.up_well("gpu", "web")
    assert "gpu" in done.err
    assert has_started(stack.find("gpu"))

    stack.up_well("--with", "gpu")
    assert stack.find("cpu") is None
    assert "gpu" in stack.composegen("status").out
    assert "answered" in stack.composegen("logs", "web").out


# Variables


def test_a_port_that_a_variable_says_is_asked_shown_and_wired(stack: Stack) -> None:
    port = "${APP_PORT:-8000}"
    check = {"http": "/", "interval": "${EVERY:-1s}", "boot": "${BOOT:-20s}"}
    app = make_service(SERVE, port, port=port, publish=f"0:{port}", health=check)
    web = make_dependent(needs={"app": "APP_URL"})
    stack.write({"app": app, "web": web})

    done = stack.up_well(APP_PORT="8123")

    assert re.search(r"http://127[.]0[.]0[.]1:[0-9]+", done.err)
    environment = stack.inspect("web")["Config"]["Env"]
    assert "APP_URL=http://app:8123" in environment
    assert "8123" in str(stack.inspect("app")["Config"]["Healthcheck"]["Test"])
