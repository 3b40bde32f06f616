"""The README's commands on a machine with nothing but Python, make and git."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.engine import run, run_well
from tests.e2e.images import Images
from tests.pages import ROOT, read_blocks
from tests.parts import require_part

pytestmark = pytest.mark.engine

IMAGES = ["python:3.12-slim"]
DOCKERFILE = f"""\
FROM {IMAGES[0]}
RUN apt-get update -qq \\
 && apt-get install -qq -y --no-install-recommends make git \\
 && useradd --create-home --shell /bin/bash somebody
USER somebody
WORKDIR /home/somebody
"""
HOME = "/home/somebody"
LONGEST = 1800
"""Seconds for one command; `make test` takes eight minutes on two idle cores."""
ALIKE = (
    *("adopt", "board", "drill", "fuzz", "images", "mutants", "planning", "stackfile"),
    *("targets", "terminal", "places/cluster", "places/engine"),
)
"""Folders whose tests depend little on the machine, and take long.

They were run already by who runs these tests; `make e2e-fresh` runs them here as well.
"""

# How this machine reaches packages. What of it names a file or a folder is mounted.
ROUTES = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_FIND_LINKS"),
    *("PIP_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_CONFIG_FILE"),
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "no_proxy"),
)
PIP_FILES = {
    Path("/etc/pip.conf"): "/etc/pip.conf",
    Path.home() / ".config" / "pip" / "pip.conf": f"{HOME}/.config/pip/pip.conf",
    Path("/etc/ssl/certs/ca-certificates.crt"): "/etc/ssl/certs/ca-certificates.crt",
}


@dataclass(frozen=True)
class Machine:
    """A container that stands for a user's machine."""

    name: str

    def run(self, command: str, *, folder: str = HOME) -> str:
        """What a command prints, in the order in which it does; it must succeed."""
        done = run(
            *("docker", "exec", "--workdir", folder, self.name),
            *("bash", "-c", f"{{ {command}\n}} 2>&1"),
            deadline=LONGEST,
        )
        end = "\n".join(done.stdout.splitlines()[-200:])
        assert done.returncode == 0, f"exit {done.returncode}: {command}\n{end}"
        return done.stdout


def list_routes() -> Iterator[str]:
    """Options of ``docker run`` that let it get packages the way this machine does."""
    mounts = {path: target for path, target in PIP_FILES.items() if path.is_file()}
    for name in ROUTES:
        value = os.environ.get(name, "")
        if value:
            yield from ("--env", name)
        if value.startswith("/") and Path(value).exists():
            mounts[Path(value)] = value
    for path, target in mounts.items():
        yield from ("--volume", f"{path}:{target}:ro")


@pytest.fixture(scope="module")
def machine(
    images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    images.have(*IMAGES)
    require_part((ROOT / ".git").exists(), "a git checkout")
    folder = tmp_path_factory.mktemp("fresh")
    name = f"composegen-fresh-{uuid4().hex[:12]}"
    bundle = folder / "project.bundle"
    run_well("git", "bundle", "create", "-q", str(bundle), "HEAD", cwd=ROOT)
    bundle.chmod(0o644)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    run_well("docker", "build", "-q", "-t", name, str(folder), deadline=300)
    try:
        run_well(
            *("docker", "run", "--detach", "--init", "--name", name, *list_routes()),
            *("--volume", f"{bundle}:/project.bundle:ro", name, "sleep", "infinity"),
        )
        made = Machine(name)
        made.run("git clone -q /project.bundle project")
        yield made
    finally:
        run("docker", "rm", "--force", "--volumes", name)
        run("docker", "image", "rm", "--force", name)


def test_it_has_nothing_else(machine: Machine) -> None:
    extra = "docker redis-server node npx curl wget chromium pipx composegen"
    found = machine.run(f"for name in {extra}; do command -v $name || true; done")

    assert found == ""


def test_the_commands_of_the_readme_work(machine: Machine) -> None:
    blocks = [
        block
        for block in read_blocks(ROOT / "README.md")
        if "fresh machine" in block.notes
    ]
    commands = [line for block in blocks for line in block.text.splitlines()]
    words = [command.partition("  #")[0].strip() for command in commands]
    assert words[:2] == ["make demo", "make test"]
    spared = " ".join(f"--ignore=tests/{name}" for name in ALIKE)

    demo = machine.run(words[0], folder=f"{HOME}/project")
    tests = machine.run(
        f"PYTEST_ADDOPTS='{spared}' {words[1]}", folder=f"{HOME}/project"
    )
    # What comes after them is one shell's, as it is in a terminal.
    found = machine.run(
        " && ".join([*words[2:], "command -v composegen"]), folder=f"{HOME}/project"
    )

    assert demo.count("\nyou     ") == demo.count("\nchat    ") == 2
    assert tests.count(" passed") == 4
    assert found.startswith(f"{HOME}/project/")


@pytest.mark.fresh
def test_all_fast_tests_pass(machine: Machine) -> None:
    printed = machine.run("make test", folder=f"{HOME}/project")

    assert printed.count(" passed") == 4
