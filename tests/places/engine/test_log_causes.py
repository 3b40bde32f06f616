"""What a container's log says, and the line that fixes it."""

import pytest

from composegen.places.engine.containers import Folder, Mounted
from tests.enginefakes import make_container, see_web_dead

EMPTY = Folder(user=0, group=0, mode=0o755, is_empty=True)
FILLED = Folder(user=0, group=0, mode=0o755, is_empty=False)
DENIED = "PermissionError: [Errno 13] Permission denied: '/app/cache.db'"
READ_ONLY = "OSError: [Errno 30] Read-only file system: '/app/cache.db'"


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
    cause, help = see_web_dead(line, evidence={"folders": {folder: None}})
    assert "read-only" in cause
    assert f"tmpfs: [{folder}]" in help
    assert f"volumes: [web-data:{folder}]" in help


@pytest.mark.parametrize("evidence", [{"folders": {"/app": FILLED}}, {}])
def test_no_mount_hides_what_the_image_has_or_may_have(evidence):
    for line in (READ_ONLY, DENIED):
        _, help = see_web_dead(line, evidence=evidence)
        assert "[/app" not in help
        assert "/app]" not in help
        assert '"/app:' not in help


def test_one_that_writes_next_to_its_program_is_relaxed():
    cause, help = see_web_dead(READ_ONLY, evidence={"folders": {"/app": FILLED}})
    assert cause == (
        "it writes /app/cache.db, and the file system is read-only; "
        "/app holds files of the image"
    )
    assert help.splitlines()[1] == "relax: {read_only: it writes /app/cache.db}"


def test_a_user_whose_folder_it_is_not_needs_it_too():
    _, help = see_web_dead(
        READ_ONLY, user="1000:1000", evidence={"folders": {"/app": FILLED}}
    )
    assert help.splitlines()[2] == (
        "and in the Dockerfile, before USER: RUN chown 1000 /app"
    )


def test_a_folder_of_the_image_that_is_denied_is_given_to_its_user():
    cause, help = see_web_dead(
        DENIED, user="1000", evidence={"folders": {"/app": FILLED}}
    )
    assert cause.endswith("/app holds files of the image")
    assert "RUN chown 1000 /app\n" in help


def test_a_relative_path_is_one_of_the_folder_where_the_program_begins():
    cause, _ = see_web_dead(
        "OSError: [Errno 30] Read-only file system: 'data/cache.db'", folder="/app"
    )
    assert cause.startswith("it writes /app/data/cache.db,")


def test_a_database_that_cannot_be_opened_is_written_where_nothing_may_be():
    line = "sqlite3.OperationalError: unable to open database file"
    cause, help = see_web_dead(line, is_read_only=True)
    assert cause == "it writes a file, and the file system is read-only"
    assert "\nrelax: {read_only: it writes a file}\n" in help
    assert see_web_dead(line) == ("", "")


def test_a_mount_that_is_read_only_is_not_hidden_by_another():
    mount = Mounted(
        kind="bind", name="", source="/x", target="/conf", is_writable=False
    )
    cause, help = see_web_dead(
        "touch: cannot touch '/conf/x': Read-only file system", mounts=(mount,)
    )
    assert cause == "it writes /conf/x, and /conf is mounted read-only"
    assert help.startswith("remove `:ro`")


@pytest.mark.parametrize(
    ("user", "folder", "is_sure"),
    [("", None, True), ("1000", None, False), ("0:0", EMPTY, True)],
)
def test_a_volume_is_its_users_or_its_image_must_make_it(user, folder, is_sure):
    _, help = see_web_dead(
        "touch: cannot touch '/srv/a/x': Read-only file system",
        user=user,
        evidence={"folders": {"/srv/a": folder}},
    )
    [line] = [line for line in help.splitlines() if line.startswith("volumes:")]
    assert line.startswith("volumes: [web-data:/srv/a]")
    assert ("chown 1000 /srv/a" not in line) == is_sure


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
        "PermissionError: [Errno 13] Permission denied: '/app/data/x'",
        user="1000",
        evidence={"folders": {"/app/data": EMPTY}},
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
    assert help == (
        "give it to user 1000, with all that is in it:\n"
        "docker run --rm --user 0 --entrypoint chown -v /home/me/x:/data image:1 "
        "-R 1000 /data"
    )


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
