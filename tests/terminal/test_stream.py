"""What a run shows: key lines always, the rest when asked, and nothing breaks it."""

import io

import pytest

from composegen.places import events
from composegen.places.events import (
    Excluded,
    Exited,
    Failed,
    Failure,
    Line,
    Message,
    Planned,
    Ready,
    Reused,
    Started,
    Stopped,
    Up,
)
from composegen.places.status import ExcludedNote
from composegen.records import replace
from composegen.terminal.console import QUICK, Console
from composegen.terminal.live import UpConsole
from composegen.terminal.stream import RunConsole
from composegen.terminal.words import WORDS, describe_up


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


class Closed(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text):
        raise BrokenPipeError


def show(*shown_events, out=None, err=None, **options):
    out, err = out or io.StringIO(), err or io.StringIO()
    shown = RunConsole(Console(out, err), **options)
    for event in (Planned(services=("web", "router")), *shown_events):
        shown.show(event)
    return out.getvalue(), err.getvalue()


def lines(*texts, service="web"):
    return [Line(service=service, text=text) for text in texts]


KEY = [
    "Uvicorn running on http://127.0.0.1:8888",
    "server is ready",
    "listening on 3000",
    "WARNING: deprecated",
    "Error: no such table",
    "KeyError: 'x'",
]


@pytest.mark.parametrize("text", KEY)
def test_key_lines_are_shown_with_their_service(text):
    assert show(*lines(text)) == (f"web    | {text}\n", "")


@pytest.mark.parametrize("text", ["GET /health 200", "loading model 3 of 7", ""])
def test_other_lines_are_shown_when_asked_for(text):
    assert show(*lines(text)) == ("", "")
    assert show(*lines(text), verbose=True)[0] == f"web    | {text}\n"


def test_a_traceback_is_shown_to_its_last_line():
    texts = [
        "Traceback (most recent call last):",
        '  File "a.py", line 1, in f',
        "    f()",
        "app.Odd: what",
        "GET / 200",
    ]

    out, _ = show(*lines(*texts))

    assert out == "".join(f"web    | {text}\n" for text in texts[:4])


def test_lines_go_to_stdout_and_talk_to_stderr():
    out, err = show(
        Started(service="web", pid=7),
        *lines("it is ready"),
        Ready(service="web", after=1.25, address="http://127.0.0.1:1"),
        Stopped(service="web"),
    )

    assert out == "web    | it is ready\n"
    assert err == (
        "web    | started, pid 7\n"
        "web    | ready after 1.25 s at http://127.0.0.1:1\n"
        "web    | stopped\n"
    )


def test_next_to_a_command_everything_goes_to_stderr():
    out, err = show(*lines("it is ready"), lines_to_err=True)

    assert (out, err) == ("", "web    | it is ready\n")


def test_control_characters_are_dropped_and_only_a_terminal_gets_colours(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    line = lines("\x1b[31merror\x1b[0m\x1b[2J\x1b]0;title\x07\x08 \x1b[6n")

    assert show(*line)[0] == "web    | error \n"
    out, _ = show(*line, out=Terminal())
    assert out == "\x1b[36mweb    |\x1b[0m \x1b[31merror\x1b[0m \n"
    monkeypatch.setenv("TERM", "dumb")
    assert show(*line, out=Terminal())[0] == "web    | error \n"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert show(*line, out=Terminal())[0] == "web    | error \n"


def test_a_colour_ends_with_its_line(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")

    out, _ = show(*lines("\x1b[31merror"), out=Terminal())

    assert out.endswith(" \x1b[31merror\x1b[0m\n")


HOSTILE = "\x1bc\x1b]0;title\x1b\\\x9b2J\u202e\x1b[?1049h\x07"


def test_no_word_of_an_event_steers_a_terminal():
    failure = Failure(
        service="web",
        reason=f"reason{HOSTILE}",
        cause=f"cause{HOSTILE}",
        help=f"help{HOSTILE}",
        lines=(f"line{HOSTILE}",),
    )

    out, err = show(
        *lines(f"error{HOSTILE}"),
        Failed(service="web", failure=failure, is_required=True),
        Message(service="web", text=f"told{HOSTILE}"),
        events.BecameUnhealthy(service="web", reason=f"got{HOSTILE}"),
        events.ComposeWarned(text=f"warned{HOSTILE}"),
        events.Output(text=f"output{HOSTILE}\n"),
    )

    assert out == "web    | error2J\n"
    assert not {*HOSTILE} & {*err} - {*"0;2J]tile\\c[?1049h"}
    for word in ("reason", "cause", "help", "line", "told", "got", "warned", "output"):
        assert f"{word}2J\n" in err


def test_a_stream_shows_what_its_encoding_lacks_as_an_escape():
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    shown = RunConsole(Console(out, io.StringIO()), verbose=True)
    for event in lines("grün", "next"):
        shown.show(event)

    assert out.buffer.getvalue() == b"web | gr\\xfcn\nweb | next\n"


def test_progress_that_is_drawn_keeps_its_moves_and_nothing_else(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    drawn = "\x1b[2A\x1b[0G\x1b[?25l\x1b[33mPulling\x1b[0m\r"
    pieces = (drawn, "a\x1b", "]0;title\x1b", "\\b\x1b[", "5;1", "Hc\x1bcd\n")

    _, err = show(*(events.Output(text=text) for text in pieces), err=Terminal())

    assert err == f"{drawn}abcd\n"


def test_a_very_long_line_is_cut_and_its_length_reported():
    out, _ = show(*lines("error " + "x" * 70_000))

    assert len(out) < 2100
    assert out.endswith(" .. (70006 characters)\n")


def test_a_closed_stream_ends_nothing():
    _, err = show(*lines("ready", "ready"), Stopped(service="web"), out=Closed())

    assert err == "web    | stopped\n"


def test_a_failure_is_reported_with_cause_help_and_last_lines():
    failure = Failure(
        service="web",
        reason="web exited with 1",
        exit_code=1,
        cause="port 1 is taken",
        help="end it:\nkill 7",
        lines=("a", "b\x07"),
    )
    _, err = show(Failed(service="web", failure=failure, is_required=False))

    assert err == (
        "web    | failed\n"
        "web exited with 1\n"
        "  cause: port 1 is taken\n"
        "  help: end it:\n        kill 7\n"
        "  its last lines:\n    a\n    b\n"
    )


def test_what_to_do_is_shown_where_nothing_else_is_known():
    failure = Failure(service="web", reason="web is already running", help="end it")

    _, err = show(Failed(service="web", failure=failure, is_required=True))

    assert err == "web    | failed\nweb is already running\n  help: end it\n"


def test_dependents_are_named_with_a_death():
    exited = Exited(service="router", exit_code=-9, restart_in=0.5, dependents=("web",))

    _, err = show(exited)

    assert "router | was killed by signal 9; it is restarted in 0.5 s" in err
    assert "web    | router is not running" in err


def test_an_exclusion_is_said_with_what_is_done_instead():
    excluded = Excluded(
        service="router",
        reason="could not be started",
        cause="port 1 is taken",
        instead=("web: STORE=memory",),
        lines=("Traceback", "OSError: in use"),
    )

    assert show(excluded)[1] == (
        "router | excluded: could not be started\n"
        "router |   cause: port 1 is taken\n"
        "router |   web: STORE=memory\n"
        "router |   its last lines:\n"
        "router |     Traceback\n"
        "router |     OSError: in use\n"
    )
    assert "lines" not in show(replace(excluded, lines=()))[1]


def test_fallbacks_that_are_used_are_the_last_lines():
    out = ExcludedNote(
        service="cache", reason="died", instead=("web: A=b",), fallback=True
    )

    text = describe_up(Up(boots=(), excluded=(out,), again="composegen up"), width=20)

    assert text.endswith(
        "  cache is excluded: died\n    web: A=b\n  again: composegen up"
    )


def test_who_is_reused_is_named():
    reused = Reused(service="router", pid=7, command="python r.py", since="12:00")

    assert (
        "is used: pid 7, `python r.py`, since 12:00; composegen will not stop it"
        in show(reused)[1]
    )


def test_one_that_fails_for_what_it_needs_is_reported_in_one_line():
    failure = Failure(service="web", reason="cannot start without router")

    _, err = show(Failed(service="web", failure=failure, is_required=True))

    assert err == "web    | cannot start without router\n"


def test_what_is_about_the_run_itself_is_reported_without_a_service():
    assert show(Message(service="", text="the guardian"))[1] == "the guardian\n"
    assert show(Message(service="web", text="it waits"))[1] == "web    | it waits\n"


# A class with slots replaces one of the same name, which may not be gone yet.
KINDS = {kind.__name__: kind for kind in events.Event.__subclasses__()}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_of_event_has_its_words(kind):
    shown, live = RunConsole(), UpConsole()
    assert kind in shown._show or kind in WORDS
    assert kind in live._show or kind in WORDS


def test_a_request_to_end_waits_for_no_reader():
    console = Console(io.StringIO(), io.StringIO())
    for event, patience in (
        (events.Detached(has_ended=True), None),
        (events.Detached(has_ended=False), QUICK),
        (events.EndAsked(), QUICK),
    ):
        console._patience = None
        RunConsole(console).show(event)
        assert console._patience == patience


def test_what_tools_print_is_shown_as_it_is():
    pieces = (events.Output(text="50 %\r"), events.Output(text="é"))

    assert show(*pieces, err=Terminal())[1] == "50 %\ré"


def test_a_cause_that_many_services_share_is_reported_once():
    failed = [
        Failed(
            service=name,
            failure=Failure(
                service=name, reason=f"{name} cannot be started", cause="c", help="m"
            ),
            is_required=True,
            dependents=(),
        )
        for name in ("web", "router")
    ]

    _, err = show(*failed)

    assert err.count("cause: c") == 1
    assert "router | cannot be started, as web" in err


KEY_LINES = [
    "see HTTP://127.0.0.1:8000/x",
    "https://example.test",
    "Ready to accept connections",
    "now Listening at 3",
    "Serving",
    "Uvicorn running on",
    "Started",
    "an ERROR",
    "ValueError: x",
    "java.io.IOException: x",
    "exception",
    "FATAL",
    "panic: x",
    "critical",
    "warn",
    "WARNING",
    "connection refused",
    "permission denied",
    "Traceback (most recent call last):",
]


@pytest.mark.parametrize("text", KEY_LINES)
def test_lines_with_a_key_line_are_wanted(text):
    out = io.StringIO()
    shown = RunConsole(Console(out, io.StringIO()))
    assert shown.wants_lines("web", f"before\n{text}\nafter\n".encode())
    shown.show(Line(service="web", at=0.0, text=text))
    assert text in out.getvalue()


def test_lines_without_one_are_not_wanted_unless_all_are():
    quiet = RunConsole(Console(io.StringIO(), io.StringIO()))
    assert not quiet.wants_lines("web", b"GET / 200\nGET /x 404\n")
    verbose = RunConsole(Console(io.StringIO(), io.StringIO()), verbose=True)
    assert verbose.wants_lines("web", b"GET / 200\n")


def test_the_lines_of_a_traceback_are_wanted_until_its_last_one():
    out = io.StringIO()
    shown = RunConsole(Console(out, io.StringIO()))
    shown.show(Line(service="web", at=0.0, text="Traceback (most recent call last):"))
    assert shown.wants_lines("web", b"  File x\n")
    assert not shown.wants_lines("api", b"  File x\n")
    shown.show(Line(service="web", at=0.0, text="KeyboardInterrupt"))
    assert not shown.wants_lines("web", b"  File x\n")
