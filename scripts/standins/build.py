"""Stand-in images: which there are, and what each is made of."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
IMAGES = HERE / "images"
BASE = "composegen-standin:trixie"
MARK = "composegen.standin"
MADE_OF = "composegen.standin.made-of"
"""The label with the hash of everything that an image is made of."""

_NAMES_AND_LABELS = "[{{json .RepoTags}}, {{json .Config.Labels}}]"


class NotBuilt(Exception):
    """A stand-in image could not be built."""


@dataclass(frozen=True)
class Recipe:
    """What a stand-in image is made of: its folder, and the words of its build."""

    image: str
    context: bytes
    arguments: tuple[str, ...]

    @property
    def hash(self) -> str:
        """The hash of all of it, and of the base below it."""
        words = "\0".join(("", *self.arguments, hash_base()))
        return hashlib.sha256(self.context + words.encode()).hexdigest()


def find_recipe(image: str, images: Path = IMAGES) -> Recipe | None:
    """What a stand-in for an image is made of; None where there is none."""
    repository, _, tag = name_shortly(image).rpartition(":")
    folder = images / repository
    if not (folder / "Dockerfile").is_file():
        return None
    alpine = "alpine" if "alpine" in tag else ""
    arguments = (f"BASE={BASE}", f"ALPINE={alpine}", *_list_arguments(folder, tag))
    return Recipe(image, pack(folder), arguments)


def _list_arguments(folder: Path, tag: str) -> list[str]:
    script = folder / "arguments.sh"
    if not script.exists():
        return []
    command = ["bash", str(script), tag]
    return subprocess.run(
        command, capture_output=True, text=True, check=True
    ).stdout.split()


def pack(folder: Path) -> bytes:
    """A folder as a tar file of the same bytes everywhere, files in place of links."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as tar:
        for path in sorted(folder.rglob("*")):
            if not path.is_file():
                continue
            entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
            content = path.read_bytes()
            entry.size = len(content)
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def hash_base() -> str:
    """The hash of the script that makes the base."""
    return hashlib.sha256((HERE / "base.sh").read_bytes()).hexdigest()


def name_shortly(image: str) -> str:
    """An image's name as the engine lists it."""
    short = image.removeprefix("docker.io/").removeprefix("library/")
    return short if ":" in short.rpartition("/")[2] else f"{short}:latest"


def read_labels(*images: str) -> dict[str, dict[str, str]]:
    """The labels of each image that is here, by its short name."""
    asked = subprocess.run(
        ["docker", "image", "inspect", "--format", _NAMES_AND_LABELS, *images],
        capture_output=True,
        text=True,
        check=False,  # it is 1 where one is missing, and shows the others
    )
    found = {}
    for line in asked.stdout.splitlines():
        names, labels = json.loads(line)
        found.update(dict.fromkeys(names, labels or {}))
    return found


def make_base() -> None:
    """Make the base, unless it is here as its script makes it now."""
    if read_labels(BASE).get(BASE, {}).get(MADE_OF) == hash_base():
        return
    words = [f"{MARK}=true", f"{MADE_OF}={hash_base()}"]
    _run([str(HERE / "base.sh"), BASE, *words], b"", BASE)


def build(recipe: Recipe) -> None:
    """Build a stand-in image on the base, which is here."""
    words = [
        *("docker", "build", "--tag", recipe.image),
        *("--label", f"{MARK}=true", "--label", f"{MADE_OF}={recipe.hash}"),
        *(word for each in recipe.arguments for word in ("--build-arg", each)),
    ]
    _run([*words, "-"], recipe.context, recipe.image)


def _run(words: list[str], given: bytes, image: str) -> None:
    done = subprocess.run(
        words,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        end = "\n".join(done.stdout.decode(errors="replace").splitlines()[-30:])
        raise NotBuilt(f"could not build a stand-in for {image}:\n{end}")
