"""Stand-in images: what each is made of, and when one is built again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.standins.build import IMAGES, find_recipe, pack
from scripts.standins.pull import find_registry

ROOT = Path(__file__).parents[1]
ENGINE = """\
#!/bin/sh
# An engine whose images are files with their labels, and whose registry is away.
here=${0%/*}
echo "$*" >>"$here/asked"
last() { eval "echo \\${$#}"; }
case "$1 $2" in
  "image inspect")
    shift 4
    for image; do
      file="$here/$(echo "$image" | tr / _)"
      if [ -f "$file" ]; then cat "$file"; else missing=1; fi
    done
    exit ${missing:-0} ;;
  pull*) echo "dial tcp: i/o timeout"; exit 1 ;;
  build*)
    case "$*" in *"${FAILS:-nothing}"*) echo "E: no such package"; exit 100 ;; esac
    cat >/dev/null
    while [ $# -gt 0 ]; do
      case "$1" in
        --tag) image=$2 ;;
        --label) labels="${labels:+$labels, }\\"${2%%=*}\\": \\"${2#*=}\\"" ;;
      esac
      shift
    done
    echo "[[\\"$image\\"], {$labels}]" >"$here/$(echo "$image" | tr / _)" ;;
esac
"""


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A folder with a `docker` that keeps what it was asked in `asked`."""
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "docker").write_text(ENGINE)
    (folder / "docker").chmod(0o755)
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The scripts in a folder of their own, with a base that is made at once."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts" / "standins", folder / "scripts" / "standins")
    (folder / "scripts" / "standins" / "base.sh").write_text("#!/bin/sh\n")
    return folder


def provide(
    checkout: Path, engine: Path, *images: str, **variables: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the command; also which images the engine was asked to build."""
    (engine / "asked").write_text("")
    path = f"{engine}:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "scripts.standins", *images],
        cwd=checkout,
        env={**os.environ, "PATH": path, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    asked = (engine / "asked").read_text().splitlines()
    return done, sorted(
        line.split()[2] for line in asked if line.startswith("build --tag")
    )


def test_an_image_is_built_again_only_when_its_folder_has_changed(
    checkout: Path, engine: Path
) -> None:
    images = ("redis:8-alpine", "nats:2.10-alpine")
    first, built = provide(checkout, engine, *images)
    assert first.returncode == 0, first
    assert first.stdout.split() == [images[0], "stand-in", images[1], "stand-in"]
    assert built == sorted(images)

    assert provide(checkout, engine, *images)[1] == []

    dockerfile = checkout / "scripts" / "standins" / "images" / "redis" / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + "ENV COLOUR=blue\n")
    assert provide(checkout, engine, *images)[1] == ["redis:8-alpine"]
    assert provide(checkout, engine, *images)[1] == []


def test_all_are_built_again_when_the_base_has_changed(
    checkout: Path, engine: Path
) -> None:
    images = ("memcached:1.6-alpine", "redis:8-alpine")
    provide(checkout, engine, *images)
    (checkout / "scripts" / "standins" / "base.sh").write_text("#!/bin/sh\n# new\n")
    assert provide(checkout, engine, *images)[1] == list(images)


def test_an_image_that_was_pulled_is_left_alone(checkout: Path, engine: Path) -> None:
    (engine / "redis:8-alpine").write_text('[["redis:8-alpine"], null]\n')
    done, built = provide(checkout, engine, "redis:8-alpine")
    assert (done.stdout.split(), built) == (["redis:8-alpine", "pulled"], [])
    assert "pull" not in (engine / "asked").read_text()


def test_a_registry_that_is_away_is_asked_once(checkout: Path, engine: Path) -> None:
    done, _ = provide(checkout, engine, "redis:8-alpine", "mongo:8", "quay.io/a/b:1")
    asked = (engine / "asked").read_text().splitlines()
    assert [line for line in asked if line.startswith("pull")] == [
        "pull redis:8-alpine",
        "pull quay.io/a/b:1",
    ]
    assert "cannot reach docker.io: dial tcp: i/o timeout" in done.stderr
    assert done.stdout.split()[1::2] == ["stand-in", "unavailable", "unavailable"]


def test_one_that_cannot_be_built_is_named_and_hides_none(
    checkout: Path, engine: Path
) -> None:
    images = ("redis:8-alpine", "nats:2.10-alpine")
    done, built = provide(checkout, engine, *images, FAILS="redis:8-alpine")
    assert done.returncode == 1
    assert "could not build a stand-in for redis:8-alpine:\nE: no such" in done.stderr
    assert built == sorted(images)
    assert provide(checkout, engine, *images)[1] == ["redis:8-alpine"]


def test_a_folder_is_packed_alike_whoever_has_checked_it_out(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, mode in ((one, 0o644), (two, 0o664)):
        (folder / "sub").mkdir(parents=True)
        (folder / "sub" / "file").write_text("text")
        (folder / "sub" / "file").chmod(mode)
        (tmp_path / "both").write_text("text of both")
        (folder / "link").symlink_to("../both")
    assert pack(one) == pack(two)

    (two / "sub" / "file").chmod(0o755)
    assert pack(one) != pack(two)
    (two / "sub" / "file").chmod(0o644)
    (tmp_path / "both").write_text("changed")
    assert b"changed" in pack(two)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("redis:8-alpine", ["ALPINE=alpine"]),
        ("docker.io/library/redis:8", ["ALPINE="]),
        ("postgres:17-alpine", ["DATA=/var/lib/postgresql/data", "ALPINE=alpine"]),
        ("postgres:9.6", ["DATA_VOLUME=/var/lib/postgresql/data"]),
        ("postgres", ["DATA_VOLUME=/var/lib/postgresql", "ALPINE="]),
        ("postgres:18", ["DATA=/var/lib/postgresql/18/docker"]),
        ("nginx:alpine", ["PORT=80", "RUN_AS=root"]),
        ("nginxinc/nginx-unprivileged:alpine", ["PORT=8080", "RUN_AS=101"]),
        ("prom/node-exporter:v1", []),
    ],
)
def test_an_image_is_built_by_its_repository_and_tag(
    image: str, words: list[str]
) -> None:
    recipe = find_recipe(image)
    assert recipe is not None
    assert {*words} <= {*recipe.arguments}


@pytest.mark.parametrize("image", ["mongo:8", "prom", "other/redis:8", "quay.io/redis"])
def test_there_is_no_stand_in_for_another_repository(image: str) -> None:
    assert find_recipe(image) is None


def test_every_argument_that_a_folder_gives_is_used_in_its_dockerfile() -> None:
    folders = [path.parent for path in IMAGES.rglob("Dockerfile")]
    assert len(folders) > 15
    for folder in folders:
        name = folder.relative_to(IMAGES).as_posix()
        recipe = find_recipe(f"{name}:1-alpine")
        assert recipe is not None
        text = (folder / "Dockerfile").read_text()
        own = [word.partition("=")[0] for word in recipe.arguments[2:]]
        assert all(f"${word}" in text for word in own), name


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("redis:8", "docker.io"),
        ("prom/prometheus", "docker.io"),
        ("quay.io/a/b:1", "quay.io"),
        ("localhost/a", "localhost"),
        ("registry:5000/a", "registry:5000"),
    ],
)
def test_the_registry_of_an_image(image: str, registry: str) -> None:
    assert find_registry(image) == registry
