"""What `run` says, word for word, in ten situations."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import runs
from tests.runs import end, make_service, run_cli, start_cli, start_up, wait_for
from tests.talk import assert_golden, mask

GOLDEN = Path(__file__).parent / "talk"
OPTIONAL = "needs:\n  {name}:\n    env: {{URL: '{{url}}'}}\n    otherwise: {env}"
# Dies once it is ready, the first time; is ill while a file says so.
MOODY = """
import http.server, os

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if os.path.exists("die"):
            os.remove("die")
            os._exit(3)  # its connection is closed before it is gone
        self.send_response(503 if os.path.exists("ill") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

address = ("127.0.0.1", int(os.environ["PORT"]))
http.server.HTTPServer(address, Answer).serve_forever()
"""


@pytest.fixture
def ports():
    return runs.Ports()


def compare(name, text, folder, ports):
    assert_golden(GOLDEN / f"{name}.txt", mask(text, folder=folder, ports=ports._ports))


def read_whole(process, talk):
    """What a run that ``start_up`` began has said, once it has been ended."""
    code = end(process)
    return f"{talk.read_text()}exit code {code}\n"


def test_ready(tmp_path, ports):
    runs.write_stack(
        tmp_path,
        "name: demo\nservices:\n"
        + make_service("web", ports["web"], extra="needs: {app: APP}\npublish: true")
        + make_service("app", ports["app"]),
    )
    compare("ready", read_whole(*start_up(tmp_path)), tmp_path, ports)


def test_a_job(tmp_path, ports):
    runs.write_stack(
        tmp_path,
        "services:\n  seed:\n    image: python:3.12-slim\n    job: true\n"
        f"    local: {{command: ['{sys.executable}', -S, -c, print('error 1')]}}\n",
    )
    code, out, err = run_cli(tmp_path, "run")
    compare("job", f"{err}{out}exit code {code}\n", tmp_path, ports)


def test_a_required_service_fails(tmp_path, ports):
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra="needs: [bad]")
        + make_service("bad", ports["bad"], command="bad.py"),
        bad="print('why')\nraise SystemExit(4)",
    )
    code, out, err = run_cli(tmp_path, "run")
    compare("required-failure", f"{err}{out}exit code {code}\n", tmp_path, ports)


def test_an_optional_service_fails(tmp_path, ports):
    extra = OPTIONAL.format(name="cache", env="{env: {STORE: memory}}")
    runs.write_stack(
        tmp_path,
        "services:\n"
        + make_service("web", ports["web"], extra=extra)
        + make_service("cache", ports["cache"], command="bad.py"),
        bad="raise SystemExit(3)",
    )
    compare("optional-failure", read_whole(*start_up(tmp_path)), tmp_path, ports)


def start_moody(folder, ports):
    runs.write_stack(
        folder,
        "services:\n"
        + make_service(
            "app",
            ports["app"],
            command="moody.py",
            health="{http: /, interval: 100ms, retries: 1}",
        )
        + make_service("web", ports["web"], extra="needs: {app: APP}"),
        moody=MOODY,
    )
    return start_up(folder, first_pause=0.1)


def test_a_restart(tmp_path, ports):
    process, talk = start_moody(tmp_path, ports)
    (tmp_path / "die").touch()
    wait_for(lambda: talk.read_text().count("ready after") == 3)
    compare("restart", read_whole(process, talk), tmp_path, ports)


def test_a_service_that_is_ill_for_a_while(tmp_path, ports):
    process, talk = start_moody(tmp_path, ports)
    (tmp_path / "ill").touch()
    wait_for(lambda: "became unhealthy" in talk.read_text())
    (tmp_path / "ill").unlink()
    wait_for(lambda: "healthy again" in talk.read_text())
    compare("unhealthy", read_whole(process, talk), tmp_path, ports)


def test_a_service_that_runs_already(tmp_path, ports):
    runs.write_stack(tmp_path, "services:\n" + make_service("app", ports["app"]))
    by_hand = subprocess.Popen(
        [sys.executable, "-S", "server.py"],
        cwd=tmp_path,
        env={"PORT": str(ports["app"])},
        stdout=subprocess.DEVNULL,
    )
    try:
        wait_for((tmp_path / f"listening-{ports['app']}").exists)
        said = read_whole(*start_up(tmp_path))
    finally:
        by_hand.kill()
        by_hand.wait()
    compare("reused", said, tmp_path, ports)


def test_a_port_that_is_taken(tmp_path, ports):
    runs.write_stack(tmp_path, "services:\n" + make_service("app", ports["app"]))
    with socket.create_server(("127.0.0.1", ports["app"])):
        code, out, err = run_cli(tmp_path, "run")
    compare("port-taken", f"{err}{out}exit code {code}\n", tmp_path, ports)


def test_guests(tmp_path, ports):
    """One leaves, one stays until the run ends."""
    runs.write_stack(tmp_path, "services:\n" + make_service("app", ports["app"]))
    host, _ = start_up(tmp_path)
    texts = []
    for leaves in (True, False):
        path = tmp_path / f"guest-{leaves}"
        with path.open("w") as talk:
            guest = start_cli(tmp_path, "run", "-v", stdout=talk, stderr=talk)

        def is_attached(path=path):
            with (tmp_path / "logs" / "app.log").open("a") as log:
                log.write("a line\n")
            return "a line" in path.read_text()

        wait_for(is_attached)
        end(guest if leaves else host)
        guest.wait(runs.SECONDS)
        lines = [line for line in path.read_text().splitlines() if "a line" not in line]
        texts.append("\n".join([*lines, f"exit code {guest.returncode}", ""]))
    compare("guests", "\n".join(texts), tmp_path, ports)


def test_notes_and_a_second_signal(tmp_path, ports):
    """An optional service cannot run here; the run has to be killed."""
    extra = OPTIONAL.format(name="cache", env="{env: {STORE: memory}}")
    runs.write_stack(
        tmp_path,
        "name: demo\nservices:\n"
        + make_service(
            "web",
            ports["web"],
            command="stubborn.py",
            extra=f"{extra}\nstop_grace_period: 10m",
        )
        + f"  cache:\n    image: redis:8-alpine\n    port: {ports['cache']}\n"
        "    health: {command: [redis-cli, ping]}\n"
        "    local: {command: [no-such-program-here]}\n",
        stubborn="import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + runs.SERVER,
    )
    process, talk = start_up(tmp_path)
    process.send_signal(signal.SIGINT)
    wait_for(lambda: "stopping the stack" in talk.read_text())
    compare("notes", read_whole(process, talk), tmp_path, ports)
