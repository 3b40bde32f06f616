"""An image's name taken apart: its path, tag and digest."""

from __future__ import annotations

from composegen.records import record
from composegen.values import find_default, parse_variables

_MIRRORED = frozenset(
    "library docker.io registry-1.docker.io ghcr.io quay.io gcr.io mcr.microsoft.com "
    "public.ecr.aws".split()
)
"""What a mirror's path has before the name: a registry, or Docker's own images."""


@record(kw_only=False)
class ImageReference:
    """An image's name taken apart; ``path`` has no registry and no ``library/``.

    Neither has it what a mirror puts in front: ``docker/library/``, ``docker.io/``.
    """

    path: str
    tag: str
    digest: str

    @property
    def has_fixed_tag(self) -> bool:
        """Whether it names a version of its own: a digest, or a tag but ``latest``."""
        return bool(self.digest) or (self.tag not in {"", "latest"})


def parse_image(text: str) -> ImageReference:
    """Take an image's name apart; variables are read as their defaults."""
    rest, _, digest = text.partition("@")
    first, slash, path = _split_registry(rest)
    if not slash:
        path = first
    name, tag = _split_tag(path)
    if "$" in tag:
        tag = find_default(tag) if parse_variables(tag) else tag
    return ImageReference(_strip_mirror(name), tag, digest)


def _strip_mirror(path: str) -> str:
    """The path in the first registry, where a mirror's path holds it."""
    parts = path.split("/")
    for position in range(len(parts) - 2, -1, -1):
        if parts[position] in _MIRRORED:
            return "/".join(parts[position + 1 :])
    return path


def _split_tag(text: str) -> tuple[str, str]:
    """The name and what follows the last colon outside ``${..}``."""
    depth = 0
    for position in range(len(text) - 1, -1, -1):
        depth += (text[position] == "}") - (text[position] == "{")
        if text[position] == ":" and depth == 0:
            return text[:position], text[position + 1 :]
    return text, ""


def _split_registry(text: str) -> tuple[str, str, str]:
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if character == "/" and depth == 0:
            first = text[:position]
            if first == "localhost" or "$" in first or "." in first or ":" in first:
                return first, "/", text[position + 1 :]
            break
    return text, "", ""
