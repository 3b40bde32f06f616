"""Why a health check does not pass, and the line that fixes it."""

from pathlib import Path

from composegen.places.engine.cause import CauseName
from composegen.places.engine.containers import Probe, Published, Socket
from composegen.places.engine.gathering import Gatherer
from composegen.places.engine.status import make_seen
from tests.enginefakes import (
    FakeEngine,
    find_web,
    make_container,
    make_noted,
    make_notes,
    see_web,
)


def probing(output, *, code=1):
    return (Probe(exit_code=code, output=output),)


def test_the_tool_of_the_check_is_missing():
    cause, help = see_web(
        probes=probing('exec: "curl": executable file not found in $PATH', code=-1)
    )
    assert cause == "the check calls `curl`, which is not in the image"
    assert "health: {tool: wget}" in help


def test_it_listens_on_another_port():
    cause, help = see_web(
        probes=probing("refused"),
        evidence={"sockets": (Socket(host="0.0.0.0", port=8080),)},
    )
    assert cause == "it listens on port 8080, not on 8000"
    assert help.endswith("port: 8080")


def test_a_port_in_the_network_of_another_service_is_not_its_own():
    cause, help = see_web(
        noted={"shares": "app", "port": 8080},
        evidence={"sockets": (Socket(host="0.0.0.0", port=8000),)},
    )
    assert cause.startswith("nothing listens on port 8080 yet")
    assert "8000" not in help


def test_the_ports_of_services_that_share_a_network_are_not_taken_for_ones_own():
    app = make_noted("app", port=8080)
    notes = make_notes(app, make_noted("side", port=9000, shares="app"))
    container = make_container("app", health="starting")
    sockets = [Socket(host="0.0.0.0", port=port) for port in (9000, 8000)]
    engine = FakeEngine(containers=[container], sockets={container.id: sockets})
    seen = make_seen(notes, (container,), 110.0)

    evidence = Gatherer(engine, notes, Path(), seen).gather(app, container)

    assert evidence.sockets == (Socket(host="0.0.0.0", port=8000),)


def test_the_published_port_is_changed_where_it_leads_to_the_wrong_one():
    cause, help = see_web(
        noted={"port": 8001, "publish": ("8982:8001",), "says_port": False},
        evidence={"sockets": (Socket(host="0.0.0.0", port=8000),)},
    )
    assert cause == "it listens on port 8000, not on 8001"
    assert help.endswith("\npublish: 8982:8000")


def test_of_several_ports_the_published_one_is_meant():
    published = (Published(target="8000/tcp", host="127.0.0.1", port=8982),)
    sockets = Socket(host="0.0.0.0", port=9090), Socket(host="0.0.0.0", port=8000)
    _, help = see_web(
        noted={"port": 8001, "publish": ("8982:8000",)},
        published=published,
        evidence={"sockets": sockets},
    )
    assert help.endswith("\nport: 8000")


def asked(**answers):
    """What is behind a check of /health that fails while the port is listened on."""
    return find_web(
        noted={"check": "http", "is_http": True, "path": "/health"},
        evidence={
            "sockets": (Socket(host="0.0.0.0", port=8000),),
            "answers": {
                f"/{path}".replace("root", ""): n for path, n in answers.items()
            },
        },
    )


def test_a_page_that_is_not_there_is_reported_with_one_that_is():
    cause = asked(health=404, healthz=404, root=200)
    assert cause.text == "GET /health answers 404, and / answers 200"
    assert cause.help.endswith("\nhealth: {http: /}")


def test_a_status_that_no_other_page_fixes_is_reported():
    for answers in ({"health": 404}, {"health": 404, "root": 404}):
        cause = asked(**answers)
        assert cause.name == CauseName.BAD_STATUS
        assert cause.text.startswith("GET /health answers 404")


def test_a_service_that_says_it_is_not_ready_is_not_asked_for_another_page():
    cause = asked(health=503, root=200)
    assert cause.name == CauseName.BAD_STATUS
    assert "GET /health answers 503" in cause.text


def test_it_does_not_listen_yet():
    cause, help = see_web(
        probes=probing("refused"), evidence={"sockets": ()}, noted={"boot": 30.0}
    )
    assert cause.startswith("nothing listens on port 8000 yet")
    assert help.endswith("health: {boot: 60s}")


def test_it_listens_and_its_check_does_not_pass():
    cause, _ = see_web(
        probes=probing("HTTP 500"),
        evidence={"sockets": (Socket(host="::", port=8000),)},
    )
    assert cause == "it listens on port 8000, but its health check fails"


def test_where_nothing_can_be_looked_at_nothing_is_claimed():
    assert see_web(probes=probing("refused")) == ("", "")


# Asked from outside

OUTSIDE = {"helper": "web-health", "check_port": 8000, "path": "/", "is_http": True}


def test_a_service_that_listens_on_loopback_is_not_reached_from_outside():
    sockets = (Socket(host="127.0.0.1", port=8000),)
    cause, help = see_web(
        noted=OUTSIDE, asker="", evidence={"sockets": sockets}, probes=probing("")
    )
    assert cause == (
        "it listens only on 127.0.0.1:8000, where the check from outside cannot reach "
        "it"
    )
    assert help == "let it listen on 0.0.0.0:8000"


def test_a_helper_that_does_not_run_is_the_cause():
    cause = find_web(noted=OUTSIDE, asker="exited with 137")
    assert cause.name == CauseName.HELPER_DOWN
    assert cause.text == ("`web-health`, the container that checks it, exited with 137")
    assert cause.help == "start it again: composegen start web"


def test_an_image_that_cannot_ask_is_named_with_one_that_can():
    missing = 'exec: "nc": executable file not found in $PATH'
    cause, help = see_web(noted=OUTSIDE, asker="", probes=probing(missing, code=-1))
    assert cause == "the check calls `nc`, which is not in the image of `web-health`"
    assert "probe_image: busybox:1.37" in help


# A check that was never run


def test_a_check_that_was_not_run_within_the_boot_is_not_called_one_that_fails():
    listens = {"sockets": (Socket(host="0.0.0.0", port=8000),)}

    cause, help = see_web(evidence=listens)

    assert cause == "its health check was never run"
    assert help.endswith("health: {boot: 60s}")
    assert see_web()[0] == cause  # also where nothing is known of what listens


def test_podman_needs_systemd_to_run_a_check():
    for sockets in (None, (), (Socket(host="0.0.0.0", port=8000),)):
        cause, help = see_web(evidence={"is_podman": True, "sockets": sockets})

        assert cause == "its health check was never run"
        assert "systemd" in help
        assert help.endswith("composegen restart web")


def test_a_check_that_podman_has_run_is_judged_by_what_it_said():
    listens = {"sockets": (Socket(host="0.0.0.0", port=8000),), "is_podman": True}

    assert (
        "its health check fails" in see_web(probes=probing("no"), evidence=listens)[0]
    )


def test_a_check_that_podman_may_still_run_is_no_cause():
    assert see_web(evidence={"is_podman": True, "age": 3.0}) == ("", "")
