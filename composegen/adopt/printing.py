"""The report for people: what is better, different, raw, lost, and what was proven."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from composegen.adopt.report import Entry, Gate, Report
from composegen.text import count, escape_control, list_some

_GATED = frozenset({"service_healthy", "service_completed_successfully"})


def format_report(report: Report) -> str:
    """The whole report, without a line end."""
    return escape_control("\n".join(_write(report)), keep="\n")


def format_unlisted(entries: tuple[Entry, ...]) -> str:
    """Differences that nothing explains, without a line end."""
    lines = (f"  {line}" for line in _write_entries(entries))
    return "\n".join(["these differences are in neither list; check them:", *lines])


def _write(report: Report) -> Iterator[str]:
    profiles = f", {count(len(report.profiles), 'profile')}" if report.profiles else ""
    services = count(len(report.services), "service")
    yield f"read {', '.join(report.read)}: {services}{profiles}"
    for name, value in report.settings.items():
        yield f"used {name}={value} of .env"
    for line in report.remarks:
        yield f"note: {line}"
    if report.written:
        yield f"wrote {report.written}"
    yield from _section("better", _write_gates(report))
    yield from _section(
        "different on purpose (and how to undo it)", _write_entries(report.changed)
    )
    if report.raw:
        raw = ", ".join(f"{key} ({len(names)})" for key, names in report.raw.items())
        yield f"\nkept as it was, raw: {raw}"
    yield from _section("not carried over", _write_entries(report.lost))
    yield from _section(
        "named by an address, not needed (add it if it must be ready first)",
        (f"{e.service} -> {e.what}: {e.undo}" for e in report.offered),
    )
    yield from _section("excluded unless selected", _write_optional(report))
    yield ""
    yield from _write_proof(report)


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"\n{title}"
        yield from (f"  {line}" for line in found)


def _write_gates(report: Report) -> Iterator[str]:
    gates = report.gates
    if not gates:
        return
    waited = sum(gate.before not in _GATED for gate in gates)
    gated = sum(gate.after in _GATED for gate in gates)
    edges = count(len(gates), "edge")
    yield f"{waited} of {edges} waited for nothing; {gated} of {len(gates)} wait now"
    better = [g for g in gates if g.after in _GATED and g.before not in _GATED]
    width = max((len(_name(gate)) for gate in better), default=0)
    for gate in better:
        new = "; a variable shows the edge" if gate.is_new else ""
        yield f"  {_name(gate):<{width}}  {gate.why}{new}"
    before = [_name(gate) for gate in gates if gate.before in _GATED]
    if better and before:
        yield f"{len(before)} waited before, too: {list_some(before, 4)}"
    missing: dict[str, list[str]] = {}
    for gate in gates:
        if gate.after not in _GATED:
            missing.setdefault(gate.target, []).append(gate.source)
    reasons = {g.target: g.why for g in gates if g.after not in _GATED}
    if missing:
        count_of = sum(map(len, missing.values()))
        yield f"{count_of} cannot wait:"
    for target, sources in missing.items():
        yield f"  {list_some(sources, 3)} -> {target}  {reasons[target]}"


def _name(gate: Gate) -> str:
    return f"{gate.source} -> {gate.target}"


def _write_entries(entries: tuple[Entry, ...]) -> Iterator[str]:
    """Entries of one kind stand together; many services are counted."""
    grouped: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        grouped.setdefault((entry.key, entry.what, entry.undo), []).append(entry)
    for (key, what, undo), found in grouped.items():
        names = [entry.service for entry in found if entry.service]
        who = f"{list_some(names, 4)}: " if names else ""
        spot = f" ({found[0].spot})" if found[0].spot and len(found) == 1 else ""
        help = f"; {undo}" if undo else ""
        yield f"{who}{key}: {what}{help}{spot}"


def _write_optional(report: Report) -> Iterator[str]:
    for flags in report.selections:
        if flags:
            yield f"composegen up {' '.join(flags)}"


def _write_proof(report: Report) -> Iterator[str]:
    total = len(report.services)
    if report.proof == "none":
        yield "not compared (--no-proof)"
    elif report.unlisted:
        yield format_unlisted(report.unlisted)
        return
    else:
        how = "every variable set to a value of its own"
        if report.proof == "now":
            how = "with the variables as they are now"
        yield (
            f"the same otherwise: {total} of {total} services "
            f"(docker compose config of both sides, {how})"
        )
    if report.written:
        flag = "" if report.written == "stack.yaml" else f" -f {report.written}"
        yield f"try: composegen check{flag}, composegen up{flag}"
