"""Ports of this machine that lead to services of a cluster."""

import queue

import pytest

from composegen.places.cluster.forwarding import Forward, Forwarding, list_forwards
from composegen.planning.plan import make_plan
from composegen.stackfile.load import load_stack
from composegen.values import find_default
from tests.clusterfakes import FakeKubectl

WEB = Forward(service="web", object="web", local=3000, target=8000, scheme="http://")
SOON = 20


def list_of(tmp_path, service):
    path = tmp_path / "stack.yaml"
    path.write_text(f'services:\n  web:\n    image: "python:3.13-slim"\n{service}')
    plan = make_plan(load_stack(path, str(path)).stack)
    found = list_forwards(plan, find_default)
    return [(each.address, each.local, each.target, each.scheme) for each in found]


@pytest.mark.parametrize(
    ("publish", "expected"),
    [
        ("3000:8000", [("127.0.0.1", 3000, 8000, "http://")]),
        ('"127.0.0.2:3000:8000"', [("127.0.0.2", 3000, 8000, "http://")]),
        ('"0.0.0.0:3000:8000"', [("127.0.0.1", 3000, 8000, "http://")]),
        ('"0:8000"', [("127.0.0.1", 0, 8000, "http://")]),
        ('"${P:-3000}:8000"', [("127.0.0.1", 3000, 8000, "http://")]),
        ('["3000:8000", "9000:9090"]', None),
        ('"3000:8000/udp"', []),
    ],
)
def test_what_is_published_over_tcp_is_forwarded_on_this_machine_alone(
    tmp_path, publish, expected
):
    health = "none" if "udp" in publish else "/"
    keys = f"    port: 8000\n    health: {health}\n    publish: {publish}\n"
    found = list_of(tmp_path, keys)
    if expected is None:
        expected = [
            ("127.0.0.1", 3000, 8000, "http://"),
            ("127.0.0.1", 9000, 9090, ""),
        ]
    assert found == expected


@pytest.fixture
def forwarded(tmp_path):
    fake = FakeKubectl(tmp_path)
    inbox = queue.SimpleQueue()
    forwarding = Forwarding(fake.make_kubectl(), inbox.put)
    yield fake, forwarding, lambda: inbox.get(timeout=SOON)
    forwarding.close()


def test_the_address_is_reported_when_it_is_open(forwarded):
    fake, forwarding, take = forwarded
    fake.answer("port-forward", "Forwarding from 127.0.0.1:3000 -> 8000\n")
    forwarding.start(WEB)

    assert take().text == "is forwarded: http://127.0.0.1:3000"
    [words] = [each["words"] for each in fake.calls][:1]
    assert words[4:] == [
        "port-forward",
        "service/web",
        *("--address", "127.0.0.1", "3000:8000"),
    ]


def test_a_free_port_is_left_to_kubectl(forwarded):
    fake, forwarding, take = forwarded
    fake.answer("port-forward", "Forwarding from 127.0.0.1:41234 -> 8000\n")
    forwarding.start(Forward(service="web", object="web", local=0, target=8000))

    assert take().text == "is forwarded: 127.0.0.1:41234"
    assert fake.calls[0]["words"][-1] == ":8000"


def test_one_that_is_lost_is_forwarded_again_and_says_why_once(forwarded):
    fake, forwarding, take = forwarded
    taken = {"err": "error: unable to listen on port 3000: in use\n", "code": 1}
    fake.answer(
        "port-forward", taken, taken, "Forwarding from 127.0.0.1:3000 -> 8000\n"
    )
    forwarding.start(WEB)

    first, second = take(), take()
    assert first.text.startswith("its port is not forwarded, trying again: ")
    assert "unable to listen on port 3000" in first.text
    assert second.text == "is forwarded: http://127.0.0.1:3000"
