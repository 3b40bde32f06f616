"""``composegen down``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from composegen.commands.declare import command, option
from composegen.commands.options import (
    check_platform,
    find_places,
    load_file,
    make_console,
    make_workspace,
    stack_option,
    take_over_option,
)
from composegen.commands.where import check_context_options, context_options, on_option
from composegen.errors import ExitCode, UsageError
from composegen.paths import is_folder

if TYPE_CHECKING:
    from composegen.places.cluster.place import ClusterPlace
    from composegen.places.place import Place, Volume


@command()
@stack_option
@option(
    "-v",
    "--volumes",
    is_flag=True,
    help="Also remove the data: named volumes of this folder, and .composegen/data.",
)
@option(
    "--yes",
    is_flag=True,
    help="Remove volumes, and what is on a cluster, without a question.",
)
@on_option("End what runs in one place alone.")
@context_options
@take_over_option
def down(
    file: str, volumes: bool, yes: bool, on: str, take_over: bool, **where: str
) -> None:
    """Stop everything that runs in this folder.

    Data stays, and is named. With --volumes it is listed and, after a question,
    removed. `.secrets/` and external volumes always stay.

    On a cluster it removes the objects of the stack, after a question, and the
    namespace if `up` made it and nothing is left in it.
    """
    check_platform()
    check_context_options(on, where)
    finder = find_places(file, acts=True)
    cluster = finder.find_ending(
        on, context=where["context"], namespace=where["namespace"]
    )
    if cluster is not None:
        is_sure = yes or bool(where["context"])
        _remove_from_cluster(file, cluster, volumes=volumes, yes=yes, is_sure=is_sure)
        return
    if yes and not volumes:
        raise UsageError("--yes answers the question of --volumes; it needs that too")
    if volumes:
        _remove_all(file, on, is_sure=yes, take_over=take_over)
        return
    console = make_console()
    ended = 0
    for sentence in finder.take_down(console.say, on=on, take_over=take_over):
        console.say(sentence)
        ended += 1
    if not ended:
        console.say("nothing runs here")


def _remove_from_cluster(
    file: str, place: ClusterPlace, *, volumes: bool, yes: bool, is_sure: bool
) -> None:
    """Remove a stack from a cluster, and its data if that is asked for."""
    from composegen.places.place import name_kept

    console = make_console()
    found = place.list_volumes().own
    if volumes and found:
        _ask(list(found), is_sure=yes)
    elif not is_sure:
        _ask_for(place)
    said = list(place.take_down(console.say))
    if volumes:
        for sentence in said:
            console.say(sentence)
        _remove([place], {place.name: found})
        _say_secrets(file, found)
        said = list(place.remove_namespace())
    else:
        said += name_kept(found) or (() if said else ("nothing runs there",))
    for sentence in said:
        console.say(sentence)


def _ask_for(place: ClusterPlace) -> None:
    """Ask before a stack is removed from a cluster. Raises UsageError."""
    console, where = make_console(), place.notes.where
    if not console.can_ask:
        raise UsageError(
            "there is no terminal to ask whether the stack may be removed from "
            f"{where}",
            help="composegen down --on kubernetes --yes",
        )
    if not console.confirm(f"remove {place.notes.project} from {where}?"):
        console.say("nothing was removed")
        raise SystemExit(ExitCode.PROBLEM)


def _say_secrets(file: str, volumes: Sequence[Volume]) -> None:
    if volumes and is_folder(make_workspace(file).folder / ".secrets"):
        make_console().say(
            ".secrets/ is kept: new volumes will be made with its passwords"
        )


def _remove_all(file: str, on: str, *, is_sure: bool, take_over: bool) -> None:
    """Stop everything, and remove its data; nothing happens before a yes."""
    from composegen.planning.volumes import list_external_volumes
    from composegen.text import escape_control

    console = make_console()
    workspace = make_workspace(file)
    external = {
        workspace.fill(name) for name in list_external_volumes(load_file(file).stack)
    }
    finder = find_places(file, acts=True)
    places = list(finder.iterate_kept(on))
    found: dict[str, tuple[Volume, ...]] = {}
    for place in places:
        listed = place.list_volumes(external, take_over=take_over)
        found[place.name] = listed.own
        for note in listed.notes:
            console.say(f"note: {escape_control(note)}")
    volumes = [each for listed in found.values() for each in listed]
    _ask(volumes, is_sure=is_sure)
    ended = 0
    for sentence in finder.take_down(
        console.say, on=on, take_over=take_over, names_kept=False
    ):
        console.say(sentence)
        ended += 1
    _remove(places, found)
    _say_secrets(file, volumes)
    if not ended and not volumes:
        console.say("nothing runs here, and there are no volumes of this folder")


def _ask(volumes: list[Volume], *, is_sure: bool) -> None:
    """List what will be lost; raises UsageError where there is no one to ask."""
    from composegen.text import escape_control, measure_width

    console = make_console()
    if not volumes:
        return
    console.say("the data in these volumes will be lost:")
    rows = [
        (escape_control(each.name), each.size or "-", escape_control(each.folder))
        for each in volumes
    ]
    widths = [max(measure_width(row[column]) for row in rows) for column in (0, 1)]
    for name, size, folder in rows:
        console.say(f"  {name:<{widths[0]}}  {size:>{widths[1]}}  {folder}")
    if is_sure:
        return
    if not console.can_ask:
        raise UsageError(
            "there is no terminal to ask whether these volumes may be removed",
            help="composegen down --volumes --yes",
        )
    if not console.confirm("remove them?"):
        console.say("nothing was stopped or removed")
        raise SystemExit(ExitCode.PROBLEM)


def _remove(places: list[Place], found: dict[str, tuple[Volume, ...]]) -> None:
    """Remove data in each place. Raises VolumesLeft where some is left."""
    from composegen.errors import VolumesLeft

    left: dict[str, str] = {}
    for place in places:
        try:
            for sentence in place.remove_volumes(found[place.name]):
                make_console().say(sentence)
        except VolumesLeft as error:
            left |= error.reasons
    if left:
        raise VolumesLeft(left)
