"""What a run or a boot says, as golden text: what differs each time is masked."""

import os
import re
import sys
from pathlib import Path

_MASKS = (
    (r"\bpid \d+(, `[^`]*`)?", "pid N"),
    (r"\d+\.\d+ s\b", "T s"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?", "MOMENT"),
    (r"(?<=local: \{port: )\d+", "FREE"),
    (r"since \d\d:\d\d\b", "since MOMENT"),
    (r"[ .=#]{20,} (?=T s|never)", " BAR "),
)


def mask(text, *, folder, ports=None):
    """The text without what differs from run to run."""
    replaced = {
        str(folder): "FOLDER",
        str(Path.cwd()): "HERE",
        sys.executable: "PYTHON",
    }
    replaced |= {str(port): f"PORT-{name}" for name, port in (ports or {}).items()}
    for before, after in replaced.items():
        text = text.replace(before, after)
    for pattern, after in _MASKS:
        text = re.sub(pattern, after, text)
    return text


def assert_golden(path, text):
    """Compare with a golden file; GOLDEN=1 writes it."""
    if os.environ.get("GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"{path}: make golden"
