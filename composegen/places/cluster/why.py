"""Why services are not up on a cluster: looks, follows the gates, concludes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from composegen.errors import ComposegenError
from composegen.places.cause import Cause
from composegen.places.cluster.cause import CauseName
from composegen.places.cluster.causes import UP
from composegen.places.cluster.judge import describe_delay, describe_trouble
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.notes import NotedService, Notes
from composegen.places.cluster.objects import GATE, Doing, Kind, Pod, Workload
from composegen.places.cluster.silence import explain_silence, read_answer
from composegen.places.cluster.snapshot import Snapshot
from composegen.places.cluster.status import (
    ClusterSeen,
    find_worst,
    is_late,
    is_sick,
    make_seen,
)
from composegen.places.cluster.troubles import find_trouble
from composegen.places.events import Failure
from composegen.places.excluded import explain_exclusion
from composegen.places.reasons import (
    LAST_LINES,
    Reason,
    explain_stop,
    explain_unselected,
    follow_needs,
    shorten_lines,
)
from composegen.places.status import FINE, ServiceStatus, State
from composegen.records import replace
from composegen.values import format_duration

_LOG_PATIENCE = 15.0


def find_cluster_reasons(
    kubectl: Kubectl,
    notes: Notes,
    snapshot: Snapshot,
    *,
    service: str = "",
    failures: Iterable[Failure] = (),
) -> list[Reason]:
    """Why a service, or any where none is named, is not up; empty when all is well.

    ``failures`` were seen a moment ago: their services have a reason in any case.
    """
    seen = make_seen(notes, snapshot)
    doctor = _Doctor(kubectl, seen, {each.service: each for each in failures})
    return doctor.find_reasons([service] if service else notes.names)


class _Doctor:
    """Looks at a project once, and says of each service what is wrong with it."""

    def __init__(
        self, kubectl: Kubectl, seen: ClusterSeen, failures: dict[str, Failure]
    ) -> None:
        self.kubectl = kubectl
        self.seen = seen
        self.notes = seen.notes
        self.snapshot = seen.snapshot
        self.failures = failures

    def find_reasons(self, names: Iterable[str]) -> list[Reason]:
        found: dict[str, Reason] = {}
        for name in names:
            if self.notes.find(name) is None:
                found |= {each.service: each for each in self._explain_out(name)}
            elif not self._is_fine(name):
                chain = follow_needs(name, self._find_blocking)
                if chain[-1] not in found:
                    found[chain[-1]] = self._explain(chain)
        return list(found.values())

    def _explain_out(self, name: str) -> list[Reason]:
        """Why a service takes no part: it was excluded before anything was applied."""
        return [
            explain_unselected(
                self.seen.find(name), each["instead"], f"include it: {UP} --with {name}"
            )
            for each in self.notes.left_out
            if each["service"] == name
        ]

    def _is_fine(self, name: str) -> bool:
        return self.seen.find(name).state in FINE and name not in self.failures

    def _find_blocking(self, name: str) -> list[str]:
        """What the gate waits for at which a pod of it is."""
        workload = self._find_workload(name)
        for pod in self.snapshot.list_pods(workload) if workload is not None else ():
            gate = pod.find_gate()
            if gate is None or gate.doing is not Doing.RUNNING:
                continue
            needed = self.notes.find_object(gate.name.removeprefix(GATE))
            if needed is not None and not self._is_fine(needed.name):
                return [needed.name]
        return []

    def _find_workload(self, name: str) -> Workload | None:
        noted = self.notes.find(name)
        return self.snapshot.find_workload(noted.object) if noted is not None else None

    # One service

    def _explain(self, chain: tuple[str, ...]) -> Reason:
        noted = self.notes.find(chain[-1])
        assert noted is not None
        status = self.seen.find(noted.name)
        if status.by is not None:
            return explain_stop(chain, status)
        exclusion = self.notes.find_exclusion(noted.name)
        if exclusion is not None and status.state is State.EXCLUDED:
            return explain_exclusion(chain, status, exclusion, up=UP)
        workload = self._find_workload(noted.name)
        if workload is None or workload.is_off:
            failure = _explain_absence(noted, workload)
            return Reason(chain=chain, status=status, failure=failure)
        failed = self.failures.get(noted.name)
        if failed is not None:
            status = replace(status, state=State.FAILED)
        return self._explain_pods(chain, status, noted, workload, failed)

    def _explain_pods(
        self,
        chain: tuple[str, ...],
        status: ServiceStatus,
        noted: NotedService,
        workload: Workload,
        failed: Failure | None,
    ) -> Reason:
        trouble = find_trouble(self.snapshot, self.notes, noted, workload)
        pods = self.snapshot.list_pods(workload)
        pod = find_worst(pods)
        container = noted.object
        if trouble is not None:
            older = self.snapshot.count_older(workload)
            failure = describe_trouble(noted, trouble, older)
            pod = next((each for each in pods if each.name == trouble.pod), pod)
            container = trouble.container or container
        else:
            failure = failed or self._describe_wait(noted, workload, pod)
            if pod is not None and not failure.cause:
                cause = explain_silence(self.kubectl, self.snapshot, noted, pod)
                failure = _add_cause(failure, cause)
        has_run = pod is not None and any(
            each.name == container and (each.started_at or each.deaths)
            for each in pod.containers
        )
        return Reason(
            chain=chain,
            status=status,
            failure=failure,
            check=self._describe_check(noted, pod) if trouble is None else (),
            lines=self.read_lines(pod, container)
            if pod is not None and has_run
            else (),
        )

    def _describe_wait(
        self, noted: NotedService, workload: Workload, pod: Pod | None
    ) -> Failure:
        """One that has no trouble, and is not ready."""
        gate = pod.find_gate() if pod is not None else None
        if gate is not None:
            needed = gate.name.removeprefix(GATE)
            said = f"{noted.name} waits for {needed}, which is ready"
            return Failure(service=noted.name, reason=said)
        if pod is None:
            said = f"{noted.name} has no pod yet"
        elif not pod.has_started:
            said = f"{noted.name} has not been started yet"
        elif workload.kind is Kind.JOB:
            said = f"{noted.name} has not finished yet"
        elif is_sick(self.snapshot, pod):
            said = f"{noted.name} is not healthy any more"
        elif is_late(self.snapshot, self.notes, noted, pod):
            said = describe_delay(noted)
        else:
            boot = format_duration(noted.boot)
            said = f"{noted.name} is not ready yet; its boot is {boot}"
        return Failure(service=noted.name, reason=said)

    def _describe_check(self, noted: NotedService, pod: Pod | None) -> tuple[str, ...]:
        if not noted.is_asked or pod is None or not pod.has_started:
            return ()
        port = noted.check_port or noted.port
        what = {
            "http": f"GET {noted.path} on port {port}",
            "tcp": f"a connection to port {port}",
        }.get(noted.check, "its command")
        answer = read_answer(self.snapshot, pod)
        return (what, *answer.splitlines()[-LAST_LINES:]) if answer else ()

    def read_lines(self, pod: Pod, container: str) -> tuple[str, ...]:
        """The last lines of a container; none where they cannot be had."""
        with suppress(ComposegenError):
            said = self.kubectl.ask(
                *("logs", pod.name, "--container", container),
                f"--tail={LAST_LINES}",
                timeout=_LOG_PATIENCE,
            )
            if said.code == 0:
                return shorten_lines(said.out.splitlines())
        return ()


def _add_cause(failure: Failure, cause: Cause) -> Failure:
    return replace(failure, cause=cause.text, cause_name=cause.name, help=cause.help)


def _explain_absence(noted: NotedService, workload: Workload | None) -> Failure:
    """It has no workload, or one that is to have no pod."""
    name = noted.name
    if workload is None:
        cause = Cause(
            CauseName.UP_ENDED,
            "it was not applied, or it was deleted from the cluster",
            f"bring it up: {UP}",
        )
        return _add_cause(Failure(service=name, reason=f"{name} is not there"), cause)
    how = "suspended" if workload.kind is Kind.JOB else "scaled to 0"
    return Failure(
        service=name,
        reason=f"{name} was {how}, and not by composegen",
        help=f"start it: composegen start {name} --on kubernetes",
    )
