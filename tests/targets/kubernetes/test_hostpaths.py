"""Mounted paths are looked at, never followed out of the stack's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.targets.files import HostFile, HostPath
from composegen.targets.kubernetes.hostpaths import look_at_paths
from tests.clusters import APP, name_stack
from tests.rendering import plan_for_cluster
from tests.stacks import write_files

OUT = "is not in the stack's folder"


def look(folder: Path, source: str) -> HostPath:
    keys = f'volumes: ["{source}:/mounted:ro"]\n'
    plan = plan_for_cluster(name_stack(app=APP + keys))
    (found,) = look_at_paths(plan, folder).values()
    return found


def test_a_file_is_described_by_its_path_its_size_and_its_mode(tmp_path: Path) -> None:
    write_files(tmp_path, {"bin/run.sh": "echo", "a.txt": "abc"})
    (tmp_path / "bin/run.sh").chmod(0o755)

    assert look(tmp_path, "./a.txt").files == (HostFile(path="a.txt", size=3),)
    assert look(tmp_path, "./bin/run.sh").files == (
        HostFile(path="bin/run.sh", size=4, is_executable=True),
    )


def test_a_folder_is_listed_in_one_order(tmp_path: Path) -> None:
    write_files(tmp_path, {"f/b/z": "", "f/b/a": "", "f/a": "", "f/.hidden": ""})
    found = look(tmp_path, "./f")

    assert found.is_folder
    assert [each.inner for each in found.files] == [".hidden", "a", "b/a", "b/z"]
    assert [each.path for each in found.files][2] == "f/b/a"


def test_a_variable_is_its_default(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.txt": "abc"})

    assert look(tmp_path, "${FILE:-./a.txt}").files[0].path == "a.txt"


@pytest.mark.parametrize("source", ["/etc/hosts", "~/x", "../outside.txt"])
def test_a_path_elsewhere_is_none_of_the_stack(tmp_path: Path, source: str) -> None:
    write_files(tmp_path, {"outside.txt": ""})
    folder = tmp_path / "stack"
    folder.mkdir()

    assert look(folder, source) == HostPath(fault=OUT)


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    write_files(tmp_path, {"outside.txt": "", "stack/f/a": ""})
    folder = tmp_path / "stack"
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "f" / "link").symlink_to(tmp_path)

    assert look(folder, "./link.txt").fault == OUT
    assert look(folder, "./f").fault == "holds `link`, which is no file of it"


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert look(tmp_path, "./empty").fault == "is empty"
    assert look(tmp_path, "./none").fault == "does not exist"


def test_a_folder_with_very_many_files_is_not_listed_to_its_end(tmp_path: Path) -> None:
    write_files(tmp_path, {f"f/{number}": "" for number in range(1001)})

    assert look(tmp_path, "./f").fault == "holds more than 1000 files"
