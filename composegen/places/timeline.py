"""The boot of a stack as bars: when each service was created, started, ready."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from composegen.records import record
from composegen.text import wrap


@record
class Boot:
    """One service's boot in seconds since the beginning; None: that never was.

    ``cleared`` is when the container that it replaces had stopped. ``waited_for`` are
    the services whose gates it waited for.
    """

    service: str
    created: float | None = None
    started: float | None = None
    ready: float | None = None
    cleared: float | None = None
    waited_for: tuple[str, ...] = ()


def find_critical_path(boots: Iterable[Boot]) -> tuple[str, ...]:
    """The chain of services that decided how long the boot took, in boot order.

    It ends at the service that was ready last and goes back over whichever gate
    opened last.
    """
    known = {boot.service: boot for boot in boots if boot.ready is not None}
    if not known:
        return ()
    last = max(known.values(), key=lambda boot: boot.ready or 0.0)
    path = [last.service]
    while True:
        gates = [name for name in known[path[0]].waited_for if name in known]
        gates = [name for name in gates if name not in path]
        if not gates:
            return tuple(path)
        path.insert(0, max(gates, key=lambda name: known[name].ready or 0.0))


def draw_boots(
    boots: Iterable[Boot], *, width: int = 40, columns: int | None = None
) -> str:
    """The boots as one line each, and the critical path below.

    A dot is a service that was created and waits, ``=`` one that boots, ``#`` one that
    is ready. A line that would be wider than ``columns`` goes without what it waited
    for.
    """
    listed = list(boots)
    times = [moment for boot in listed for moment in _moments(boot)]
    end = max(times, default=0.0) or 1.0
    names = max((len(boot.service) for boot in listed), default=0)
    lines = []
    for boot in listed:
        bar = _draw_bar(boot, end, width)
        ready = f"{boot.ready:.1f} s" if boot.ready is not None else "never ready"
        waited = f"  after {', '.join(boot.waited_for)}" if boot.waited_for else ""
        line = f"  {boot.service:<{names}}  {bar}  {ready:>7}"
        is_too_wide = columns is not None and len(line + waited) > columns
        lines.append(line if is_too_wide else f"{line}{waited}".rstrip())
    path = find_critical_path(listed)
    parts = _measure_path(path, {boot.service: boot for boot in listed})
    if len(parts) > 1:
        lines += ["", wrap(f"  critical path: {' -> '.join(parts)}", columns)]
    return "\n".join(lines) + "\n"


def _moments(boot: Boot) -> list[float]:
    return [m for m in (boot.created, boot.started, boot.ready) if m is not None]


def _draw_bar(boot: Boot, end: float, width: int) -> str:
    def place(moment: float | None) -> int:
        return width if moment is None else min(width, round(moment / end * width))

    created = place(boot.created)
    started = max(created, place(boot.started))
    ready = max(started, place(boot.ready))
    return (
        " " * created
        + "." * (started - created)
        + "=" * (ready - started)
        + "#" * (width - ready)
    )


def _measure_path(path: tuple[str, ...], boots: Mapping[str, Boot]) -> list[str]:
    parts, before = [], 0.0
    for name in path:
        ready = boots[name].ready or before
        cleared = boots[name].cleared or 0.0
        if before < cleared < ready:
            parts.append(f"stopping the old {name} {cleared - before:.1f} s")
            before = cleared
        parts.append(f"{name} {ready - before:.1f} s")
        before = ready
    return parts
