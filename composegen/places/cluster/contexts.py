"""Which cluster and namespace a command means; a question is asked where needed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from composegen.errors import ClusterRefused, NoContext, OtherCluster, UsageError
from composegen.patterns import make_pattern
from composegen.places.cluster.kubectl import Kubectl
from composegen.records import record
from composegen.text import suggest

NAMESPACE = make_pattern(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
"""A name that a namespace can have."""


@record
class Contexts:
    """The contexts of a kubeconfig, each with its server; one may be the current."""

    servers: Mapping[str, str]
    current: str = ""


@record
class Where:
    """A namespace of a cluster."""

    context: str
    server: str
    namespace: str

    def make_kubectl(self, environment: Mapping[str, str]) -> Kubectl:
        """What asks that cluster."""
        return Kubectl(
            context=self.context, namespace=self.namespace, environment=environment
        )

    def __str__(self) -> str:
        return f"the context {self.context} ({self.server}), namespace {self.namespace}"


def read_contexts(environment: Mapping[str, str]) -> Contexts:
    """What kubectl's configuration holds; credentials are not read.

    Raises KubectlMissing and ClusterRefused.
    """
    kubectl = Kubectl(environment=environment)
    said = kubectl.call("config", "view", "--output=json")
    try:
        data = json.loads(said.out)
        servers = {
            each["name"]: each["cluster"].get("server", "")
            for each in data.get("clusters") or ()
        }
        return Contexts(
            servers={
                each["name"]: servers.get(each["context"].get("cluster", ""), "")
                for each in data.get("contexts") or ()
            },
            current=data.get("current-context") or "",
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ClusterRefused("`kubectl config view` did not answer as usual") from None


def find_server(contexts: Contexts, context: str) -> str:
    """The server of a context. Raises NoContext."""
    if not contexts.servers:
        raise NoContext(
            "kubectl knows no cluster: its configuration has no context",
            help="make one, or name its file: KUBECONFIG=FILE; this must show a "
            "context: kubectl config get-contexts",
        )
    if context not in contexts.servers:
        known = tuple(contexts.servers)
        raise NoContext(
            f"kubectl's configuration has no context `{context}`",
            help=suggest(context, known, f"it has {', '.join(known)}"),
        )
    return contexts.servers[context]


def choose_context(
    contexts: Contexts,
    asked: str,
    noted: Where | None,
    ask: Callable[[str], bool] | None,
    *,
    purpose: str,
) -> tuple[str, str] | None:
    """The context and its server; None where a person has said no.

    One that was typed counts, then that of an earlier `up`, then the current one after
    a question. Raises NoContext, OtherCluster, and UsageError without a terminal.
    """
    if asked:
        return asked, find_server(contexts, asked)
    if noted is not None:
        check_noted(contexts, noted)
        return noted.context, noted.server
    if not contexts.current:
        find_server(contexts, "")
        raise NoContext(
            "kubectl's configuration has no current context",
            help=f"choose one: --context {next(iter(contexts.servers))}",
        )
    server = find_server(contexts, contexts.current)
    shown = f"`{contexts.current}` ({server})"
    if ask is None:
        raise UsageError(
            f"there is no terminal to ask whether {shown} is the right cluster",
            help=f"name it: --context {contexts.current}",
        )
    if not ask(f"{purpose} on the cluster {shown}?"):
        return None
    return contexts.current, server


def check_noted(contexts: Contexts, noted: Where) -> None:
    """Whether the context of an earlier `up` still leads to the same server.

    Raises OtherCluster.
    """
    server = contexts.servers.get(noted.context)
    if server == noted.server:
        return
    now = f"leads to {server} now" if server is not None else "is gone"
    raise OtherCluster(
        f"this stack was brought up on {noted.server}, and the context "
        f"`{noted.context}` {now}",
        help="choose with --context; if that cluster is gone, forget it: "
        "rm .composegen/kubernetes.json",
    )


def check_namespace(name: str) -> str:
    """A namespace's name as it can be. Raises UsageError."""
    if not NAMESPACE.fullmatch(name):
        raise UsageError(
            f"`{name}` cannot be the name of a namespace",
            help="up to 63 of a-z, 0-9 and -, beginning and ending with a letter or "
            "digit: --namespace NAME",
        )
    return name
