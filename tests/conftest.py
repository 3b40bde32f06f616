"""What every test can rely on."""

import signal
import tempfile
from pathlib import Path

import pytest

# Whoever starts the tests in the background, or with nohup, lets them ignore Ctrl-C and
# hang-ups, and with them every program that they start and end that way.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def shared_folder():
    """A folder that every user may enter; tests' own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="shared-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
