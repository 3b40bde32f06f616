"""The answers over time with the faults as bands: as SVG, and as lines of text."""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape

from composegen.drill.asking import Answer
from composegen.drill.rows import Band, Report

_LEFT, _RIGHT, _TOP, _ROW, _GAP = 110, 20, 44, 48, 14
_SECOND = 14.0
_LEAST_WIDTH = 640
_FONT = 'font-family="sans-serif" font-size="12"'
_GOOD, _BAD, _FAULT, _INK, _PALE = "#2a7f5c", "#c8342b", "#f3d9a4", "#222", "#8a8a8a"
_SLOWEST = 2.0
"""Seconds at which a bar of the picture is full; slower ones are no higher."""


def draw_svg(report: Report) -> str:
    """A row for each dependent service: a bar an answer, higher where it was slow."""
    end = _find_end(report)
    width = max(_LEAST_WIDTH, round(_LEFT + end * _SECOND + _RIGHT))
    scale = (width - _LEFT - _RIGHT) / end
    height = _TOP + len(report.answers) * (_ROW + _GAP) + 30
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {_FONT}>',
        "<title>The answers of dependent services during a drill</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for number, band in enumerate(report.bands):
        parts += _draw_band(band, number, scale, height - 30)
    for number, (name, answers) in enumerate(report.answers.items()):
        top = _TOP + number * (_ROW + _GAP)
        parts.append(
            f'<text x="{_LEFT - 10}" y="{top + _ROW - 6}" text-anchor="end" '
            f'fill="{_INK}">{escape(name)}</text>'
        )
        parts.append(
            f'<line x1="{_LEFT}" x2="{width - _RIGHT}" y1="{top + _ROW}" '
            f'y2="{top + _ROW}" stroke="{_PALE}"/>'
        )
        parts += [_draw_answer(each, top, scale) for each in answers]
    parts += _draw_seconds(end, scale, height)
    return "".join(f"{part}\n" for part in [*parts, "</svg>"])


def _find_end(report: Report) -> float:
    times = [each.ended for answers in report.answers.values() for each in answers]
    return max([*times, *(band.ended for band in report.bands), 1.0])


def _draw_band(band: Band, number: int, scale: float, bottom: float) -> list[str]:
    left = _LEFT + band.began * scale
    wide = max(2.0, (band.ended - band.began) * scale)
    high = 16 if number % 2 == 0 else 32
    label = f"{escape(band.service)} {band.fault.value}"
    size = f'width="{wide:.1f}" height="{bottom - _TOP + 6}"'
    return [
        f'<rect x="{left:.1f}" y="{_TOP - 6}" {size} fill="{_FAULT}"/>',
        f'<text x="{left:.1f}" y="{high}" fill="{_INK}">{label}</text>',
    ]


def _draw_answer(answer: Answer, top: float, scale: float) -> str:
    share = min(1.0, answer.seconds / _SLOWEST)
    high = 4 + share * (_ROW - 6)
    left = _LEFT + answer.at * scale
    wide = max(2.0, answer.seconds * scale)
    colour = _GOOD if answer.is_good else _BAD
    title = answer.problem or "good"
    return (
        f'<rect x="{left:.1f}" y="{top + _ROW - high:.1f}" width="{wide:.1f}" '
        f'height="{high:.1f}" fill="{colour}"><title>{answer.at:.1f} s, '
        f"{answer.seconds:.2f} s: {escape(_clean(title))}</title></rect>"
    )


def _clean(text: str) -> str:
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _draw_seconds(end: float, scale: float, height: float) -> list[str]:
    step = 5 if end <= 60 else 10
    return [
        f'<text x="{_LEFT + second * scale:.1f}" y="{height - 10}" '
        f'text-anchor="middle" fill="{_PALE}">{second} s</text>'
        for second in range(0, int(end) + 1, step)
    ]


# The same in a terminal


def draw_strip(report: Report, *, width: int) -> str:
    """A line for each dependent service, ``width`` columns wide, the faults above.

    ``.`` is a good answer, ``x`` a bad one, ``=`` one that took more than a second; a
    blank is a moment in which no answer came. A letter says which fault stood.
    """
    end = _find_end(report)
    names = [*report.answers, "fault"]
    longest = max(map(len, names), default=0)
    lines = [("fault", _draw_faults(report.bands, end, width))]
    lines += [
        (name, _draw_answers(answers, end, width))
        for name, answers in report.answers.items()
    ]
    shown = "".join(f"  {name:<{longest}}  {text}\n" for name, text in lines)
    letters = dict.fromkeys(band.fault for band in report.bands)
    legend = "  ".join(f"{each.value[0]} {each.value}" for each in letters)
    return f"{shown}  {'':<{longest}}  . good  = slow  x bad  {legend}\n"


def _draw_faults(bands: Iterable[Band], end: float, width: int) -> str:
    cells = [" "] * width
    for band in bands:
        first = _place(band.began, end, width)
        for column in range(first, max(first + 1, _place(band.ended, end, width))):
            cells[column] = band.fault.value[0]
    return "".join(cells).rstrip()


_SLOW = 1.0
_RANK = " .=x"


def _draw_answers(answers: Iterable[Answer], end: float, width: int) -> str:
    cells = [" "] * width
    for each in answers:
        mark = "x" if each.problem else "=" if each.seconds > _SLOW else "."
        for column in range(
            _place(each.at, end, width), _place(each.ended, end, width) + 1
        ):
            cells[column] = max(cells[column], mark, key=_RANK.index)
    return "".join(cells).rstrip()


def _place(moment: float, end: float, width: int) -> int:
    return max(0, min(width - 1, int(moment / end * width)))
