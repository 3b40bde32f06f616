"""What a container's log tells, and the line that mends it."""

import pytest

from composegen.places.engine.containers import Mounted
from tests.enginefakes import make_container, see_web_dead


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
    cause, help = see_web_dead(line)
    assert "read-only" in cause
    assert f"tmpfs: [{folder}]" in help
    assert f"volumes: [web-data:{folder}]" in help


def test_one_that_writes_at_the_root_is_relaxed_or_given_a_folder():
    cause, help = see_web_dead(
        "mkdir: cannot create directory '/data': Read-only file system"
    )
    assert "/data" in cause
    assert "relax: {read_only: it writes /data}" in help


def test_a_secret_that_may_not_be_read_names_its_file():
    cause, help = see_web_dead(
        "PermissionError: [Errno 13] Permission denied: '/run/secrets/db-password'",
        evidence={"secret_files": {"db-password": "db/password.txt"}},
    )
    assert cause.startswith("it may not read its secret db-password")
    assert help.startswith("chmod 0644 db/password.txt")


def test_a_port_that_may_not_be_had_is_a_capability():
    cause, help = see_web_dead(
        "nginx: bind() to 0.0.0.0:80 failed (13: Permission denied)"
    )
    assert "may not listen on its port" in cause
    assert "cap_add: [NET_BIND_SERVICE]" in help


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
    _, help = see_web_dead(line, drops_capabilities=True)
    assert f"cap_add: [{names}]" in help


def test_no_capability_is_missing_where_none_is_dropped():
    assert see_web_dead("chown: Operation not permitted") == ("", "")


@pytest.mark.parametrize(
    "line",
    [
        "ImportError: /tmp/_MEI1/libz.so: failed to map segment from shared object",
        "sh: 1: /tmp/tool: Permission denied",
    ],
)
def test_an_executable_tmp_is_asked_for(line):
    _, help = see_web_dead(line)
    assert 'tmpfs: ["/tmp:exec"]' in help


def test_a_folder_of_the_image_that_may_not_be_written_becomes_a_tmpfs():
    cause, help = see_web_dead(
        "PermissionError: [Errno 13] Permission denied: '/app/data/x'", user="1000"
    )
    assert "/app/data/x" in cause
    assert 'tmpfs: ["/app/data:uid=1000,gid=1000"]' in help


def test_a_mounted_folder_of_the_host_is_given_to_its_user():
    mount = Mounted(
        kind="bind", name="", source="/home/me/x", target="/data", is_writable=True
    )
    _, help = see_web_dead(
        "mkdir: /data/y: Permission denied", user="1000", mounts=(mount,)
    )
    assert help == "let user 1000 have it on this machine:\nchown 1000 /home/me/x"


def test_a_volume_of_another_user_gets_its_owner_and_is_deleted_last():
    mount = Mounted(
        kind="volume", name="demo_data", source="", target="/data", is_writable=True
    )
    cause, help = see_web_dead(
        "open /data/y: permission denied",
        mounts=(mount,),
        user="1000",
        evidence={"owners": {"demo_data": "project demo; used by /a"}},
    )
    assert "/data/y" in cause
    chown = "--entrypoint chown -v demo_data:/data image:1 -R 1000 /data"
    assert chown in help
    assert help.index(chown) < help.index("project demo; used by /a")
    assert help.endswith("docker volume rm demo_data")


def test_a_password_that_is_younger_than_its_volume():
    cause, help = see_refused("POSTGRES_PASSWORD_FILE")
    assert cause.startswith("db refused the password: its volume demo_db-data is older")
    steps = (
        "put the old password back into .secrets/db-password",
        "docker exec -i demo-db-1",
        "project other; used by /elsewhere",
        "docker volume rm demo_db-data",
    )
    assert [step for step in steps if step not in help] == []
    assert sorted(steps, key=help.index) == list(steps)


def test_a_database_that_wants_its_old_password_first_is_given_no_new_one():
    _, help = see_refused("MYSQL_ROOT_PASSWORD_FILE")
    assert "docker exec" not in help


def see_refused(variable):
    """A password was refused by a store that is made with this variable."""
    return see_web_dead(
        'FATAL: password authentication failed for user "app"',
        evidence={
            "older_volume": "demo_db-data",
            "older_service": "db",
            "older_store": make_container("db", variables=("PATH", variable)),
            "older_file": ".secrets/db-password",
            "owners": {"demo_db-data": "project other; used by /elsewhere"},
        },
    )


def test_another_refused_password_has_no_volume_to_blame():
    cause, _ = see_web_dead("Access denied for user 'root'@'10.0.0.1'")
    assert cause == "a password was refused"


def test_a_service_that_is_called_and_not_needed():
    cause, help = see_web_dead(
        "getaddrinfo ENOTFOUND redis", evidence={"services": ("web", "redis")}
    )
    assert "`redis`, but its `needs` does not list it" in cause
    assert "needs: [redis]" in help


def test_a_service_that_is_needed_is_not_asked_for_again():
    seen = {"services": ("web", "redis")}
    assert see_web_dead(
        "getaddrinfo ENOTFOUND redis", needs=["redis"], evidence=seen
    ) == (
        "",
        "",
    )


def test_a_missing_module_is_built_in():
    cause, _ = see_web_dead("ModuleNotFoundError: No module named 'fastapi'")
    assert cause == "the module `fastapi` is not in the image"
