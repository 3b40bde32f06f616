"""Causes of which the help is more than a line: each is done as it was told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from composegen.places.engine.cause import CauseName
from tests.e2e.engine import run, run_well, wait_until
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
from tests.e2e.tried import assert_told, obey, paste, provoke, write_dockerfile
from tests.leaks import find_port

pytestmark = pytest.mark.engine
tries = pytest.mark.tries

REDIS = "redis:8-alpine"
IMAGES = [PYTHON, REDIS]
WRITES = "open('/app/cache.db', 'w')"
ANSWER = """
import http.server
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({"/": 200, "/busy": 503}.get(self.path, 404))
        self.end_headers()
http.server.ThreadingHTTPServer(("", 8000), Page).serve_forever()
"""


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """A stack of one's own, removed after the test."""
    images.have(PYTHON)
    with Stack(tmp_path) as made:
        yield made


def write_again(stack: Stack, app: dict[str, Any], **top: Any) -> None:
    stack.write({"app": app, "after": make_dependent("app")}, **top)


# The folder of the program itself


@pytest.mark.parametrize("path", ["/app/cache.db", "cache.db"])
@tries(CauseName.READ_ONLY_IMAGE)
def test_a_program_that_writes_next_to_itself(path: str, stack: Stack) -> None:
    app = make_service(command=["python", "-u", "app.py"], user="1000:1000")
    lines = ["WORKDIR /app", "COPY app.py ."]
    write_dockerfile(stack, app, *lines)
    program = serve_after(f"open({path!r}, 'w')")
    (stack.folder / "image" / "app.py").write_text(program)
    said = provoke(
        stack,
        "it writes /app/cache.db, and the file system is read-only; "
        "/app holds files of the image",
        "RUN chown 1000 /app",
        service=app,
    )
    assert "[/app]" not in said.said
    write_dockerfile(stack, app, *lines, "RUN chown 1000 /app")
    app["relax"] = {"read_only": "it writes /app/cache.db"}
    write_again(stack, app)
    stack.up_well()


@tries(CauseName.READ_ONLY_IMAGE)
def test_a_database_that_cannot_be_opened(stack: Stack) -> None:
    act = "import sqlite3; sqlite3.connect('/var/x.db').execute('create table t (x)')"
    said = provoke(
        stack,
        "it writes a file, and the file system is read-only",
        service=make_service(serve_after(act), user="0"),
        line="relax: {read_only: it writes a file}",
    )
    paste(stack, said)


@tries(CauseName.IMAGE_FOLDER_DENIED)
def test_a_folder_of_the_image_with_files_that_is_not_its_users(stack: Stack) -> None:
    app = make_service(
        serve_after(WRITES), user="1000", relax={"read_only": "this is about owners"}
    )
    lines = ["WORKDIR /app", "COPY Dockerfile ."]
    write_dockerfile(stack, app, *lines)
    provoke(stack, "it may not use /app/cache.db", "chown 1000 /app", service=app)
    write_dockerfile(stack, app, *lines, "RUN chown 1000 /app")
    write_again(stack, app)
    stack.up_well()


@tries(CauseName.READ_ONLY_FOLDER)
def test_a_folder_that_must_be_kept_becomes_a_volume(stack: Stack) -> None:
    app = make_service(serve_after("open('/srv/app.db', 'w')"))
    said = provoke(stack, "volumes: [app-data:/srv]", service=app)
    assert "where it must be kept" in said.said
    app["volumes"] = ["app-data:/srv"]
    write_again(stack, app)
    stack.up_well()


@tries(CauseName.READ_ONLY_MOUNT)
def test_a_mount_that_is_read_only(stack: Stack) -> None:
    (stack.folder / "conf").mkdir()
    app = make_service(
        serve_after("open('/conf/app.db', 'w')"), volumes=["./conf:/conf:ro"]
    )
    provoke(stack, "/conf is mounted read-only", "remove `:ro`", service=app)
    app["volumes"] = ["./conf:/conf"]
    write_again(stack, app)
    stack.up_well()


@tries(CauseName.VOLUME_DENIED)
def test_a_volume_is_given_to_its_user_with_its_data(stack: Stack) -> None:
    app = make_service(
        serve_after("open('/data/app.db', 'w')"), user="1000", volumes=["data:/data"]
    )
    said = provoke(stack, "with its data", service=app)
    obey(stack, said, "docker run .*")
    stack.up_well()


# Ports and pages


@tries(CauseName.OTHER_PORT)
def test_a_published_port_that_leads_to_the_wrong_one(stack: Stack) -> None:
    health = {"http": "/", "boot": "5s", "interval": "1s"}
    port = find_port()
    said = provoke(
        stack,
        "it listens on port 8000, not on 8001",
        service=make_service(health=health, port=None, publish=f"{port}:8001"),
        line=f"publish: {port}:8000",
    )
    paste(stack, said)


@tries(CauseName.PATH_NOT_FOUND)
@pytest.mark.parametrize("short", [True, False], ids=["short", "long"])
def test_a_page_that_is_not_there(short: bool, stack: Stack) -> None:
    health = "/health" if short else {"http": "/health", "boot": "5s", "interval": "1s"}
    app = make_service(ANSWER, health=health, publish=find_port())
    stack.write({"app": app, "after": make_dependent("app")})
    said = stack.up_in_vain("--wait", "6s")
    for done in (said, stack.why("after")):
        assert_told(done, "GET /health answers 404, and / answers 200")
    paste(stack, said)


@tries(CauseName.BAD_STATUS)
def test_a_page_that_says_it_is_not_ready(stack: Stack) -> None:
    health = {"http": "/busy", "boot": "4s", "interval": "1s"}
    app = make_service(ANSWER, health=health)
    provoke(stack, "GET /busy answers 503", "with 200 once it is ready", service=app)
    app["command"] = make_service(ANSWER.replace("503", "200"))["command"]
    write_again(stack, app)
    stack.up_well()


@tries(CauseName.CHECK_FAILS)
def test_a_check_that_takes_longer_than_the_boot(stack: Stack) -> None:
    told = stack.folder / "told"
    told.mkdir(mode=0o755)
    check = "test -e /told/ready"
    app = make_service(
        health={"command": check, "boot": "4s", "interval": "1s"},
        volumes=["./told:/told:ro"],
    )
    said = provoke(stack, "its health check fails", service=app)
    (told / "ready").touch()
    paste(stack, said)


@tries(CauseName.CHECK_NEVER_RUN)
def test_a_check_whose_first_run_comes_after_the_boot(stack: Stack) -> None:
    recipes = stack.folder / "recipes"
    recipes.mkdir(mode=0o755)
    seldom = "health: {command: 'true', boot: 10s}\nstart_interval: 18s\n"
    recipe = f"about: one that is asked seldom\nimage: {PYTHON}\n{seldom}"
    (recipes / "slow.yaml").write_text(recipe, encoding="utf-8")
    app = make_service(use="slow", health=None)
    said = provoke(
        stack, "its health check was never run", service=app, recipes="./recipes"
    )
    paste(stack, said)


@tries(CauseName.NO_TOOL)
def test_an_image_without_any_tool(stack: Stack) -> None:
    app = make_service(health={"http": "/", "tool": "curl", "boot": "5s"})
    app["command"][0] = "serve-python"
    keep = 'RUN cp "$(readlink -f "$(command -v python3)")" /usr/bin/serve-python'
    away = (
        "RUN for tool in wget curl python3 python node php bash; do "
        "while found=$(command -v $tool); do rm $found; done; done"
    )
    write_dockerfile(stack, app, keep, away)
    app["health"]["tool"] = "curl"
    provoke(stack, "install curl in the Dockerfile", service=app)
    write_dockerfile(stack, app, keep)
    app["health"]["tool"] = "python3"
    write_again(stack, app)
    stack.up_well()


# Who reaches whom


@tries(CauseName.ON_LOOPBACK)
@pytest.mark.parametrize("is_needed", [True, False], ids=["needed", "alone"])
def test_a_service_that_listens_for_itself_alone(is_needed: bool, stack: Stack) -> None:
    app = make_service(environment={"LISTEN": "127.0.0.1"}, publish=find_port())
    services = {"app": app}
    if is_needed:
        services["after"] = make_dependent("app")
    stack.write(services)
    said = stack.up_in_vain()
    assert "app   | healthy after" in said.said or not is_needed
    for done in (said, stack.why(), stack.why("app")):
        assert_told(done, "it listens only on 127.0.0.1:8000")
        assert_told(done, "let it listen on 0.0.0.0:8000")
    status = stack.composegen("status")
    assert status.code == 1
    assert "ready, unreachable" in status.out
    app["environment"] = {"LISTEN": "0.0.0.0"}
    stack.write(services)
    stack.up_well()
    assert "everything is up" in stack.composegen("why").said


def test_a_service_on_the_network_of_the_host_reaches_itself(stack: Stack) -> None:
    app = make_service(
        SERVE,
        str(port := find_port()),
        port=port,
        environment={"LISTEN": "127.0.0.1"},
        compose={"network_mode": "host"},
    )
    stack.write({"app": app})
    stack.up_well()
    assert stack.composegen("status").code == 0


@tries(CauseName.NEED_MISSING)
def test_a_store_that_is_called_and_not_needed(stack: Stack, images: Images) -> None:
    images.have(REDIS)
    act = """
    import socket
    try:
        socket.create_connection(("redis", 6379))
    except OSError:
        raise SystemExit("getaddrinfo ENOTFOUND redis")
    """
    app = make_service(serve_after(act), publish=find_port())
    stack.write(
        {
            "app": app,
            "after": make_dependent("app"),
            "redis": {"use": "redis", "image": REDIS},
            "other": make_dependent("redis"),
        }
    )
    said = stack.up_in_vain()
    assert_told(said, "it calls `redis`, but its `needs` does not list it")
    paste(stack, said)


@tries(CauseName.PASSWORD_REFUSED)
def test_a_password_that_is_refused(stack: Stack) -> None:
    act = """
    import os
    if os.environ["PASSWORD"] != "right":
        raise SystemExit("WRONGPASS invalid username-password pair")
    """
    app = make_service(serve_after(act), environment={"PASSWORD": "wrong"})
    provoke(stack, "a password was refused", "compare the secrets", service=app)
    app["environment"] = {"PASSWORD": "right"}
    write_again(stack, app)
    stack.up_well()


# What a hardened container may not do


@tries(CauseName.PORT_DENIED)
def test_a_port_that_root_may_not_listen_on(stack: Stack) -> None:
    said = provoke(
        stack,
        "it may not listen on port 80",
        service=make_service(
            SERVE,
            "80",
            port=80,
            user="0",
            sysctls={"net.ipv4.ip_unprivileged_port_start": "1024"},
        ),
        line="cap_add: [NET_BIND_SERVICE]",
    )
    paste(stack, said)


@tries(CauseName.CAPABILITY_UNKNOWN)
def test_a_capability_that_is_not_known(stack: Stack) -> None:
    act = "import os; os.chroot('/')"
    said = provoke(
        stack,
        "a capability is missing",
        service=make_service(serve_after(act), user="0"),
        line="relax: {cap_drop: it is not known which one it uses}",
    )
    paste(stack, said)


@tries(CauseName.FILE_CAPABILITIES)
def test_a_program_with_capabilities_of_its_own(stack: Stack) -> None:
    app = make_service()
    app["command"][0] = "capable-python"
    grant = (
        "import os, struct; os.setxattr('/usr/bin/capable-python', "
        "'security.capability', struct.pack('<5I', 0x02000001, 1 << 10, 0, 0, 0))"
    )
    write_dockerfile(
        stack,
        app,
        'RUN cp "$(readlink -f "$(command -v python3)")" /usr/bin/capable-python',
        f'RUN python3 -c "{grant}"',
    )
    app["relax"] = {"init": "the engine starts it itself then"}
    said = provoke(
        stack,
        "its program has file capabilities",
        service=app,
        line="cap_add: [NET_BIND_SERVICE]   # or what the program needs",
    )
    paste(stack, said)


# What is not there


@tries(CauseName.MODULE_MISSING)
def test_a_module_that_is_not_in_the_image(stack: Stack) -> None:
    app = make_service(serve_after("import shop"))
    write_dockerfile(stack, app)
    provoke(stack, "the module `shop` is not in the image", service=app)
    lines = ["COPY Dockerfile /packages/shop.py", "ENV PYTHONPATH=/packages"]
    write_dockerfile(stack, app, *lines, "RUN echo > /packages/shop.py")
    stack.up_well()


@tries(CauseName.NOT_A_PROGRAM)
def test_a_script_without_an_interpreter(stack: Stack) -> None:
    app = make_service(command=["/serve"], relax={"init": "the engine starts it"})
    lines = ["COPY serve /serve", "RUN chmod +x /serve"]
    write_dockerfile(stack, app, *lines)
    script = stack.folder / "image" / "serve"
    script.write_text(SERVE)
    provoke(stack, "let a script begin with a line such as", service=app)
    script.write_text(f"#!/usr/bin/env python3\n{SERVE}")
    stack.up_well()


def restart(stack: Stack) -> None:
    """Let the engine start the container again; it need not succeed."""
    run("docker", "restart", "--time", "0", stack.inspect("app")["Id"])


@tries(CauseName.SECRET_MISSING)
def test_a_secret_file_that_was_removed(stack: Stack) -> None:
    app = make_service(secrets=["token"], publish=find_port())
    stack.write({"app": app}, secrets={"token": {"generate": True}})
    stack.up_well()
    (stack.folder / ".secrets" / "token").unlink()
    restart(stack)
    said = stack.why()
    assert_told(said, ".secrets/token, which it mounts, does not exist")
    obey(stack, said, "composegen secrets && composegen up")


@tries(CauseName.MOUNT_MISSING)
def test_a_mounted_folder_that_was_removed(stack: Stack) -> None:
    conf = stack.folder / "conf"
    conf.mkdir()
    mount = {"type": "bind", "source": "./conf", "target": "/conf"}
    mount["bind"] = {"create_host_path": False}
    app = make_service(volumes=[mount], publish=find_port())
    stack.write({"app": app})
    stack.up_well()
    conf.rmdir()
    restart(stack)
    said = stack.why()
    assert_told(said, f"make {conf} again, then: composegen up")
    conf.mkdir()
    stack.up_well()


@tries(CauseName.MOUNT_IS_FOLDER)
def test_a_mounted_file_that_was_removed(stack: Stack) -> None:
    """The engine makes a folder of that name."""
    conf = stack.folder / "app.conf"
    conf.write_text("")
    app = make_service(volumes=["./app.conf:/app.conf:ro"], publish=find_port())
    stack.write({"app": app})
    stack.up_well()
    conf.unlink()
    restart(stack)
    said = stack.why()
    assert_told(said, f"{conf} is a folder", f"rmdir {conf}")
    conf.rmdir()
    conf.write_text("")
    stack.up_well()


def build_where(stack: Stack, folder: str) -> dict[str, Any]:
    """A service that is built in a folder that only a variable names."""
    app = make_service(publish=find_port(), build="${WHERE:?}")
    del app["image"]
    app["health"] = {**app["health"], "tool": "python3"}
    (stack.folder / ".env").write_text(f"WHERE={folder}\n")
    stack.write({"app": app})
    return app


@tries(CauseName.BUILD_FOLDER_MISSING)
def test_a_folder_to_build_from_that_does_not_exist(stack: Stack) -> None:
    build_where(stack, "./nothere")
    said = stack.up_in_vain()
    assert_told(said, "nothere", "create the folder")
    (stack.folder / "nothere").mkdir()
    (stack.folder / "nothere" / "Dockerfile").write_text(f"FROM {PYTHON}\n")
    stack.up_well()


@tries(CauseName.DOCKERFILE_MISSING)
def test_a_folder_to_build_from_without_a_dockerfile(stack: Stack) -> None:
    (stack.folder / "empty").mkdir()
    build_where(stack, "./empty")
    said = stack.up_in_vain()
    assert_told(said, "has no Dockerfile", "write it")
    (stack.folder / "empty" / "Dockerfile").write_text(f"FROM {PYTHON}\n")
    stack.up_well()


@tries(CauseName.FILE_MISSING)
def test_a_file_of_variables_that_does_not_exist(stack: Stack) -> None:
    app = make_service(env_file="${FILE:?}", publish=find_port())
    (stack.folder / ".env").write_text("FILE=app.env\n")
    stack.write({"app": app})
    said = stack.up_in_vain()
    assert_told(said, "app.env", "create it")
    (stack.folder / "app.env").touch()
    stack.up_well()


@tries(CauseName.IMAGE_NOT_HERE)
def test_an_image_that_was_never_built(stack: Stack) -> None:
    app = make_service(publish=find_port())
    write_dockerfile(stack, app)
    stack.write({"app": app})
    said = stack.up_in_vain("--no-build")
    assert_told(said, "build it: composegen up, without --no-build")
    stack.up_well()


@tries(CauseName.VARIABLE_UNSET)
def test_a_variable_that_is_not_set(stack: Stack) -> None:
    app = make_service(environment={"KEY": "${NEEDED_KEY:?ask}"}, publish=find_port())
    stack.write({"app": app})
    said = stack.up_in_vain()
    assert_told(said, "NEEDED_KEY is not set", "set NEEDED_KEY in .env")
    (stack.folder / ".env").write_text("NEEDED_KEY=1\n")
    stack.up_well()


@tries(CauseName.NAME_TAKEN)
def test_a_name_that_another_container_has(stack: Stack) -> None:
    name = f"{stack.name}-named"
    label = f"com.docker.compose.project={stack.name}-other"
    run_well("docker", "create", "--name", name, "--label", label, PYTHON, *SLEEP)
    try:
        app = make_service(compose={"container_name": name}, publish=find_port())
        stack.write({"app": app})
        said = stack.up_in_vain()
        assert_told(said, f"another container is named {name}")
    finally:
        run_well("docker", "rm", name)  # this is also what the help says
    stack.up_well()


@tries(CauseName.KEY_UNKNOWN)
def test_a_key_that_no_compose_knows(stack: Stack) -> None:
    app = make_service(compose={"read_onyl": True}, publish=find_port())
    stack.write({"app": app})
    said = stack.up_in_vain()
    assert_told(said, "this Compose does not know the key `read_onyl` at services.app")
    assert "app: failed" in said.said
    assert "correct its name under `compose`" in said.said
    stack.write({"app": make_service(publish=find_port())})
    stack.up_well()


@tries(CauseName.NETWORK_MISSING)
def test_a_network_that_does_not_exist(stack: Stack) -> None:
    name = f"{stack.name}-outside"
    app = make_service(compose={"networks": [name]}, publish=find_port())
    networks = {name: {"external": True}}
    stack.write({"app": app}, compose={"networks": networks})
    said = stack.up_in_vain()
    assert_told(said, f"the network {name} does not exist")
    stack.outside.append(name)
    obey(stack, said, f"docker network create {name}")
    stack.up_well()


# What was done to it from outside


@pytest.mark.parametrize("act", ["stop", "kill"])
@tries(CauseName.STOPPED)
def test_one_that_another_program_has_stopped(act: str, stack: Stack) -> None:
    stack.write({"app": make_service(publish=find_port())})
    stack.up_well()
    run_well("docker", act, stack.inspect("app")["Id"])
    said = stack.why("app")
    assert_told(said, "the engine was asked to stop it")
    obey(stack, said, "composegen start app")


@tries(CauseName.KILLED)
def test_one_whose_process_was_killed(stack: Stack) -> None:
    stack.write({"app": make_service(publish=find_port(), restart="no")})
    stack.up_well()
    os.kill(stack.inspect("app")["State"]["Pid"], signal.SIGKILL)
    wait_until(lambda: not stack.inspect("app")["State"]["Running"], "its end")
    said = stack.why("app")
    assert_told(said, "it was killed (SIGKILL)")
    obey(stack, said, "composegen start app")


@tries(CauseName.OLD_NAMESPACE)
def test_one_that_shares_the_network_of_a_service_that_crashed(stack: Stack) -> None:
    side = make_dependent(network_mode="service:app", restart="no")
    stack.write({"app": make_service(publish=find_port(), restart="no"), "side": side})
    stack.up_well()
    app = stack.inspect("app")["Id"]
    run_well("docker", "kill", app)
    run_well("docker", "start", app)
    said = stack.why("side")
    assert_told(said, "it shares the network of `app`, which was started again since")
    assert "composegen restart side" in stack.composegen("status").err
    obey(stack, said, "composegen restart side")

    run_well("docker", "restart", app)
    healed = stack.up_well()
    assert "side shares the network of app, which was started again" in healed.err
