"""An image's name taken apart: its path, tag and digest."""

from __future__ import annotations

from functools import cache

from composegen.records import record
from composegen.values import find_default, split_outside

_MIRRORED = frozenset(
    "library docker.io registry-1.docker.io ghcr.io quay.io gcr.io mcr.microsoft.com "
    "public.ecr.aws".split()
)
"""What a mirror's path has before the name: a registry, or Docker's own images."""


@record(kw_only=False)
class ImageReference:
    """An image's name taken apart; ``path`` has no registry and no ``library/``.

    Neither has it what a mirror puts in front: ``docker/library/``, ``docker.io/``.
    ``is_variable`` says that a variable stands in what follows the last slash.
    """

    path: str
    tag: str
    digest: str
    is_variable: bool = False

    @property
    def has_fixed_tag(self) -> bool:
        """Whether it names a version of its own: a digest, or a tag but ``latest``."""
        return bool(self.digest) or (self.tag not in {"", "latest"})


@cache
def parse_image(text: str) -> ImageReference:
    """Take an image's name apart; variables are read as their defaults."""
    rest, _, digest = find_default(text).partition("@")
    first, *others = rest.lstrip("/").split("/")
    is_registry = first == "localhost" or any(mark in first for mark in ".:")
    path = "/".join(others if others and is_registry else [first, *others])
    folder, slash, last = path.rpartition("/")
    name, _, tag = last.partition(":")
    return ImageReference(
        _strip_mirror(f"{folder}{slash}{name}"),
        tag,
        digest,
        "$" in split_outside(text, "/")[-1],
    )


def _strip_mirror(path: str) -> str:
    """The path in the first registry, where a mirror's path holds it."""
    parts = path.split("/")
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] in _MIRRORED:
            return "/".join(parts[position + 1 :])
    return path
