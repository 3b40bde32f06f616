"""A folder of this machine that the user of a container may not write."""

import os

import pytest

from composegen.places.engine.cause import CauseName
from composegen.places.engine.causes import find_cause
from composegen.places.engine.containers import Folder, Mounted, Status
from composegen.places.engine.evidence import Evidence
from composegen.places.engine.host_folders import find_closed_folders
from tests.enginefakes import make_container, make_noted

ROOTS = Folder(user=0, group=0, mode=0o755, is_empty=True)


def bind(source, target="/data", *, is_writable=True):
    return Mounted(
        kind="bind",
        name="",
        source=str(source),
        target=target,
        is_writable=is_writable,
    )


def explain(*lines, folder=ROOTS, target="/data", user="999:1000"):
    """What is behind a store that wrote these lines and has died."""
    container = make_container(
        "db",
        status=Status.EXITED,
        exit_code=1,
        user=user,
        mounts=(bind("/srv/db", target),),
        drops_capabilities=True,
    )
    return find_cause(
        Evidence(
            noted=make_noted("db"),
            container=container,
            lines=lines,
            closed_folders={target: folder},
        )
    )


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("/data", "# Can't open or create append-only dir a: Permission denied"),
        ("/data", 'initdb: change permissions of "/data": Operation not permitted'),
        ("/var/lib/pg", "mkdir: cannot create '/var/lib/pg/18': Permission denied"),
        (
            "/data",
            "mysqld: Can't write to file '/data/is_writable' (errno 13 - EACCES)",
        ),
        ("/data", "Can't write to './ddl.log' (Errcode: 13 \"Permission denied\")"),
    ],
)
def test_every_store_says_it_in_its_own_words(target, line):
    cause = explain("it starts", line, "[ERROR] Aborting", target=target)

    assert cause.name == CauseName.HOST_FOLDER_CLOSED
    assert f"starts as user 999:1000 and may not write {target}: /srv/db" in cause.text
    assert "belongs to 0:0 (mode 0755)" in cause.text
    assert f"-v /srv/db:{target} image:1 999:1000 {target}" in cause.help


def test_another_folder_that_is_denied_is_another_cause():
    cause = explain("open /var/lib/app.db: permission denied")

    assert cause.name != CauseName.HOST_FOLDER_CLOSED


def test_a_longer_name_is_another_folder():
    assert explain("open /database/x: Permission denied").name != (
        CauseName.HOST_FOLDER_CLOSED
    )


def test_a_folder_that_has_an_owner_is_given_away_last():
    folder = Folder(user=1000, group=1001, mode=0o755, is_empty=False)

    help = explain("x: Permission denied", folder=folder).help

    assert help.index('user: "1000:1001"') < help.index("-R 999:1000 /data")
    assert "with all that is in it" in help


def test_only_folders_that_it_may_not_write_are_found(tmp_path):
    for name, mode in (("closed", 0o755), ("open", 0o777)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    (tmp_path / "file").touch()
    mounts = (
        bind(tmp_path / "closed", "/a"),
        bind(tmp_path / "open", "/b"),
        bind(tmp_path / "file", "/c"),
        bind(tmp_path / "gone", "/d"),
        bind(tmp_path / "closed", "/e", is_writable=False),
    )
    stranger = f"{os.geteuid() + 999}:{os.getegid() + 999}"

    found = find_closed_folders(make_container("db", mounts=mounts, user=stranger))

    assert list(found) == ["/a"]
    assert found["/a"].is_empty
    by_name = make_container("db", mounts=mounts, user="redis")
    assert find_closed_folders(by_name) == {}
