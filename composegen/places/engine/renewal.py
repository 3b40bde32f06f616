"""What `up` stops before Compose works, so that Compose starts it again."""

from __future__ import annotations

from collections.abc import Iterable

from composegen.places.engine.compose import Project, run_compose
from composegen.places.engine.compose_lines import check_end
from composegen.places.engine.containers import Container
from composegen.places.engine.helpers import add_helpers
from composegen.places.engine.notes import Notes
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
