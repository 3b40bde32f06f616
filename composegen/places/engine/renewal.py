"""Which containers `up` has renewed, and what it stops so that it is started again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from composegen.places.engine.compose import Project, run_compose
from composegen.places.engine.compose_lines import check_end
from composegen.places.engine.containers import Container
from composegen.places.engine.helpers import add_helpers
from composegen.places.engine.notes import NotedService, Notes
from composegen.places.engine.sharing import find_outlived
from composegen.places.events import Noted, Report
from composegen.records import replace


def stop_outlived(
    project: Project, notes: Notes, containers: Iterable[Container], report: Report
) -> None:
    """Stop what shares a namespace that is gone, of the services that are brought up.

    Compose sees a container that runs, and would leave it as it is. Raises
    ComposeFailed.
    """
    found = [
        each
        for each in find_outlived(containers)
        if notes.find(each.container.service) is not None
    ]
    for text in dict.fromkeys(f"{each}: it is restarted" for each in found):
        report(Noted(text=text))
    names = dict.fromkeys(each.container.service for each in found)
    if names:
        words = ("stop", *add_helpers(notes, names))
        by_label = replace(project, text=None)
        code, said = run_compose(by_label, *words, show=lambda _: None)
        check_end(words[0], code, said)


def find_made(
    notes: Notes, noted: NotedService, containers: Iterable[Container]
) -> str:
    """The digest of what the oldest container of a service was made from."""
    own = (each for each in containers if each.service == noted.name)
    is_old = any((each.created_at or 0.0) < notes.began for each in own)
    return noted.made if is_old and noted.made else noted.definition


def is_outdated(notes: Notes, container: Container) -> bool:
    """Whether `up` was to renew a container, and ended before it did."""
    noted = notes.find(container.service)
    if noted is None or not noted.made or noted.made == noted.definition:
        return False
    return (container.created_at or 0.0) < notes.began


def list_outdated(notes: Notes, containers: Iterable[Container]) -> Iterator[str]:
    """A line for each service that still runs as an earlier stack file said it."""
    lines = (
        f"{each.service} was not renewed: it runs as before"
        for each in containers
        if each.is_running and is_outdated(notes, each)
    )
    yield from dict.fromkeys(lines)


def note_renewed(notes: Notes, names: Iterable[str]) -> Notes:
    """The notes once Compose has made some services what they are to be."""
    made = {*names}
    services = (
        replace(each, made=each.definition) if each.name in made else each
        for each in notes.services
    )
    return replace(notes, services=tuple(services))
