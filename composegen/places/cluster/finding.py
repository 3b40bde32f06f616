"""Where on which cluster a stack is meant to be, or is without notes of `up`."""

from __future__ import annotations

from collections.abc import Callable

from composegen.model import Stack
from composegen.places.cluster.contexts import (
    Where,
    check_namespace,
    choose_context,
    find_server,
    read_contexts,
)
from composegen.places.cluster.notes import Notes, read_notes
from composegen.places.cluster.noting import make_notes
from composegen.planning.addressing import name_on_cluster
from composegen.planning.plan import make_plan
from composegen.workspace.workspace import Workspace


def find_in_context(
    workspace: Workspace, load: Callable[[], Stack], context: str, namespace: str
) -> Notes:
    """The notes of a stack as it would be in a context.

    Those that are here count where they are about the same namespace. Raises NoContext,
    UsageError, and what loading the stack does.
    """
    server = find_server(read_contexts(workspace.environment), context)
    noted = read_notes(workspace.folder)
    is_same = noted is not None and (noted.context, noted.server) == (context, server)
    if noted is not None and is_same and namespace in {"", noted.namespace}:
        return noted
    stack = load()
    project = name_on_cluster(stack.name)
    where = Where(
        context=context,
        server=server,
        namespace=check_namespace(namespace or project),
    )
    return make_notes(make_plan(stack), project, where)


def choose_where(
    workspace: Workspace,
    name: str,
    *,
    context: str,
    namespace: str,
    ask: Callable[[str], bool] | None,
    purpose: str,
) -> Where | None:
    """The cluster and the namespace of a stack of a name; None where a person says no.

    What was typed counts, then what `up` has noted, then kubectl's current context and
    the stack's name. Raises NoContext, OtherCluster, and UsageError.
    """
    notes = read_notes(workspace.folder)
    noted = notes.where if notes is not None else None
    chosen = choose_context(
        read_contexts(workspace.environment), context, noted, ask, purpose=purpose
    )
    if chosen is None:
        return None
    is_same = noted is not None and chosen == (noted.context, noted.server)
    usual = noted.namespace if noted is not None and is_same else name_on_cluster(name)
    return Where(
        context=chosen[0],
        server=chosen[1],
        namespace=check_namespace(namespace or usual),
    )
