"""What `doctor` and `up` say of an engine that cannot start a stack."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.engine import Project, run, run_composegen
from tests.e2e.images import Images
from tests.e2e.stacks import COMMAND, PYTHON, make_service

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Registry(BaseHTTPRequestHandler):
    """Offers every image that is called `there`, and no other."""

    def _answer(self, status: int, data: dict[str, Any]) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        is_manifest = status == 200 and bool(data)
        self.send_header(
            "Content-Type", _MANIFEST if is_manifest else "application/json"
        )
        self.send_header("Docker-Content-Digest", "sha256:" + "0" * 64)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/v2/":
            self._answer(200, {})
        elif self.path.startswith("/v2/there/"):
            empty = {"mediaType": "x/y", "size": 0, "digest": "sha256:" + "1" * 64}
            manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": empty}
            self._answer(200, {**manifest, "layers": []})
        else:
            words = {"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}
            self._answer(404, {"errors": [words]})

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a registry on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def write(folder: Path, services: dict[str, Any], **top: Any) -> None:
    stack = {"name": "e2e-doctor", "services": services, **top}
    (folder / "stack.yaml").write_text(yaml.safe_dump(stack, sort_keys=False))


def rest(image: str, **keys: Any) -> dict[str, Any]:
    return {"image": image, "health": {"none": "it rests"}, **keys}


def look(folder: Path) -> tuple[int, dict[str, str], str]:
    """The code of `doctor`, the level of each image, and its last line."""
    done = run(*COMMAND, "doctor", "--format", "json", cwd=folder)
    levels = {
        finding["message"].split("`")[1].rpartition("/")[2]: finding["level"] or "ok"
        for finding in json.loads(done.stdout)
        if "image `" in finding["message"]
    }
    return done.returncode, levels, done.stderr.strip().splitlines()[-1]


def test_registries_are_asked_for_what_the_engine_lacks(
    images: Images, tmp_path: Path
) -> None:
    images.have(*IMAGES)
    with serve(Registry) as registry:
        here, there = rest(PYTHON), rest(f"{registry}/there:1")
        write(tmp_path, {"a": here, "b": there})
        code, levels, last = look(tmp_path)
        assert levels == {PYTHON: "ok", "there:1": "ok"}
        assert (code, last) == (0, "this stack can run here on the Docker engine")

        write(tmp_path, {"a": here, "b": there, "c": rest(f"{registry}/other:1")})
        code, levels, last = look(tmp_path)
        assert levels["other:1"] == "error"
        assert (code, last) == (1, "this stack cannot run here")

    code, levels, last = look(tmp_path)
    assert levels == {PYTHON: "ok", "there:1": "warning", "other:1": "warning"}
    assert code == 0
    assert last.endswith("on the Docker engine (if its images can be pulled)")


def test_up_refuses_what_the_engine_does_not_have(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a": rest(PYTHON, resources={"cpus": 999}, env_file="no.env"),
            "b": {"build": "./no", "health": {"none": "x"}},
        },
    )

    done = run(*COMMAND, "up", cwd=tmp_path)

    assert done.returncode == 1
    for words in (
        "error[cannot-run]: `a` may use 999 processors, but the engine has ",
        "error[missing-file]: `no.env`, an env file of `a`, does not exist",
        "error[missing-file]: `./no`, the folder that `b` is built from,",
    ):
        assert words in done.stderr
    assert not (tmp_path / "compose.yaml").exists()


def test_no_limit_is_no_limit_in_the_container(
    project: Project, images: Images
) -> None:
    images.have(*IMAGES)
    services = {
        "free": make_service(resources="none"),
        "raw": make_service(compose={"mem_limit": None, "restart": None}),
    }
    stack = yaml.safe_dump({"name": project.name, "services": services})
    (project.folder / "stack.yaml").write_text(stack)

    run_composegen(project.folder, "up")

    kept = {}
    for name in services:
        found = run("docker", "inspect", f"{project.name}-{name}-1").stdout
        config = json.loads(found)[0]["HostConfig"]
        keys = ("NanoCpus", "Memory", "PidsLimit", "ReadonlyRootfs")
        kept[name] = [config[key] for key in keys]
        kept[name].append(config["RestartPolicy"]["Name"])
    assert kept["free"] == [0, 0, None, True, "unless-stopped"]
    assert kept["raw"] == [2_000_000_000, 0, 512, True, "no"]
