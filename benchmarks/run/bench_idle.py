"""What a run of 50 services costs while nothing happens.

``python benchmarks/run/bench_idle.py [SECONDS]``. How often its process wakes up, and
its CPU time, from /proc: without health checks, and with HTTP checks every ten seconds.
Both builds run in turn, and the run is left alone for a while first.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.before import NAME, find_before
from benchmarks.run.bench_stop import read_cpu
from benchmarks.table import Limit, Row, read_count, report
from composegen.system.listeners import find_free_port

SERVICES = 50
SETTLES = 8.0
PATIENCE = 120.0
SERVER = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = server.accept()
    client.recv(4096)
    client.sendall(b"HTTP/1.1 204 OK\\r\\nConnection: close\\r\\n\\r\\n")
    client.close()
"""
MOST_CPU = Limit(value=0.2, unit=" % of a core")
KINDS = {
    "without health checks": Limit(value=2),
    "with HTTP checks": Limit(value=6),
}


def write_stack(folder: Path, kind: str) -> None:
    """A stack of services that wait."""
    (folder / "server.py").write_text(SERVER)
    lines = ["name: idle", "services:"]
    ports: list[int] = []
    for number in range(SERVICES):
        lines += [f"  s{number}:", "    image: python"]
        if kind == "without health checks":
            lines += [
                "    health: {none: idle}",
                "    local: {command: [sleep, '999']}",
            ]
            continue
        port = find_free_port(ports)
        ports.append(port)
        command = f"['{sys.executable}', '-S', '-I', server.py, '{port}']"
        lines += [f"    port: {port}", "    health: {http: /, tool: python}"]
        lines += [f"    local: {{command: {command}}}"]
    (folder / "stack.yaml").write_text("\n".join(lines) + "\n")


def read_wakes(pid: int) -> int:
    """How often a process has waited for something so far."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", text, re.MULTILINE)
    assert found is not None
    return int(found[1])


def measure_idle(program: Path, kind: str, seconds: float) -> tuple[float, float]:
    """Wake-ups a second of a run, and percent of a core."""
    with tempfile.TemporaryDirectory(prefix="bench-idle-") as name:
        folder, out = Path(name), Path(name) / "out"
        write_stack(folder, kind)
        with out.open("w") as file:
            run = subprocess.Popen(
                [str(program), "run"],
                cwd=folder,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        try:
            end = time.monotonic() + PATIENCE
            while out.read_text().count("ready after") < SERVICES:
                if run.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(out.read_text()[-400:])
                time.sleep(0.2)
            time.sleep(SETTLES)
            wakes, used, begun = (
                read_wakes(run.pid),
                read_cpu(run.pid),
                time.monotonic(),
            )
            time.sleep(seconds)
            took = time.monotonic() - begun
            cpu = 100 * (read_cpu(run.pid) - used) / took
            return (read_wakes(run.pid) - wakes) / took, cpu
        finally:
            run.send_signal(signal.SIGINT)
            run.wait()


def main() -> None:
    seconds = read_count(0, 30)
    programs = [Path(sys.executable).with_name("composegen"), find_before()]
    rows = []
    for kind, most in KINDS.items():
        ours, before = (measure_idle(each, kind, seconds) for each in programs)
        parts = (
            ("wake-ups a second", "{:.1f}", most),
            ("CPU", "{:.2f} % of a core", MOST_CPU),
        )
        rows += [
            Row(
                figure=f"{kind}: {figure}",
                ours=form.format(mine),
                beside=f"{NAME}: {form.format(theirs)}",
                ratio=f"{mine / theirs:.2f}",
                times=f"{seconds} s",
                **limit.judge([mine]),
            )
            for (figure, form, limit), mine, theirs in zip(
                parts, ours, before, strict=True
            )
        ]
    report(f"Without containers: {SERVICES} services at rest", rows)


if __name__ == "__main__":
    main()
