"""An image's name taken apart: its path, tag and digest."""

from __future__ import annotations

from composegen.records import record
from composegen.values import find_default, split_outside


@record(kw_only=False)
class ImageReference:
    """An image's name taken apart; ``path`` has no registry and no ``library/``.

    ``is_variable`` tells that a variable stands in what follows the last slash.
    """

    path: str
    tag: str
    digest: str
    is_variable: bool = False

    @property
    def has_fixed_tag(self) -> bool:
        """Whether it names a version of its own: a digest, or a tag but ``latest``."""
        return bool(self.digest) or (self.tag not in {"", "latest"})


def parse_image(text: str) -> ImageReference:
    """Take an image's name apart; a variable tag is read as its default.

    What stands in the braces of a variable, such as a message, separates nothing.
    """
    rest, *digests = split_outside(text, "@")
    first, *others = split_outside(rest, "/")
    is_registry = first == "localhost" or any(mark in first for mark in "$.:")
    path = "/".join(others if others and is_registry else [first, *others])
    *names, last = split_outside(path, "/")
    name, *tags = split_outside(last, ":")
    if tags:
        name, tag = ":".join([name, *tags[:-1]]), find_default(tags[-1])
    else:
        tag = ""
    return ImageReference(
        "/".join([*names, name]).removeprefix("library/"),
        tag,
        "@".join(digests),
        "$" in "@".join([last, *digests]),
    )
