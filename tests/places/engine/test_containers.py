"""The engine's JSON is read once, into plain values."""

import io
import tarfile

import pytest

from composegen.places.engine.containers import (
    Folder,
    Mounted,
    Probe,
    Published,
    Socket,
    Status,
    format_time,
    read_container,
    read_folder,
    read_machine,
    read_time,
)

INSPECTED = {
    "Id": "abc",
    "Name": "/demo-web-2",
    "Created": "2026-01-02T03:04:05.123456789Z",
    "Path": "python",
    "Args": ["-m", "web"],
    "RestartCount": 3,
    "State": {
        "Status": "exited",
        "ExitCode": 137,
        "Error": "",
        "OOMKilled": True,
        "StartedAt": "2026-01-02T03:04:06.5Z",
        "FinishedAt": "0001-01-01T00:00:00Z",
        "Health": {
            "Status": "unhealthy",
            "Log": [{"ExitCode": 1, "Output": "no\n", "Start": "", "End": ""}],
        },
    },
    "Config": {
        "Image": "web:1",
        "User": "1000",
        "Healthcheck": {"Test": ["CMD", "ask"]},
        "Labels": {
            "com.docker.compose.service": "web",
            "com.docker.compose.container-number": "2",
        },
    },
    "HostConfig": {
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "Memory": 1024,
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
    },
    "NetworkSettings": {"Ports": {}},
    "Mounts": [
        {
            "Type": "volume",
            "Name": "demo_data",
            "Source": "/var/lib/x",
            "Destination": "/data",
            "RW": True,
        }
    ],
}


def test_a_container_is_read():
    container = read_container(INSPECTED)
    assert (container.name, container.service, container.number) == (
        "demo-web-2",
        "web",
        2,
    )
    assert container.status is Status.EXITED
    assert container.probes == (Probe(exit_code=1, output="no\n"),)
    assert container.published == (
        Published(target="80/tcp", host="127.0.0.1", port=8080),
    )
    assert container.mounts == (
        Mounted(
            kind="volume",
            name="demo_data",
            source="/var/lib/x",
            target="/data",
            is_writable=True,
        ),
    )
    assert container.was_out_of_memory
    assert container.is_read_only
    assert container.drops_capabilities
    assert container.finished_at is None
    assert container.started_at - container.created_at == pytest.approx(1.376544)


def test_a_container_with_few_details_is_read():
    bare = {
        "Id": "abc",
        "Name": "/x",
        "State": {"Status": "created"},
        "Config": {},
        "HostConfig": {},
    }
    container = read_container(bare)
    assert container.service == ""
    assert container.health == "none"
    assert container.was_never_started


def test_a_time_that_never_was_is_none():
    assert read_time("0001-01-01T00:00:00Z") is None
    assert read_time(None) is None


def test_a_time_is_written_in_utc():
    assert format_time(read_time("2026-01-02T05:04:05.5+02:00")) == (
        "2026-01-02T03:04:05.500Z"
    )
    assert format_time(None) is None


def test_an_address_that_only_the_container_reaches():
    assert Socket(host="127.0.0.1", port=1).is_loopback
    assert Socket(host="::1", port=1).is_loopback
    assert not Socket(host="0.0.0.0", port=1).is_loopback
    assert Socket(host="127.0.0.11", port=1).is_resolver


def make_archive(*members):
    """The archive of what lies at a path, as an engine answers it."""
    with io.BytesIO() as made:
        with tarfile.open(fileobj=made, mode="w") as archive:
            for name, kind in members:
                entry = tarfile.TarInfo(name)
                entry.type, entry.uid, entry.gid, entry.mode = kind, 7, 8, 0o750
                archive.addfile(entry)
        return made.getvalue()


def test_a_folder_is_read_from_the_beginning_of_its_archive():
    empty = read_folder(make_archive(("app/", tarfile.DIRTYPE)))
    assert empty == Folder(user=7, group=8, mode=0o750, is_empty=True)
    files = [(f"app/{n}", tarfile.REGTYPE) for n in range(100)]
    archive = make_archive(("app/", tarfile.DIRTYPE), *files)
    assert not read_folder(archive[: 16 * 1024]).is_empty


@pytest.mark.parametrize(
    "archive", [b"", b"x" * 2000, make_archive(("app", tarfile.SYMTYPE))]
)
def test_what_is_no_folder_is_refused(archive):
    with pytest.raises(LookupError):
        read_folder(archive)


@pytest.mark.parametrize(
    ("user", "mode", "expected"),
    [
        ("", 0o755, False),
        ("7", 0o755, True),
        ("7:8", 0o555, False),
        ("1000:8", 0o770, True),
        ("1000", 0o775, False),
        ("1000", 0o777, True),
        ("node", 0o755, None),
    ],
)
def test_who_may_write_in_a_folder(user, mode, expected):
    folder = Folder(user=7, group=8, mode=mode, is_empty=True)
    assert folder.is_writable_by(user) is expected


# Engines, as they answer GET /version

DOCKER = {
    "Version": "26.1.5+dfsg1",
    "ApiVersion": "1.45",
    "Components": [{"Name": "Engine", "Version": "26.1.5+dfsg1"}],
}
PODMAN = {
    "Version": "5.8.6",
    "ApiVersion": "1.44",
    "Components": [
        {"Name": "Podman Engine", "Version": "5.8.6"},
        {"Name": "Conmon", "Version": "conmon version 2.1.13, commit: unknown"},
    ],
}


@pytest.mark.parametrize(
    ("version", "is_podman"),
    [(DOCKER, False), (PODMAN, True), ({"Version": "20.10.1"}, False)],
)
def test_podman_is_told_from_docker_by_the_names_of_its_parts(version, is_podman):
    machine = read_machine(version, {"NCPU": 4, "MemTotal": 1024})

    assert machine.is_podman is is_podman
    assert (machine.version, machine.cpus, machine.memory) == (
        version["Version"],
        4,
        1024,
    )


def test_the_init_that_podman_names_is_no_part_of_the_command():
    init = {"Path": "/run/podman-init", "Args": ["--", "python", "-m", "web"]}

    assert read_container({**INSPECTED, **init}).command == ("python", "-m", "web")
    assert read_container(INSPECTED).command == ("python", "-m", "web")
