"""What is behind a container that is not up, and the line that mends it."""

import pytest

from composegen.containers import Mounted, Probe, Socket, Status
from composegen.enginecauses import (
    PORT_TAKEN,
    Evidence,
    explain_port,
    find_cause,
    format_size,
    iterate_complaints,
)
from tests.enginefakes import make_container, make_noted


def see(*lines, needs=(), evidence=None, noted=None, **values):
    container = make_container("web", **{"health": "starting", **values})
    return find_cause(
        Evidence(
            noted=make_noted("web", *needs, **{"port": 8000, **(noted or {})}),
            container=container,
            lines=lines,
            **(evidence or {}),
        )
    )


def died(*lines, code=1, **values):
    return see(*lines, status=Status.EXITED, exit_code=code, **values)


def test_nobody_knows_everything():
    assert died("something went wrong") == ("", "")


@pytest.mark.parametrize(
    ("line", "folder"),
    [
        ("OSError: [Errno 30] Read-only file system: '/app/cache/x'", "/app/cache"),
        ("Error: EROFS: read-only file system, open '/srv/a/b.log'", "/srv/a"),
        ("open /var/lib/x/y.db: read-only file system", "/var/lib/x"),
        ("touch: cannot touch '/home/me/x': Read-only file system", "/home/me"),
    ],
)
def test_a_read_only_file_system_names_the_folder(line, folder):
    cause, mend = died(line)
    assert "read-only" in cause
    assert f"tmpfs: [{folder}]" in mend
    assert f"volumes: [web-data:{folder}]" in mend


def test_one_that_writes_at_the_root_is_relaxed_or_given_a_folder():
    cause, mend = died("mkdir: cannot create directory '/data': Read-only file system")
    assert "/data" in cause
    assert "relax: {read_only: it writes /data}" in mend


def test_a_secret_that_may_not_be_read_names_its_file():
    cause, mend = died(
        "PermissionError: [Errno 13] Permission denied: '/run/secrets/db-password'",
        evidence={"secret_files": {"db-password": "db/password.txt"}},
    )
    assert cause.startswith("it may not read its secret db-password")
    assert mend.startswith("chmod 0644 db/password.txt")


def test_a_port_that_may_not_be_had_is_a_capability():
    cause, mend = died("nginx: bind() to 0.0.0.0:80 failed (13: Permission denied)")
    assert "may not listen on its port" in cause
    assert "cap_add: [NET_BIND_SERVICE]" in mend


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("chown: changing ownership of '/data': Operation not permitted", "CHOWN"),
        (
            'error: failed switching to "postgres": operation not permitted',
            "SETGID, SETUID",
        ),
        ("setpriv: setgroups failed: Operation not permitted", "SETGID"),
        ("ping: socket: Operation not permitted", "NET_RAW"),
    ],
)
def test_a_missing_capability_is_named(line, names):
    _, mend = died(line, drops_capabilities=True)
    assert f"cap_add: [{names}]" in mend


def test_no_capability_is_missing_where_none_is_dropped():
    assert died("chown: Operation not permitted") == ("", "")


@pytest.mark.parametrize(
    "line",
    [
        "ImportError: /tmp/_MEI1/libz.so: failed to map segment from shared object",
        "sh: 1: /tmp/tool: Permission denied",
    ],
)
def test_an_executable_tmp_is_asked_for(line):
    _, mend = died(line)
    assert 'tmpfs: ["/tmp:exec"]' in mend


def test_a_folder_of_the_image_that_may_not_be_written_becomes_a_tmpfs():
    cause, mend = died(
        "PermissionError: [Errno 13] Permission denied: '/app/data/x'", user="1000"
    )
    assert "/app/data/x" in cause
    assert 'tmpfs: ["/app/data:uid=1000,gid=1000"]' in mend


def test_a_mounted_folder_of_the_host_is_given_to_its_user():
    mount = Mounted(
        kind="bind", name="", source="/home/me/x", target="/data", is_writable=True
    )
    _, mend = died("mkdir: /data/y: Permission denied", user="1000", mounts=(mount,))
    assert mend == "let user 1000 have it on this machine:\nchown 1000 /home/me/x"


def test_a_volume_of_another_user_is_made_anew():
    mount = Mounted(
        kind="volume", name="demo_data", source="", target="/data", is_writable=True
    )
    cause, mend = died("open /data/y: permission denied", mounts=(mount,))
    assert "/data/y" in cause
    assert "docker volume rm demo_data" in mend


def test_out_of_memory_comes_before_what_the_log_says():
    cause, mend = died(
        "Permission denied: '/x/y'",
        code=137,
        memory=64 << 20,
        evidence={"was_out_of_memory": True},
    )
    assert cause == "it ran out of memory: the limit is 64M"
    assert "resources: {memory: 128M}" in mend


def test_a_kill_is_told_apart_from_a_lack_of_memory():
    cause, _ = died(code=137)
    assert cause == "it was killed (SIGKILL), and not for its memory"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (126, "cannot be executed"),
        (127, "is not in the image"),
        (139, "it was ended by SIGSEGV"),
    ],
)
def test_an_exit_code_speaks(code, words):
    assert words in died(code=code)[0]


def test_a_program_that_a_shell_does_not_find_is_named():
    assert died("sh: 1: uvicorn: not found", code=127)[0] == (
        "`uvicorn` is not in the image"
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            'exec: "server": executable file not found in $PATH: unknown',
            "`server` is not in the image",
        ),
        ("exec /app: exec format error", "another kind of processor"),
        (
            "Bind for 127.0.0.1:3000 failed: port is already allocated",
            "port 3000 of this machine is taken by pid 7",
        ),
        (
            "bind source path does not exist: /home/me/.secrets/KEY",
            "/home/me/.secrets/KEY, which it mounts, is not there",
        ),
        ('exec: "/bin/app": permission denied', "may not be executed"),
        ("a new kind of trouble", "a new kind of trouble"),
    ],
)
def test_a_start_that_failed_says_why(error, words):
    cause, _ = see(status=Status.CREATED, error=error, evidence={"holder": "pid 7"})
    assert words in cause


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
    cause, mend = explain_port(noted, 3000, "the container other-web-1")
    assert cause.endswith("is taken by the container other-web-1")
    assert mend.endswith('publish: "3001:8000"')


def test_a_password_that_is_younger_than_its_volume():
    cause, mend = died(
        'FATAL: password authentication failed for user "app"',
        evidence={"older_volume": "demo_db-data", "older_service": "db"},
    )
    assert cause.startswith("db refused the password: its volume demo_db-data is older")
    assert "docker volume rm demo_db-data" in mend


def test_another_refused_password_has_no_volume_to_blame():
    cause, _ = died("Access denied for user 'root'@'10.0.0.1'")
    assert cause == "a password was refused"


def test_a_dependency_on_loopback_is_said_by_its_dependant():
    cause, mend = died(
        needs=["api"],
        evidence={"needed": {"api": (9000, (Socket(host="127.0.0.1", port=9000),))}},
    )
    assert cause.startswith("`api` listens on 127.0.0.1:9000 alone")
    assert mend == "let `api` listen on 0.0.0.0:9000"


def test_a_dependency_on_every_address_is_not_to_blame():
    sockets = Socket(host="127.0.0.1", port=9000), Socket(host="0.0.0.0", port=9000)
    assert died(needs=["api"], evidence={"needed": {"api": (9000, sockets)}}) == (
        "",
        "",
    )


def test_a_service_that_is_called_and_not_needed():
    cause, mend = died(
        "getaddrinfo ENOTFOUND redis", evidence={"services": ("web", "redis")}
    )
    assert "`redis`, which it does not need" in cause
    assert "needs: [redis]" in mend


def test_a_service_that_is_needed_is_not_asked_for_again():
    seen = {"services": ("web", "redis")}
    assert died("getaddrinfo ENOTFOUND redis", needs=["redis"], evidence=seen) == (
        "",
        "",
    )


def test_a_missing_module_is_built_in():
    cause, _ = died("ModuleNotFoundError: No module named 'fastapi'")
    assert cause == "the module `fastapi` is not in the image"


def probing(output, *, code=1):
    return (Probe(exit_code=code, output=output),)


def test_the_tool_of_the_check_is_missing():
    cause, mend = see(
        probes=probing('exec: "curl": executable file not found in $PATH', code=-1)
    )
    assert cause == "the check calls `curl`, which is not in the image"
    assert "health: {tool: wget}" in mend


def test_it_listens_on_another_port():
    cause, mend = see(
        probes=probing("refused"),
        evidence={"sockets": (Socket(host="0.0.0.0", port=8080),)},
    )
    assert cause == "it listens on port 8080, not on 8000"
    assert mend.endswith("port: 8080")


def test_it_does_not_listen_yet():
    cause, mend = see(
        probes=probing("refused"), evidence={"sockets": ()}, noted={"boot": 30.0}
    )
    assert cause.startswith("nothing listens on port 8000 yet")
    assert mend.endswith("health: {boot: 60s}")


def test_it_listens_and_its_check_does_not_pass():
    cause, _ = see(
        probes=probing("HTTP 500"),
        evidence={"sockets": (Socket(host="::", port=8000),)},
    )
    assert cause == "it listens on port 8000 and its check does not pass"


def test_where_nobody_can_look_nothing_is_claimed():
    assert see(probes=probing("refused")) == ("", "")


@pytest.mark.parametrize(
    ("size", "text"),
    [(2 << 30, "2G"), (512 << 20, "512M"), (3 << 10, "3K"), (7, "7b"), (0, "")],
)
def test_a_size_is_said_as_a_stack_file_says_it(size, text):
    assert format_size(size) == text


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("target web: failed to solve: exit code: 3", "`web` cannot be built"),
        ("pull access denied for nobody/nothing, repository", "`web` cannot be pulled"),
        ("manifest for python:0.0 not found", "`web` cannot be pulled"),
        ("dial tcp: lookup docker.io: no such host", "its registry is out of reach"),
        ("No such image: demo-web:latest", "the image demo-web:latest is not here"),
        ("required variable KEY is missing a value: why", "KEY is not set: why"),
        ("no space left on device", "disk is full"),
        ('The container name "/x" is already in use', "another container is called x"),
    ],
)
def test_a_complaint_of_compose_is_understood(complaint, words):
    cause, mend = next(iterate_complaints(complaint, "web"))
    assert words in cause
    assert mend


def test_another_complaint_is_left_as_it_is():
    assert list(iterate_complaints("something new", "web")) == []
