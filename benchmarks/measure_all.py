"""Runs every benchmark and writes their tables to RESULTS.md.

A benchmark that cannot run here is named with its reason, never left out silently.
"""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.measure import describe_machine  # noqa: E402

CHAT = "chat/RESULTS.md"


def run_benchmark(path: Path) -> str:
    """What a benchmark prints, or why it could not run."""
    answer = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, check=False
    )
    if answer.returncode == 0:
        return answer.stdout.strip()
    reason = answer.stderr.strip().splitlines()[-1:] or ["no reason given"]
    return f"### {path.stem}\n\ncould not run here: {reason[0]}"


def find_version(*command: str) -> str:
    """The first line that a program says about its version."""
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"no {command[0]}"
    return (answer.stdout or answer.stderr).strip().partition("\n")[0]


def main() -> None:
    names = sys.argv[1:]
    paths = sorted(HERE.glob("*/bench_*.py"))
    paths = [path for path in paths if path.parent.name != "chat"]
    tables = [run_benchmark(path) for path in paths if not names or path.stem in names]
    head = [
        "# Results",
        "",
        "Medians of whole processes run in turn, in brackets the smallest and largest",
        "value, ratios pair by pair. Written by `make bench`; the chat stack's figures",
        f"stand in [{CHAT}]({CHAT}).",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {describe_machine()},",
        f"{find_version('docker', '--version')},",
        f"{find_version('docker', 'compose', 'version')}.",
    ]
    text = "\n".join(head) + "\n\n" + "\n\n".join(tables) + "\n"
    (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
