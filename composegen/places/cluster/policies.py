"""Tries whether a cluster enforces NetworkPolicies: nothing that it says proves it.

A cluster whose network plugin knows no policies accepts them all the same. Two pods in
a namespace of their own show it: one is connected to, before a policy forbids that and
after.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from composegen.errors import ComposegenError
from composegen.places.cluster.applying import LEVEL
from composegen.places.cluster.boot import Outside
from composegen.places.cluster.contexts import Where
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.manifests import write_list
from composegen.places.cluster.objects import MANAGED_BY, OURS
from composegen.planning.asking import choose_gate_tool
from composegen.planning.plan import Plan
from composegen.records import record, replace

PORT = 8080
_PULL = 120.0
_SPREAD = 20.0
_PAUSE = 0.5
_SURE = 3
_SERVE_PYTHON = f"""\
import socket
server = socket.create_server(("", {PORT}))
while True:
    server.accept()[0].close()
"""
_SERVE_NODE = f"require('net').createServer((one) => one.end()).listen({PORT})"
_SERVE_NC = f"while :; do nc -l -p {PORT} </dev/null >/dev/null; done"
_ASK_PYTHON = """\
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), 2).close()
"""
_ASK_NODE = """\
const [host, port] = process.argv.slice(1);
const one = require("net").connect({ host, port: Number(port) });
setTimeout(() => process.exit(1), 2000);
one.on("connect", () => process.exit(0)).on("error", () => process.exit(1));
"""
_SERVERS: Mapping[str, tuple[str, ...]] = {
    "python3": ("python3", "-I", "-c", _SERVE_PYTHON),
    "python": ("python", "-I", "-c", _SERVE_PYTHON),
    "node": ("node", "-e", _SERVE_NODE),
    "nc": ("sh", "-c", _SERVE_NC),
}
_ASKERS: Mapping[str, tuple[str, ...]] = {
    "python3": ("python3", "-I", "-c", _ASK_PYTHON),
    "python": ("python", "-I", "-c", _ASK_PYTHON),
    "node": ("node", "-e", _ASK_NODE, "--"),
    "nc": ("sh", "-c", 'nc -w 2 "$0" "$1" </dev/null'),
}


@record
class Pair:
    """The image of the two pods, and the tool in it that connects."""

    image: str
    tool: str


@record
class Tried:
    """What was seen: None where it could not be, and ``words`` say why."""

    is_enforced: bool | None
    words: str = ""


def choose_pair(plan: Plan, images: Mapping[str, str]) -> Pair | None:
    """An image of the plan that can serve and connect; one that is not built first.

    ``images`` are those of its services. None where no image has such a tool.
    """
    ordered = sorted(plan.steps, key=lambda step: step.service.build is not None)
    for step in ordered:
        tool = choose_gate_tool(step.service)
        image = images.get(step.name, "")
        if tool in _SERVERS and image:
            return Pair(image=image, tool=tool)
    return None


class Trial:
    """One try, which leaves nothing behind."""

    def __init__(
        self,
        where: Where,
        environment: Mapping[str, str],
        pair: Pair,
        *,
        outside: Outside | None = None,
    ) -> None:
        name = f"composegen-doctor-{secrets.token_hex(4)}"
        place = replace(where, namespace=name)
        self._kubectl: Kubectl = place.make_kubectl(environment)
        self._pair = pair
        self._outside = outside or Outside()

    @property
    def namespace(self) -> str:
        """The namespace in which it is tried."""
        return self._kubectl.namespace

    def carry_out(self) -> Tried:
        """Try it. Raises ClusterUnreachable and ClusterRefused."""
        labels = {MANAGED_BY: OURS, LEVEL: "restricted"}
        self._create("v1", "Namespace", self.namespace, labels=labels)
        try:
            return self._try()
        finally:
            with suppress(ComposegenError):
                self._kubectl.call(
                    "delete", "namespace", self.namespace, "--wait=false"
                )

    def _try(self) -> Tried:
        for name in ("asked", "asking"):
            self._create(
                "v1", "Pod", name, labels={"app": name}, spec=self._make_spec()
            )
        said = self._kubectl.ask(
            *("wait", "pod", "asked", "asking", "--for=condition=Ready"),
            f"--timeout={_PULL:g}s",
            timeout=_PULL + 20,
        )
        if said.code:
            return Tried(is_enforced=None, words=self._describe_pods())
        [asked] = self._kubectl.read("pod", "asked")["items"]
        address = asked["status"]["podIP"]
        if not self._wait_until(lambda: self._connects(address)):
            words = "one pod does not reach another, though no policy forbids it"
            return Tried(is_enforced=None, words=words)
        self._create(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "closed",
            spec={
                "podSelector": {"matchLabels": {"app": "asked"}},
                "policyTypes": ["Ingress"],
            },
        )
        return Tried(is_enforced=self._wait_until(lambda: self._is_closed(address)))

    def _is_closed(self, address: str) -> bool:
        return not any(self._connects(address) for _ in range(_SURE))

    def _connects(self, address: str) -> bool:
        asker = (*_ASKERS[self._pair.tool], address, str(PORT))
        said = self._kubectl.ask("exec", "asking", "--", *asker, timeout=30.0)
        return said.code == 0

    def _wait_until(self, is_so: Callable[[], bool]) -> bool:
        end = self._outside.clock() + _SPREAD
        while True:
            if is_so():
                return True
            if self._outside.clock() >= end:
                return False
            self._outside.pause(_PAUSE)

    def _describe_pods(self) -> str:
        """Why the pods are not there."""
        pods = self._kubectl.read("pods")["items"]
        reasons = [
            state.get("message") or state.get("reason", "")
            for pod in pods
            for each in pod["status"].get("containerStatuses") or ()
            for state in (each.get("state", {}).get("waiting") or {},)
        ]
        why = next(filter(None, reasons), "they are not scheduled")
        return f"its pods do not start with the image {self._pair.image}: {why}"

    def _create(
        self,
        version: str,
        kind: str,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        spec: Mapping[str, Any] | None = None,
    ) -> None:
        made: dict[str, Any] = {
            "apiVersion": version,
            "kind": kind,
            "metadata": {"name": name, "labels": dict(labels or {})},
        }
        if spec is not None:
            made["spec"] = spec
        self._kubectl.call("create", "--filename=-", text=write_list([made]))

    def _make_spec(self) -> dict[str, Any]:
        context = {"runAsNonRoot": True, "runAsUser": 65534, "runAsGroup": 65534}
        return {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                **context,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": self._pair.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": list(_SERVERS[self._pair.tool]),
                    "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                }
            ],
        }
