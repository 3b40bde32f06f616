"""A program that runs and is not ready: where it listens, and what its probe got."""

from composegen.places.cause import UNKNOWN
from composegen.places.cluster.cause import CauseName
from composegen.places.cluster.objects import read_pod
from composegen.places.cluster.silence import explain_silence, read_answer
from tests.clusterfakes import (
    FakeKubectl,
    make_event,
    make_noted,
    make_pod,
    running,
    take,
    waiting,
)

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
REFUSED = 'Startup probe failed: Get "http://10.0.0.9:8000/health": connection refused'


def listen(*addresses):
    """The table of the kernel with sockets that listen: as hexadecimal texts."""
    rows = [
        f" {n}: {each} 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 {n}"
        for n, each in enumerate(addresses, 1)
    ]
    return HEAD + "\n".join(rows) + "\n"


def explain(tmp_path, table, answer="", *, main=None, **noted):
    fake = FakeKubectl(tmp_path)
    failed = {"err": 'exec: "cat": executable file not found', "code": 1}
    fake.answer("exec", table if table is not None else failed)
    pod = make_pod("web", main=main or running())
    events = [make_event("Pod", "web-h1-1", "Unhealthy", answer)] if answer else ()
    return explain_silence(
        fake.make_kubectl(),
        take([pod], events=events),
        make_noted("web", **noted),
        read_pod(pod),
    )


def test_a_program_on_loopback_alone_is_named_with_the_address(tmp_path):
    found = explain(tmp_path, listen("0100007F:1F40"), REFUSED)

    assert found.name == CauseName.ON_LOOPBACK
    assert "listens only on 127.0.0.1:8000" in found.text
    assert found.help == "let it listen on 0.0.0.0:8000"


def test_a_program_that_listens_on_loopback_too_is_reached(tmp_path):
    found = explain(
        tmp_path, listen("0100007F:1F40", "0A00010A:1F40"), "statuscode: 500"
    )

    assert found.name == CauseName.BAD_STATUS


def test_a_program_on_another_port_is_named_with_the_line_to_write(tmp_path):
    found = explain(tmp_path, listen("00000000:2328"), REFUSED)

    assert found.name == CauseName.OTHER_PORT
    assert found.text == "it listens on port 9000, not on 8000"
    assert found.help.endswith("port: 9000")


def test_a_health_check_of_a_port_of_its_own_is_what_is_to_change(tmp_path):
    found = explain(tmp_path, listen("00000000:2328"), REFUSED, check_port=8001)

    assert found.help.endswith("health: {http: /health, port: 9000}")


def test_where_nothing_listens_it_may_need_a_longer_boot(tmp_path):
    found = explain(tmp_path, listen(), REFUSED)

    assert found.name == CauseName.NOTHING_LISTENS
    assert found.text == "nothing listens on port 8000; its boot is 30s"
    assert "boot: 60s" in found.help


def test_an_image_without_cat_leaves_what_the_probe_got(tmp_path):
    found = explain(tmp_path, None, REFUSED)

    assert found.name == CauseName.NOTHING_LISTENS
    assert found.text.startswith("nothing answers on port 8000: it listens on another")


def test_a_bad_status_is_named(tmp_path):
    said = "Readiness probe failed: HTTP probe failed with statuscode: 503"
    found = explain(tmp_path, listen("00000000:1F40"), said)

    assert found.name == CauseName.BAD_STATUS
    assert found.text == "GET /health answers 503, and the check wants 200 to 399"


def test_a_check_that_fails_says_what_it_got(tmp_path):
    said = "Startup probe failed: could not ask"
    found = explain(tmp_path, None, said, check="command", check_port=None, port=None)

    assert found.name == CauseName.CHECK_FAILS
    assert found.text == "its health check fails: could not ask"


def test_one_that_does_not_run_is_not_asked(tmp_path):
    found = explain(tmp_path, listen(), main=waiting("CrashLoopBackOff"))

    assert found == UNKNOWN


def test_the_newest_answer_counts():
    pod = make_pod("web", main=running())
    events = [
        make_event("Pod", "web-h1-1", "Unhealthy", f"Startup probe failed: {n}", at=n)
        for n in (20, 30, 10)
    ]
    assert read_answer(take([pod], events=events), read_pod(pod)) == "30"
