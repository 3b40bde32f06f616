"""`composegen harden`: a service is tried without what it relaxes, and left alone."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.engine import run_well, wait_until
from tests.e2e.images import Images
from tests.e2e.stacks import PYTHON, SLEEP, Stack, make_service, serve_after

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]

STACK = """\
# A stack with comments.
services:
  web:   # the page
    image: "python:3.12-slim"
    command: [sleep, "600"]
    health: {command: "%s", boot: 4s, interval: 1s}
    relax: trying it out   # harden this
    volumes: [data:/data, ./kept:/kept]
    publish: 127.0.0.1:%d:8000
    stop_grace_period: 1s

# The end.
"""


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    images.have(PYTHON)
    with Stack(tmp_path) as made:
        yield made
        # Whatever a test did, nothing of a try is left.
        assert list_left(made) == []


def list_left(stack: Stack) -> list[str]:
    """What the engine and the folder have of the scratch project."""
    label = f"label=com.docker.compose.project={stack.name}-harden"
    found = [
        line
        for kind in ("container", "network", "volume", "image")
        for line in run_well(
            "docker",
            kind,
            "ls",
            *["-a"] * (kind == "container"),
            "-q",
            "--filter",
            label,
        ).split()
    ]
    place = stack.folder / ".composegen" / "harden"
    return [*found, *([str(place)] if place.exists() else [])]


def write(stack: Stack, check: str = "true") -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = STACK % (check, port)
    (stack.folder / "stack.yaml").write_text(text)
    (stack.folder / "kept").mkdir(exist_ok=True)
    return text


def read(stack: Stack) -> str:
    return (stack.folder / "stack.yaml").read_text()


def test_what_is_not_needed_goes_and_no_other_byte_changes(stack: Stack) -> None:
    text = write(stack)

    done = stack.composegen("harden", "web")

    assert done.code == 0, done
    assert done.out.splitlines() == [
        "read_only: no longer relaxed",
        "cap_drop: no longer relaxed",
        "no_new_privileges: no longer relaxed",
        "init: no longer relaxed",
    ]
    assert read(stack) == text.replace(
        "    relax: trying it out   # harden this", "    # harden this"
    )
    assert "as it is, on new volumes: starts" in done.err


def test_what_is_needed_remains_with_what_was_seen(stack: Stack) -> None:
    text = write(stack, "touch /usr/index")

    done = stack.composegen("harden", "web")

    assert done.code == 1, done
    assert "read_only: remains relaxed\n  web: " in done.out
    assert "Read-only file system" in done.out
    assert read(stack) == text.replace("trying it out", "{read_only: trying it out}")


def test_one_without_a_check_that_fails_late_keeps_what_was_found(
    stack: Stack,
) -> None:
    act = "import time; time.sleep(2); open('/var/tmp/log', 'w'); time.sleep(600)"
    service = {"image": PYTHON, "command": ["python", "-c", act]}
    service |= {"health": "none", "stop_grace_period": "1s"}
    service |= {"relax": {"read_only": "imported, not tried hardened"}}
    stack.write({"web": service})

    done = stack.composegen("harden", "web")

    assert done.code == 1, done
    assert (
        "help: under `web` in the stack file:\n          tmpfs: [/var/tmp]" in done.out
    )
    assert "writes /var/tmp/log" in read(stack)
    assert "not-hardened" not in stack.composegen("check").err


def test_data_that_it_wrote_with_a_relaxation_is_tried_too(stack: Stack) -> None:
    # Only the first start may write: later ones must read a file of another user.
    act = """
    import os, pathlib
    file = pathlib.Path("/data/file")
    if not file.exists():
        file.write_text("first")
        if int(open("/proc/self/status").read().split("CapEff:")[1].split()[0], 16):
            os.chown(file, 1000, 1000)
            file.chmod(0o600)
    print(file.read_text())
    """
    service = make_service(serve_after(act), volumes=["data:/data"])
    service |= {"user": "0", "relax": {"cap_drop": "why"}, "stop_grace_period": "1s"}
    stack.write({"web": service})

    done = stack.composegen("harden", "web")

    assert done.code == 1, done
    assert "with cap_drop in force, on old volumes: does not start" in done.err
    assert "PermissionError" in done.out
    # What helps a stack that stays would be wrong here, such as to remove a volume.
    assert "help:" not in done.out


def test_the_real_service_its_data_and_the_hosts_files_are_untouched(
    stack: Stack,
) -> None:
    write(stack, "hostname >> /kept/log; cat /kept/seed")
    (stack.folder / "kept" / "seed").write_text("seed")
    os.chown(stack.folder / "kept" / "seed", 1234, 1234)
    (stack.folder / "kept" / "seed").chmod(0o640)
    stack.up_well()
    before = stack.inspect("web")["Id"]
    run_well("docker", "exec", before, "touch", "/data/real")

    done = stack.composegen("harden", "web")

    # As root without capabilities, the file of another user cannot be read.
    assert done.code == 1, done
    assert "cap_drop: remains relaxed" in done.out
    assert stack.inspect("web")["Id"] == before
    assert run_well("docker", "exec", before, "ls", "/data") == "real\n"
    writers = {*(stack.folder / "kept" / "log").read_text().split()}
    assert writers == {before[:12]}


def test_what_the_top_level_relaxes_is_kept_for_this_service(stack: Stack) -> None:
    text = write(stack).replace("    relax: trying it out   # harden this\n", "")
    text += "relax: a first try\n"
    (stack.folder / "stack.yaml").write_text(text)

    done = stack.composegen("harden", "web")

    assert done.code == 0, done
    line = next(each for each in text.splitlines(keepends=True) if "stop_" in each)
    assert read(stack) == text.replace(line, f"{line}    relax: false\n")
    assert "note: the top level relaxes read_only, cap_drop" in done.err
    assert stack.composegen("check").code == 0


def test_a_built_service_leaves_no_image(stack: Stack) -> None:
    (stack.folder / "Dockerfile").write_text(
        f"FROM {PYTHON}\nCMD {SLEEP!r}\n".replace("'", '"')
    )
    stack.write({"web": {"build": ".", "health": {"command": "true"}, "relax": "x"}})

    assert stack.composegen("harden", "web").code == 0


def test_a_service_that_does_not_start_as_it_is_is_left_as_it_is(stack: Stack) -> None:
    text = write(stack, "exit 3")

    done = stack.composegen("harden", "web")

    assert done.code == 1, done
    assert "`web` does not start as it is" in done.err
    assert read(stack) == text


def test_who_interrupts_it_leaves_nothing(stack: Stack) -> None:
    text = write(stack)
    with stack.start("harden", "web") as running:
        wait_until(lambda: "as it is" in running.said, "the first start")
        os.killpg(running.process.pid, signal.SIGINT)
        os.killpg(running.process.pid, signal.SIGINT)
        done = running.wait()

    assert done.code == 130, done
    assert "Traceback" not in done.err
    assert list_left(stack) == []
    assert read(stack) == text


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"volumes": ["data:/data"]}, "the volume `data`, which is external"),
        ({"compose": {"network_mode": "host"}, "port": None}, "the host's network"),
        ({"volumes": ["/dev/null:/x"]}, "cannot be copied"),
    ],
)
def test_what_would_act_on_the_real_one_is_refused(
    stack: Stack, keys: dict[str, object], words: str
) -> None:
    service = {"image": PYTHON, "command": SLEEP, "relax": "x", **keys}
    service = {key: each for key, each in service.items() if each is not None}
    stack.write({"web": service}, volumes={"data": {"external": True}})

    done = stack.composegen("harden", "web")

    assert done.code == 1, done
    assert words in done.err


def test_the_volume_of_a_real_project_of_that_name_stays(stack: Stack) -> None:
    text = write(stack)
    name = f"{stack.name}-harden"
    label = f"com.docker.compose.project={name}"
    run_well("docker", "volume", "create", "--label", label, f"{name}_data")
    try:
        done = stack.composegen("harden", "web")
        found = run_well("docker", "volume", "ls", "-q", "--filter", f"label={label}")
    finally:
        run_well("docker", "volume", "rm", f"{name}_data")

    assert done.code == 1, done
    assert f"harden` has not made: {name}_data" in done.err
    assert found.split() == [f"{name}_data"]
    assert read(stack) == text


def test_wrong_use_is_told_before_anything_starts(stack: Stack) -> None:
    stack.write({"web": {"image": PYTHON, "command": SLEEP}})

    unknown = stack.composegen("harden", "wbe")
    nothing = stack.composegen("harden", "web", "--format", "json")

    assert (unknown.code, stack.composegen("harden").code) == (2, 2)
    assert "did you mean `web`?" in unknown.err
    assert (nothing.code, nothing.out) == (0, "[]\n")
    assert "`web` relaxes nothing" in nothing.err
