"""Runs the chat benchmarks and writes RESULTS.md: `python run.py [--quick]`."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
LIBRARIES = [
    "uvicorn",
    "uvloop",
    "starlette",
    "httpx",
    "msgspec",
    "redis",
    "cachetools",
]
ABOUT = """\
Medians with their range over the rounds; both sides of a comparison take turns in one
run. Written by `python benchmarks/chat/run.py`, which needs the router and
`requirements.txt` installed. Load and servers share the machine."""


def describe_machine() -> str:
    """What it was measured on."""
    redis = subprocess.run(
        ["redis-server", "--version"], capture_output=True, text=True, check=False
    )
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, {redis.stdout.split(' sha')[0]}, "
        f"{libraries}. Load average before the run: {os.getloadavg()[0]:.1f}."
    )


def main() -> None:
    """Run every script; what one could not measure is in its output."""
    parts = [
        "# The chat router, measured",
        ABOUT,
        describe_machine(),
    ]
    failed = False
    for script in ("bench_router.py", "bench_store.py"):
        options = sys.argv[1:]
        if script == "bench_store.py":
            options = [word for word in options if not word.startswith("--litellm")]
        command = [sys.executable, str(HERE / script), *options]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=False, cwd=HERE
        )
        parts.append(done.stdout.strip())
        failed = failed or done.returncode != 0
    notes = HERE / "NOTES.md"
    if notes.exists():
        parts.append(notes.read_text().strip())
    (HERE / "RESULTS.md").write_text("\n\n".join(parts) + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
