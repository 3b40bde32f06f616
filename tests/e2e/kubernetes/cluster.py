"""Stacks on a cluster, each in a namespace of its own; every wait has a deadline."""

from __future__ import annotations

import json
import os
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import yaml

from composegen.stackfile.load import load_stack
from tests.e2e.engine import ROOT, run, run_well, wait_until
from tests.e2e.stacks import COMMAND, SERVE, Done
from tests.e2e.stacks import make_service as make_any
from tests.pasting import merge, read_mend

SCRIPT = ROOT / "scripts" / "cluster" / "cluster.sh"
CONTEXT = "composegen-test"
PART_OF = "app.kubernetes.io/part-of"
NAME = "app.kubernetes.io/name"
KUBECTL_IMAGE = "composegen/kubectl:1"
"""An image whose entrypoint is kubectl; the test cluster has it."""

LEVEL = "pod-security.kubernetes.io/enforce"

USER = "10001:10001"
"""Pod Security `restricted` wants a number that is not root's."""

Object = dict[str, Any]
"""An object of the API, as JSON."""


def make_service(program: str = SERVE, *words: str, **keys: Any) -> dict[str, Any]:
    """A service that runs a Python program as a user that `restricted` admits."""
    return make_any(program, *words, **{"user": USER, **keys})


class Cluster:
    """The test cluster: which images it has, and kubectl."""

    def __init__(self) -> None:
        kubeconfig = run_well(str(SCRIPT), "kubeconfig").strip()
        tools = str(Path(kubeconfig).parent / "bin")
        self.env = {
            **os.environ,
            "KUBECONFIG": kubeconfig,
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
        }
        self._loaded: dict[str, str] = {}

    def kubectl(self, *words: str, deadline: float = 60) -> str:
        """What kubectl prints; it must succeed."""
        return run_well("kubectl", *words, deadline=deadline, env=self.env)

    def load(self, *images: str) -> None:
        """Copy images from the Docker engine, but those that were copied already."""
        wanted = {
            image: run_well("docker", "image", "inspect", "-f", "{{.Id}}", image)
            for image in images
        }
        new = [image for image in wanted if self._loaded.get(image) != wanted[image]]
        if new:
            run_well(str(SCRIPT), "load", *new, deadline=300)
            self._loaded |= {image: wanted[image] for image in new}


class Stack:
    """A stack file in a folder of its own, and what it is on the cluster.

    Leaving the block removes its namespace.
    """

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder = folder
        self.cluster = cluster
        self.namespace = f"kclu-{uuid4().hex[:10]}"
        self.services: dict[str, Any] = {}
        self.top: dict[str, Any] = {}
        self.causes: set[str] = set()
        """The names of the causes that were found."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        words = ("namespace", self.namespace, "--ignore-not-found")
        self.kubectl("delete", *words, "--wait=false")
        # Programs that are process 1 and do not handle SIGTERM would take 30 s to end.
        self.kubectl("delete", "pods", "--all", "--grace-period=1", "--wait=false")
        self.kubectl("delete", *words, deadline=180)

    def write(self, services: dict[str, Any], **top: Any) -> None:
        """Write the stack file again."""
        self.services, self.top = services, top
        text = yaml.safe_dump({"services": services, **top}, sort_keys=False)
        (self.folder / "stack.yaml").write_text(text)

    # Commands

    def kubectl(self, *words: str, deadline: float = 60) -> str:
        """What kubectl prints in the namespace; it must succeed."""
        own = ("--namespace", self.namespace)
        return self.cluster.kubectl(*own, *words, deadline=deadline)

    def composegen(self, *words: str, deadline: float = 150, **variables: str) -> Done:
        """Run a command of ours in the folder, whatever its exit code."""
        env = {**self.cluster.env, **variables}
        began = time.monotonic()
        done = run(*COMMAND, *words, deadline=deadline, cwd=self.folder, env=env)
        took = time.monotonic() - began
        return Done(done.returncode, done.stdout, done.stderr, took)

    def render(self, *words: str, **variables: str) -> Done:
        """Write the files of the cluster, and load the images that they name."""
        own = ("--target", "kubernetes", "--wait-image", KUBECTL_IMAGE)
        done = self.composegen("render", *own, *words, **variables)
        assert done.code == 0, done
        self.load_images()
        return done

    def load_images(self) -> None:
        """Build and load what the rendered pods run."""
        named = set(
            re.findall(r"image: \"?([^\s\"]+)", self.read_file("kubernetes.yaml"))
        )
        built = self._build(named)
        self.cluster.load(*sorted((named | built) - {KUBECTL_IMAGE}))

    def _build(self, named: set[str]) -> set[str]:
        services = load_stack(self.folder / "stack.yaml").stack.services
        built = set()
        for name, service in services.items():
            if service.build is None:
                continue
            [image] = [
                image for image in named if re.search(f"(^|-|/){name}:[^/]*$", image)
            ] or [""]
            if image:
                context = str(self.folder / service.build.context)
                run_well("docker", "build", "-q", "-t", image, context, deadline=300)
                built.add(image)
        return built

    def apply(self) -> str:
        """Apply the rendered files by hand, in a namespace of its own."""
        self.make_namespace()
        self.set_namespace()
        words = ("apply", "--server-side", "--field-manager", "composegen", "-k", ".")
        return self.kubectl_here(*words)

    def kubectl_here(self, *words: str) -> str:
        """The same as `kubectl`, in the folder of the stack."""
        own = ("kubectl", "--namespace", self.namespace, *words)
        done = run(*own, cwd=self.folder, env=self.cluster.env)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def make_namespace(self, level: str = "restricted") -> None:
        """Make the namespace, in which Pod Security enforces a level."""
        self.cluster.kubectl("create", "namespace", self.namespace)
        self.cluster.kubectl("label", "namespace", self.namespace, f"{LEVEL}={level}")

    def set_namespace(self) -> None:
        """Name this namespace in the kustomization, as a platform team would."""
        path = self.folder / "kustomization.yaml"
        text = re.sub(
            "^namespace:.*$",
            f"namespace: {self.namespace}",
            path.read_text(),
            flags=re.MULTILINE,
        )
        assert f"namespace: {self.namespace}" in text
        path.write_text(text)

    def create(self, what: Object) -> None:
        """Create an object in the namespace."""
        path = self.folder / "object.json"
        path.write_text(json.dumps(what))
        self.kubectl("create", "-f", str(path))

    def up(self, *words: str, deadline: float = 150, **variables: str) -> Done:
        """Bring it up on the cluster, whatever comes of it."""
        where = ("--on", "kubernetes", "--context", CONTEXT)
        own = (*where, "--namespace", self.namespace)
        return self.composegen("up", *own, *words, deadline=deadline, **variables)

    def up_well(self, *words: str, deadline: float = 150, **variables: str) -> Done:
        """Bring it up; it must come up."""
        done = self.up(*words, deadline=deadline, **variables)
        assert done.code == 0, f"{done}\n{self.kubectl('get', 'pods')}"
        return done

    def help(self, said: str) -> None:
        """Add the lines that were printed to the stack file."""
        name, *lines = read_mend(said)
        for line in lines:
            merge(self.services[name], yaml.safe_load(line))
        self.write(self.services, **self.top)

    def assert_answers(self) -> None:
        """That all of it is up, or has done its work."""
        done = self.composegen("status", "--on", "kubernetes")
        assert done.code == 0, done
        assert self.list_pods().keys() >= self.services.keys()

    # What there is

    def read_file(self, name: str) -> str:
        """A file of the folder."""
        return (self.folder / name).read_text()

    def list(self, kind: str) -> dict[str, Object]:
        """The objects of a kind by their names."""
        found = json.loads(self.kubectl("get", kind, "-o", "json"))
        return {each["metadata"]["name"]: each for each in found["items"]}

    def list_pods(self) -> dict[str, list[Object]]:
        """The pods by their services, without those that are being deleted."""
        pods: dict[str, list[Object]] = {}
        for pod in self.list("pods").values():
            if "deletionTimestamp" in pod["metadata"]:
                continue
            pods.setdefault(pod["metadata"]["labels"][NAME], []).append(pod)
        return pods

    def find_pod(self, service: str) -> Object:
        """The one pod of a service."""
        [pod] = self.list_pods().get(service, [])
        return pod

    def wait_for_ready(self, *services: str, deadline: float = 120) -> None:
        """Until the pods of all services are ready, and their jobs have finished."""
        try:
            wait_until(lambda: self.are_ready(*services), "ready", deadline=deadline)
        except AssertionError as late:
            shown = self.kubectl("get", "pods,events")
            raise AssertionError(f"{late}\n{shown}") from None

    def are_ready(self, *services: str) -> bool:
        """Whether each of the services has pods, and all of them are ready."""
        pods = self.list_pods()
        return all(
            pods.get(name) and all(is_settled(pod) for pod in pods[name])
            for name in services
        )

    def exec(self, service: str, *words: str) -> str:
        """What a program prints in the container of a service."""
        name = self.find_pod(service)["metadata"]["name"]
        return self.kubectl("exec", name, "-c", service, "--", *words)

    def read_logs(self, service: str, container: str = "") -> str:
        """What a container of a service wrote."""
        name = self.find_pod(service)["metadata"]["name"]
        return self.kubectl("logs", name, "-c", container or service)


def is_settled(pod: Object) -> bool:
    """Whether a pod is ready, or has done its work."""
    return pod["status"]["phase"] == "Succeeded" or find_ready(pod) is not None


def find_ready(pod: Object) -> datetime | None:
    """When a pod became ready; None where it is not."""
    for condition in pod["status"].get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] == "True":
            return datetime.fromisoformat(condition["lastTransitionTime"])
    return None


def find_start(pod: Object) -> datetime:
    """When the first of a pod's own containers started, after those that gate it."""
    [own] = pod["status"]["containerStatuses"]
    state = own["state"].get("running") or own["state"]["terminated"]
    return datetime.fromisoformat(state["startedAt"])


def find_end(pod: Object) -> datetime:
    """When the container of a job's pod ended."""
    [own] = pod["status"]["containerStatuses"]
    return datetime.fromisoformat(own["state"]["terminated"]["finishedAt"])


def count_restarts(pod: Object) -> int:
    """How often the containers of a pod were started again, gates included."""
    status = pod["status"]
    containers = status.get("containerStatuses", []) + status.get(
        "initContainerStatuses", []
    )
    return sum(each["restartCount"] for each in containers)
