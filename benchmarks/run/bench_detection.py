"""From listening to ready: this build, the one before, and who else waits for servers.

``python benchmarks/run/bench_detection.py [COUNT]``. The two npm packages are installed
into temporary folders; one that cannot be had stands in the table with the reason.
"""

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.before import NAME, find_before
from benchmarks.run import servers
from benchmarks.table import (
    Limit,
    Row,
    describe,
    divide,
    name_peer,
    read_count,
    report,
)
from composegen.places.events import Ready
from composegen.system.arrivals import make_fine_loop

ROOT = Path(__file__).parents[2]
SPANS = {
    "boots up to 3 s": ((0.1, 2.9), Limit(value=1.2, unit=" ms")),
    "boots above 3 s": ((3.1, 4.0), Limit(value=25, unit=" ms")),
}
US = "composegen"
Clock = Callable[[Path, float], float]


def time_composegen(folder: Path, boot: float) -> float:
    path, (port,) = servers.write_chain(folder, [boot])
    seen: list[float] = []

    def report(event: object) -> None:
        if isinstance(event, Ready):
            seen.append(time.monotonic())

    async def go() -> None:
        async with servers.carry_out(path, report) as supervisor:
            await supervisor.bring_up()

    with asyncio.Runner(loop_factory=make_fine_loop) as runner:
        runner.run(go())
    return seen[0] - servers.read_listening(folder, port)


def time_build(python: Path, source: Path, folder: Path, boot: float) -> float:
    """The same of a build, in a process of its own; its source has this file too."""
    code = (
        "import sys; from pathlib import Path;"
        "from benchmarks.run.bench_detection import time_composegen;"
        "print(time_composegen(Path(sys.argv[1]), float(sys.argv[2])))"
    )
    done = subprocess.run(
        [python, "-c", code, folder, str(boot)],
        cwd=source,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout)


def start_server(folder: Path, boot: float) -> tuple[subprocess.Popen[bytes], int]:
    port = servers.find_port()
    env = {**os.environ, "PORT": str(port), "BOOT": str(boot)}
    command = [sys.executable, "-S", "-I", str(servers.write_server(folder))]
    return subprocess.Popen(command, cwd=folder, env=env), port


def time_poll(folder: Path, boot: float) -> float:
    server, port = start_server(folder, boot)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
                return time.monotonic() - servers.read_listening(folder, port)
            except OSError:
                time.sleep(1)
    finally:
        server.kill()
        server.wait()


def time_wait_on(tools: Path, folder: Path, boot: float) -> float:
    server, port = start_server(folder, boot)
    try:
        program = tools / "node_modules" / ".bin" / "wait-on"
        subprocess.run([program, f"http-get://127.0.0.1:{port}/"], check=True)
        return time.monotonic() - servers.read_listening(folder, port)
    finally:
        server.kill()
        server.wait()


def time_start_server(tools: Path, folder: Path, boot: float) -> float:
    port = servers.find_port()
    program = tools / "node_modules" / ".bin" / "start-server-and-test"
    server = f"{sys.executable} -S -I {servers.write_server(folder)}"
    test = f"{sys.executable} -S -I -c 'import time; print(repr(time.monotonic()))'"
    done = subprocess.run(
        [program, server, f"http-get://127.0.0.1:{port}/", test],
        cwd=folder,
        env={**os.environ, "PORT": str(port), "BOOT": str(boot)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    moments = [float(line) for line in done.stdout.split() if _is_number(line)]
    return moments[-1] - servers.read_listening(folder, port)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit() and "." in text


PACKAGES = {
    "wait-on 9.5.1": ("wait-on@9.5.1", time_wait_on),
    "start-server-and-test 3.0.12": ("start-server-and-test@3.0.12", time_start_server),
}


def install(package: str, folder: Path) -> str:
    """Install an npm package into a new folder; why it cannot be had, or nothing."""
    if shutil.which("npm") is None:
        return "there is no npm"
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"private": True}))
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", package],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or ["npm gave no reason"])[0]


def time_in_turn(
    clocks: dict[str, Clock], span: tuple[float, float], count: int
) -> dict[str, list[float]]:
    """Milliseconds from listening to ready of all who wait, over the same boots."""
    chance = random.Random(1)
    delays: dict[str, list[float]] = {who: [] for who in clocks}
    for _ in range(count):
        boot = chance.uniform(*span)
        for who, time_one in clocks.items():
            with tempfile.TemporaryDirectory() as place:
                delays[who].append(1000 * time_one(Path(place), boot))
    return delays


def make_rows(words: str, delays: dict[str, list[float]], limit: Limit) -> list[Row]:
    ours = delays.pop(US)
    times = f"{len(ours)} boots"
    rows = [
        Row(
            figure=words,
            ours=describe(ours, " ms", 1),
            beside=name_peer(who, theirs, " ms", 1),
            ratio=describe(divide(ours, theirs), digits=3),
            times=times,
        )
        for who, theirs in delays.items()
    ]
    mine = Row(
        figure=words, ours=describe(ours, " ms", 1), times=times, **limit.judge(ours)
    )
    return [mine, *rows]


def main() -> None:
    count = read_count(0, 10)
    rows: list[Row] = []
    before = find_before()
    with tempfile.TemporaryDirectory() as name:
        clocks: dict[str, Clock] = {
            US: partial(time_build, Path(sys.executable), ROOT),
            NAME: partial(
                time_build, before.with_name("python"), before.parents[2] / "source"
            ),
            "a poll each second": time_poll,
        }
        missing = []
        for number, (who, (package, clock)) in enumerate(PACKAGES.items()):
            tools = Path(name, str(number))
            reason = install(package, tools)
            if reason:
                missing.append(Row(figure=f"{who}: not here", ours="", beside=reason))
            else:
                clocks[who] = partial(clock, tools)
        for words, (span, limit) in SPANS.items():
            rows += make_rows(words, time_in_turn(clocks, span, count), limit)
    report("Without containers: from listening to ready", [*rows, *missing])


if __name__ == "__main__":
    main()
