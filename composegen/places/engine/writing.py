"""What `up` renders: the file in the stack's folder, and the text that Compose reads.

They differ where the file is for another engine than the one that is used.
"""

from __future__ import annotations

from composegen.errors import FileRefused
from composegen.model import COMPOSE_FILES, OVERRIDE_FILES
from composegen.paths import exists
from composegen.places.engine.containers import Machine
from composegen.places.engine.fit import fit_options
from composegen.places.events import FileIgnored, FileKept, Report, Wrote
from composegen.planning.plan import Plan
from composegen.records import replace
from composegen.targets.compose.render import render_plan
from composegen.targets.files import choose_engine
from composegen.targets.output import (
    Written,
    find_prefix,
    suggest_output,
    write_rendered,
)
from composegen.workspace.workspace import Workspace


class Writing:
    """Renders plans; ``engine`` names the one that the file is for."""

    def __init__(self, workspace: Workspace, machine: Machine, engine: str) -> None:
        self._folder = workspace.folder
        self._path = workspace.compose_file
        self._options = replace(
            choose_engine(engine),
            prefix=find_prefix(self._path, self._folder),
            name=self._path.name,
        )
        self._fitted = fit_options(self._options, machine)

    @property
    def is_fitted(self) -> bool:
        """Whether Compose reads another text than the file has."""
        return self._fitted != self._options

    def render(self, plan: Plan) -> str:
        """What is written to the file for a plan."""
        [file] = render_plan(plan, self._options)
        return file.text

    def render_fitted(self, plan: Plan) -> str:
        """What Compose reads for a plan on this engine."""
        [file] = render_plan(plan, self._fitted)
        return file.text

    def keep_file(self, plan: Plan, report: Report) -> None:
        """Report that the file stays as it is, where a selection was typed."""
        report(FileKept(file=self._path.name, flags=plan.selection.flags))

    def write_file(self, plan: Plan, text: str, report: Report) -> None:
        """Write the file, and report what changes. Raises FileRefused."""
        try:
            written = write_rendered(text, self._path)
        except FileRefused as refused:
            refused.help = suggest_output(self._path)
            raise
        if written is not Written.SAME:
            report(Wrote(file=self._path.name, how=written.value))
        # Compose merges an override file only where it finds the other one by itself.
        for name in OVERRIDE_FILES if self._path.name in COMPOSE_FILES else ():
            if exists(self._folder / name):
                report(FileIgnored(file=name, stack=plan.stack.file))
