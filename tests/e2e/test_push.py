"""`composegen push` with a registry on this machine: Debian's docker-registry."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.engine import run
from tests.e2e.images import Images
from tests.e2e.stacks import PYTHON, Stack
from tests.leaks import find_port, wait_for
from tests.parts import require_program

pytestmark = pytest.mark.engine

IMAGES = [PYTHON]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of an empty registry."""
    require_program("docker-registry")
    folder, port = tmp_path_factory.mktemp("registry"), find_port()
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    with subprocess.Popen(
        ["docker-registry", "serve", "config.json"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(lambda: answers(port))
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def answers(port: int) -> bool:
    try:
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1))
    except OSError:
        return False


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    images.have(PYTHON)
    with Stack(tmp_path) as made:
        (tmp_path / "Dockerfile").write_text(f"FROM {PYTHON}\nUSER 10001:10001\n")
        web = {"build": ".", "port": 8000, "health": {"tcp": True}}
        made.write({"web": web}, name=made.name)
        yield made
        reference = f"reference=*/*/{made.name}-web"
        found = run("docker", "images", "--quiet", "--filter", reference).stdout.split()
        if found:
            run("docker", "image", "rm", "--force", *found)


def test_what_is_pushed_is_pinned_from_then_on(stack: Stack, registry: str) -> None:
    done = stack.composegen("push", "--registry", f"{registry}/shop", "--tag", "v1")

    assert done.code == 0, done.err
    [locked] = json.loads((stack.folder / "images.lock").read_text())["images"]
    name = locked["image"].removeprefix(f"{registry}/").removesuffix(":v1")
    assert locked["service"] == "web"
    url = f"http://{registry}/v2/{name}/manifests/{locked['digest']}"
    accepted = "application/vnd.docker.distribution.manifest.v2+json"
    asked = urllib.request.Request(url, headers={"Accept": accepted})
    with urllib.request.urlopen(asked) as answer:
        assert answer.headers["Docker-Content-Digest"] == locked["digest"]
    rendered = stack.composegen("render", "--target", "kubernetes", "-o", "-")
    assert f"{registry}/{name}@{locked['digest']}" in rendered.out, rendered.err


def test_a_registry_that_does_not_answer_leaves_no_lock(stack: Stack) -> None:
    done = stack.composegen("push", "--registry", f"127.0.0.1:{find_port()}")

    assert done.code == 1
    assert "the images cannot be pushed" in done.err
    assert not (stack.folder / "images.lock").exists()


def test_a_registry_must_be_named(stack: Stack) -> None:
    done = stack.composegen("push")

    assert done.code == 2
    assert "composegen push --registry HOST[/PATH]" in done.err
