"""A scene and a boot as SVG, light and dark, with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from composegen.board.layout import WIDE, Card, Layout, lay_out
from composegen.board.scene import JOB, OPTIONAL, Box, Scene
from composegen.places.status import State, describe_state
from composegen.places.timeline import Boot, find_critical_path
from composegen.records import record
from composegen.text import measure_width

_LETTER = 6.6
_BAR_LEFT, _BAR_RIGHT, _BAR_ROW, _BAR_TOP = 170, 84, 24, 8

STYLE = """\
svg.stack{--ink:#1c2430;--soft:#5b6675;--card:#fff;--edge:#8b96a5;--line:#d3d9e1;
 --good:#1a7f45;--busy:#8a5a00;--bad:#c0302a;--calm:#5b6675;--page:#f5f7fa;
 font:12px system-ui,sans-serif}
@media(prefers-color-scheme:dark){svg.stack{--ink:#e6eaf0;--soft:#9aa6b5;
 --card:#1d242e;--edge:#75808f;--line:#3a4452;--good:#4cc38a;--busy:#e0a83d;
 --bad:#ff7b72;--calm:#9aa6b5;--page:#12171e}}
svg.stack .page{fill:var(--page)}
svg.stack .card{fill:var(--card);stroke:var(--line)}
svg.stack .faint{opacity:.7}
svg.stack .faint .card{stroke-dasharray:4}
svg.stack text{fill:var(--soft)}
svg.stack .faint text{fill:var(--ink)}
svg.stack .name{fill:var(--ink);font-weight:600;font-size:13px}
svg.stack .ready,svg.stack .finished{fill:var(--good)}
svg.stack .starting{fill:var(--busy)}
svg.stack .failed{fill:var(--bad)}
svg.stack .waiting,svg.stack .stopped,svg.stack .left-out{fill:var(--calm)}
svg.stack .link{fill:none;stroke:var(--edge);stroke-width:1.5}
svg.stack .optional{stroke-dasharray:6 4}
svg.stack .tip{fill:var(--edge)}
svg.stack .wait{fill:var(--line)}
svg.stack .boot{fill:#d99a2b}
svg.stack .up{fill:var(--good);opacity:.35}
svg.stack .critical{font-weight:700;fill:var(--ink)}
"""


_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
    'markerHeight="8" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/>'
    "</marker></defs>"
)


@record
class Mark:
    """What a card says besides its name: a state, and a line below."""

    state: State | None = None
    detail: str = ""


def _measure(width: float, height: float) -> str:
    return f'width="{width:.0f}" height="{height:.0f}"'


def _open_svg(width: float, height: float) -> str:
    box = f'viewBox="0 0 {width:.0f} {height:.0f}"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="stack" role="img" '
        f"{box} {_measure(width, height)}>"
    )


def _write_line(text: str, x: float, y: float, more: str = "") -> str:
    return f'<text{more} x="{x:.1f}" y="{y:.1f}">{write_text(text)}</text>'


def write_text(text: str) -> str:
    """A text as the content of an element or of an attribute, whatever it holds."""
    shown = "".join(
        each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text
    )
    for character, entity in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        (">", "&gt;"),
        ('"', "&quot;"),
        ("'", "&#39;"),
    ):
        shown = shown.replace(character, entity)
    return shown


def draw_scene(
    scene: Scene,
    marks: Mapping[str, Mark] | None = None,
    *,
    width: float = WIDE,
    is_alone: bool = True,
) -> str:
    """The graph of a stack; ``marks`` say how services are doing.

    One that stands ``is_alone`` in its file brings its style.
    """
    layout = lay_out(scene, width)
    boxes = {box.service: box for box in scene.boxes}
    parts = [
        _open_svg(layout.width, layout.height),
        f"<title>{write_text(scene.name)}: {write_text(_describe(scene))}</title>",
        *([f"<style>{STYLE}</style>"] if is_alone else []),
        _TIP,
        f'<rect class="page" width="{layout.width:.0f}" height="{layout.height:.0f}"/>',
        *_draw_links(layout, boxes),
    ]
    for card in layout.cards:
        box = boxes[card.service]
        parts += _draw_card(card, box, (marks or {}).get(card.service) or Mark())
    return "\n".join([*parts, "</svg>"]) + "\n"


def _describe(scene: Scene) -> str:
    """The scene in a sentence, for those who hear it."""
    there = [box.service for box in scene.boxes if not box.reason]
    out = [box.service for box in scene.boxes if box.reason]
    text = f"services {', '.join(there)}"
    return f"{text}; excluded: {', '.join(out)}" if out else text


def _draw_links(layout: Layout, boxes: Mapping[str, Box]) -> Iterable[str]:
    for path in layout.paths:
        link = path.link
        kinds = ["link"]
        if link.is_optional or link.kind == OPTIONAL:
            kinds.append("optional")
        if boxes[link.service].reason or boxes[link.needed].reason:
            kinds.append("faint")
        tip = ' marker-end="url(#tip)"' if link.kind == JOB else ""
        yield f'<path class="{" ".join(kinds)}" d="{path.line}"{tip}/>'


def _draw_card(card: Card, box: Box, mark: Mark) -> list[str]:
    room = int((card.width - 24) / _LETTER)
    state = "" if mark.state is None else describe_state(mark.state)
    if box.reason and mark.state is None:
        state = "excluded"
    kind = "" if box.kind == "service" else box.kind
    lines = [mark.detail or box.reason or box.what, *(box.instead or (box.when,))]
    is_low = card.height < 80
    shown = lines[: 1 if is_low else 2]
    faint = " faint" if box.reason else ""
    about = (mark.detail, box.reason, box.what, box.when, *box.instead)
    hint = "\n".join(filter(None, (box.service, kind, state, *about)))
    x, y = card.x + 12, card.y
    place = f'x="{card.x:.1f}" y="{y:.1f}" {_measure(card.width, card.height)}'
    parts = [
        f'<g class="service{faint}"><title>{write_text(hint)}</title>',
        f'<rect class="card" {place} rx="8"/>',
        _write_line(_cut(box.service, room - 2), x, y + 22, ' class="name"'),
    ]
    if state or kind:
        style = mark.state.value if mark.state is not None else "waiting"
        words = " ".join(filter(None, (kind, state)))
        parts.append(_write_line(words, x, y + 40, f' class="{style}"'))
    below = y + (58 if state or kind else 42)
    parts += [
        _write_line(_cut(line, room), x, below + number * 17)
        for number, line in enumerate(filter(None, shown))
    ]
    return [*parts, "</g>"]


def _cut(text: str, room: int) -> str:
    """A text that fits, or its beginning; wide characters take the room of two."""
    text = " ".join(text.split())
    if measure_width(text) <= room:
        return text
    while text and measure_width(text) > room - 2:
        text = text[:-1]
    return f"{text.rstrip()}.."


# The boot


def draw_boot(boots: Iterable[Boot], *, width: float = WIDE - 40) -> str:
    """The boot as bars: waiting, booting, ready; the critical path is bold."""
    listed = list(boots)
    path = find_critical_path(listed)
    times = [m for b in listed for m in (b.started, b.ready) if m is not None]
    end = max(times, default=0.0) or 1.0
    height = 2 * _BAR_TOP + len(listed) * _BAR_ROW
    parts = [
        _open_svg(width, height),
        f"<title>{write_text(_describe_boot(listed, path))}</title>",
    ]
    for row, boot in enumerate(listed):
        parts += _draw_bar(
            boot, _BAR_TOP + row * _BAR_ROW, end, width, is_bold=boot.service in path
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _describe_boot(boots: list[Boot], path: tuple[str, ...]) -> str:
    ends = [
        f"{boot.service} {boot.ready:.1f} s"
        if boot.ready is not None
        else f"{boot.service} never ready"
        for boot in boots
    ]
    return f"ready: {', '.join(ends)}; critical path: {', '.join(path)}"


def _draw_bar(
    boot: Boot, y: float, end: float, width: float, *, is_bold: bool
) -> list[str]:
    scale = (width - _BAR_LEFT - _BAR_RIGHT) / end
    room = int(_BAR_LEFT / _LETTER) - 3
    bold = ' class="critical"' if is_bold else ""
    ready = "never ready" if boot.ready is None else f"{boot.ready:.1f} s"
    start = end if boot.started is None else min(boot.started, end)
    stop = end if boot.ready is None else min(max(boot.ready, start), end)
    right = width - _BAR_RIGHT
    bars = [
        ("wait", 0.0, start),
        ("boot", start, stop),
        *([("up", stop, end)] if boot.ready is not None else []),
    ]
    name = _cut(boot.service, room)
    return [
        _write_line(name, _BAR_LEFT - 10, y + 16, f'{bold} text-anchor="end"'),
        *(
            _draw_rect(kind, _BAR_LEFT + first * scale, y, (last - first) * scale)
            for kind, first, last in bars
            if last > first
        ),
        _write_line(ready, right + 8, y + 16, bold),
    ]


def _draw_rect(kind: str, x: float, y: float, width: float) -> str:
    """A part of a bar; waiting is thin."""
    below, high = (10, 4) if kind == "wait" else (5, 14)
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y + below:.0f}" '
        f'width="{width:.1f}" height="{high}"/>'
    )
