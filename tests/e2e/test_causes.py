"""Why a stack does not come up: every cause provoked, told, and mended as was told."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from composegen.places.engine.cause import CauseName
from tests.e2e.engine import is_healthy, run, run_well, wait_until
from tests.e2e.images import Images
from tests.e2e.stacks import (
    PYTHON,
    SERVE,
    SLEEP,
    Stack,
    make_dependent,
    make_service,
    serve_after,
)
from tests.e2e.tried import (
    assert_told,
    obey,
    paste,
    provoke,
    serve_no_images,
    write_dockerfile,
)
from tests.leaks import find_port
from tests.pasting import read_mend

pytestmark = pytest.mark.engine
tries = pytest.mark.tries

POSTGRES = "postgres:18-alpine"
IMAGES = [PYTHON, POSTGRES]

HASTY = {"tcp": True, "boot": "5s", "interval": "1s"}
UNTIL_TOLD = """
import os, time
while not os.path.exists("/told/listen"):
    time.sleep(0.05)
"""


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """A stack of one's own, removed after the test."""
    images.have(PYTHON)
    with Stack(tmp_path) as made:
        yield made


# A check that does not pass


@tries(CauseName.TOOL_MISSING)
def test_a_tool_that_is_not_in_the_image(stack: Stack) -> None:
    health = {"http": "/", "tool": "node", "boot": "5s", "interval": "1s"}
    said = provoke(
        stack,
        "the check calls `node`, which is not in the image",
        service=make_service(health=health),
        line="health: {http: /, tool: python3}",
    )
    paste(stack, said)


@tries(CauseName.OTHER_PORT)
def test_a_port_that_it_does_not_listen_on(stack: Stack) -> None:
    said = provoke(
        stack,
        "it listens on port 9000, not on 8000",
        service=make_service(SERVE, "9000", health=HASTY),
        line="port: 9000",
    )
    asked = stack.why()
    assert_told(asked, "app: ", "  its check: python ", "Connection refused")
    paste(stack, said)
    assert "everything is up" in stack.composegen("why").said


@tries(CauseName.NEED_ON_LOOPBACK)
def test_an_address_that_no_other_service_reaches(stack: Stack) -> None:
    calls = "import urllib.request; urllib.request.urlopen('http://app:8000/')"
    app = make_service(environment={"LISTEN": "127.0.0.1"}, publish=find_port())
    after = make_service(serve_after(calls), needs=["app"])
    stack.write({"app": app, "after": after})
    said = stack.up_in_vain()
    cause = "`app` listens only on 127.0.0.1:8000"
    assert "app   | healthy after" in said.said
    for done in (said, stack.why(), stack.why("after")):
        assert_told(done, cause, "let `app` listen on 0.0.0.0:8000")
    asked = stack.why("app")
    who = "neither another service nor this machine"
    assert_told(asked, f"app is healthy, but {who} can reach it")
    assert_told(asked, "let it listen on 0.0.0.0:8000")

    app["environment"] = {"LISTEN": "0.0.0.0"}
    stack.write({"app": app, "after": after})
    stack.up_well()
    assert stack.composegen("why", "app").code == 0


@pytest.fixture
def slow(stack: Stack) -> Stack:
    """A service that listens when a file asks for it."""
    told = stack.folder / "told"
    told.mkdir()
    told.chmod(0o755)
    return stack


def make_slow() -> dict[str, Any]:
    return make_service(
        serve_after(UNTIL_TOLD), health=HASTY, volumes=["./told:/told:ro"]
    )


@tries(CauseName.SLOW_BOOT)
def test_a_boot_that_takes_longer_than_its_boot(slow: Stack) -> None:
    said = provoke(
        slow,
        "nothing listens on port 8000 yet: it takes longer than its boot, 5s",
        service=make_slow(),
        line="health: {tcp: true, boot: 10s}",
    )
    (slow.folder / "told" / "listen").touch()
    paste(slow, said)


@tries(CauseName.LATE_BOOT)
def test_a_boot_that_ends_after_up_has_given_up(slow: Stack) -> None:
    app = {**make_slow(), "publish": find_port()}
    slow.write({"app": app, "after": make_dependent("app")})
    slow.up_in_vain()
    (slow.folder / "told" / "listen").touch()
    wait_until(lambda: is_healthy(slow.inspect("app")), "app is healthy after all")

    asked = slow.why("after")
    assert_told(asked, "after was not started", "app is up now", "took longer")
    assert read_mend(asked.said) == ["app", "health: {tcp: true, boot: 10s}"]
    assert slow.composegen("status").code == 1
    paste(slow, asked)


# What a hardened container may not do


@tries(CauseName.READ_ONLY_FOLDER)
def test_a_file_system_that_is_read_only(stack: Stack) -> None:
    said = provoke(
        stack,
        "it writes /srv/app.db, and the file system is read-only",
        "volumes: [app-data:/srv]",
        service=make_service(serve_after("open('/srv/app.db', 'w')")),
        line="tmpfs: [/srv]",
    )
    paste(stack, said)


@tries(CauseName.READ_ONLY_IMAGE)
def test_a_file_in_the_root_of_a_read_only_file_system(stack: Stack) -> None:
    said = provoke(
        stack,
        "it writes /app.db, and the file system is read-only",
        service=make_service(serve_after("open('/app.db', 'w')")),
        line="relax: {read_only: it writes /app.db}",
    )
    paste(stack, said)


@tries(CauseName.FOLDER_DENIED)
def test_a_folder_of_the_image_that_is_not_its_users(stack: Stack) -> None:
    said = provoke(
        stack,
        "it may not use /srv/app.db",
        service=make_service(
            serve_after("open('/srv/app.db', 'w')"),
            user="1000",
            relax={"read_only": "the test is about owners"},
        ),
        line='tmpfs: ["/srv:uid=1000,gid=1000"]',
    )
    paste(stack, said)


@tries(CauseName.VOLUME_DENIED)
def test_a_volume_that_is_not_its_users(stack: Stack) -> None:
    app = make_service(
        serve_after("open('/data/app.db', 'w')"),
        user="1000",
        volumes=["data:/data"],
    )
    volume = f"{stack.name}_data"
    said = provoke(
        stack,
        f"the volume {volume} belongs to another user than user 1000",
        f"composegen down && docker volume rm {volume}",
        service=app,
    )
    assert "let the image make /data with that owner" in said.said
    assert (
        f"(project {stack.name}; used by the containers of {stack.folder}" in said.said
    )
    dockerfile = f"FROM {PYTHON}\nRUN mkdir /data && chown 1000 /data\n"
    (stack.folder / "app").mkdir()
    (stack.folder / "app" / "Dockerfile").write_text(dockerfile)
    app = {**app, "build": "./app", "image": None}
    app["health"] = {**app["health"], "tool": "python3"}
    del app["image"]
    stack.write({"app": app, "after": make_dependent("app")})
    obey(stack, said)
    stack.up_well()


@tries(CauseName.HOST_FOLDER_CLOSED)
def test_a_folder_of_this_machine_that_is_not_its_users(stack: Stack) -> None:
    folder = stack.folder / "data"
    folder.mkdir(mode=0o700)
    said = provoke(
        stack,
        f"it starts as user 1000 and may not write /data: {folder}",
        f"--entrypoint chown -v {folder}:/data {PYTHON} 1000 /data\n",
        service=make_service(
            serve_after("open('/data/app.db', 'w')"),
            user="1000",
            volumes=["./data:/data"],
        ),
    )
    [command] = re.findall(r"^ +(docker run .*)$", said.said, re.MULTILINE)
    run_well("sh", "-c", command)
    stack.up_well()


@tries(CauseName.SECRET_DENIED)
def test_a_secret_that_it_may_not_read(stack: Stack) -> None:
    token = stack.folder / "token.txt"
    token.write_text("s3cret")
    token.chmod(0o600)
    said = provoke(
        stack,
        "it may not read its secret token",
        "chmod 0644 token.txt",
        service=make_service(
            serve_after("open('/run/secrets/token')"), user="1000", secrets=["token"]
        ),
        secrets={"token": {"file": "./token.txt"}},
    )
    assert "s3cret" not in said.said
    run_well("chmod", "0644", "token.txt", cwd=stack.folder)
    stack.up_well()


@tries(CauseName.PORT_DENIED_TO_USER)
def test_a_port_that_it_may_not_listen_on(stack: Stack) -> None:
    said = provoke(
        stack,
        "it may not listen on port 80",
        service=make_service(
            SERVE,
            "80",
            port=80,
            user="1000",
            sysctls={"net.ipv4.ip_unprivileged_port_start": "1024"},
        ),
        line='sysctls: {net.ipv4.ip_unprivileged_port_start: "0"}',
    )
    paste(stack, said)


@tries(CauseName.CAPABILITY_MISSING)
@pytest.mark.parametrize(
    ("act", "line"),
    [
        ("import os; os.setuid(1000)", "cap_add: [SETGID, SETUID]"),
        (
            "import os; open('/tmp/x', 'w'); os.system('chown 1 /tmp/x') and exit(1)",
            "cap_add: [CHOWN]",
        ),
    ],
    ids=["setuid", "chown"],
)
def test_a_capability_that_was_dropped(act: str, line: str, stack: Stack) -> None:
    said = provoke(
        stack,
        "a capability is missing, all are dropped",
        service=make_service(serve_after(act), user="0"),
        line=line,
    )
    paste(stack, said)


@tries(CauseName.NO_EXEC)
def test_a_program_in_tmp(stack: Stack) -> None:
    act = """
    import os, subprocess
    with open("/tmp/tool", "w") as file:
        file.write("#!/bin/sh")
    os.chmod("/tmp/tool", 0o755)
    subprocess.run(["sh", "-c", "/tmp/tool"], check=True)
    """
    said = provoke(
        stack,
        "it executes something in /tmp, which is mounted noexec",
        service=make_service(serve_after(act)),
        line='tmpfs: ["/tmp:exec"]',
    )
    paste(stack, said)


# What is not there, or taken


@contextmanager
def take_port() -> Iterator[int]:
    """A port of this machine that is taken, and the next one is free."""
    while True:
        taken = socket.create_server(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        try:
            socket.create_server(("127.0.0.1", port + 1)).close()
        except OSError:
            taken.close()
            continue
        with taken:
            yield port
        return


@tries(CauseName.PORT_TAKEN)
def test_a_port_that_a_process_of_this_machine_has(stack: Stack) -> None:
    with take_port() as port:
        said = provoke(
            stack,
            f"port {port} of this machine is taken by ",
            f"pid {os.getpid()}",
            service=make_service(publish=f"{port}:8000"),
            line=f"publish: {port + 1}:8000",
        )
        paste(stack, said)


def test_a_port_that_another_container_has(stack: Stack) -> None:
    holder = f"{stack.name}-holder"
    with take_port() as port:
        pass
    label = f"com.docker.compose.project={stack.name}"
    run_well(
        *("docker", "run", "-d", "--name", holder, "--label", label),
        *("-p", f"127.0.0.1:{port}:1", PYTHON, *SLEEP),
    )
    try:
        said = provoke(
            stack,
            f"port {port} of this machine is taken by the container {holder}",
            service=make_service(publish=f"{port}:8000"),
            line=f"publish: {port + 1}:8000",
        )
        paste(stack, said)
    finally:
        run("docker", "rm", "-f", holder)


def make_elsewhere(image: str) -> dict[str, Any]:
    service = make_service(image=image)
    return {**service, "health": {**service["health"], "tool": "python3"}}


@tries(CauseName.IMAGE_NOT_FOUND)
def test_an_image_that_there_is_none_of(stack: Stack) -> None:
    with serve_no_images() as port:
        provoke(
            stack,
            "the image of `app` cannot be pulled: there is none of that name",
            "correct `image`",
            service=make_elsewhere(f"127.0.0.1:{port}/none:1"),
        )
    app = make_service(publish=find_port())
    stack.write({"app": app, "after": make_dependent("app")})
    stack.up_well()


@tries(CauseName.REGISTRY_UNREACHABLE)
def test_a_registry_that_does_not_answer(stack: Stack) -> None:
    with serve_no_images() as port:
        pass
    provoke(
        stack,
        "the image of `app` cannot be pulled: its registry cannot be reached",
        "or build the image",
        service=make_elsewhere(f"127.0.0.1:{port}/none:1"),
    )
    app = make_service(publish=find_port())
    write_dockerfile(stack, app)
    stack.write({"app": app, "after": make_dependent("app")})
    stack.up_well()


@tries(CauseName.BUILD_FAILED)
def test_an_image_that_cannot_be_built(stack: Stack) -> None:
    source = stack.folder / "app"
    source.mkdir()
    (source / "Dockerfile").write_text(f"FROM {PYTHON}\nRUN exit 3\n")
    app = make_service()
    app["health"]["tool"] = "python3"
    app["build"] = "./app"
    del app["image"]
    provoke(
        stack,
        "the image of `app` cannot be built",
        "exit code: 3",
        "correct its Dockerfile",
        service=app,
    )
    (source / "Dockerfile").write_text(f"FROM {PYTHON}\n")
    stack.up_well()


# How it ended

FILL = "kept = bytearray(40 << 20)"
SMALL = {"memory": "32M"}


@tries(CauseName.OUT_OF_MEMORY)
def test_memory_that_ran_out(stack: Stack) -> None:
    said = provoke(
        stack,
        "it ran out of memory: the limit is 32M",
        service=make_service(serve_after(FILL), resources=SMALL),
        line="resources: {memory: 64M}",
    )
    paste(stack, said)


def test_memory_that_ran_out_before_the_engine_started_it_again(stack: Stack) -> None:
    act = f"""
    import os, time
    if not os.path.exists("/kept/died"):
        open("/kept/died", "w").close()
        {FILL}
    while True:
        time.sleep(1)
    """
    kept = stack.folder / "kept"
    kept.mkdir()
    kept.chmod(0o777)
    health = {"tcp": True, "boot": "4s", "interval": "1s"}
    app = make_service(
        act,
        health=health,
        resources=SMALL,
        volumes=["./kept:/kept"],
    )
    provoke(stack, "it ran out of memory: the limit is 32M", service=app)
    assert stack.inspect("app")["State"]["OOMKilled"] is False


def test_a_kill_that_was_not_for_memory(stack: Stack) -> None:
    act = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    said = provoke(
        stack,
        "it was killed (SIGKILL); the engine saw no lack of memory",
        "137",
        service=make_service(serve_after(act)),
    )
    assert "out of memory" not in said.said


@pytest.mark.parametrize(
    ("command", "code", "cause"),
    [
        pytest.param(
            *(["no-such-tool"], 127, "`no-such-tool` is not in the image"),
            marks=tries(CauseName.PROGRAM_NOT_FOUND),
            id="absent",
        ),
        pytest.param(
            *(["sh", "-c", "no-such-tool"], 127, "`no-such-tool` is not in the image"),
            marks=tries(CauseName.PROGRAM_NOT_FOUND),
            id="absent-to-a-shell",
        ),
        pytest.param(
            *(["/etc/passwd"], 126, "`/etc/passwd` may not be executed"),
            marks=tries(CauseName.PROGRAM_LOCKED),
            id="no-program",
        ),
        pytest.param(
            *(["sh", "-c", "/etc/passwd"], 126, "`/etc/passwd` may not be executed"),
            marks=tries(CauseName.PROGRAM_LOCKED),
            id="no-program-to-a-shell",
        ),
    ],
)
@pytest.mark.parametrize("with_init", [True, False], ids=["init", "no-init"])
def test_a_program_that_does_not_start(
    command: list[str], code: int, cause: str, with_init: bool, stack: Stack
) -> None:
    app = make_service(command=command)
    if not with_init:
        app["relax"] = {"init": "the engine starts it then"}
    said = provoke(stack, cause, service=app)
    by_engine = not with_init and command[0] != "sh"
    assert by_engine or f"exited with {code}" in said.said
    assert "exited twice" not in said.said
    # What the Dockerfile is told to do; the program becomes one that serves.
    path = "/usr/local/bin/no-such-tool" if code == 127 else "/etc/passwd"
    lines = [f"COPY serve {path}", f"RUN chmod +x {path}"]
    write_dockerfile(stack, app, *lines)
    (stack.folder / "image" / "serve").write_text(f"#!/usr/bin/env python3\n{SERVE}")
    stack.write({"app": app, "after": make_dependent("app")})
    stack.up_well()


# Secrets

ASK = 'PGPASSWORD="$(cat "$PASSWORD_FILE")" psql -h db -U postgres -Atc "select 41 + 1"'


@tries(CauseName.OLD_PASSWORD)
def test_a_password_that_is_newer_than_the_volume(stack: Stack, images: Images) -> None:
    images.have(POSTGRES)
    db = {
        "use": "postgres",
        "image": POSTGRES,
        "secrets": {"db-password": "POSTGRES_PASSWORD_FILE"},
    }
    ask = {
        "image": POSTGRES,
        "job": True,
        "command": ["sh", "-c", ASK.replace("$", "$$")],
        "needs": {"db": {"PASSWORD_FILE": "{password_file}"}},
    }
    stack.write({"db": db, "ask": ask}, secrets={"db-password": {"generate": True}})
    assert "wrote .secrets/db-password" in stack.up_well().said
    assert stack.read_output("ask").strip() == "42"
    assert stack.composegen("down").code == 0
    secret = stack.folder / ".secrets" / "db-password"
    old = secret.read_text()
    # The engine says when a volume was made in whole seconds.
    wait_until(lambda: not is_new(stack, f"{stack.name}_db-data"), "the volume is old")
    secret.unlink()

    lost = stack.up_in_vain()
    assert "error[lost-secret]" in lost.err, lost
    assert "no container uses it" in lost.err, lost
    assert not secret.exists()
    assert stack.composegen("secrets").code == 0
    said = stack.up_in_vain()
    words = (
        f"its volume {stack.name}_db-data is older than the secret",
        "put the old password back into .secrets/db-password",
        "ALTER USER CURRENT_USER",
        f"(project {stack.name}; used by the containers of {stack.folder}",
        f"composegen down && docker volume rm {stack.name}_db-data",
    )
    for done in (said, stack.why(), stack.why("ask")):
        assert_told(done, "db refused the password", *words)
        assert secret.read_text() not in done.said
        assert old not in done.said
    [command] = re.findall(r"^ +(echo .*)$", said.said, re.MULTILINE)
    run_well("sh", "-c", command, cwd=stack.folder)
    stack.up_well()
    assert stack.read_output("ask").strip() == "42"


def is_new(stack: Stack, volume: str) -> bool:
    made = run_well("docker", "volume", "inspect", "-f", "{{.CreatedAt}}", volume)
    age = run_well("date", "-d", made.strip(), "+%s")
    return int(run_well("date", "+%s")) - int(age) < 3


def test_a_secret_file_that_is_not_there(stack: Stack) -> None:
    app = make_service(secrets=["token"])
    stack.write({"app": app}, secrets={"token": {"file": "./token.txt"}})
    said = stack.up_in_vain()
    assert "token.txt" in said.err
    assert "= help: " in said.err
    assert stack.is_clean()
    (stack.folder / "token.txt").write_text("s3cret")
    stack.up_well()
