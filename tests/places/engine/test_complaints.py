"""What is behind a complaint of Compose, and what to do about it."""

import pytest

from composegen.places.engine.complaints import (
    PORT_TAKEN,
    explain_complaint,
    explain_port,
    iterate_complaints,
)
from tests.enginefakes import FakeEngine, make_noted


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("Bind for 127.0.0.1:3000 failed: port is already allocated", "3000"),
        (
            "bind host port 127.0.0.1:81:172.18.0.2:80/tcp: address already in use",
            "81",
        ),
        ("listen tcp4 127.0.0.1:5432: bind: address already in use", "5432"),
    ],
)
def test_the_port_that_is_taken_is_the_hosts(text, port):
    assert PORT_TAKEN.search(text)[1] == port


def test_a_taken_port_suggests_the_next():
    noted = make_noted("web", port=8000)
    cause = explain_port(noted, 3000, "the container other-web-1")
    assert cause.text.endswith("is taken by the container other-web-1")
    assert cause.help.endswith('publish: "3001:8000"')


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("target web: failed to solve: exit code: 3", "`web` cannot be built"),
        (
            "The command '/bin/sh -c exit 3' returned a non-zero code: 3",
            "`web` cannot be built: The command '/bin/sh -c exit 3' returned",
        ),
        (
            "the --mount option requires BuildKit. Refer to",
            "`web` cannot be built without buildx: --mount",
        ),
        (
            'building at STEP "RUN exit 3": while running runtime: exit status 3',
            "`web` cannot be built: RUN exit 3",
        ),
        (
            'container create: lookup init binary: exec: "catatonit": executable file',
            "Podman has no catatonit",
        ),
        ("pull access denied for nobody/nothing, repository", "`web` cannot be pulled"),
        ("manifest for python:0.0 not found", "`web` cannot be pulled"),
        ("dial tcp: lookup docker.io: no such host", "its registry cannot be reached"),
        (
            "Error response from daemon: connection refused",
            "its registry cannot be reached",
        ),
        (
            "reading manifest latest: requested access to the resource is denied",
            "`web` cannot be pulled",
        ),
        (
            'unable to prepare context: path "/x/no" not found',
            "a folder to build from does not exist: /x/no",
        ),
        (
            "failed to get build context x: stat /x/no: no such file or directory",
            "a folder to build from does not exist: /x/no",
        ),
        (
            "failed to read dockerfile: open Dockerfile: no such file or directory",
            "the folder to build from has no Dockerfile",
        ),
        ("env file /x/a.env not found: stat", "does not exist: /x/a.env"),
        ("No such image: demo-web:latest", "the image demo-web:latest is not here"),
        ("required variable KEY is missing a value: why", "KEY is not set: why"),
        ("no space left on device", "disk is full"),
        (
            "bind source path does not exist: /x/motd.txt",
            "/x/motd.txt, which `web` mounts, does not exist",
        ),
        ("services.web additional properties 'x' not allowed", "the key `x` at"),
        ('The container name "/x" is already in use', "another container is named x"),
    ],
)
def test_a_complaint_of_compose_is_understood(complaint, words):
    cause = next(iterate_complaints(complaint, "web"))
    assert words in cause.text
    assert cause.help


def test_another_complaint_is_left_as_it_is():
    assert list(iterate_complaints("something new", "web")) == []


@pytest.mark.parametrize(
    ("publish", "line"),
    [
        (("3000",), "publish: 3001:8000"),
        (("0.0.0.0:3000:80",), 'publish: "0.0.0.0:3001:80"'),
        (("${WEB:-3000}:80",), 'publish: "3001:80"'),
        (("4000:1000", "3000:80"), 'publish: ["4000:1000", "3001:80"]'),
    ],
)
def test_only_the_port_that_is_taken_is_published_elsewhere(publish, line):
    noted = make_noted("web", port=8000, publish=publish)
    assert explain_port(noted, 3000, "").help.endswith(f"\n{line}")


NO_REGISTRY = (
    "initializing source docker://moby/buildkit:buildx-stable-1: pinging container "
    "registry registry-1.docker.io: dial tcp: lookup registry-1.docker.io: no such host"
)


def test_a_registry_out_of_reach_is_no_reason_to_build_what_is_built():
    built, pulled = make_noted("web", is_built=True), make_noted("web")

    failure = explain_complaint(FakeEngine(), built, NO_REGISTRY)

    assert "`web` cannot be built: a registry" in failure.cause
    assert "build:" not in failure.help
    assert "build: DIR" in explain_complaint(FakeEngine(), pulled, NO_REGISTRY).help
