"""A program is looked for where the container has it, and nothing is run for that."""

import base64
import json
from types import SimpleNamespace

import pytest

from composegen.places.engine.programs import Program, find_program
from tests.enginefakes import make_container

FOLDER, LINK = 1 << 31, 1 << 27
FILES = {
    "/bin/tool": 0o644,  # the next folder of the path has one that can be run
    "/opt/bin/tool": 0o755,
    "/bin/linked": LINK | 0o777,
    "/app/./go": 0o755,
    "/app/./data": 0o644,
    "/opt": FOLDER | 0o755,
    "/usr/bin/usual": 0o755,
}


class Api:
    """An engine that knows these files of a container."""

    def ask_api(self, method, path, /, **params):
        assert (method, path) == ("HEAD", "/containers/id-web/archive")
        mode = FILES.get(params["path"])
        stat = base64.b64encode(json.dumps({"mode": mode}).encode()).decode()
        headers = {} if mode is None else {"X-Docker-Container-Path-Stat": stat}
        return SimpleNamespace(headers=headers)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("tool", Program.FOUND),
        ("linked", Program.FOUND),
        ("./go", Program.FOUND),
        ("/opt/bin/tool", Program.FOUND),
        ("nothing", Program.MISSING),
        ("usual", Program.MISSING),
        ("./nothing", Program.MISSING),
        ("./data", Program.CLOSED),
        ("/opt", Program.CLOSED),
    ],
)
def test_a_program_is_looked_for_where_the_container_has_it(word, found):
    container = make_container("web", folder="/app", search_path="/bin:/opt/bin")
    assert find_program(Api(), container, word) is found


def test_without_a_path_of_its_own_a_container_has_the_engines():
    assert find_program(Api(), make_container("web"), "usual") is Program.FOUND
