"""The stacks that fail, each for one cause: what is said of them on a runtime.

A folder in ``stacks/failing/`` is one. The first lines of its stack file name the
culprit, empty for none, and words of its cause.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from composegen.records import record
from scripts.runtimes.runtime import HERE, Done, Runtime, fill_folder

FAILING = HERE / "stacks" / "failing"
RECORDED = HERE.parents[1] / "tests" / "places" / "engine" / "recorded"
_HEADER = re.compile(r"# culprit:(.*)\n# cause:(.*)\n")
_BLAMED = re.compile(
    r"^(?:[\w.-]+ -> )*[\w.-]+: ([\w.-]+) is (?:failed|waiting|unhealthy|stopped)",
    re.MULTILINE,
)
_TIMES = re.compile(r"\b\d+(?:\.\d+)?s\b")


@record(kw_only=False)
class Expected:
    """Who is to blame, and words of the cause as a pattern."""

    culprit: str
    cause: str


@record
class Verdict:
    """What was said of a failing stack, by `up` and then by `why`."""

    code: int
    culprits: tuple[str, ...]
    again: tuple[str, ...]
    text: str


def list_failing() -> list[str]:
    """The names of the stacks that fail."""
    return sorted(path.name for path in FAILING.iterdir())


def read_expected(name: str) -> Expected:
    """What has to be said of a stack."""
    found = _HEADER.match((FAILING / name / "stack.yaml").read_text())
    assert found is not None, f"{name}: the first lines name no culprit and cause"
    return Expected(found[1].strip(), found[2].strip())


def find_fault(name: str, verdict: Verdict) -> str:
    """What is wrong with what was said of a stack; empty where it is right."""
    expected = read_expected(name)
    wanted = (expected.culprit,) if expected.culprit else ()
    if verdict.code != 1:
        return f"`up` ended with {verdict.code}"
    if verdict.culprits != wanted:
        return f"`up` blames {verdict.culprits}, and not {wanted}"
    if re.search(expected.cause, verdict.text) is None:
        return f"`up` does not say {expected.cause}"
    if expected.culprit and expected.culprit not in verdict.again:
        return f"`why` blames {verdict.again}, and not {wanted}"
    return ""


def try_failing(name: str, runtime: Runtime, folder: Path, log: Path) -> Verdict:
    """Bring a failing stack up, ask why, and take it down."""
    project = f"{folder.name}-{name}"
    with _hold_port() as port, _offer_nothing() as registry:
        words = {"NAME": project, "PORT": str(port), "REGISTRY": registry}
        place = folder / name
        fill_folder(FAILING / name, place, words)
        try:
            up = runtime.composegen(place, "up", log=log)
            why = runtime.composegen(place, "why")
        finally:
            runtime.composegen(place, "down", "--volumes", "--yes")
            runtime.remove_images(project)
        _normalize(log, {**words, "FOLDER": str(place)})
    return Verdict(
        code=up.code,
        culprits=_find_blamed(up),
        again=_find_blamed(why),
        text=f"{up.text}\n{why.text}",
    )


def _find_blamed(done: Done) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_BLAMED.findall(done.text)))


def _normalize(log: Path, words: dict[str, str]) -> None:
    """Take out of what Compose said all that differs from run to run."""
    text = log.read_text() if log.exists() else ""
    for word, value in sorted(words.items(), key=lambda each: -len(each[1])):
        text = text.replace(value, f"@{word}@")
    text = re.sub(r"sha256:[0-9a-f]{12,}|\b[0-9a-f]{64}\b", "@ID@", text)
    text = re.sub(r"writing image @ID@ .*|#\d+ CACHED.*\n", "", text)
    log.write_text(_TIMES.sub("0.1s", text))


@contextmanager
def _hold_port() -> Iterator[int]:
    """A port of this machine that is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


class _Registry(BaseHTTPRequestHandler):
    """Offers no image at all."""

    def _answer(self) -> None:
        body = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]}'
        self.send_response(200 if self.path == "/v2/" else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _offer_nothing() -> Iterator[str]:
    """The address of a registry on this machine without images."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Registry) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
