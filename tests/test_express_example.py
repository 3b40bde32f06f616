"""The Express lesson runs: the application owns its router, behind ``npm start``."""

import json
import shutil
import signal
import urllib.request
from pathlib import Path

import pytest

from tests import runs
from tests.parts import require_program
from tests.runs import start_cli, wait_for


@pytest.fixture(autouse=True)
def node() -> None:
    """The program that runs the lesson."""
    require_program("node")


LESSON = Path(__file__).parents[1] / "examples" / "08-express"

# As much of Express as the lesson calls, so that nothing is downloaded.
EXPRESS = """
const http = require("http");
module.exports = () => {
  const routes = {};
  return {
    get: (path, handle) => { routes[path] = handle; },
    listen: (port, then) => http.createServer((request, response) => {
      const url = new URL(request.url, "http://here");
      request.query = Object.fromEntries(url.searchParams);
      response.json = (data) => response.end(JSON.stringify(data));
      routes[url.pathname](request, response);
    }).listen(port, "127.0.0.1", then),
  };
};
"""


@pytest.fixture
def lesson(tmp_path):
    folder = tmp_path / "lesson"
    shutil.copytree(LESSON, folder)
    ports = runs.Ports()
    for path in (folder / "stack.yaml", folder / "router.py"):
        text = path.read_text().replace("8027", str(ports["api"]))
        path.write_text(
            text.replace("8028", str(ports["router"])).replace("(2)", "(0.2)")
        )
    express = folder / "api" / "node_modules" / "express"
    express.mkdir(parents=True)
    (express / "index.js").write_text(EXPRESS)
    return folder, ports["api"]


def test_npm_start_is_what_the_readme_says():
    package = json.loads((LESSON / "api" / "package.json").read_text())

    assert package["scripts"]["start"] == (
        "composegen run -f ../stack.yaml api -- node server.js"
    )


def test_the_application_answers_through_its_router_and_both_end(lesson):
    folder, port = lesson
    words = ["run", "-f", "../stack.yaml", "api", "--", "node", "server.js"]
    run = start_cli(folder / "api", *words)
    answers = []

    def ask():
        try:
            url = f"http://127.0.0.1:{port}/ask?q=hello"
            with urllib.request.urlopen(url, timeout=runs.SECONDS) as answer:
                answers.append(json.load(answer))
        except OSError:
            assert run.poll() is None, run.communicate()
        return answers

    wait_for(ask)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=runs.SECONDS)

    assert answers == [{"question": "hello", "model": "small", "because": "1 words"}]
    assert run.returncode == 143
    assert runs.find_running_in(folder) == {}
