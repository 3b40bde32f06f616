"""Twenty pages of one browser that come and go at random; nothing of them may stay.

COMPOSEGEN_CHAOS says how many pages are opened, 600 by default, for about five minutes.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests import leaks, runs
from tests.e2e.browsers import open_browser

PAGES = int(os.environ.get("COMPOSEGEN_CHAOS", "600"))
WARM = 60
"""Pages that come and go before anything is counted: what is loaded once is loaded."""
AT_ONCE = 20
GROWTH = 16 * 1024
"""Kilobytes that the board may be larger in the end than after the first pages."""
SEED = 21
TRIES = 10
LIMIT = 60.0

WAYS = {"closed": 12, "closed early": 5, "reloaded": 4, "led elsewhere": 2, "killed": 1}
TABS = ("tab-boot", "tab-logs", "tab-figures", "tab-events")

CHATTY = """
import os, socket, threading, time
def speak():
    for number in range(10_000_000):
        print("INFO request", number, "took 12 ms", flush=True)
        time.sleep(0.01)
threading.Thread(target=speak, daemon=True).start()
server = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    connection, _ = server.accept()
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    connection.close()
"""

# A board that writes down its tasks and threads when it is asked by a signal.
COUNTED = """
import asyncio, gc, json, os, signal, threading
def count(*_):
    gc.collect()
    threads = [each.name for each in threading.enumerate()]
    with open("counted.new", "w") as file:
        json.dump({"tasks": len(asyncio.all_tasks()), "threads": threads}, file)
    os.replace("counted.new", "counted")
signal.signal(signal.SIGUSR1, count)
from composegen.__main__ import main
main()
"""

pytestmark = pytest.mark.chaos

try:
    from playwright.sync_api import Error
except ImportError:  # `open_browser` says that it is missing
    Error = OSError


class CountedBoard:
    """The board of a folder, and what it holds."""

    def __init__(self, folder, process, said):
        self.folder, self.process = folder, process
        self.url = re.search(r"http://\S+", said)[0]
        self.port = int(re.search(r":(\d+)/", self.url)[1])

    def count(self):
        """Tasks, threads that last, open files, connections, kilobytes."""
        counted = self.folder / "counted"
        counted.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        leaks.wait_for(counted.exists, LIMIT)
        found = json.loads(counted.read_text())
        proc = Path(f"/proc/{self.process.pid}")
        memory = re.search(r"VmRSS:\s+(\d+)", (proc / "status").read_text())[1]
        return {
            "tasks": found["tasks"],
            "threads": sorted(n for n in found["threads"] if "AnyIO" not in n),
            "files": len(list((proc / "fd").iterdir())),
            "connections": count_connections(self.port),
            "memory": int(memory),
        }

    def count_at_rest(self):
        """The same, once no page is connected any more."""
        leaks.wait_for(lambda: count_connections(self.port) == 0, LIMIT)
        found = self.count()

        def is_settled():
            nonlocal found
            before, found = found, self.count()
            return before["tasks"] == found["tasks"] and found["files"] <= min(
                before["files"], found["files"]
            )

        leaks.wait_for(is_settled, LIMIT)
        return found


def count_connections(port):
    """How many connections this machine's end of a port has, those that close too."""
    own, listening, gone = f"0100007F:{port:04X}", "0A", "06"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    states = [line.split()[3] for line in lines if line.split()[1] == own]
    return sum(state not in {listening, gone} for state in states)


@contextmanager
def serve_board(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", COUNTED, "board", "--port", "0"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(runs.ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    leaks.keep(process)
    try:
        yield CountedBoard(folder, process, process.stdout.readline())
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 0


class Crowd:
    """Pages of one browser; `churn` lets them come and go."""

    def __init__(self, browser, url, chance):
        self.context = browser.new_context()
        self.session = browser.new_browser_cdp_session()
        self.url, self.chance = url, chance
        self.pages, self.targets = [], {}
        self.ways = Counter()

    def churn(self, number):
        """Open so many, and let one of them go for each that is too many."""
        for _ in range(number):
            while len(self.pages) >= AT_ONCE:
                self.lose(self.pages.pop(self.chance.randrange(len(self.pages))))
            page = self.context.new_page()
            session = self.context.new_cdp_session(page)
            info = session.send("Target.getTargetInfo")["targetInfo"]
            self.pages.append(page)
            self.targets[page] = info["targetId"]
            self.go(page, self.url)
            if self.chance.random() < 0.5:
                page.locator(".card.ready").first.wait_for()
                page.locator(f"#{self.chance.choice(TABS)}").click()

    def lose(self, page):
        """One page goes, in one of the ways in which pages go."""
        [way] = self.chance.choices(list(WAYS), list(WAYS.values()))
        self.ways[way] += 1
        if way == "killed":
            self.kill(page)
        if way in {"closed early", "reloaded"}:
            self.reload(page)
        if way == "reloaded":
            page.locator(".card.ready").first.wait_for()
        if way == "led elsewhere":
            page.goto("about:blank")
        self.close(page)

    def reload(self, page):
        """Load it again, which may come while it is still being loaded."""
        address, _, token = self.url.partition("#")
        self.go(page, f"{address}?{self.ways.total()}#{token}")

    def go(self, page, url):
        """Begin to load it; again where a network of this machine has changed."""
        for _ in range(TRIES):
            try:
                page.goto(url, wait_until="commit")
            except Error as error:
                if "ERR_NETWORK_CHANGED" not in str(error):
                    raise
            else:
                return
        raise AssertionError(url)

    def kill(self, page):
        """End its process, as a crash does."""
        with suppress(Error):
            page.goto("chrome://crash", timeout=2000)

    def close(self, page):
        """Let the browser close it, as a click on its tab does.

        A page that loads or has crashed may never answer that it is closed.
        """
        words = {"targetId": self.targets.pop(page)}
        self.session.send("Target.closeTarget", words)

    def leave(self):
        """All of them at once."""
        self.context.close()
        self.pages = []


def test_pages_that_come_and_go_leave_nothing_and_the_stack_alone(tmp_path):
    ports = [leaks.find_port() for _ in range(3)]
    services = [
        runs.make_service(name, port)
        for name, port in zip(["db", "web"], ports, strict=False)
    ]
    services.append(runs.make_service("chatty", ports[2], command="chatty.py"))
    runs.write_stack(tmp_path, "services:\n" + "".join(services), chatty=CHATTY)
    run, _ = runs.start_up(tmp_path)
    _, before = runs.ask_status(tmp_path)
    with ExitStack() as stack:
        board = stack.enter_context(serve_board(tmp_path))
        browser = stack.enter_context(open_browser())
        first = Crowd(browser, board.url, random.Random(SEED))
        first.churn(WARM)
        first.leave()
        rested = board.count_at_rest()

        began = time.monotonic()
        crowd = Crowd(browser, board.url, random.Random(SEED + 1))
        crowd.churn(PAGES)
        full = board.count()
        crowd.leave()
        seconds = time.monotonic() - began
        left = board.count_at_rest()

        last = Crowd(browser, board.url, random.Random(SEED + 2))
        last.churn(1)
        last.pages[0].locator(".card.ready").nth(2).wait_for()
        last.leave()
    code, after = runs.ask_status(tmp_path)
    runs.end(run)

    sys.stderr.write(
        f"board: {PAGES} pages, {AT_ONCE} at once, in {seconds:.0f} s: "
        f"{dict(crowd.ways)}; with {AT_ONCE} pages {full['connections']} connections, "
        f"{full['tasks']} tasks, {full['files']} files, {full['memory']} kB; "
        f"then {left['connections']}, {left['tasks']}, {left['files']}, "
        f"{left['memory']} kB; before {rested['connections']}, {rested['tasks']}, "
        f"{rested['files']}, {rested['memory']} kB\n"
    )
    assert left["connections"] == 0
    assert left["tasks"] == rested["tasks"]
    assert left["threads"] == rested["threads"]
    assert left["files"] == rested["files"]
    assert left["memory"] - rested["memory"] < GROWTH
    assert code == 0
    assert {name: each["pid"] for name, each in after.items()} == {
        name: each["pid"] for name, each in before.items()
    }
    assert not any(each.get("restarts") for each in after.values())
