"""What the help of a failed process says is done, and the process answers then."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from composegen.places.processes.cause import CauseName
from tests.leaks import find_port
from tests.locals import LocalStack
from tests.parts import require_program
from tests.runs import SERVER

tries = pytest.mark.tries

BUSY = SERVER.replace("200 OK", "503 Busy")
IPV6 = SERVER.replace('("127.0.0.1", ', '("::1", ').replace(
    "create_server(", "create_server(family=socket.AF_INET6, address="
)
SLOW = (
    "import pathlib, time\nwhile not pathlib.Path('told').exists(): time.sleep(0.02)\n"
)


@pytest.fixture
def stack(tmp_path):
    return LocalStack(tmp_path)


def make_app(command=None, *, boot="60s", health=None, **local):
    """A service that is a Python program of the folder, ``server.py``."""
    return {
        "image": "python:3.12-slim",
        "port": find_port(),
        "health": health or {"http": "/", "boot": boot},
        "local": {"command": command or [sys.executable, "-S", "server.py"], **local},
    }


@tries(CauseName.OTHER_PORT)
def test_a_program_that_does_not_read_port(stack):
    port = find_port()
    program = SERVER.replace('int(os.environ["PORT"])', str(port))
    stack.write_file("server.py", program)
    stack.write(app=make_app(boot="2s"))
    said = stack.fail(f"it listens on {port}, not on", "let it read PORT")
    stack.paste(said)


@tries(CauseName.BAD_STATUS)
def test_a_page_that_says_it_is_not_ready(stack):
    stack.write_file("server.py", BUSY)
    stack.write(app=make_app(boot="2s"))
    stack.fail("GET / answers 503", "let the program answer / with 200")
    stack.write_file("server.py", SERVER)


@tries(CauseName.PORT_WAS_TAKEN)
def test_a_port_that_was_taken_for_a_moment(stack):
    stack.write_file("server.py", "raise SystemExit('Address already in use')")
    stack.write(app=make_app())
    stack.fail("was taken when it started, and is free now", "start it again")
    stack.write_file("server.py", SERVER)


@tries(CauseName.ON_IPV6)
def test_a_program_that_listens_on_ipv6_alone(stack):
    stack.write_file("server.py", IPV6)
    stack.write(app=make_app(boot="2s"))
    stack.fail("it listens only on [::1]", "let it listen on 127.0.0.1")
    stack.write_file("server.py", SERVER)


@tries(CauseName.SLOW_BOOT)
def test_a_program_that_takes_longer_than_its_boot(stack):
    stack.write_file("server.py", SLOW + SERVER)
    stack.write(app=make_app(boot="1s"))
    said = stack.fail("nothing listens on port", "health: {http: /, boot: 2s}")
    stack.write_file("told", "")
    stack.paste(said)


@tries(CauseName.SLOW_ANSWER)
def test_a_program_that_listens_and_answers_late(stack):
    program = SERVER.replace(
        "while True:",
        "import pathlib\nwhile not pathlib.Path("
        "'told').exists(): time.sleep(0.02)\nwhile True:",
        1,
    )
    stack.write_file("server.py", program)
    stack.write(app=make_app(boot="2s"))
    said = stack.fail("listens; it is", "health: {http: /, boot: 4s}")
    stack.write_file("told", "")
    stack.paste(said)


@tries(CauseName.ENDED_BY_ITSELF)
def test_a_program_that_ends_by_itself(stack):
    stack.write_file("server.py", SERVER)
    ends = {
        "image": "python:3.12-slim",
        "health": {"none": "it prepares something"},
        "local": {"command": ["true"]},
    }
    stack.write(app={**make_app(), "needs": {"ends": {"until": "started"}}}, ends=ends)
    said = stack.fail("its command exited by itself", "job: true")
    stack.services["app"]["needs"] = ["ends"]
    stack.paste(said)


@tries(CauseName.PROGRAM_NOT_FOUND)
def test_a_program_that_a_shell_does_not_find(stack):
    stack.write_file("server.py", SERVER)
    stack.write(app=make_app(["sh", "-c", "no-such-program server.py"]))
    stack.fail("`no-such-program` is not installed", "correct the `local:")
    stack.write(app=make_app(["sh", "-c", f"exec {sys.executable} -S server.py"]))


@tries(CauseName.PROGRAM_LOCKED)
def test_a_program_that_a_shell_may_not_execute(stack):
    stack.write_file("server.py", f"#!{sys.executable} -S\n{SERVER}")
    stack.write(app=make_app(["sh", "-c", "./server.py 2>/dev/null"]))
    stack.fail("its program cannot be executed", "chmod +x")
    stack.write(app=make_app(["sh", "-c", "exec ./server.py"]))
    (stack.folder / "server.py").chmod(0o755)


@tries(CauseName.SCRIPT_NOT_EXECUTABLE)
def test_a_script_whose_interpreter_is_missing(stack):
    stack.write_file("server.py", f"#!/no/such/python\n{SERVER}", 0o755)
    stack.write(app=make_app(["./server.py"]))
    stack.fail("is its first line right?", "let it begin with a line")
    stack.write_file("server.py", f"#!{sys.executable}\n{SERVER}", 0o755)


@tries(CauseName.COMMAND_NOT_FOUND)
def test_a_command_that_goes_away_before_it_is_started(stack):
    """One that is not there at first is refused, and nothing is started."""
    script = f"#!{sys.executable}\n{SERVER}"
    stack.write_file("server.py", script, 0o755)
    away = {
        "image": "python:3.12-slim",
        "job": True,
        "local": {"command": ["rm", "-f", "server.py"]},
    }
    stack.write(app={**make_app(["./server.py"]), "needs": ["away"]}, away=away)
    stack.fail("app cannot be started: ./server.py", "or install it")
    stack.write_file("server.py", script, 0o755)
    away["local"] = {"command": ["true"]}
    stack.write(**stack.services)


@tries(CauseName.FOLDER_MISSING)
def test_a_folder_that_goes_away_before_it_is_needed(stack):
    stack.write_file("server.py", SERVER)
    (stack.folder / "work").mkdir()
    away = {
        "image": "python:3.12-slim",
        "job": True,
        "local": {"command": ["rmdir", str(stack.folder / "work")], "dir": "."},
    }
    app = make_app([sys.executable, "-S", "../server.py"], dir="./work")
    stack.write(app={**app, "needs": ["away"]}, away=away)
    stack.fail(f"app cannot be started in {stack.folder}/work")
    (stack.folder / "work").mkdir()
    away["local"] = {"command": ["true"]}
    stack.write(**stack.services)


@pytest.fixture
def no_environment(monkeypatch):
    """The search path without a virtual environment that is active."""
    parts = os.environ["PATH"].split(os.pathsep)
    kept = [each for each in parts if not (Path(each).parent / "pyvenv.cfg").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(kept))


@tries(CauseName.PYTHON_MODULE_MISSING)
@pytest.mark.usefixtures("no_environment")
def test_a_python_module_that_is_not_installed(stack):
    """The command is run as it was printed, with a package of the folder."""
    stack.write_file("server.py", f"import shop\n{SERVER}")
    stack.write_file("shop.py", "")
    stack.write_file(
        "pyproject.toml",
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\n"
        "backend-path = ['.']\n[project]\nname = 'shop'\nversion = '1'\n",
    )
    (stack.folder / "shop.py").unlink()
    stack.write(app=make_app(["python3", "server.py"]))
    said = stack.fail("the Python module `shop` is not installed")
    command = stack.read_command(said)
    assert command.endswith(f"pip install -e {stack.folder}")
    assert "python3 -m venv .venv && .venv/bin/pip" in command
    made = command.partition(" && .venv/bin/pip")[0]
    subprocess.run(["sh", "-c", made], check=True, timeout=300)
    [site] = stack.folder.glob(".venv/lib/*/site-packages")
    (site / "shop.py").touch()  # what pip would do with a network


@tries(CauseName.NODE_MODULE_MISSING)
def test_a_node_module_that_is_not_installed(stack):
    require_program("node")
    require_program("npm")
    (stack.folder / "shop").mkdir()
    stack.write_file("shop/package.json", '{"name": "shop", "version": "1.0.0"}')
    stack.write_file("shop/index.js", "")
    stack.write_file("package.json", '{"dependencies": {"shop": "file:./shop"}}')
    page = (
        "require('shop'); require('http').createServer((_, to) => to.end())"
        ".listen(process.env.PORT, '127.0.0.1')"
    )
    stack.write_file("server.js", page)
    stack.write(app=make_app(["node", "server.js"]))
    said = stack.fail("the module `shop` is not installed")
    command = stack.read_command(said)
    assert command == f"cd {stack.folder} && npm install"
    subprocess.run(["sh", "-c", f"{command} --offline"], check=True, timeout=300)


@tries(CauseName.PORT_TAKEN)
def test_a_port_that_was_taken_meanwhile(stack):
    """It says so itself: where composegen sees it first, nothing is started."""
    stack.write_file("server.py", SERVER)
    app = make_app()
    taken = f"""
import os, subprocess, sys
if os.environ["PORT"] == "{app["port"]}":
    hold = "import socket, signal; s = socket.create_server(('127.0.0.1', %s)); "
    hold += "print('bound', flush=True); signal.pause()"
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", hold % os.environ["PORT"]], stdout=subprocess.PIPE
    )
    child.stdout.readline()
    sys.exit("EADDRINUSE")
"""
    stack.write_file("server.py", taken + SERVER)
    stack.write(app=app)
    stack.paste(stack.fail("is taken", "local: {port: "))


@tries(CauseName.OTHER_PORT_TAKEN)
def test_another_port_that_it_listens_on_is_taken(stack):
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
        also = f"import socket\nalso = ('127.0.0.1', {port})\ntry: "
        also += "socket.create_server(also)\nexcept OSError: "
        also += f"raise SystemExit('address already in use 127.0.0.1:{port}')\n"
        stack.write_file("server.py", also + SERVER)
        stack.write(app=make_app())
        stack.fail(
            f"port {port}, which it listens on too, is taken by pid {os.getpid()}"
        )


@tries(CauseName.LOG_DENIED)
def test_a_log_that_cannot_be_written(stack):
    stack.write_file("server.py", SERVER)
    stack.write(app=make_app())
    (stack.folder / "logs" / "app.log").mkdir(parents=True)
    stack.fail("its log cannot be written", "let ")
    shutil.rmtree(stack.folder / "logs")
