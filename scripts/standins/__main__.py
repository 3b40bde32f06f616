"""Provides the images of the end-to-end tests: pulls each one, or builds a stand-in.

usage: python3 -m scripts.standins [IMAGE..]

Prints one line per image: pulled, stand-in or unavailable. Without a name it provides
what the tests need. scripts/standins/images has a folder for each repository that a
stand-in can be built for, with any tag. Building needs root and Debian's debootstrap.

A stand-in is built again if its folder changed. To have one pulled where a registry can
be reached now, remove it first.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.standins.build import (
    MADE_OF,
    MARK,
    NotBuilt,
    Recipe,
    build,
    find_recipe,
    make_base,
    name_shortly,
    read_labels,
)
from scripts.standins.pull import Registries

LOCK = Path(f"/var/tmp/composegen-standins-{os.getuid()}.lock")
# Those that take longest come first.
USUAL = (
    *("mysql:8.4", "rabbitmq:4-alpine", "prom/prometheus:v3.1.0", "zookeeper:3.9"),
    *("mariadb:11", "postgres:17", "postgres:17-alpine", "postgres:18-alpine"),
    *("python:3.12-slim", "node:22-alpine", "nginx:1.29-alpine", "busybox:1.37"),
    *("redis:7-alpine", "redis:8-alpine", "valkey/valkey:8-alpine", "mongo:8"),
    *("memcached:1.6-alpine", "nats:2.10-alpine", "eclipse-mosquitto:2"),
    "prom/node-exporter:v1.9.1",
)


def note(text: str) -> None:
    """Say something to the person who waits."""
    print(f"standins: {text}", file=sys.stderr)


def choose(images: list[str]) -> tuple[dict[str, str], list[Recipe]]:
    """How each image is had, and what has to be built for that."""
    registries = Registries()
    told: dict[str, str] = {}
    wanted = []
    here = read_labels(*images)
    for image in images:
        labels = here.get(name_shortly(image))
        recipe = find_recipe(image)
        if labels is not None and labels.get(MARK) != "true":
            told[image] = "pulled"
        elif labels and (recipe is None or labels.get(MADE_OF) == recipe.hash):
            told[image] = "stand-in"
        elif registries.pull(image):
            told[image] = "pulled"
        elif recipe is None:
            told[image] = "unavailable"
        else:
            told[image] = "stand-in"
            wanted.append(recipe)
    for registry, why in registries.unreachable.items():
        note(f"cannot reach {registry}: {why}")
    return told, wanted


def build_all(wanted: list[Recipe]) -> list[str]:
    """Build images side by side; what went wrong with each that could not be built."""
    if not wanted:
        return []
    note(f"building {', '.join(recipe.image for recipe in wanted)}")
    try:
        make_base()
    except NotBuilt as error:
        return [str(error)]

    def make(recipe: Recipe) -> str:
        try:
            build(recipe)
        except NotBuilt as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return [error for error in pool.map(make, wanted) if error]


def main(words: list[str]) -> int:
    """Provide the images; 1 if one could not be built."""
    if any(word.startswith("-") for word in words):
        print((__doc__ or "").partition("\n\n")[2].strip())
        return 0 if words[0] in {"-h", "--help"} else 2
    answer = subprocess.run(["docker", "version"], capture_output=True, check=False)
    if answer.returncode != 0:
        note("error: no engine answers; run 'scripts/engine.sh start' first")
        return 1
    with LOCK.open("w") as lock:
        # Tests that run side by side want the same images.
        fcntl.flock(lock, fcntl.LOCK_EX)
        told, wanted = choose(list(dict.fromkeys(words)) or list(USUAL))
        errors = build_all(wanted)
    for error in errors:
        note(f"error: {error}")
    for image, result in told.items():
        print(f"{image:40} {result}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
