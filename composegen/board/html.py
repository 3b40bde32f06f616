"""One HTML file of a plan or of a boot: it needs no server, and has no scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from composegen import __version__
from composegen.board.recorder import Recorded
from composegen.board.scene import Box, Scene
from composegen.board.svg import STYLE, Mark, draw_boot, draw_scene, write_text
from composegen.places.names import PLACES
from composegen.places.status import State, describe_state, format_moment
from composegen.places.timeline import find_critical_path
from composegen.workspace.boots import BootNote

_HEAD = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root{{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--page:#f5f7fa;
--card:#fff;--line:#d3d9e1;--bad:#c0302a}}
@media(prefers-color-scheme:dark){{:root{{--ink:#e6eaf0;--soft:#9aa6b5;
--page:#12171e;--card:#1d242e;--line:#3a4452;--bad:#ff7b72}}}}
body{{margin:1.5rem auto;max-width:1240px;padding:0 1rem;background:var(--page);
color:var(--ink);font:14px/1.5 system-ui,sans-serif}}
h1{{font-size:1.4rem;margin:0}}h2{{font-size:1.05rem;margin:1.6rem 0 .5rem}}
p{{margin:.2rem 0}}.soft{{color:var(--soft)}}.bad{{color:var(--bad)}}
.wide{{overflow-x:auto}}svg{{max-width:none}}
table{{border-collapse:collapse;width:100%;background:var(--card)}}
th,td{{text-align:left;vertical-align:top;padding:.35rem .6rem;
border:1px solid var(--line);overflow-wrap:break-word}}
pre{{background:var(--card);border:1px solid var(--line);padding:.7rem;
overflow-x:auto}}
{style}</style>
</head>
<body>
"""


def write_graph(scene: Scene, marks: Mapping[str, Mark] | None = None) -> str:
    """A plan as one page: the graph, and what each service waits for.

    ``marks`` say how services are doing.
    """
    rows = [_make_row(box) for box in scene.boxes]
    heads = ("service", "kind", "image", "starts", "without it")
    return _write_page(
        scene.name,
        f"the plan{f', {scene.flags}' if scene.flags else ''}",
        [
            _write_graph(draw_scene(scene, marks, is_alone=False)),
            "<h2>Services</h2>",
            _write_table(heads, rows),
        ],
    )


def _make_row(box: Box) -> tuple[str, ...]:
    when = f"excluded: {box.reason}" if box.reason else box.when
    return box.service, box.kind, box.what, when, "; ".join(box.instead)


def write_report(scene: Scene, recorded: Recorded) -> str:
    """A boot as one page: how it ended, the graph, the bars, the failures."""
    note = recorded.note
    marks = {box.service: _mark(box, recorded) for box in scene.boxes}
    total = _say_end(note)
    flags = f", {note.flags}" if note.flags else ""
    place = PLACES.get(note.place, note.place)
    parts = [_write_graph(draw_scene(scene, marks, is_alone=False))]
    if recorded.text:
        parts += ["<h2>Why</h2>", f"<pre>{write_text(recorded.text.strip())}</pre>"]
    if recorded.boots:
        path = find_critical_path(recorded.boots)
        parts += ["<h2>Boot</h2>", _write_graph(draw_boot(recorded.boots))]
        if len(path) > 1:
            parts.append(
                f'<p class="soft">critical path: {write_text(" -> ".join(path))}</p>'
            )
    parts += [
        "<h2>Services</h2>",
        _write_table(
            ("service", "state", "started", "ready", "waited for", "address"),
            _list_rows(scene, recorded),
        ),
    ]
    return _write_page(
        scene.name, f"{total} {place}{flags}, {format_moment(note.at)} UTC", parts
    )


def _say_end(note: BootNote) -> str:
    if note.interrupted is not None:
        return f"it was interrupted after {note.interrupted:.1f} s"
    return "it did not come up" if note.total is None else f"up in {note.total:.1f} s"


def _mark(box: Box, recorded: Recorded) -> Mark:
    name = box.service
    state = recorded.states.get(name)
    boot = next((each for each in recorded.boots if each.service == name), None)
    if state is None and boot is not None and boot.ready is not None:
        state = State.READY
    detail = recorded.reasons.get(name, "")
    if not detail and boot is not None and boot.ready is not None:
        detail = f"ready after {boot.ready:.1f} s"
    if not detail and state is None and not box.reason:
        detail = "not started"
    return Mark(state=state, detail=detail)


def _list_rows(scene: Scene, recorded: Recorded) -> Iterable[tuple[str, ...]]:
    boots = {boot.service: boot for boot in recorded.boots}
    for box in scene.boxes:
        boot = boots.get(box.service)
        mark = _mark(box, recorded)
        state = "excluded" if box.reason else "not started"
        if mark.state is not None:
            state = describe_state(mark.state)
        reason = recorded.reasons.get(box.service) or box.reason
        yield (
            box.service,
            f"{state}: {reason}" if reason else state,
            _write_moment(boot.started if boot is not None else None),
            _write_moment(boot.ready if boot is not None else None),
            ", ".join(boot.waited_for) if boot is not None else "",
            recorded.addresses.get(box.service, ""),
        )


def _write_moment(moment: float | None) -> str:
    return "-" if moment is None else f"{moment:.1f} s"


def _write_graph(drawn: str) -> str:
    return f'<div class="wide">\n{drawn}</div>'


def _write_table(heads: Sequence[str], rows: Iterable[tuple[str, ...]]) -> str:
    cells = "".join(f"<th>{write_text(head)}</th>" for head in heads)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{write_text(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return (
        f"<table>\n<thead><tr>{cells}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
    )


def _write_page(name: str, line: str, parts: Iterable[str]) -> str:
    head = _HEAD.format(title=write_text(name), style=STYLE)
    title = f'<h1>{write_text(name)}</h1>\n<p class="soft">{write_text(line)}</p>'
    foot = f'<p class="soft">composegen {__version__}</p>\n</body>\n</html>\n'
    return "\n".join([head + title, *parts, foot])
