"""Stops, starts and restarts single services on a cluster: it scales them.

The gates of the pods hold back what needs others, so all can be started at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from composegen.errors import NothingRuns, NotPart
from composegen.model import Service
from composegen.places.cluster.applying import remove_jobs, scale
from composegen.places.cluster.boot import Booting, Outside
from composegen.places.cluster.causes import UP
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.manifests import write_list
from composegen.places.cluster.notes import NotedStop, Notes, read_notes, write_notes
from composegen.places.cluster.objects import NAME, Kind, Workload
from composegen.places.cluster.snapshot import (
    Snapshot,
    select_project,
    take_snapshot,
)
from composegen.places.cluster.status import ClusterSeen, make_seen
from composegen.places.events import Message, NotUp, Planned, Report, Stopped
from composegen.places.place import (
    Act,
    Acted,
    Outcome,
    check_services,
    report_dependents,
)
from composegen.places.reasons import format_reasons
from composegen.places.status import BY_USER, FINE, State
from composegen.planning.definition import digest_definition
from composegen.records import replace

_GONE = 180
_ADDED = ("controller-uid", "job-name")


class Acts:
    """What a user does with single services of a project.

    ``services`` are those of the stack file; empty where it cannot be read.
    """

    def __init__(
        self,
        kubectl: Kubectl,
        notes: Notes,
        folder: Path,
        services: Mapping[str, Service],
        report: Report,
        *,
        outside: Outside | None = None,
    ) -> None:
        self._kubectl = kubectl
        self._notes = notes
        self._folder = folder
        self._services = services
        self._report = report
        self._outside = outside or Outside()

    def perform(self, act: Act, names: Iterable[str]) -> tuple[Acted, ...]:
        """Act on services. Raises UsageError, NothingRuns and NotPart."""
        wanted = tuple(dict.fromkeys(names))
        seen = self._look(wanted)
        concerned = wanted if act is Act.STOP else self._notes.close_over(wanted)
        self._report(Planned(services=concerned))
        if act is not Act.STOP and self._has_changed(wanted):
            text = f"the stack file has changed; {act} does not use the new one: {UP}"
            self._report(Message(text=text))
        if act is Act.STOP:
            return self._stop(wanted, seen)
        return self._start(wanted, seen, again=act is Act.RESTART)

    def _look(self, names: tuple[str, ...]) -> ClusterSeen:
        out = {each["service"]: each["reason"] for each in self._notes.left_out}
        check_services(names, (*self._services, *self._notes.names, *out))
        snapshot = take_snapshot(self._kubectl, self._notes, with_events=False)
        if snapshot.is_empty:
            raise NothingRuns("nothing runs there", help=f"start it: {UP}")
        for name in names:
            if self._find(name, snapshot) is None:
                exclusion = self._notes.find_exclusion(name)
                reason = exclusion.reason if exclusion is not None else out.get(name)
                why = f": it is excluded: {reason}" if reason else ""
                raise NotPart(
                    f"`{name}` is not part of what runs there{why}",
                    help=f"bring it up: {UP} {name}",
                )
        return make_seen(self._notes, snapshot)

    def _find(self, name: str, snapshot: Snapshot) -> Workload | None:
        noted = self._notes.find(name)
        return snapshot.find_workload(noted.object) if noted is not None else None

    def _get(self, name: str, seen: ClusterSeen) -> Workload:
        found = self._find(name, seen.snapshot)
        assert found is not None
        return found

    def _has_changed(self, names: tuple[str, ...]) -> bool:
        now = self._services
        noted = [each for name in names if (each := self._notes.find(name))]
        return any(
            each.name not in now or digest_definition(now, each.name) != each.definition
            for each in noted
            if now and each.definition
        )

    # Stop

    def _stop(self, names: tuple[str, ...], seen: ClusterSeen) -> tuple[Acted, ...]:
        needs = {
            each.name: [need.service for need in each.needs]
            for each in self._notes.services
        }
        running = {
            each.name
            for each in self._notes.services
            if (found := self._find(each.name, seen.snapshot)) is not None
            and not found.is_off
            and not found.is_complete
        }
        report_dependents(names, needs, running, self._report)
        acted = []
        stopping = [name for name in names if name in running]
        if stopping:
            self._note_stops(stopping, seen)
        for name in stopping:
            self._switch(self._get(name, seen), is_on=False)
        self._wait_gone(stopping)
        for name in names:
            was_on = name in stopping
            outcome = Outcome.STOPPED if was_on else Outcome.WAS_STOPPED
            if was_on:
                self._report(Stopped(service=name, by=BY_USER))
            acted.append(Acted(service=name, outcome=outcome))
        return tuple(acted)

    def _note_stops(self, names: list[str], seen: ClusterSeen) -> None:
        added = tuple(
            NotedStop(service=name, replicas=self._get(name, seen).replicas)
            for name in names
        )
        self._change_stops((), added)

    def _change_stops(
        self, gone: Iterable[str], added: tuple[NotedStop, ...] = ()
    ) -> None:
        notes = read_notes(self._folder) or self._notes
        dropped = {*gone, *(each.service for each in added)}
        kept = (each for each in notes.stopped if each.service not in dropped)
        self._notes = replace(notes, stopped=(*kept, *added))
        write_notes(self._folder, self._notes)

    def _switch(self, workload: Workload, *, is_on: bool, replicas: int = 1) -> None:
        """Let a workload have its pods, or none."""
        if workload.kind is Kind.JOB:
            patch = json.dumps({"spec": {"suspend": not is_on}})
            self._kubectl.call(
                "patch", workload.path, "--type=merge", f"--patch={patch}"
            )
            return
        scale(self._kubectl, workload.path, replicas if is_on else 0)

    def _wait_gone(self, names: list[str]) -> None:
        """Wait until the pods of stopped services are gone."""
        if not names:
            return
        objects = [each.object for each in self._notes.services if each.name in names]
        chosen = select_project(self._notes.project, f"{NAME} in ({','.join(objects)})")
        said = self._kubectl.ask(
            *("wait", "pod", "--for=delete", "--selector", chosen),
            f"--timeout={_GONE}s",
            timeout=_GONE + 20.0,
        )
        if said.code and "no matching resources" not in said.err:
            raise self._kubectl.explain(said)

    # Start

    def _start(
        self, names: tuple[str, ...], seen: ClusterSeen, *, again: bool
    ) -> tuple[Acted, ...]:
        begun: list[str] = []
        concerned = self._notes.close_over(names)
        for name in concerned:
            workload = self._find(name, seen.snapshot)
            if workload is None:
                raise NotPart(
                    f"`{name}`, which is required, is not there",
                    help=f"bring it up: {UP} {name}",
                )
            if self._begin(name, workload, is_named=name in names, again=again):
                begun.append(name)
        self._change_stops(begun)
        awaited = [
            name
            for name in concerned
            if name in begun or seen.find(name).state not in FINE
        ]
        failed = self._wait_for(awaited)
        return tuple(
            _make_acted(name, begun, failed)
            for name in concerned
            if name in {*names, *begun, *failed}
        )

    def _begin(
        self, name: str, workload: Workload, *, is_named: bool, again: bool
    ) -> bool:
        """Start a service, where it is to be; whether that was done."""
        noted, stop = self._notes.find(name), self._notes.find_stop(name)
        assert noted is not None
        replicas = stop.replicas if stop is not None and stop.replicas else 0
        if workload.is_off:
            self._switch(workload, is_on=True, replicas=replicas or noted.replicas)
            return True
        has_ended = workload.is_complete or workload.is_failed
        if workload.kind is Kind.JOB:
            if not is_named or not (has_ended or again):
                return False
            self._run_again(workload)
            return True
        if not (again and is_named):
            return False
        self._kubectl.call("rollout", "restart", workload.path)
        return True

    def _run_again(self, workload: Workload) -> None:
        """Make a job again, as it was defined."""
        [there] = self._kubectl.read(workload.path)["items"]
        remove_jobs(self._kubectl, [workload.name])
        self._kubectl.call(
            *("apply", "--server-side", "--field-manager=composegen", "--filename=-"),
            text=write_list([_clean_job(there)]),
        )

    def _wait_for(self, names: list[str]) -> tuple[str, ...]:
        """Wait until all are up; those that are not."""
        if not names:
            return ()
        services = tuple(
            replace(each, is_required=True, needs=())
            for each in self._notes.services
            if each.name in names
        )
        notes = replace(
            self._notes, services=services, began=time.time(), limit=None, excluded=()
        )
        booting = Booting(self._kubectl, notes, self._report, outside=self._outside)
        verdict = booting.carry_out()
        if not verdict.reasons:
            return ()
        self._report(NotUp(text=format_reasons(verdict.reasons)))
        states = {name: each.state for name, each in booting.judge.candidates.items()}
        return tuple(name for name in names if states[name] is State.FAILED)


def _clean_job(there: Mapping[str, Any]) -> dict[str, Any]:
    """A job as it can be made again: without what the API server has added."""
    meta, spec = there["metadata"], dict(there["spec"])
    spec.pop("selector", None)
    template = dict(spec["template"])
    inner = dict(template.get("metadata") or {})
    labels = {
        name: value
        for name, value in (inner.get("labels") or {}).items()
        if name.rpartition("/")[2] not in _ADDED
    }
    template["metadata"] = {"labels": labels}
    if inner.get("annotations"):
        template["metadata"]["annotations"] = inner["annotations"]
    spec["template"] = template
    kept = ("name", "namespace", "labels", "annotations")
    return {
        "apiVersion": there["apiVersion"],
        "kind": there["kind"],
        "metadata": {name: meta[name] for name in kept if name in meta},
        "spec": spec,
    }


def _make_acted(name: str, begun: list[str], failed: Iterable[str]) -> Acted:
    if name in failed:
        return Acted(service=name, outcome=Outcome.FAILED)
    outcome = Outcome.STARTED if name in begun else Outcome.WAS_RUNNING
    return Acted(service=name, outcome=outcome)
