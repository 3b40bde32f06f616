"""``composegen render --target kubernetes``: two files, both or neither."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from composegen.commands.declare import option
from composegen.commands.options import Function, load_file, make_console
from composegen.errors import FileRefused, UsageError
from composegen.patterns import make_pattern
from composegen.records import record
from composegen.system.imports import import_quickly
from composegen.text import count

if TYPE_CHECKING:
    from composegen.planning.plan import Plan
    from composegen.planning.selection import Selection
    from composegen.targets.files import Cluster, File, Options

_REGISTRY = make_pattern(r"[A-Za-z0-9][A-Za-z0-9.:_-]*(?:/[a-z0-9][a-z0-9._-]*)*/?")
_TAG = make_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_IMAGE = make_pattern(r"[^\s'\"]{1,500}")


def registry_options(function: Function) -> Function:
    """``--registry`` and ``--tag``: what images that are built are called."""
    registry = option(
        "--registry",
        metavar="HOST[/PATH]",
        default="",
        callback=_check_shape,
        help="Where the cluster pulls images from that are built.",
    )
    tag = option(
        "--tag",
        metavar="TAG",
        default="",
        callback=_check_shape,
        help="The tag of images that are built.  [default: dev]",
    )
    return registry(tag(function))


def cluster_options(function: Function) -> Function:
    """The options that only a cluster needs."""
    wait = option(
        "--wait-image",
        metavar="IMAGE",
        default="",
        callback=_check_shape,
        help="An image that runs kubectl, for gates that ask the API (kubernetes).",
    )
    level = option(
        "--pod-security",
        type=click.Choice(["restricted", "baseline", "privileged"]),
        help="The level of Pod Security that pods may need (kubernetes).  "
        "[default: restricted]",
    )
    return registry_options(wait(level(function)))


def _check_shape(_: click.Context, option: click.Parameter, text: str) -> str:
    shapes = {"registry": _REGISTRY, "tag": _TAG, "wait_image": _IMAGE}
    shape = shapes[option.name or ""]
    if text and not shape.fullmatch(text):
        raise click.BadParameter(f"`{text}` cannot be part of an image's name")
    return text


def make_cluster(options: Mapping[str, Any]) -> Cluster | None:
    """What the options ask for; None where none was given."""
    from composegen.targets.files import RESTRICTED, Cluster

    names = ("registry", "tag", "wait_image", "pod_security")
    given = {name: options[name] for name in names}
    if not any(given.values()):
        return None
    return Cluster(**{**given, "pod_security": given["pod_security"] or RESTRICTED})


@record
class Asked:
    """What a person asks `render` for; ``cluster`` is None where nothing is said."""

    file: str
    selection: Selection
    output: str | None
    only_check: bool
    force: bool
    engine: str | None
    cluster: Cluster | None


def render_for_cluster(asked: Asked) -> None:
    """Write the objects and the kustomization, or compare them with what is there."""
    import_quickly("jinja2")
    from composegen.targets.files import Cluster
    from composegen.targets.output import check_rendered, read_recorded

    folder = Path(asked.file).parent
    path = _choose_path(folder, asked.output)
    selection, cluster = asked.selection, asked.cluster
    if asked.only_check and cluster is None and not selection.flags:
        recorded = read_recorded(path)
        if recorded is not None:
            selection, cluster = recorded.selection, recorded.cluster
    plan, files = _render(asked.file, selection, cluster or Cluster(), path.name)
    console = make_console()
    if asked.output == "-":
        console.write_file(files[0].text)
    elif asked.only_check:
        for each in files:
            check_rendered(each.text, folder / each.name, flags=" --target kubernetes")
            console.say(f"{folder / each.name} is up to date")
        return
    else:
        _write(files, plan, folder, force=asked.force)
    _say_lost(files[0].lost)


def _choose_path(folder: Path, output: str | None) -> Path:
    """The file of the objects: next to the stack, since kustomize reads no other."""
    from composegen.targets.kubernetes.names import KUBERNETES_FILE, KUSTOMIZATION_FILE

    if output is None or output == "-":
        return folder / KUBERNETES_FILE
    path = Path(output)
    if os.path.realpath(path.parent) != os.path.realpath(folder):
        raise UsageError(
            f"-o {output}: the file has to lie next to the stack file, where "
            "kustomization.yaml names it"
        )
    if path.suffix not in {".yaml", ".yml"} or path.name == KUSTOMIZATION_FILE:
        raise UsageError(f"-o {output}: name a YAML file, such as {KUBERNETES_FILE}")
    return folder / path.name


def _render(
    file: str, selection: Selection, asked: Cluster, name: str
) -> tuple[Plan, tuple[File, ...]]:
    """The plan of a stack for a cluster, and its files."""
    from composegen.targets.table import TARGETS

    plan, options = plan_for_cluster(file, selection, asked, name)
    return plan, TARGETS["kubernetes"].render(plan, options)


def plan_for_cluster(
    file: str, selection: Selection, asked: Cluster, name: str
) -> tuple[Plan, Options]:
    """The plan of a stack for a cluster, and how it is rendered.

    Raises what loading the stack does, and FileRefused for the lock file.
    """
    from composegen.places.cluster.options import choose_options
    from composegen.planning.plan import make_plan
    from composegen.targets.table import TARGETS

    stack = load_file(file, selection, target="kubernetes").stack
    addressing = TARGETS["kubernetes"].addressing
    plan = make_plan(stack, selection, addressing=addressing)
    return plan, choose_options(plan, Path(file).parent, asked, name)


def _write(files: tuple[File, ...], plan: Plan, folder: Path, *, force: bool) -> None:
    """Write all files, or none of them where one may not be written."""
    from composegen.targets.output import Written, find_refusal, write_rendered

    for each in files:
        path = folder / each.name
        reason = find_refusal(path)
        if reason and not force:
            raise FileRefused(
                str(path),
                reason,
                help="move it away, or --force: the old file is kept as "
                f"{path.name}.bak; to add to what is rendered, write a kustomization "
                "in another folder, which names this one below `resources`",
            )
    console = make_console()
    services = count(len(plan.steps), "service")
    for each in files:
        path = folder / each.name
        written = write_rendered(each.text, path, force=force, is_named=False)
        verb = "" if written is Written.SAME else f"{written.value} "
        state = " is up to date" if written is Written.SAME else ""
        console.say(f"{verb}{path}{state}: {services}")
    _say_missing(plan, folder)


def _say_lost(lines: tuple[str, ...]) -> None:
    if not lines:
        return
    from composegen.text import escape_control

    console = make_console()
    console.say("what a cluster does not carry, and what replaces it:")
    for line in lines:
        console.say(f"  {escape_control(line)}")


def _say_missing(plan: Plan, folder: Path) -> None:
    """Name the files that kustomize will read and that are not there."""
    from composegen.paths import exists
    from composegen.planning.cluster import list_files
    from composegen.text import escape_control
    from composegen.workspace.secrets import list_missing_files

    missing = [
        *list_missing_files(plan.secrets.values(), folder),
        *(name for name in list_files(plan) if not exists(folder / name)),
    ]
    if missing:
        names = escape_control(", ".join(missing))
        make_console().say(f"missing: {names} (composegen secrets)")
