"""What every test can rely on."""

import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests import parts

# Whoever starts the tests in the background, or with nohup, lets them ignore Ctrl-C and
# hang-ups, and with them every program that they start and end that way.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# On a busy machine an example may take any time, and so may its making.
settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy")
# Where it only matters that a test fails; a smaller example can take minutes to find.
settings.register_profile(
    "unshrunk",
    parent=settings.get_profile("busy"),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)

_MISSES_PART = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give all skips for one part the same place: pytest shows them as one line."""
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(parts.MissingPart):
        report.longrepr = (parts.__file__, None, str(call.excinfo.value))
        item.stash[_MISSES_PART] = True
    return report


@pytest.fixture
def shared_folder():
    """A folder that every user may enter; tests' own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="shared-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(autouse=True)
def tried(request):
    """The causes that a test tries are found, and the stack answers in the end."""
    marks = list(request.node.iter_markers("tries"))
    stack = request.getfixturevalue("stack") if marks else None
    yield
    if stack is not None and not request.node.stash.get(_MISSES_PART, False):
        wanted = {str(name) for mark in marks for name in mark.args}
        assert wanted <= stack.causes, f"{wanted - stack.causes} was not found"
        stack.assert_answers()
