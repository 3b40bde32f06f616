"""What a drill asks of a service, as its stack file says it."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.records import field, record
from composegen.values import Duration


@record
class Ask:
    """A request over HTTP, or a command in the service where ``path`` is empty.

    ``body`` is a text, or what is sent as JSON where ``is_json``. ``command`` is a list
    of words, or one text for a shell.
    """

    path: str = ""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = ""
    is_json: bool = False
    command: tuple[str, ...] | str = ()


@record
class Drill:
    """What must work in a service while something that it needs does not.

    Without ``ask`` the health check is asked. ``status`` is the one that is expected, 0
    for any good one; ``contains`` a text of the answer. An answer counts ``within``
    that time. ``skip`` says why the drill leaves the service alone; None: it does not.
    """

    ask: Ask | None = None
    status: int = 0
    contains: str = ""
    within: Duration | None = None
    skip: str | None = None
