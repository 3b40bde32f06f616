"""Drills on a real engine: what they find, and that nothing of them stays."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from composegen.model import PROBE_IMAGE
from tests.e2e.drilled import list_expected, make_stack
from tests.e2e.engine import run_well, wait_until
from tests.e2e.examples import be_patient, copy_example, hold_ports, list_images
from tests.e2e.images import Images
from tests.e2e.stacks import PYTHON, Stack
from tests.leaks import find_guardian

pytestmark = pytest.mark.engine

LESSON = "09-a-fallback-that-fails"
IMAGES = [PYTHON, PROBE_IMAGE, *list_images(LESSON)]
NAMES = {"kept", "empty"}
FAULTS = "stop,freeze,cut,without"
QUICK = ("--for", "8s", "--within", "60s")


@pytest.fixture
def stack(images: Images, tmp_path: Path) -> Iterator[Stack]:
    """One application that copes with the loss of its cache, and one that does not."""
    images.have(PYTHON)
    with Stack(tmp_path) as made:
        made.write(make_stack(NAMES))
        yield made


def drill(stack: Stack, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of a drill, and its rows."""
    done = stack.composegen(
        *("drill", "--yes", "--format", "json", *QUICK, *words), deadline=400
    )
    assert done.out, done
    return done.code, json.loads(done.out)


def list_networks(container: dict[str, Any]) -> dict[str, Any]:
    own = container["Id"][:12]
    return {
        name: {
            "aliases": {*(each["Aliases"] or ())} - {own},
            "address": each["IPAMConfig"],
        }
        for name, each in container["NetworkSettings"]["Networks"].items()
    }


def look(stack: Stack) -> dict[str, Any]:
    """What must be after a drill as it was before: state, networks, variables."""
    return {
        name: {
            "status": container["State"]["Status"],
            "networks": list_networks(container),
            "variables": sorted(container["Config"]["Env"]),
        }
        for name, container in stack.inspect_all().items()
    }


def read_notes(stack: Stack) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        text = (stack.folder / ".composegen" / "drill.json").read_text()
        return dict(json.loads(text))
    return {}


def is_over(stack: Stack, before: dict[str, Any]) -> bool:
    notes = stack.folder / ".composegen" / "drill.json"
    return not notes.exists() and look(stack) == before


def wait_for_fault(stack: Stack, fault: str) -> None:
    """Until a fault stands, by the notes of the drill."""

    def stands() -> bool:
        notes = read_notes(stack)
        return bool(notes.get("is_done")) and notes["undo"]["fault"] == fault

    wait_until(stands, f"{fault} stands")


def test_a_drill_names_what_does_not_cope_and_leaves_all_as_it_was(
    stack: Stack,
) -> None:
    stack.up_well()
    before = look(stack)
    code, rows = drill(stack, "--faults", FAULTS, "--picture", "drill.svg")

    failing = {(r["dependent"], r["fault"]) for r in rows if r["verdict"] == "fails"}
    expected = {each for each in list_expected(NAMES) if each[1] != "kill"}
    assert (code, failing) == (1, expected), json.dumps(rows, indent=1)
    assert len(rows) == 8
    assert all(row["evidence"] for row in rows if row["verdict"] == "fails")
    assert is_over(stack, before)
    ET.parse(stack.folder / "drill.svg")


def test_a_required_service_that_is_killed_must_only_come_back(
    images: Images, tmp_path: Path
) -> None:
    images.have(PYTHON)
    with Stack(tmp_path) as stack:
        stack.write(make_stack({"refuses", "latches"}))
        stack.up_well()
        code, rows = drill(stack, "--within", "20s")

    verdicts = {row["dependent"]: row["verdict"] for row in rows}
    assert (code, verdicts) == (1, {"refuses": "holds", "latches": "fails"}), rows
    [latches] = [row for row in rows if row["dependent"] == "latches"]
    assert "after a restart it answers again" in latches["evidence"]


def test_a_cut_gives_the_networks_back_with_aliases_and_a_fixed_address(
    stack: Stack,
) -> None:
    services = make_stack({"kept"})
    fixed = {"ipv4_address": "10.94.7.77", "aliases": ["stash"]}
    services["cache"]["networks"] = {"back": fixed, "default": None}
    pools = {"config": [{"subnet": "10.94.7.0/24"}]}
    stack.write(services, networks={"back": {"ipam": pools}})
    stack.up_well()
    before = look(stack)
    code, rows = drill(stack, "--faults", "cut")

    assert code == 0, rows
    networks = before["cache"]["networks"]
    assert any(
        (each["address"] or {}).get("IPv4Address") == "10.94.7.77"
        and "stash" in each["aliases"]
        for each in networks.values()
    )
    assert is_over(stack, before)


@pytest.mark.parametrize("fault", FAULTS.split(","))
def test_a_drill_that_is_killed_is_undone_by_its_guardian(
    fault: str, stack: Stack
) -> None:
    stack.up_well()
    before = look(stack)
    with start(stack, "--faults", fault, "--for", "600s") as running:
        wait_for_fault(stack, fault)
        running.process.kill()

        wait_until(lambda: is_over(stack, before), "all is as before")


def test_the_next_command_undoes_what_is_left_where_the_guardian_is_gone_too(
    stack: Stack,
) -> None:
    stack.up_well()
    before = look(stack)
    with start(stack, "--faults", "freeze", "--for", "600s") as running:
        wait_for_fault(stack, "freeze")
        os.kill(find_guardian(read_notes(stack)["mark"]), signal.SIGKILL)
        running.process.kill()
        running.process.wait()
        assert look(stack)["cache"]["status"] == "paused"
        done = stack.composegen("status")

    assert "undoing what a drill has left: cache is frozen" in done.err
    assert done.code == 0, done
    assert is_over(stack, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_drill_that_is_ended_undoes_what_stands(number: int, stack: Stack) -> None:
    stack.up_well()
    before = look(stack)
    with start(stack, "--faults", "cut", "--for", "600s") as running:
        wait_for_fault(stack, "cut")
        up = stack.up()
        assert up.code == 1, up
        assert "a drill is going on in this folder" in up.err
        assert "a drill is going on" in stack.composegen("status").err
        running.process.send_signal(number)
        done = running.wait()

    assert done.code == 128 + number, done
    assert is_over(stack, before)


def test_a_drill_asks_first_and_needs_a_stack_that_is_up(stack: Stack) -> None:
    done = stack.composegen("drill", "--yes")
    assert done.code == 2, done
    assert "nothing runs here" in done.err

    stack.up_well()
    before = look(stack)
    done = stack.composegen("drill")
    assert done.code == 2, done
    assert "cache  stop kill freeze cut without  asked: kept, empty" in done.err
    assert "composegen drill --yes" in done.err
    assert is_over(stack, before)

    text = (stack.folder / "stack.yaml").read_text()
    (stack.folder / "stack.yaml").write_text(
        text.replace("grace_period: 1s", "grace_period: 2s")
    )
    done = stack.composegen("drill", "--yes")
    assert done.code == 2, done
    assert "the stack file has changed since `composegen up`" in done.err


def start(stack: Stack, *words: str) -> Any:
    """A drill that goes on meanwhile."""
    return stack.start("drill", "--yes", "--within", "60s", *words)


def list_verdicts(table: str) -> list[tuple[str, str, str]]:
    """Need, fault and verdict of each row of a printed table."""
    rows = re.findall(r"^(\S+ -> \S+) +(\w+) .*?(\w+)$", table, re.MULTILINE)
    return [(need, fault, verdict) for need, fault, verdict in rows]


def test_the_lesson_fails_as_its_page_shows(images: Images, tmp_path: Path) -> None:
    images.have(*list_images(LESSON))
    with hold_ports(8009), Stack(tmp_path) as stack:
        copy_example(LESSON, stack.folder)
        # On a busy machine two seconds are no proof of anything.
        file = stack.folder / "stack.yaml"
        text = file.read_text().replace("within: 2s", "within: 6s")
        patient = yaml.safe_load(text)
        be_patient(patient["services"])
        file.write_text(yaml.safe_dump(patient, sort_keys=False))
        stack.up_well(deadline=300)
        words = ("drill", "--yes", "--for", "12s", "--within", "60s")
        done = stack.composegen(*words, deadline=400)
        shown = (stack.folder / "README.md").read_text()

    assert done.code == 1, done
    assert list_verdicts(done.out) == list_verdicts(shown)
    for fault in ("freeze", "cut"):
        assert f"web -> redis, {fault}: fails\n  no answer within 6 s\n" in done.out


def list_guests(stack: Stack) -> list[str]:
    """Containers in the networks of a stack that are not its own."""
    label = f"label=com.docker.compose.project={stack.name}"
    networks = run_well("docker", "network", "ls", "-q", "--filter", label).split()
    found = []
    for network in networks:
        filters = ("--filter", f"network={network}", "--format", "{{.Names}}")
        found += run_well("docker", "ps", "-a", *filters).split()
    assert found
    return [name for name in found if not name.startswith(f"{stack.name}-")]


@contextmanager
def reach_over_tcp() -> Iterator[str]:
    """The engine's socket at an address, as if it were on another machine."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), ToEngine) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class ToEngine(socketserver.BaseRequestHandler):
    """Carries bytes between a client and the engine's socket, both ways."""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect("/var/run/docker.sock")
            back = threading.Thread(target=carry, args=(engine, self.request))
            back.start()
            carry(self.request, engine)
            back.join()


def carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def test_an_engine_elsewhere_is_asked_by_a_helper_that_goes_again(
    stack: Stack, images: Images
) -> None:
    images.have(PROBE_IMAGE)
    services = make_stack(NAMES)
    services["kept"]["publish"] = "0:8000"  # leads nowhere from here
    stack.write(services)
    with reach_over_tcp() as address:
        stack.up_well(DOCKER_HOST=address)
        words = ("drill", "--yes", "--format", "json", *QUICK, "--faults", "freeze")
        done = stack.composegen(*words, deadline=400, DOCKER_HOST=address)
        rows = {row["dependent"]: row for row in json.loads(done.out)}
        guests = list_guests(stack)
        stack.composegen("down", DOCKER_HOST=address)

    assert {name: row["verdict"] for name, row in rows.items()} == {
        "kept": "holds",
        "empty": "fails",
    }
    assert "answered 200 with nothing" in rows["empty"]["evidence"]
    assert guests == []
