"""What is behind a trouble on a cluster, from Kubernetes' own words, and what to do."""

from __future__ import annotations

import re

from composegen.patterns import make_pattern
from composegen.places.advice import advise_for
from composegen.places.cause import Cause
from composegen.places.cluster.cause import CauseName
from composegen.places.cluster.notes import NotedService, Notes
from composegen.places.cluster.objects import Ending
from composegen.system.signals import NOT_EXECUTABLE, NOT_FOUND, read_signal

UP = "composegen up --on kubernetes"
"""The command that brings it up."""
NOT_STARTED = frozenset({"StartError", "ContainerCannotRun"})
"""The reasons of an end that was no start."""
_LONGEST = 300
_OUT_OF_MEMORY = "OOMKilled"
_MISSING_PROGRAM = make_pattern(
    r'exec: \\?"([^"\\]+)\\?": (?:executable file not found|stat |no such file)'
    r"|exec (\S+): no such file"
)
_LOCKED_PROGRAM = make_pattern(r'exec: \\?"([^"\\]+)\\?": permission denied')
_POD_NAME = make_pattern(
    r"^(?:Error creating: |create Pod \S+ in \S+ \S+ failed error: )"
)
_FORBIDDEN = make_pattern(r'^pods "[^"]*" is forbidden: ')
_MISSING_OBJECT = make_pattern(
    r"couldn't find key (?P<key>\S+) in (?:Secret|ConfigMap) \S*/(?P<of>\S+)"
    r'|(?:secret|configmap) "(?P<gone>[^"]+)" not found',
    re.IGNORECASE,
)


# No pod


def explain_refusal(notes: Notes, refusal: str) -> Cause:
    """Why a pod is not created."""
    said = _FORBIDDEN.sub("", _POD_NAME.sub("", refusal))
    if "exceeded quota" in said:
        return Cause(
            CauseName.QUOTA_EXCEEDED,
            f"the namespace {notes.namespace} has a quota: {said}",
            "lower what it asks for, or have the quota raised; this shows it: "
            + _write_kubectl(notes, "describe", "resourcequota"),
        )
    return Cause(
        CauseName.POD_REFUSED,
        f"the cluster admits no such pod in {notes.namespace}: {said}",
        "take its `relax` away, or use a namespace that admits it: "
        f"{UP} --namespace NAME; this shows what is enforced: "
        + _write_kubectl(notes, "get", "namespace", notes.namespace, "-o", "yaml"),
    )


def _write_kubectl(notes: Notes, *words: str) -> str:
    head = ("kubectl", "--context", notes.context, "-n", notes.namespace)
    return " ".join((*head, *words))


def explain_schedule(notes: Notes, message: str) -> Cause:
    """Why no node takes a pod."""
    short = sorted(set(re.findall(r"Insufficient ([\w./-]*\w)", message)))
    said = message.partition(" preemption:")[0].rstrip(". ")
    if short:
        return Cause(
            CauseName.NO_ROOM,
            f"no node has enough {' and '.join(short)} free: {said}",
            "add a node, or end what needs it less; this shows what is taken: "
            f"kubectl --context {notes.context} describe nodes",
        )
    return Cause(
        CauseName.NO_NODE,
        f"no node takes it: {said}",
        "this shows what the nodes want: "
        f"kubectl --context {notes.context} describe nodes",
    )


def explain_claim(notes: Notes, claim: str, message: str) -> Cause:
    """Why a claim has no volume."""
    return Cause(
        CauseName.CLAIM_PENDING,
        f"its claim {claim} gets no volume: {message}",
        "make a volume or a default storage class; these are there: "
        f"kubectl --context {notes.context} get storageclass,pv",
    )


# A container that cannot be started


def explain_image(noted: NotedService, image: str, message: str) -> Cause:
    """Why an image cannot be pulled."""
    help = f"correct `image` of `{noted.name}`, or let the nodes log in to its registry"
    if noted.is_built:
        help = (
            "it is built here, and the cluster has to pull it: composegen push "
            f"--registry REGISTRY, then {UP}"
        )
    return Cause(
        CauseName.IMAGE_NOT_PULLED,
        f"its image {image} cannot be pulled: {_shorten(message)}",
        help,
    )


def explain_config(noted: NotedService, message: str) -> Cause:
    """Why a container cannot be configured."""
    missing = _MISSING_OBJECT.search(message)
    if missing is not None:
        return _explain_missing(missing, message)
    if "runAsNonRoot" in message or "non-root" in message:
        user = 'user: "10001:10001"   # numbers of a user of its image'
        return Cause(
            CauseName.RUNS_AS_ROOT,
            f"the cluster starts no container as root: {message}",
            advise_for(noted.name, user),
        )
    return _explain_start(message)


def explain_mount(message: str) -> Cause:
    """Why a volume is not mounted."""
    missing = _MISSING_OBJECT.search(message)
    if missing is not None:
        return _explain_missing(missing, "")
    return Cause(CauseName.MOUNT_FAILED, _shorten(message))


def _explain_missing(found: re.Match[str], message: str) -> Cause:
    what = (
        f"{found['of']} has no key {found['key']}"
        if found["key"]
        else f"{found['gone']} is not there"
    )
    return Cause(
        CauseName.SECRET_MISSING,
        f"a value that it needs is missing on the cluster: {what}",
        f"apply it again:\ncomposegen secrets && {UP}" if message else UP,
    )


def _explain_start(message: str) -> Cause:
    missing, locked = _MISSING_PROGRAM.search(message), _LOCKED_PROGRAM.search(message)
    if missing is not None:
        return Cause(
            CauseName.PROGRAM_NOT_FOUND,
            f"`{missing[1] or missing[2]}` is not in the image",
            "install it in the Dockerfile, or correct `command` or `entrypoint`",
        )
    if locked is not None:
        return Cause(
            CauseName.PROGRAM_LOCKED,
            f"`{locked[1]}` may not be executed",
            f"let the Dockerfile give it: RUN chmod +x {locked[1]}",
        )
    return Cause(CauseName.START_REFUSED, _shorten(message))


# How it ended


def explain_death(
    noted: NotedService, ending: Ending, *, limit: str, waits: str, was_silent: bool
) -> Cause:
    """Why a container ended.

    ``limit`` is that of its memory, ``waits`` says why it is not started again.
    ``was_silent`` says that the kubelet ended it, since its startup probe did not pass.
    """
    if ending.reason == _OUT_OF_MEMORY:
        return Cause(
            CauseName.OUT_OF_MEMORY,
            f"it ran out of memory: the limit is {limit or 'that of its node'}",
            advise_for(noted.name, f"resources: {{memory: {_double(limit)}}}"),
        )
    if ending.reason in NOT_STARTED or ending.exit_code in {
        NOT_EXECUTABLE,
        NOT_FOUND,
    }:
        return _explain_start(ending.message or waits)
    signal = read_signal(ending.exit_code)
    said = f"it was killed by {signal.name}" if signal is not None else ""
    if was_silent:
        said = "the kubelet ended it: its startup probe did not pass in time"
    help = f"its log may say more: composegen logs {noted.name}"
    return Cause(CauseName.EXITED, said, help)


def _double(limit: str) -> str:
    """Twice a limit of Kubernetes, as a stack file says it."""
    found = re.fullmatch(r"(\d+)([KMG])i?", limit)
    return f"{int(found[1]) * 2}{found[2]}" if found is not None else "4G"


def explain_job(failure: str) -> Cause:
    """Why a job has failed whose pod is gone."""
    return Cause(
        CauseName.JOB_FAILED,
        f"{failure or 'Kubernetes says no more'}; its pod is gone",
        f"run it again: {UP}",
    )


def explain_gate(name: str, exit_code: int) -> Cause:
    """Why a gate does not wait."""
    return Cause(
        CauseName.GATE_FAILED,
        f"its gate {name} exited with {exit_code} instead of waiting",
        "its lines say why; the image has to hold the tool of the gate",
    )


def explain_eviction(notes: Notes, message: str) -> Cause:
    """Why a node has put a pod out."""
    return Cause(
        CauseName.EVICTED,
        f"its node has put it out: {_shorten(message)}",
        "this shows what the node lacks: "
        f"kubectl --context {notes.context} describe nodes",
    )


def _shorten(text: str) -> str:
    """A message of Kubernetes in one line, without what repeats it."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}.."
