"""Causes that are provoked and told, and whose help is done: the stack answers then.

A test that is marked with ``tries`` fails where one of its causes was not found, or
where the stack does not answer in the end.
"""

from __future__ import annotations

import http.server
import re
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.engine import run_well
from tests.e2e.stacks import Done, Stack, make_dependent
from tests.leaks import find_port
from tests.pasting import read_mend


def assert_told(done: Done, *words: str) -> None:
    """That all of it is said, a cause and a help among it."""
    assert "  cause: " in done.said, done
    for text in words:
        assert text in done.said, f"`{text}` is not said:\n{done}"


def provoke(
    stack: Stack, *words: str, service: dict[str, Any], line: str = "", **top: Any
) -> Done:
    """Bring up one broken service and a dependent: `up` and `why` must say the same.

    The last word is the line to add, when there is one. The service is published.
    """
    service.setdefault("publish", find_port())
    stack.write({"app": service, "after": make_dependent("app")}, **top)
    said = stack.up_in_vain()
    assert_told(said, *words)
    asked = stack.why("after")
    assert_told(asked, *words, "after -> app: ")
    if line:
        for each in (said, asked):
            assert read_mend(each.said) == ["app", *line.splitlines()], each
    return said


def paste(stack: Stack, said: Done) -> None:
    """Do what the help says in the stack file: it comes up then."""
    stack.help(said.said)
    stack.up_well()


def obey(stack: Stack, said: Done, pattern: str = "composegen down && .*") -> None:
    """Run the command line that was printed."""
    [line] = re.findall(rf"^ +(?:help: )?({pattern})$", said.said, re.MULTILINE)
    for command in line.split(" && "):
        words = shlex.split(command, comments=True)
        if words[0] == "composegen":
            done = stack.composegen(*words[1:])
            assert done.code == 0, done
        else:
            run_well(*words, cwd=stack.folder)


def write_dockerfile(stack: Stack, service: dict[str, Any], *lines: str) -> None:
    """Let a service be built: its image and some more lines."""
    image = service.pop("image", None) or stack.folder.joinpath("base").read_text()
    stack.folder.joinpath("base").write_text(image)
    folder = stack.folder / "image"
    folder.mkdir(exist_ok=True)
    (folder / "Dockerfile").write_text("\n".join([f"FROM {image}", *lines, ""]))
    service["build"] = "./image"
    service["health"] = {"tool": "python3", **service["health"]}


@contextmanager
def serve_no_images() -> Iterator[int]:
    """A registry that has nothing."""

    class Nothing(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_HEAD(self) -> None:
            self.answer()

        def answer(self) -> None:
            is_root = self.path == "/v2/"
            self.send_response(200 if is_root else 404)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            if not is_root and self.command == "GET":
                code = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "%s"}]}'
                self.wfile.write(code % b"manifest unknown")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
