"""A hand-written kubectl: it answers from what a test lays down, and notes its calls.

It is a program of its own, so that what is tested starts it as it starts the real one.
"""

import json
import os
import stat
import sys
from datetime import UTC, datetime

import yaml

from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.notes import NotedService, Notes
from composegen.places.cluster.snapshot import read_snapshot
from composegen.places.noted import NotedNeed

SERVER = "https://cluster.test:6443"
LABELS = {"app.kubernetes.io/managed-by": "composegen"}
NOW = 1_900_000_000.0
"""The moment at which everything in these tests is looked at."""

_PROGRAM = """\
#!@PYTHON@ -IS
import json, os, pathlib, signal, sys

HOME = pathlib.Path("@HOME@")


def note():
    text = sys.stdin.read() if "--filename=-" in sys.argv else ""
    call = {"words": sys.argv[1:], "text": text, "pid": os.getpid()}
    with open(HOME / "calls.jsonl", "a") as calls:
        calls.write(json.dumps(call) + "\\n")


def list_bare():
    words = iter(sys.argv[1:])
    for word in words:
        if word in ("--context", "--namespace"):
            next(words)
        elif not word.startswith("-"):
            yield word


def answer(bare):
    for rule in sorted(HOME.glob("rules/*.json")):
        data = json.loads(rule.read_text())
        is_meant = bare[: len(data["words"])] == data["words"]
        if not is_meant or not set(data["flags"]) <= set(sys.argv):
            continue
        seen = rule.with_suffix(".seen")
        number = int(seen.read_text()) if seen.exists() else 0
        seen.write_text(str(number + 1))
        frame = data["frames"][min(number, len(data["frames"]) - 1)]
        sys.stdout.write(frame.get("out", ""))
        sys.stderr.write(frame.get("err", ""))
        if frame.get("stays"):
            sys.stdout.flush()
            signal.pause()
        sys.exit(frame.get("code", 0))


def make_secret(folder, made):
    files = [each.partition("=") for each in made.get("files", [])]
    lines = [
        line.partition("=")
        for each in made.get("envs", [])
        for line in (folder / each).read_text().splitlines()
    ]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": made["name"] + "-hash",
            "labels": made["options"]["labels"],
        },
        "stringData": {
            **{key: (folder / path).read_text() for key, _, path in files},
            **{key: value for key, _, value in lines},
        },
    }


def kustomize(folder):
    print((folder / "kubernetes.yaml").read_text())
    made = json.loads((folder / "kustomization.yaml").read_text())
    for each in made.get("secretGenerator", []):
        print("---")
        print(json.dumps(make_secret(folder, each)))


note()
bare = list(list_bare())
answer(bare)
if bare[0] == "kustomize":
    kustomize(pathlib.Path(bare[1]))
"""


class FakeKubectl:
    """Lays down a kubectl in a folder, and what it answers."""

    def __init__(self, folder):
        self.folder = folder / "fake-kubectl"
        (self.folder / "rules").mkdir(parents=True)
        program = self.folder / "kubectl"
        source = _PROGRAM.replace("@PYTHON@", sys.executable)
        program.write_text(source.replace("@HOME@", str(self.folder)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.environment = {
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
        }
        self.answer("config view", make_config("lab"))

    def answer(self, words, *frames, flags=(), first=False):
        """Answer a command with one frame after the other; the last one stays.

        A frame is data, a text, or a mapping with `out`, `err` and `code`. With `stays`
        the program does not end by itself.
        """
        count = len(list((self.folder / "rules").glob("*.json")))
        name = f"{'0' if first else '1'}-{999 - count:03}.json"
        data = {
            "words": words.split(),
            "flags": list(flags),
            "frames": [_make_frame(each) for each in frames],
        }
        (self.folder / "rules" / name).write_text(json.dumps(data))

    def show(self, *frames, events=()):
        """What is on the cluster: lists of objects, one after the other."""
        listed = [make_list(each) for each in frames]
        self.answer(f"get {KINDS}", *listed)
        self.answer("get events", make_list(events))

    def refuse(self, words, err, code=1):
        """Let a command fail with what it says."""
        self.answer(words, {"err": err, "code": code}, first=True)

    @property
    def calls(self):
        """What it was called with, without the words that name context and output."""
        path = self.folder / "calls.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text().splitlines()]

    def list_calls(self, *words):
        """The calls whose words hold these."""
        return [each for each in self.calls if {*words} <= {*each["words"]}]

    def list_applied(self, number=-1):
        """The names of the objects that an `apply` was given, as kind and name."""
        calls = [
            each
            for each in self.list_calls("apply")
            if "--dry-run=server" not in each["words"]
        ]
        items = json.loads(calls[number]["text"])["items"]
        return [f"{each['kind']} {each['metadata']['name']}" for each in items]

    def make_kubectl(self):
        """It as the place uses it."""
        return Kubectl(context="lab", namespace="demo", environment=self.environment)


KINDS = (
    "deployments.apps,statefulsets.apps,replicasets.apps,jobs.batch,pods,"
    "persistentvolumeclaims"
)


def _make_frame(frame):
    if isinstance(frame, str):
        return {"out": frame}
    if {*frame} <= {"out", "err", "code", "stays"}:
        return frame
    return {"out": json.dumps(frame)}


def make_list(items):
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def make_config(*contexts, current="", server=SERVER):
    """What `kubectl config view` says of a kubeconfig."""
    return {
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": n, "context": {"cluster": "c"}} for n in contexts],
        "current-context": current,
    }


# Objects as the API server gives them


def label(service, project="demo"):
    return {
        **LABELS,
        "app.kubernetes.io/name": service,
        "app.kubernetes.io/part-of": project,
    }


def format_time(moment):
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def make_deployment(name, *, ready=1, replicas=1, refusal="", labels=None):
    conditions = [{"type": "Available", "status": "True" if ready else "False"}]
    if refusal:
        conditions.append(
            {"type": "ReplicaFailure", "status": "True", "message": refusal}
        )
    return {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {
            "name": name,
            "uid": f"uid-{name}",
            "generation": 1,
            "labels": label(name) if labels is None else labels,
        },
        "spec": {
            "replicas": replicas,
            "template": {"spec": {"containers": [{"image": f"{name}:1"}]}},
        },
        "status": {
            "observedGeneration": 1,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "conditions": conditions,
        },
    }


def make_replica_set(name, *, hash="h1", revision=1):
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name}-{hash}",
            "labels": {**label(name), "pod-template-hash": hash},
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [{"uid": f"uid-{name}"}],
        },
    }


def make_job(name, *conditions, message="", suspend=False):
    return {
        "kind": "Job",
        "apiVersion": "batch/v1",
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": label(name)},
        "spec": {
            "suspend": suspend,
            "template": {
                "metadata": {"labels": {**label(name), "job-name": name}},
                "spec": {"containers": [{"image": f"{name}:1"}]},
            },
        },
        "status": {
            "conditions": [
                {"type": each, "status": "True", "message": message}
                for each in conditions
            ]
        },
    }


def running(*, since=NOW - 5, ready=False, restarts=0, last=None, **more):
    """A container that runs; ``more`` holds ``name`` and ``booted``."""
    name = more.get("name")
    return {
        "name": name,
        "started": ready or more.get("booted", False),
        "ready": ready,
        "restartCount": restarts,
        "containerID": f"containerd://{name}{restarts}",
        "state": {"running": {"startedAt": format_time(since)}},
        "lastState": {"terminated": last} if last else {},
    }


def waiting(reason, message="", *, restarts=0, last=None, name=None):
    """A container that waits."""
    return {
        "name": name,
        "restartCount": restarts,
        "state": {"waiting": {"reason": reason, "message": message}},
        "lastState": {"terminated": last} if last else {},
    }


def ended(code, reason="Error", *, message="", restarts=0, name=None):
    """A container that has ended."""
    return {
        "name": name,
        "restartCount": restarts,
        "state": {"terminated": end(code, reason, message)},
        "lastState": {},
    }


def end(code, reason="Error", message=""):
    return {
        "exitCode": code,
        "reason": reason,
        "message": message,
        "startedAt": format_time(NOW - 3),
        "finishedAt": format_time(NOW - 1),
    }


def make_pod(service, *, main=None, gates=(), ready=False, hash="h1", **more):
    """A pod; ``main`` is its own container, ``gates`` are those that it waits at.

    ``more`` holds ``unscheduled``, ``claims``, ``memory``, ``number``, ``phase``,
    ``reason`` and ``owner``.
    """
    unscheduled, memory = more.get("unscheduled", ""), more.get("memory", "")
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    if unscheduled:
        conditions.append(
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": unscheduled,
            }
        )
    limits = {"resources": {"limits": {"memory": memory}}} if memory else {}
    return {
        "kind": "Pod",
        "metadata": {
            "name": f"{service}-{hash}-{more.get('number', 1)}",
            "labels": {**label(service), "pod-template-hash": hash},
            "creationTimestamp": format_time(NOW - 10),
            "ownerReferences": [{"uid": more.get("owner", f"uid-rs-{service}")}],
        },
        "spec": {
            "containers": [{"name": service, **limits}],
            "volumes": [
                {"persistentVolumeClaim": {"claimName": each}}
                for each in more.get("claims", ())
            ],
        },
        "status": {
            "phase": more.get("phase", "Pending"),
            "reason": more.get("reason", ""),
            "conditions": conditions,
            "initContainerStatuses": [*gates],
            "containerStatuses": [{**main, "name": service}] if main else [],
        },
    }


def gate(need, state):
    """The gate of a need, with the state of its container."""
    return {**state, "name": f"wait-{need}"}


def make_event(kind, name, reason, message, *, at=NOW, type="Warning"):
    return {
        "type": type,
        "reason": reason,
        "message": message,
        "involvedObject": {"kind": kind, "name": name},
        "lastTimestamp": format_time(at),
    }


def make_claim(name, service, phase="Pending"):
    return {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "labels": label(service)},
        "spec": {"resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": phase},
    }


def make_ready(service):
    """Everything of a service that is ready."""
    main = running(ready=True, since=NOW - 60)
    return [
        make_deployment(service),
        make_replica_set(service),
        make_pod(service, main=main, ready=True),
    ]


def make_starting(service, main=None, **pod):
    """Everything of a service whose pod is not ready."""
    return [
        make_deployment(service, ready=0),
        make_replica_set(service),
        make_pod(service, main=main, **pod),
    ]


def take(*services, events=(), now=NOW):
    """A snapshot of what is on the cluster: lists of objects."""
    items = [each for listed in services for each in listed]
    return read_snapshot(items, events, now=now)


# Notes


def make_noted(name, *needs, optional=(), **changes):
    """A service as it was noted."""
    listed = (
        *(NotedNeed(service=each, is_optional=False) for each in needs),
        *(NotedNeed(service=each, is_optional=True) for each in optional),
    )
    values = {
        "object": name,
        "is_required": True,
        "boot": 30.0,
        "port": 8000,
        "check": "http",
        "path": "/health",
        "check_port": 8000,
    }
    return NotedService(name=name, needs=listed, **{**values, **changes})


def make_notes(*services, **changes):
    """The notes of a project that is called demo."""
    values = {
        "project": "demo",
        "context": "lab",
        "server": SERVER,
        "namespace": "demo",
        "file": "stack.yaml",
        "began": NOW - 20,
    }
    return Notes(services=services, **{**values, **changes})


def read_objects(text):
    """The objects of a rendered file."""
    return [each for each in yaml.safe_load_all(text) if each]
