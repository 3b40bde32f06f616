"""Five services that do what they can to stay alive, and a run that owns them.

``python hostile_services.py FOLDER PORT GRACE [escaped]`` starts them below FOLDER;
with ``escaped`` it starts the one that cannot be found: it left its group and session
and emptied its environment.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from composegen.system.launch import Launch
from composegen.system.process import Processes

BEACON = "import time\nwhile True: time.sleep(0.05)"
BACKGROUND_CHILD = f"python3 -S -c '{BEACON}' $TOKEN & python3 -S -c '{BEACON}' $TOKEN"
DEAF = """
import signal, socket, sys, time
for name in ("SIGTERM", "SIGINT", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
server = socket.create_server(("127.0.0.1", int(sys.argv[2])))
while True: time.sleep(0.05)
"""
ESCAPEE = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: time.sleep(0.05)
    os._exit(0)
while True: time.sleep(0.05)
"""
LEADER_GONE = """
import os, signal, time
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True: time.sleep(0.05)
"""
FORK_STORM = """
import os, time
for _ in range(40):
    pid = os.fork()
    if pid == 0:
        if os.getpid() % 3 == 0:
            os.setsid()
        time.sleep(120)
        os._exit(0)
    time.sleep(0.01)
while True: time.sleep(0.05)
"""
EMPTIED = "exec env -i setsid python3 -S -c 'import time; time.sleep(120)' "


def make_commands(token, port):
    script = ["python3", "-S", "-c"]
    return {
        "background": ["sh", "-c", BACKGROUND_CHILD],
        "deaf": [*script, DEAF, token, str(port)],
        "escapee": [*script, ESCAPEE, token],
        "leader-gone": [*script, LEADER_GONE, token],
        "storm": [*script, FORK_STORM, token],
    }


async def own_services(folder, port, grace, *, escaped):
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    asked = 0

    def ask():
        nonlocal asked
        asked += 1
        done.set()
        if asked > 1:
            processes.kill_all()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask)
    token = folder.name
    commands = make_commands(token, port)
    if escaped:
        commands = {"emptied": ["sh", "-c", f"({EMPTIED} {token}) & sleep 120"]}
    async with Processes(subreaper=True) as processes:
        # Whole at once: a test that sees the file reads the mark.
        (folder / "mark.part").write_text(processes.mark)
        (folder / "mark.part").rename(folder / "mark")
        for name, command in commands.items():
            processes.start(
                Launch(
                    service=name,
                    command=tuple(command),
                    folder=folder,
                    env={**os.environ, "TOKEN": token},
                    log=folder / f"{name}.log",
                    grace=grace,
                )
            )
            await asyncio.sleep(0)
        await done.wait()


if __name__ == "__main__":
    asyncio.run(
        own_services(
            Path(sys.argv[1]),
            int(sys.argv[2]),
            float(sys.argv[3]),
            escaped="escaped" in sys.argv,
        )
    )
