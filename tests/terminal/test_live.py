"""A boot as it is shown: plain lines in a pipe, a live block in a terminal."""

import io
import re

import pytest

from composegen.places.engine.happened import Action
from composegen.places.engine.judge import Judge
from composegen.places.engine.progress import describe_progress
from composegen.places.events import BootOver, Excluded, Planned
from composegen.terminal.console import Console
from composegen.terminal.live import UpConsole
from tests.enginefakes import happen, make_noted, make_notes


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def judge():
    return Judge(
        make_notes(
            make_noted("web", "cache?"),
            make_noted("cache", is_required=False, boot=2.0),
        )
    )


def play(judge, shown):
    """Cache dies once and times out, web gets healthy."""

    def show(events, at):
        for event in events:
            shown.show(event)
        shown.show(describe_progress(judge, at))

    shown.show(Planned(services=tuple(judge.candidates)))
    steps = [
        ("cache", Action.CREATE, 0.1, {}),
        ("web", Action.CREATE, 0.2, {}),
        ("cache", Action.START, 0.5, {}),
        ("cache", Action.DIE, 0.9, {"exit_code": 1}),
        ("cache", Action.START, 1.1, {}),
    ]
    for service, action, at, values in steps:
        show(judge.see(happen(service, action, **values), at), at)
    show(judge.look(3.0), 3.0)
    [(name, reason)] = judge.failed_optional.items()
    judge.exclude(name)
    out = Excluded(service=name, reason=reason, instead=("web: STORE=memory",))
    show([out], 3.0)
    for action, at in ((Action.START, 3.1), (Action.HEALTH, 4.6)):
        show(judge.see(happen("web", action, health="healthy"), at), at)
    shown.show(BootOver())


def test_in_a_pipe_every_step_is_a_line(judge):
    err = io.StringIO()
    play(judge, UpConsole(Console(io.StringIO(), err)))
    assert err.getvalue().splitlines() == [
        "cache | created",
        "web   | created",
        "cache | started",
        "cache | exited with 1; it is restarted",
        "cache | restarted by the engine",
        "cache | excluded: not healthy within 2s; meanwhile it exited with 1",
        "cache |   web: STORE=memory",
        "web   | started",
        "web   | healthy after 1.5 s",
    ]


def test_in_a_terminal_the_services_stand_below_and_go_at_the_end(judge, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    err = Terminal()
    shown = UpConsole(Console(io.StringIO(), err))
    play(judge, shown)
    screen = replay(err.getvalue())
    # What the block showed is gone; what was said of it stays.
    assert screen == [
        "cache | exited with 1; it is restarted",
        "cache | restarted by the engine",
        "cache | excluded: not healthy within 2s; meanwhile it exited with 1",
        "cache |   web: STORE=memory",
    ]


def test_the_live_block_shows_how_far_each_service_is(judge, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    err = Terminal()
    play(judge, UpConsole(Console(io.StringIO(), err)))
    blocks = re.split(r"\x1b\[\d+A\x1b\[J", err.getvalue())
    # The services, whenever the block was drawn anew after something was told.
    seen = [block.splitlines()[-2:] for block in blocks if block.count("\n") > 1]
    assert seen[0] == ["web   | | waiting", "cache | | waiting"]
    assert ["web   | / created, waits for cache", "cache | / waiting"] in seen
    assert ["web   | | waiting", "cache |   excluded"] in seen
    assert ["web   | | starting for 0 s, of 30", "cache |   excluded"] in seen
    assert seen[-1] == ["web   |   ready after 1.5 s", "cache |   excluded"]


def replay(text):
    """What a terminal shows in the end: it goes up some lines and clears below."""
    lines = [""]
    for part in re.split(r"(\x1b\[\d+A\x1b\[J|\n)", text):
        up = re.fullmatch(r"\x1b\[(\d+)A\x1b\[J", part)
        if up:
            del lines[len(lines) - 1 - int(up[1]) :]
            lines.append("")
        elif part == "\n":
            lines.append("")
        else:
            lines[-1] += part
    return [line for line in lines if line]


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("LINES", "5")])
def test_where_a_block_has_no_place_lines_are_written(name, value, judge, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "24")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv(name, value)
    err = Terminal()
    play(judge, UpConsole(Console(io.StringIO(), err)))
    assert "cache | created" in re.sub(r"\x1b\[\d*m", "", err.getvalue())
    assert "waiting" not in err.getvalue()
