"""Where a data store keeps its data: the volumes that its recipe brings, and doubts.

Data in a folder without a volume of its own is lost with the container. The images of
data stores declare such folders, so that nothing fails when a mount is elsewhere.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from composegen.model import Mount, split_mount
from composegen.records import field, record
from composegen.stackfile.keys.key import Draft
from composegen.stackfile.recipes import Recipe
from composegen.text import shorten

_NO_DATA = (
    "/docker-entrypoint-initdb.d",
    *("/etc", "/usr", "/opt", "/run", "/var/run", "/tmp", "/dev", "/sys", "/proc"),
)


@record
class Doubt:
    """What is wrong with where a store keeps its data; ``target`` is the mount's."""

    name: str
    message: str
    help: str
    target: str = ""


@record
class DataVolumes:
    """The volumes that a recipe brings to a service, and what is doubtful, if it is."""

    volumes: Mapping[str, str] = field(default_factory=dict)
    doubt: Doubt | None = None


def choose_volumes(
    service: str, recipe: Recipe, image: str, draft: Draft
) -> DataVolumes:
    """The volumes of a recipe next to the mounts of a service's own draft.

    A mount of one's own at a folder of the data wins over the recipe's. ``image`` is
    what messages call the image.
    """
    if not recipe.is_store or not recipe.volumes:
        return DataVolumes(volumes=recipe.volumes)
    own = _list_own(draft)
    moved = _find_moved(recipe, draft)
    if moved:
        return _follow_variable(service, recipe, own, moved)
    if not recipe.knows_data:
        if any(_may_hold_data(mount) for mount in own.values()):
            return DataVolumes()
        return DataVolumes(doubt=_doubt_unknown(service, recipe, image))
    for end, folder in recipe.volumes.items():
        wrong = _find_wrong(f"{service}-{end}", folder, own, recipe.folders)
        if wrong:
            doubt = _doubt_wrong(service, end, folder, wrong, image)
            return DataVolumes(doubt=doubt)
    return _make_room(service, recipe, own, image)


def _find_wrong(
    volume: str, folder: str, own: Mapping[str, Mount], known: Iterable[str]
) -> str:
    """A mount that takes the place of a volume and does not hold its data.

    ``known`` are the folders of other versions: those are another matter.
    """
    if folder in own:
        return ""
    above = [each for each in own if _is_above(each, folder)]
    inside = [
        each
        for each, mount in own.items()
        if _is_above(folder, each) and mount.volume_name == volume and each not in known
    ]
    return next(iter(above or inside), "")


def _make_room(
    service: str, recipe: Recipe, own: Mapping[str, Mount], image: str
) -> DataVolumes:
    """The volumes without those whose place a mount for another version has taken."""
    expected = recipe.volumes.values()
    others = [each for each in own if each in recipe.folders and each not in expected]
    kept = {
        end: folder
        for end, folder in recipe.volumes.items()
        if not any(_is_above(folder, each) for each in others)
    }
    if not others:
        return DataVolumes(volumes=kept)
    end, folder = next(iter(recipe.volumes.items()))
    doubt = _doubt_other(service, end, folder, others[0], image)
    return DataVolumes(volumes=kept, doubt=doubt)


def _list_own(draft: Draft) -> dict[str, Mount]:
    """The service's own mounts that can be written, raw ones too, by their targets."""
    mounts: list[Mount] = [*_as_list(draft.get("volumes"))]
    raw = draft.get("compose")
    for item in _as_list(raw.get("volumes")) if isinstance(raw, Mapping) else ():
        if isinstance(item, Mapping):
            source, target = str(item.get("source") or ""), str(item.get("target"))
            mounts.append(Mount(source=source, target=target, long=item))
        elif (made := split_mount(str(item))) is not None:
            mounts.append(made)
    return {_clean(each.target): each for each in mounts if each.is_writable}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _clean(path: str) -> str:
    return posixpath.normpath(path)


def _is_above(folder: str, other: str) -> bool:
    """Whether a folder is above another one."""
    return folder != other and f"{other}/".startswith(f"{folder.rstrip('/')}/")


def _may_hold_data(mount: Mount) -> bool:
    target = _clean(mount.target)
    return not any(f"{target}/".startswith(f"{each}/") for each in _NO_DATA)


def _find_moved(recipe: Recipe, draft: Draft) -> str:
    """The folder that a variable of one's own names for the data; empty for none."""
    environment = draft.get("environment")
    if not recipe.data_variable or not isinstance(environment, Mapping):
        return ""
    value = environment.get(recipe.data_variable)
    return _clean(value) if isinstance(value, str) and value.startswith("/") else ""


def _follow_variable(
    service: str, recipe: Recipe, own: Mapping[str, Mount], moved: str
) -> DataVolumes:
    """The volumes where a variable says where the data is."""
    if any(moved == each or _is_above(each, moved) for each in own):
        return DataVolumes()
    kept = {
        end: folder
        for end, folder in recipe.volumes.items()
        if recipe.knows_data and (moved == folder or _is_above(folder, moved))
    }
    if kept:
        return DataVolumes(volumes=kept)
    return DataVolumes(
        doubt=Doubt(
            name="unknown-data-folder",
            message=f"`{service}` keeps its data in {shorten(moved)} "
            f"({recipe.data_variable}), where no volume is mounted",
            help=_suggest(service, moved),
        )
    )


# Doubts


def _doubt_unknown(service: str, recipe: Recipe, image: str) -> Doubt:
    others = [each for each in recipe.folders if each not in recipe.volumes.values()]
    folders = [*recipe.volumes.values(), *others]
    guess = others[0] if others else folders[0]
    return Doubt(
        name="unknown-data-folder",
        message=f"it is not known where {image} keeps the data of `{service}`: "
        "a volume elsewhere would lose it",
        help=f"name the folder that the image documents ({_join(folders)} ..), or an "
        f"image with a version that is known:\n{_suggest(service, guess)}",
    )


def _doubt_wrong(service: str, end: str, folder: str, target: str, image: str) -> Doubt:
    return Doubt(
        name="wrong-data-folder",
        message=f"`{service}` mounts {target}, but {image} keeps its data in "
        f"{folder}, which would get no volume that lasts",
        help="mount it there; data that is in the mount now has to be moved by hand:\n"
        + _suggest(service, folder, end),
        target=target,
    )


def _doubt_other(service: str, end: str, folder: str, target: str, image: str) -> Doubt:
    return Doubt(
        name="old-data-folder",
        message=f"`{service}` mounts {target}, but {image} expects its volume "
        f"at {folder}",
        help="mount it there, or name the image that the data was made with:\n"
        + _suggest(service, folder, end),
        target=target,
    )


def _suggest(service: str, folder: str, end: str = "data") -> str:
    return f"volumes: [{service}-{end}:{folder}]"


def _join(folders: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(folders))
