"""A folder from a stranger is safe to look at: nothing in it runs, writes or leads out.

Each row is a trap of an attacker; every command has to end at once, in words.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from composegen.errors import FileRefused
from composegen.images.dockerfile import is_ignored, parse_dockerfile
from composegen.stackfile.folder import Folder
from composegen.system.files import read_small_text
from composegen.system.logfiles import open_log
from composegen.targets.output import (
    Written,
    check_rendered,
    read_recorded,
    write_rendered,
)
from composegen.workspace.dotenv import fill_variables, parse_dotenv
from composegen.workspace.state import make_state_folder
from tests.parts import require_program
from tests.stacks import check, list_names

LOOKS = (["check"], ["plan"], ["render"], ["graph"])
SECONDS = 60
"""What a look may take on a busy machine; a trap that works takes for ever."""

PLAIN = "services:\n  app: {image: 'a:1', health: {none: a}}\n"
BUILT = "services:\n  app: {build: ., health: {none: a}}\n"
SECRET = "GEHEIM"
"""Stands in files that no stack may read; no command may say it."""

Lay = Callable[[Path], None]


def look(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """What a command says in a folder; a stack file there is found, not named."""
    answer = ask(folder, *words, **more)
    assert answer.returncode in {0, 1}, answer.stderr
    return answer


def ask(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """What a command says, whatever it ends with; never a traceback."""
    answer = subprocess.run(
        [sys.executable, "-m", "composegen", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        env={**os.environ, **more},
    )
    assert "Traceback" not in answer.stderr, answer.stderr
    return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stranger's folder; next to it lies what is none of his business."""
    (tmp_path / "secret").write_text(
        f"FROM {SECRET}\nUSER {SECRET}\nEXPOSE {SECRET}\n{SECRET}=1\n"
    )
    (tmp_path / "elsewhere").mkdir()
    folder = tmp_path / "strange"
    folder.mkdir()
    return folder


def list_all(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def list_outside(folder: Path) -> dict[str, bytes]:
    """Every file next to the stranger's folder with its content."""
    beside = list_all(folder.parent)
    return {name: data for name, data in beside.items() if folder.name not in name}


# Nothing runs

WATCH = """
import json, os, sys

seen = []

def note(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path, mode, flags = arguments
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        seen.append(["write" if writes else "read", os.path.abspath(os.fsdecode(path))])
    elif event == "compile" or event.split(".")[0] in {"subprocess", "socket", "pty"}:
        seen.append([event, str(arguments[1] if event == "compile" else arguments[0])])
    elif event in {"os.system", "os.exec", "os.fork", "os.posix_spawn", "os.chmod",
                   "os.mkdir", "os.rename", "os.remove", "os.symlink", "os.link"}:
        seen.append([event, str(arguments[0])])

from composegen.commands import _run
sys.addaudithook(note)
code = _run(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    json.dump([code, seen[:-1]], file)
"""
EVERYTHING = """\
recipes: ./mine
services:
  app:
    build: {context: ./app, args: {A: $$(touch ran)}}
    command: $$(touch ran); `touch ran`
    port: 80
    health: {command: touch ran}
    env_file: [app.env]
    environment: {A: "{{ 7*7 }}", B: "{% for a in b %}", PYTHONSTARTUP: ran.py}
    secrets: [made, given]
    needs: {store: {env: {URL: "{url}"}, otherwise: {note: "$$(touch ran)"}}}
    local: {command: [touch, ran]}
  store: {use: own}
secrets: {given: {file: given.txt}, made: {generate: true}}
"""
EVERYTHING_BESIDE = {
    "app/Dockerfile": "FROM python:3.13-slim\nRUN touch ran\nHEALTHCHECK CMD a\n",
    "app.env": "X=$(touch ran)\n",
    ".env": "Y=`touch ran`\n",
    "given.txt": "given",
    "mine/own.yaml": "image: own:1\nport: 1\nhealth: {command: touch ran}\nurl: a:1\n",
    "json.py": "open('ran', 'w')\n",
    "typing.py": "open('ran', 'w')\n",
    "yaml.py": "open('ran', 'w')\n",
    "sitecustomize.py": "open('ran', 'w')\n",
}


@pytest.fixture
def everything(folder: Path) -> Path:
    """A stack with something to run in every place that could run it."""
    (folder / "stack.yaml").write_text(EVERYTHING)
    for name, text in EVERYTHING_BESIDE.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_nothing_is_started_asked_or_written_but_the_rendered_file(
    words: list[str], everything: Path, tmp_path: Path
) -> None:
    seen_file, cache = tmp_path / "seen.json", tmp_path / "cache"
    subprocess.run(
        [sys.executable, "-P", "-c", WATCH, str(seen_file), *words],
        cwd=everything,
        check=True,
        timeout=SECONDS,
        env={
            **os.environ,
            "XDG_CACHE_HOME": str(cache),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
    )
    code, seen = json.loads(seen_file.read_text())
    assert code == 0
    strange = {
        (event, what)
        for event, what in seen
        if event not in {"read", "compile"} and not what.startswith(str(cache))
    }
    written = {what for event, what in strange if event in {"write", "os.chmod"}}
    assert {event for event, _ in strange} <= {"write", "os.chmod", "os.rename"}
    if words == ["render"]:
        assert {Path(what).parent for what in written} == {everything}
        assert (everything / "compose.yaml").is_file()
    else:
        assert strange == set()
    compiled = [what for event, what in seen if event == "compile"]
    assert not [what for what in compiled if str(everything) in what]
    assert not (everything / "ran").exists()


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
def test_modules_in_the_folder_are_not_imported(
    words: list[str], everything: Path
) -> None:
    assert look(everything, *words).returncode == 0
    assert not list(everything.rglob("ran"))


# Nothing is written elsewhere


def pipe_log(folder: Path) -> None:
    """A pipe in place of a service's log."""
    os.mkfifo(folder / "logs" / "app.log")


def aim(name: str, at: str) -> Lay:
    """A link in the folder that leads somewhere else."""

    def lay(folder: Path) -> None:
        (folder / name).symlink_to(at.replace("..", str(folder.parent)))

    return lay


@pytest.mark.parametrize("at", ["../secret", "../elsewhere/new", "/dev/null"])
@pytest.mark.parametrize("words", [["render"], ["render", "--force"]], ids=" ".join)
def test_a_link_in_place_of_the_rendered_file_is_not_followed(
    at: str, words: list[str], folder: Path
) -> None:
    (folder / "stack.yaml").write_text(PLAIN)
    aim("compose.yaml", at)(folder)
    before = list_outside(folder)
    answer = look(folder, *words)
    assert list_outside(folder) == before
    assert answer.returncode == (0 if "--force" in words else 1)
    assert (folder / "compose.yaml").is_symlink() is (words == ["render"])


def test_a_pipe_in_place_of_the_rendered_file_is_refused(folder: Path) -> None:
    (folder / "stack.yaml").write_text(PLAIN)
    os.mkfifo(folder / "compose.yaml")
    assert "was not made by composegen" in look(folder, "render").stderr
    assert "was not made by composegen" in look(folder, "render", "--check").stderr


def test_what_a_person_names_is_written_to(folder: Path) -> None:
    (folder / "stack.yaml").write_text(PLAIN)
    output = folder.parent / "elsewhere" / "compose.yaml"
    assert look(folder, "render", "-o", str(output)).returncode == 0
    assert output.is_file()
    assert look(folder, "render", "-o", "/dev/null").returncode == 0
    target = folder.parent / "elsewhere" / "made"
    assert look(folder, "init", "--bare", str(target)).returncode == 0
    assert (target / "stack.yaml").is_file()


@pytest.mark.parametrize(
    ("name", "at"),
    [(".secrets", "../elsewhere"), (".secrets", "../elsewhere/new")],
)
def test_a_link_in_place_of_the_secrets_is_refused(
    name: str, at: str, folder: Path
) -> None:
    (folder / "stack.yaml").write_text(
        "services:\n  app: {image: 'a:1', health: {none: a}, secrets: [one]}\n"
        "secrets: {one: {generate: true}}\n"
    )
    aim(name, at)(folder)
    answer = look(folder, "secrets")
    assert answer.returncode == 1
    assert "is not a folder of its own" in answer.stderr
    assert list_all(folder.parent / "elsewhere") == {}


@pytest.mark.parametrize("name", [".composegen", ".composegen/run"])
def test_a_link_in_place_of_the_notes_of_a_run_is_refused(
    name: str, folder: Path
) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    aim(name, "../elsewhere")(folder)
    with pytest.raises(FileRefused, match="is a link"):
        make_state_folder(folder, "run")
    assert list_all(folder.parent / "elsewhere") == {}


def test_a_link_or_a_pipe_in_place_of_a_log_is_refused(folder: Path) -> None:
    aim("logs", "../elsewhere")(folder)
    with pytest.raises(OSError, match="is a link"):
        open_log(folder / "logs" / "app.log")
    (folder / "logs").unlink()
    (folder / "logs").mkdir()
    aim("logs/app.log", "../elsewhere/app.log")(folder)
    os.mkfifo(folder / "logs" / "web.log")
    for name in ("app.log", "web.log"):
        with pytest.raises(OSError, match=r"\w"):
            open_log(folder / "logs" / name)
    assert list_all(folder.parent / "elsewhere") == {}


@pytest.mark.parametrize(
    "stack",
    [
        "services: {../out: {image: 'a:1', health: {none: a}}}\n",
        "services: {/etc/out: {image: 'a:1', health: {none: a}}}\n",
        "services: {a: {image: 'a:1', health: {none: a}, secrets: [../out]}}\n",
        "services: {a: {image: 'a:1', health: {none: a}}}\nsecrets: {../out: {}}\n",
        "services: {a: {image: 'a:1', health: {none: a}}}\nvolumes: {../out: {}}\n",
        "name: ../out\nservices: {a: {image: 'a:1', health: {none: a}}}\n",
    ],
)
def test_no_name_is_a_path(stack: str) -> None:
    assert {"bad-name", "bad-volume"} & set(list_names(stack))


# Nothing that a state file says is believed

PLACES = ("status", "why", "logs", "down")
DOCKER = """\
#!/bin/sh
echo "$*" >> "$CALLS"
plugin="$DOCKER_CONFIG/cli-plugins/docker-compose"
if test -x "$plugin"; then exec "$plugin"; fi
"""
"""Stands for the docker command: runs its Compose plugin, as that does."""


@pytest.fixture
def docker(folder: Path, tmp_path: Path) -> dict[str, str]:
    """A docker command on the PATH, and a plugin in the stranger's folder."""
    (folder / "stack.yaml").write_text(PLAIN)
    programs = {
        tmp_path / "bin" / "docker": DOCKER,
        folder / "dc" / "cli-plugins" / "docker-compose": (
            f"#!/bin/sh\necho ran >> {tmp_path}/marker\n"
        ),
    }
    for path, text in programs.items():
        path.parent.mkdir(parents=True)
        path.write_text(text)
        path.chmod(0o755)
    return {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "CALLS": f"{tmp_path}/calls",
        "HOME": str(tmp_path),
        **dict.fromkeys(("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"), ""),
    }


def lay_notes(folder: Path, mode: int, **fields: object) -> None:
    """Notes as `up` writes them, but for what is said otherwise."""
    service = {"name": "app", "is_required": True, "boot": 1.0}
    data = {
        "form": 1,
        "project": "demo",
        "file": "stack.yaml",
        "services": [service],
        "host": "",
        "context": "default",
        "settings": {},
        **fields,
    }
    lay_state(folder, "up.json", data, mode)


def lay_state(folder: Path, name: str, data: object, mode: int = 0o600) -> Path:
    """A state file of the stranger's."""
    path = folder / ".composegen" / name
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    path.chmod(mode)
    return path


@pytest.mark.parametrize("command", PLACES)
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_notes_of_a_stranger_choose_no_engine_and_no_program(
    command: str, mode: int, folder: Path, docker: dict[str, str], tmp_path: Path
) -> None:
    host = "unix:///var/run/docker.sock"
    lay_notes(
        folder,
        mode,
        host=host,
        context="",
        settings={"DOCKER_CONFIG": str(folder / "dc")},
    )

    answer = ask(folder, command, **docker)

    assert not (tmp_path / "marker").exists()
    assert not (tmp_path / "calls").exists()
    assert "rm .composegen/up.json" in answer.stderr
    if mode == 0o600:
        assert answer.returncode == 2
        assert "error[other-engine]" in answer.stderr
        assert host in answer.stderr
        assert "the engine of this machine" in answer.stderr
    else:
        assert answer.stderr.count("up.json is not used: its mode is 0644") == 1


@pytest.mark.parametrize("command", PLACES)
def test_no_engine_that_notes_name_is_connected_to(
    command: str, folder: Path, docker: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        host = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        lay_notes(folder, 0o600, host=host, context="")
        answer = ask(folder, command, **docker)
        with pytest.raises(TimeoutError):
            server.accept()
    assert answer.returncode == 2
    assert f"export DOCKER_HOST={host}" in answer.stderr


def test_notes_that_name_the_chosen_engine_are_used(
    folder: Path, docker: dict[str, str], tmp_path: Path
) -> None:
    """What is refused above would have been called."""
    require_program("docker")
    docker["DOCKER_CONFIG"] = str(folder / "dc")
    lay_notes(folder, 0o600, settings={"DOCKER_CONFIG": docker["DOCKER_CONFIG"]})
    assert look(folder, "logs", **docker).returncode == 0
    assert (tmp_path / "marker").read_text() == "ran\n"
    assert (
        tmp_path / "calls"
    ).read_text() == "compose -p demo logs --no-color --tail 20\n"


def test_a_refusal_shows_no_control_characters(
    folder: Path, docker: dict[str, str]
) -> None:
    settings = {"DOCKER_CONFIG": "/x\x1b]0;title\x07\u202e"}
    lay_notes(folder, 0o600, host="tcp://\x1b[2J\x9b", context="", settings=settings)
    answer = ask(folder, "down", **docker)
    assert answer.returncode == 2
    assert answer.stderr.replace("\n", "").isprintable()


MARK = "0123456789abcdef"
GONE = {"pid": 2, "start": 0, "boot": ""}


@pytest.mark.parametrize("command", PLACES)
@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_records_of_a_stranger_remove_nothing(
    command: str, mode: int, folder: Path, docker: dict[str, str], tmp_path: Path
) -> None:
    run = {"run": MARK, "supervisor": GONE, "socket": f"{folder.parent}/secret"}
    run |= {"names": [], "terminal": "", "since": "2026"}
    lay_state(folder, f"run/run-{MARK}.json", run, mode)
    service = {"service": "../../../notes", "run": MARK, "config": "", "since": ""}
    service |= {"process": GONE, "supervisor": GONE, "port": 1, "log": None}
    service |= {"container": "somebodys-database"}
    lay_state(folder, "run/app.json", service, mode)
    lay_state(folder, "run/app.lock", "", mode)
    (tmp_path / "notes.json").write_text("mine")
    before = list_outside(folder)

    answer = look(folder, command, **docker)

    assert list_outside(folder) == before
    assert (tmp_path / "notes.json").read_text() == "mine"
    assert not (tmp_path / "calls").exists()
    for name in ("app", f"run-{MARK}"):
        assert answer.stderr.count(f"{name}.json is not used: ") == 1
        assert f"rm .composegen/run/{name}.json" in answer.stderr


@pytest.mark.parametrize("command", PLACES)
@pytest.mark.parametrize("name", ["up.json", "run/last.json", f"run/run-{MARK}.json"])
@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "deep"])
def test_no_state_file_holds_a_command_up(
    command: str, name: str, kind: str, folder: Path, docker: dict[str, str]
) -> None:
    path = lay_state(folder, name, {})
    if kind == "deep":
        path.write_text('{"a":' * 100_000)
    else:
        path.unlink()
        if kind == "pipe":
            os.mkfifo(path, 0o600)
        elif kind == "folder":
            path.mkdir(0o700)
        else:
            path.symlink_to("/dev/zero")
    answer = look(folder, command, **docker)
    assert answer.stderr.count(f".composegen/{name} is not used: ") == 1


@pytest.mark.parametrize("place", [".composegen", ".composegen/run"])
@pytest.mark.parametrize("command", PLACES)
def test_a_link_in_place_of_the_state_folder_is_said_and_not_followed(
    command: str, place: str, folder: Path, docker: dict[str, str]
) -> None:
    (folder / place).parent.mkdir(exist_ok=True, mode=0o700)
    aim(place, "../elsewhere")(folder)
    answer = look(folder, command, **docker)
    assert answer.stderr.count(f"{place} is not used: it is a link") == 1
    assert list_all(folder.parent / "elsewhere") == {}


def test_the_end_of_a_run_that_a_stranger_noted_is_not_shown(
    folder: Path, docker: dict[str, str]
) -> None:
    path = lay_state(folder, "run/last.json", {"ending": f"{SECRET}\x1b[2J"}, 0o644)
    for command in ("status", "why"):
        answer = look(folder, command, **docker)
        assert SECRET not in answer.stdout + answer.stderr
    path.chmod(0o600)
    answer = look(folder, "why", **docker)
    assert answer.stdout == f"{SECRET}\\x1b[2J\n"


def test_a_run_says_what_it_does_not_use_and_starts(
    folder: Path, docker: dict[str, str]
) -> None:
    (folder / "stack.yaml").write_text(
        PLAIN.replace(
            "none: a}}", "none: a}, job: true, local: {command: [sleep, '0.5']}}"
        )
    )
    lay_state(folder, "run/last.json", {"ending": "x"}, 0o644)
    lay_state(folder, "run/app.json", {}, 0o644)
    lay_state(folder, "run/app.lock", "", 0o644)
    (folder / ".composegen").chmod(0o755)

    answer = look(folder, "run", **docker)

    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.count("is not used") == 2
    assert (folder / ".composegen").stat().st_mode & 0o777 == 0o700
    assert "is not used" not in look(folder, "status", **docker).stderr


@pytest.mark.parametrize("lay", [aim("logs/app.log", "/dev/zero"), pipe_log])
def test_a_log_that_is_a_link_or_a_pipe_is_not_read(
    lay: Lay, folder: Path, docker: dict[str, str]
) -> None:
    (folder / "logs").mkdir()
    lay(folder)
    assert look(folder, "logs", **docker).stdout == ""


# Nothing from elsewhere is shown


@pytest.mark.parametrize("words", [*LOOKS, ["secrets"], ["recipes"]], ids=" ".join)
def test_a_stack_file_that_leads_out_is_refused_unless_it_is_named(
    words: list[str], folder: Path
) -> None:
    aim("stack.yaml", "../secret")(folder)
    answer = look(folder, *words)
    assert SECRET not in answer.stdout + answer.stderr
    if words != ["recipes"]:
        assert "is a link that leads out of its folder" in answer.stderr
        assert "-f stack.yaml" in answer.stderr
    assert SECRET in look(folder, "check", "-f", "stack.yaml").stderr


def test_a_stack_file_that_leads_within_its_folder_is_read(folder: Path) -> None:
    (folder / "one.yaml").write_text(PLAIN)
    (folder / "stack.yaml").symlink_to("one.yaml")
    assert look(folder, "check").returncode == 0


@pytest.mark.parametrize(
    "stack",
    [
        BUILT,
        "services:\n  app: {build: ., port: 80, health: /}\n",
        "services:\n  app: {build: ., port: 80, health: {tcp: true}}\n",
        "services:\n  app: {build: ., use: redis}\n",
        "services:\n  app: {build: ., volumes: ['data:/data'], health: {none: a}}\n",
        "services:\n  app: {build: .}\n  b: {image: 'a:1', needs: [app]}\n",
        "services:\n  app: {build: ., publish: true}\n  b: {image: a, needs: [app]}\n",
        "services:\n  app: {image: 'a:1', health: {none: a}, env_file: Dockerfile}\n",
        "services:\n  app: {image: 'a:1', health: {none: a}, env_file: ../secret}\n",
        "recipes: mine\nservices:\n  app: {use: own}\n",
        "recipes: ..\nservices:\n  app: {use: own}\n",
    ],
)
def test_what_a_link_leads_to_is_not_shown(stack: str, folder: Path) -> None:
    (folder / "stack.yaml").write_text(stack)
    (folder / "mine").mkdir()
    aim("mine/own.yaml", "../secret")(folder)
    (folder.parent / "own.yaml").write_text(f"{SECRET}: 1\nimage: [{SECRET}\n")
    aim("Dockerfile", "../secret")(folder)
    aim(".dockerignore", "../secret")(folder)
    for word in ("check", "render"):
        answer = look(folder, word)
        assert SECRET not in answer.stdout + answer.stderr


def test_no_other_rendered_file_is_compared(tmp_path: Path) -> None:
    other, path = tmp_path / "other.yaml", tmp_path / "compose.yaml"
    write_rendered(
        HEADER.format(flags=" --with x", sum="0" * 64) + SECRET + "\n", other
    )
    path.symlink_to(other)
    assert read_recorded(path) is None
    with pytest.raises(FileRefused, match="was not made by composegen"):
        check_rendered("x", path)


# Nothing waits, grows or falls over


def pipe(name: str) -> Lay:
    return lambda folder: os.mkfifo(folder / name)


@pytest.mark.parametrize(
    ("stack", "lay"),
    [
        pytest.param(BUILT, pipe("Dockerfile"), id="Dockerfile-pipe"),
        pytest.param(BUILT, pipe(".dockerignore"), id="dockerignore-pipe"),
        pytest.param(BUILT, aim("Dockerfile", "/dev/zero"), id="Dockerfile-zero"),
        pytest.param(BUILT, aim("Dockerfile", "/dev/tty"), id="Dockerfile-tty"),
        pytest.param(BUILT, aim("Dockerfile", "/proc/kmsg"), id="Dockerfile-kmsg"),
        pytest.param(BUILT, aim("Dockerfile", "Dockerfile"), id="Dockerfile-loop"),
        pytest.param(BUILT, aim(".env", "/dev/zero"), id="env-zero"),
        pytest.param(BUILT, aim(".secrets", ".secrets"), id="secrets-loop"),
        pytest.param(PLAIN, aim("compose.yaml", "/proc/kmsg"), id="compose-kmsg"),
        pytest.param("recipes: a\n" + PLAIN, aim("a", "a"), id="recipes-loop"),
        pytest.param("recipes: a\n" + PLAIN, aim("a", "/proc"), id="recipes-proc"),
        pytest.param(
            PLAIN.replace("none: a}", "none: a}, env_file: a"),
            aim("a", "a"),
            id="env_file-loop",
        ),
        pytest.param(
            PLAIN.replace("none: a}", "none: a}, env_file: a"),
            pipe("a"),
            id="env_file-pipe",
        ),
        pytest.param(
            PLAIN.replace("none: a}", "none: a}, secrets: [s]")
            + f"secrets: {{s: {{file: {'a' * 5000}}}}}\n",
            pipe("b"),
            id="secret-longer-than-names-are",
        ),
    ],
)
def test_no_file_holds_a_command_up(stack: str, lay: Lay, folder: Path) -> None:
    (folder / "stack.yaml").write_text(stack)
    lay(folder)
    look(folder, "render")
    look(folder, "render", "--check")


@pytest.mark.parametrize("lay", [pipe("stack.yaml"), aim("stack.yaml", "/proc/kmsg")])
def test_no_stack_file_holds_a_command_up(lay: Lay, folder: Path) -> None:
    lay(folder)
    assert look(folder, "check").returncode == 1
    assert look(folder, "recipes").returncode == 0


def test_a_kernel_s_file_that_looks_regular_is_not_waited_for() -> None:
    path = Path("/proc/kmsg")
    if not os.access(path, os.R_OK):
        pytest.skip("only root may read the kernel's messages")
    for _ in range(3):
        read_small_text(path)


@pytest.mark.parametrize("name", ["²", "9" * 900, "٣"])
def test_a_stage_is_called_by_a_number_that_is_one(name: str) -> None:
    source = parse_dockerfile(f"FROM a\nFROM {name}\n")
    assert source is not None
    assert source.base_image == name


def test_a_build_argument_cannot_grow_without_end() -> None:
    source = parse_dockerfile(f"ARG A={'x' * 400_000}\nFROM {'$A' * 300_000}\n")
    assert source is not None
    assert source.base_image == ""


@pytest.mark.parametrize("base", ["${a-" * 200_000, "$" * 900_000, "${" * 400_000])
def test_a_base_image_is_read_in_one_go(base: str) -> None:
    source = parse_dockerfile(f"FROM {base}\n")
    assert source is not None
    assert source.base_image == ""


def test_patterns_of_a_dockerignore_are_matched_in_one_go() -> None:
    path = "/".join("a" * 60)
    assert not is_ignored(path, "**/" * 200_000 + "b\n")
    assert is_ignored(path, "**/" * 200_000 + "a\n")
    assert not is_ignored("a" * 3_000, "*a" * 3_000 + "b\n")


def test_an_endless_dockerignore_is_not_read(folder: Path) -> None:
    (folder / ".secrets").mkdir()
    (folder / ".dockerignore").write_text(
        "".join(f"a{number}*\n" for number in range(100_000)) + ".secrets\n"
    )
    stranger = Folder(folder)
    build = stranger.look_at_build({"context": "."})
    assert stranger.list_own_secrets(build) == (".secrets",)


def test_variables_of_an_env_file_cannot_grow_without_end() -> None:
    lines = [f"A{n + 1}={f'$A{n}' * 10}" for n in range(20)]
    values = parse_dotenv("A0=xxxxxxxxxx\n" + "\n".join(lines), {})
    assert values["A4"] == "x" * 100_000
    assert max(map(len, values.values())) < 12_000_000
    assert fill_variables("$A" * 50_000, {"A": "x" * 1_000}).startswith("$A")


def test_long_env_files_are_read_in_one_go() -> None:
    many = parse_dotenv("".join(f"A{n}=$A{n - 1}\n" for n in range(60_000)), {})
    assert len(many) == 60_000
    assert parse_dotenv("A=a" + " " * 500_000 + "b\n", {})["A"].endswith("b")
    assert parse_dotenv("A=a" + " " * 500_000 + "#\n", {})["A"] == "a"


def test_ports_by_the_million_are_not_counted() -> None:
    ports = "".join(
        f"      - 127.0.{n // 250}.{n % 250}:1-65535:1-65535\n" for n in range(3000)
    )
    stack = PLAIN.replace("{image", "\n    image").replace(
        ", health: ", "\n    health: "
    )
    stack = stack.replace("}}", "}") + f"    publish:\n{ports}"
    begin = time.process_time()

    assert list_names(stack) == []
    assert time.process_time() - begin < 10


def test_needs_that_all_go_in_cycles_are_reported_within_reason() -> None:
    names = [f"s{number}" for number in range(120)]
    stack = "services:\n" + "".join(
        f"  {name}: {{image: 'a:1', health: {{command: [x]}}, "
        f"needs: [{', '.join(other for other in names if other != name)}]}}\n"
        for name in names
    )
    assert list_names(stack).count("cycle") == 100


# Nothing steers a terminal

HEADER = dedent(
    """\
    # Made by composegen from stack.yaml. Change that file, not this one, and run:
    # composegen render{flags}
    # checksum: {sum}
    """
)


@pytest.mark.parametrize(
    "flags", ["", " --with \x1b[2J", " --engine ²", f" --engine {'9' * 5000}"]
)
def test_a_rendered_file_of_a_stranger_is_compared_without_its_controls(
    flags: str, folder: Path
) -> None:
    (folder / "stack.yaml").write_text(PLAIN)
    (folder / "compose.yaml").write_text(
        HEADER.format(flags=flags, sum="0" * 64) + "\x1b]0;title\x07\x9b2J\n"
    )
    answer = subprocess.run(
        [sys.executable, "-m", "composegen", "render", "--check"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert answer.returncode in {1, 2}
    assert "Traceback" not in answer.stderr
    shown = answer.stdout + answer.stderr
    assert all(line.isprintable() for line in shown.replace("\t", "").split("\n"))


def test_no_note_turns_a_terminal_s_text_around(folder: Path) -> None:
    (folder / "stack.yaml").write_text(
        "services:\n"
        '  app: {image: "a:1", health: {none: a}, needs: {b: {otherwise: '
        '{note: "x\\u202ey"}}}}\n'
        '  b: {image: "b:1", health: {command: [x]}}\n'
    )
    shown = look(folder, "plan", "--without", "b").stdout
    assert "x\\u202ey" in shown


def test_a_named_device_is_written_to_and_a_found_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.symlink_to("/dev/null")
    assert write_rendered("x", path) is Written.NEW
    with pytest.raises(FileRefused):
        write_rendered("x", path, is_named=False)


def test_a_problem_names_what_it_is_about_without_its_controls() -> None:
    problems = check('services:\n  app: {image: "a:1", "\\u202ekey": 1}\n')
    assert problems
    assert all(problem.message.isprintable() for problem in problems)
