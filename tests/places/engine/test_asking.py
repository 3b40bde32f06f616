"""Every tool asks an address alike, and reports its status for each path."""

import http.server
import shutil
import socket
import subprocess
import threading

import pytest

from composegen.places.engine.asking import TOOLS, make_question, read_answers
from composegen.planning.asking import TOOLS as PROBING
from tests.parts import skip_without

ANSWERS = {"/fine": 200, "/moved": 302, "/broken": 500}


class Page(http.server.BaseHTTPRequestHandler):
    """Answers by path; 400 to a host that it does not know."""

    def do_GET(self):
        known = self.headers["Host"].partition(":")[0] in {"127.0.0.1", "shop.example"}
        self.send_response(ANSWERS.get(self.path, 404) if known else 400)
        self.send_header("Location", "/fine")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def port():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def ask(tool, port, *paths, host=""):
    if shutil.which(tool) is None:
        skip_without(tool)
    command = make_question([tool], port, paths, host=host)
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60
    )
    return read_answers(done.stdout)


def test_what_can_ask_is_what_a_health_check_can_call():
    assert sorted(TOOLS) == sorted(PROBING)


@pytest.mark.parametrize("tool", TOOLS)
def test_the_status_of_each_path_is_reported(tool, port):
    answers = ask(tool, port, "/fine", "/moved", "/broken", "/none")
    assert answers == {"/fine": 200, "/moved": 302, "/broken": 500, "/none": 404}


@pytest.mark.parametrize("tool", TOOLS)
def test_a_host_is_sent_where_one_is_named(tool, port):
    assert ask(tool, port, "/fine", host="shop.example") == {"/fine": 200}
    assert ask(tool, port, "/fine", host="other.example") == {"/fine": 400}


@pytest.mark.parametrize("tool", TOOLS)
def test_where_nothing_listens_there_is_no_status(tool):
    with socket.socket() as bound:  # it does not listen, and nothing else can
        bound.bind(("127.0.0.1", 0))
        assert ask(tool, bound.getsockname()[1], "/fine") == {}


def test_the_first_tool_that_can_ask_does():
    assert make_question(["ps", "node", "curl"], 80, ["/"])[0] == "node"
    assert make_question(["ps"], 80, ["/"]) is None
