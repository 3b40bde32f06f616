"""From listening to ready: this project, a 1 s poll, wait-on, start-server-and-test.

``python benchmarks/run/bench_detection.py [COUNT]``. The two npm packages are installed
into a temporary folder; without npm their rows are missing and it says so.
"""

import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.measure import write_table
from benchmarks.run import servers
from composegen.events import Ready

PACKAGES = ("wait-on@9.5.1", "start-server-and-test@3.0.12")
SHORT = (0.1, 2.9)
LONG = (3.1, 4.0)


def time_composegen(folder: Path, boot: float) -> float:
    path, (port,) = servers.write_chain(folder, [boot])
    seen: list[float] = []

    def report(event: object) -> None:
        if isinstance(event, Ready):
            seen.append(time.monotonic())

    async def go() -> None:
        async with servers.carry_out(path, report) as supervisor:
            await supervisor.bring_up()

    asyncio.run(go())
    return seen[0] - servers.read_listening(folder, port)


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


def time_wait_on(folder: Path, boot: float, tools: Path) -> float:
    server, port = start_server(folder, boot)
    try:
        program = tools / "node_modules" / ".bin" / "wait-on"
        subprocess.run([program, f"http-get://127.0.0.1:{port}/"], check=True)
        return time.monotonic() - servers.read_listening(folder, port)
    finally:
        server.kill()
        server.wait()


def time_start_server(folder: Path, boot: float, tools: Path) -> float:
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


def install_tools(folder: Path) -> bool:
    if shutil.which("npm") is None:
        return False
    (folder / "package.json").write_text(json.dumps({"private": True}))
    done = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", *PACKAGES],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0


def measure(count: int) -> str:
    chance = random.Random(1)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        tools = Path(name)
        contenders = {
            "composegen": time_composegen,
            "a poll every second": time_poll,
        }
        is_whole = install_tools(tools)
        if is_whole:
            contenders["wait-on 9.5.1"] = lambda f, b: time_wait_on(f, b, tools)
            contenders["start-server-and-test 3.0.12"] = lambda f, b: time_start_server(
                f, b, tools
            )
        for words, span in (("up to 3 s", SHORT), ("above 3 s", LONG)):
            boots = [chance.uniform(*span) for _ in range(count)]
            delays: dict[str, list[float]] = {who: [] for who in contenders}
            for boot in boots:  # in turn, so that the machine's drift meets all alike
                for who, time_one in contenders.items():
                    with tempfile.TemporaryDirectory() as place:
                        delays[who].append(time_one(Path(place), boot) * 1000)
            rows += [
                [who, words, f"{statistics.median(found):.1f}", f"{max(found):.1f}"]
                for who, found in delays.items()
            ]
    head = ["who waits", "boots", "median ms", "worst ms"]
    table = write_table(head, rows)
    missing = "" if is_whole else "\nnot measured here, npm has none: "
    return table + missing + ("" if is_whole else ", ".join(PACKAGES))


if __name__ == "__main__":
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"### From listening to ready\n\n{times} boots each, in turn.\n")
    print(measure(times))
