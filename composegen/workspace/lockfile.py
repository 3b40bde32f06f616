"""``images.lock``: the digests of images that were pushed, next to the stack file.

It is made by ``composegen push`` and belongs into version control: who renders for a
cluster later gets the images that were pushed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from composegen.errors import FileRefused
from composegen.paths import exists, is_link
from composegen.patterns import make_pattern
from composegen.planning.cluster import name_image
from composegen.planning.plan import Plan
from composegen.records import as_dict, record
from composegen.system.files import check_readable, read_small_text, write_atomically

LOCK_FILE = "images.lock"
_FORM = 1
_DIGEST = make_pattern(r"sha256:[0-9a-f]{64}")
_IMAGE = make_pattern(r"[^\s@]{1,500}")
_HELP = "composegen push makes it; without it, images are named by their tags"


@record
class LockedImage:
    """The image that was pushed for a service, and its digest."""

    service: str
    image: str
    digest: str

    @property
    def pinned(self) -> str:
        """The image as it is pulled by its digest: its tag says nothing then."""
        name, colon, tag = self.image.rpartition(":")
        bare = name if colon and "/" not in tag else self.image
        return f"{bare}@{self.digest}"


def write_lock(folder: Path, images: Iterable[LockedImage]) -> None:
    """Write the lock file of a stack's folder. Raises FileRefused."""
    listed = [as_dict(each) for each in images]
    text = json.dumps({"form": _FORM, "images": listed}, indent=1) + "\n"
    write_atomically(folder / LOCK_FILE, text)


def read_lock(folder: Path) -> tuple[LockedImage, ...]:
    """The images of the lock file; none where there is no such file.

    Raises FileRefused for one that cannot be read, or says something else.
    """
    path = folder / LOCK_FILE
    if not exists(path) and not is_link(path):
        return ()
    check_readable(path, LOCK_FILE)
    text = None if is_link(path) else read_small_text(path)
    if text is None:
        raise FileRefused(LOCK_FILE, "is not a file of at most 1 MB", help=_HELP)
    try:
        return _parse(json.loads(text))
    except (ValueError, TypeError, KeyError) as error:
        raise FileRefused(
            LOCK_FILE, f"is not a list of images: {error}", help=_HELP
        ) from None


def _parse(data: object) -> tuple[LockedImage, ...]:
    if not isinstance(data, dict) or data.get("form") != _FORM:
        raise ValueError(f"`form` is not {_FORM}")
    return tuple(_parse_image(each) for each in data["images"])


def _parse_image(data: Mapping[str, object]) -> LockedImage:
    service, image, digest = (data[key] for key in ("service", "image", "digest"))
    is_whole = isinstance(service, str) and isinstance(image, str)
    if not is_whole or not _IMAGE.fullmatch(str(image)):
        raise ValueError("an image has a service, a name and a digest")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ValueError(f"`{service}` has no digest")
    return LockedImage(service=str(service), image=str(image), digest=digest)


def choose_pins(
    plan: Plan, locked: Iterable[LockedImage], *, project: str, registry: str, tag: str
) -> dict[str, str]:
    """The pinned image of each service of a plan that was pushed.

    Without ``registry`` and ``tag`` every image of the lock counts; with one of them,
    only those that would have the same name.
    """
    services = {step.name: step.service for step in plan.steps}
    pins = {}
    for each in locked:
        service = services.get(each.service)
        if service is None or service.build is None:
            continue
        asked = {"registry": registry, **({"tag": tag} if tag else {})}
        wanted = name_image(project, service, **asked)
        if not (registry or tag) or wanted == each.image:
            pins[each.service] = each.pinned
    return pins
