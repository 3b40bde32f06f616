"""``composegen push``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from composegen.commands.declare import command
from composegen.commands.options import (
    check_platform,
    load_plan,
    make_console,
    make_selection,
    make_workspace,
    selection_options,
    stack_option,
)
from composegen.commands.render_cluster import registry_options
from composegen.errors import CannotRun, UsageError
from composegen.targets.kubernetes.names import KUBERNETES_FILE

if TYPE_CHECKING:
    from composegen.planning.plan import Plan
    from composegen.workspace.lockfile import LockedImage
    from composegen.workspace.workspace import Workspace


@command()
@stack_option
@selection_options
@registry_options
def push(
    file: str,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    registry: str,
    tag: str,
) -> None:
    """Build the images of the stack, push them, and note their digests.

    The images are those of services with `build`. Their digests are written to
    images.lock next to the stack file, which `render --target kubernetes` and
    `up --on kubernetes` read. Without --registry and --tag, those of the header of
    kubernetes.yaml count.
    """
    check_platform()
    from composegen.places.engine.push import push_images
    from composegen.places.events import Output
    from composegen.terminal.live import UpConsole
    from composegen.text import count
    from composegen.workspace.lockfile import LOCK_FILE, write_lock

    console, workspace = make_console(), make_workspace(file)
    plan = load_plan(file, make_selection(added, removed))
    images = _name_images(plan, workspace, registry, tag)
    if not images:
        console.say("no service of this stack is built, so there is nothing to push")
        return
    shown = UpConsole(console)
    digests = push_images(
        plan,
        images,
        workspace,
        lambda text: shown.show(Output(text=text)),
        in_terminal=console.err.isatty(),
    )
    pushed = _lock(images, digests)
    write_lock(workspace.folder, [*_list_kept(plan, workspace), *pushed])
    for each in pushed:
        console.write_data(f"{each.service} {each.image} {each.digest}\n")
    console.say(f"wrote {LOCK_FILE}: {count(len(pushed), 'image')}")


def _name_images(
    plan: Plan, workspace: Workspace, registry: str, tag: str
) -> dict[str, str]:
    """The image of each service that is built.

    Raises UsageError without a registry, and CannotRun without a name.
    """
    from composegen.planning.addressing import DEFAULT_TAG, name_on_cluster
    from composegen.planning.cluster import name_image
    from composegen.targets.output import read_recorded

    recorded = read_recorded(workspace.folder / KUBERNETES_FILE)
    if recorded is not None:
        registry = registry or recorded.cluster.registry
        tag = tag or recorded.cluster.tag
    built = [step.service for step in plan.steps if step.service.build is not None]
    if not registry and any(not service.image for service in built):
        raise UsageError(
            "no registry is named to push to",
            help="composegen push --registry HOST[/PATH]",
        )
    if not plan.stack.name:
        raise CannotRun(
            "the stack has no name, which its images are named after",
            help="name it at the top level:\nname: shop",
        )
    project = name_on_cluster(plan.stack.name)
    return {
        service.name: name_image(
            project, service, registry=registry, tag=tag or DEFAULT_TAG
        )
        for service in built
    }


def _lock(images: dict[str, str], digests: dict[str, str]) -> list[LockedImage]:
    from composegen.workspace.lockfile import LockedImage

    return [
        LockedImage(service=name, image=image, digest=digests[name])
        for name, image in images.items()
    ]


def _list_kept(plan: Plan, workspace: Workspace) -> list[LockedImage]:
    """What was pushed before of services that are in the stack and not pushed now."""
    from composegen.workspace.lockfile import read_lock

    return [
        each
        for each in read_lock(workspace.folder)
        if each.service in plan.stack.services and each.service not in plan.names
    ]
