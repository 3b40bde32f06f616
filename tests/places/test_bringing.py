"""One `up` at a time brings the stack of a folder up, and stays without its lock."""

from __future__ import annotations

import pytest

from composegen.errors import ExitCode, UpAlready
from composegen.places.bringing import bring_up, make_secrets
from composegen.places.events import SecretEmpty, Wrote
from composegen.workspace.state import hold_lock
from composegen.workspace.workspace import Workspace
from tests.stacks import load

LOCK = "up.lock"


class Fake:
    """A bringing up that notes what happens, and whether the lock is held then."""

    def __init__(self, folder, code=ExitCode.FINE):
        self.folder = folder
        self.code = code
        self.happened = []

    def note(self, what):
        with hold_lock(self.folder, LOCK) as is_ours:
            self.happened.append((what, "free" if is_ours else "held"))

    def begin(self):
        self.note("begins")
        return self

    def carry_out(self):
        self.note("comes up")
        return self.code

    def stay(self):
        self.note("stays")
        return ExitCode.INTERRUPTED


def bring(fake, *, stays=False):
    return bring_up(
        fake.begin, fake.folder, lock=LOCK, command="composegen up", stays=stays
    )


def test_it_comes_up_while_the_lock_is_held(tmp_path):
    fake = Fake(tmp_path)

    assert bring(fake) == ExitCode.FINE
    assert fake.happened == [("begins", "held"), ("comes up", "held")]


def test_it_stays_without_the_lock_so_that_another_up_can_change_it(tmp_path):
    fake = Fake(tmp_path)

    assert bring(fake, stays=True) == ExitCode.INTERRUPTED
    assert fake.happened[-1] == ("stays", "free")


def test_what_does_not_come_up_is_not_watched(tmp_path):
    fake = Fake(tmp_path, ExitCode.PROBLEM)

    assert bring(fake, stays=True) == ExitCode.PROBLEM
    assert [what for what, _ in fake.happened] == ["begins", "comes up"]


def test_a_second_one_at_the_same_time_is_refused_before_it_begins(tmp_path):
    fake = Fake(tmp_path)

    with hold_lock(tmp_path, LOCK), pytest.raises(UpAlready) as refused:
        bring(fake)

    assert refused.value.message == "another `composegen up` is running in this folder"
    assert "Ctrl-C" in refused.value.help
    assert fake.happened == []
    assert bring(fake) == ExitCode.FINE


SECRETS = """
services:
  web: {image: "a:1", secrets: [made, given]}
secrets: {made: {generate: true}, given: {env: GIVEN}}
"""


def report_secrets(folder, environment):
    events = []
    workspace = Workspace(folder / "stack.yaml", environment)
    make_secrets(load(SECRETS).stack, workspace, events.append)
    return events


def test_secret_files_that_are_made_are_reported_once(tmp_path):
    files = [".secrets/given", ".secrets/made"]

    events = report_secrets(tmp_path, {"GIVEN": "x"})

    assert sorted(each.file for each in events if isinstance(each, Wrote)) == files
    assert report_secrets(tmp_path, {"GIVEN": "x"}) == []


def test_a_secret_without_a_value_is_reported_as_empty(tmp_path):
    events = report_secrets(tmp_path, {"GIVEN": ""})

    [empty] = [each for each in events if isinstance(each, SecretEmpty)]
    assert empty.file == ".secrets/given"
