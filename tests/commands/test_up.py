"""Options of `docker compose up` that `up` takes, and says what they mean here."""

import pytest

from composegen.commands import _run
from composegen.places.engine import up

BUILD = "note: --build changes nothing: `up` builds images unless --no-build\n"
DETACH = "note: --detach changes nothing: `up` ends when the stack is up\n"
WAIT = "note: --wait without a time changes nothing: `up` waits until all is ready\n"


@pytest.fixture(autouse=True)
def calls(tmp_path, monkeypatch):
    """With which options a stack would have been brought up."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stack.yaml").write_text(
        "services: {web: {image: 'nginx:1.29', health: {none: x}}}\n"
    )
    seen = []
    monkeypatch.setattr(
        up, "up_stack", lambda _, __, options, *, report: seen.append(options) or 0
    )
    return seen


@pytest.mark.parametrize(
    ("words", "said", "build", "limit"),
    [
        ([], "", True, None),
        (["--build"], BUILD, True, None),
        (["--no-build"], "", False, None),
        (["--wait"], WAIT, True, None),
        (["--wait", "--no-build"], WAIT, False, None),
        (["--build", "--wait"], BUILD + WAIT, True, None),
        (["-d"], DETACH, True, None),
        (["--wait", "web"], WAIT, True, None),
        (["--wait", "2m", "web"], "", True, 120.0),
        (["--wait", "2m"], "", True, 120.0),
        (["--wait=90s", "--build"], BUILD, True, 90.0),
    ],
)
def test_what_up_does_anyway_is_said_in_words(words, said, build, limit, calls, capsys):
    assert _run(["up", *words]) == 0

    assert capsys.readouterr().err == said
    assert [(each.build, each.limit) for each in calls] == [(build, limit)]


@pytest.mark.parametrize("words", [["--wait", "5x"], ["--wait=soon"], ["--wait="]])
def test_a_time_that_is_none_is_wrong_usage(words, calls, capsys):
    assert _run(["up", *words]) == 2
    assert "is not a duration" in capsys.readouterr().err
    assert calls == []


@pytest.mark.parametrize(
    "words",
    [["up", "--wait", "0s"], ["drill", "--within", "0s"], ["drill", "--for", "0ms"]],
)
def test_no_time_at_all_is_wrong_usage(words, calls, capsys):
    assert _run(words) == 2
    assert f"`{words[2]}` is no time: it has to be above 0" in capsys.readouterr().err
    assert calls == []
