"""What single keys of a Compose project become, without the proof of the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from composegen.adopt.project import Asked, Options, find_project
from composegen.adopt.report import Report
from composegen.commands import _run
from composegen.errors import FileRefused
from tests.adopt.projects import (
    PYTHON,
    adopt,
    list_changed,
    list_lost,
    read_services,
    read_stack,
)


def translate(folder: Path, keys: str, **files: str) -> Report:
    """Adopt a project of one service, `web`, with these keys."""
    text = f"services:\n  web:\n    image: a/b:1\n{keys}volumes: {{data: }}\n"
    named = {name.replace("_", "."): content for name, content in files.items()}
    return adopt(folder, text, named, proves=False)


def read_web(folder: Path, keys: str, **files: str) -> dict[str, Any]:
    """The service of such a project in the stack file."""
    web: dict[str, Any] = read_services(translate(folder, keys, **files))["web"]
    return web


# Health


def test_a_check_keeps_the_patience_that_compose_had(tmp_path: Path) -> None:
    check = "    healthcheck: {test: [CMD, check], retries: 5, timeout: 5s}\n"

    health = read_web(tmp_path, check)["health"]

    # Compose asks 5 times each 30 s; composegen asks each 10 s, and its boot is longer.
    assert health["boot"] == "100s"


@pytest.mark.parametrize("check", ["{disable: true}", "{test: [NONE]}"])
def test_a_check_that_was_switched_off_stays_off(tmp_path: Path, check: str) -> None:
    health = read_web(tmp_path, f"    healthcheck: {check}\n")["health"]

    assert health == {"none": "it was switched off"}


# Replicas


@pytest.mark.parametrize("keys", ["    scale: 0\n", "    deploy: {replicas: 0}\n"])
def test_a_service_without_containers_is_excluded(tmp_path: Path, keys: str) -> None:
    web = read_web(tmp_path, keys)

    assert web["enabled"] == "false"
    assert "replicas" not in web


def test_one_port_of_the_host_is_for_one_container(tmp_path: Path) -> None:
    report = translate(tmp_path, '    scale: 3\n    ports: ["8080:80"]\n')

    assert "replicas" not in read_services(report)["web"]
    assert ("web", "replicas") in list_changed(report)
    assert read_web(tmp_path / "other", "    scale: 3\n")["replicas"] == "3"


# Values


def test_a_mount_that_is_read_only_stays_so(tmp_path: Path) -> None:
    long = "{type: volume, source: data, target: /d, read_only: true}"

    assert read_web(tmp_path, f"    volumes: [{long}]\n")["volumes"] == ["data:/d:ro"]


def test_a_text_keeps_each_equals_sign(tmp_path: Path) -> None:
    keys = "    environment: ['OPTIONS=a=1=${MODE:-x}=y']\n"

    assert read_web(tmp_path, keys)["environment"] == {"OPTIONS": "a=1=${MODE:-x}=y"}


def test_a_path_of_an_included_project_is_written_with_its_value(
    tmp_path: Path,
) -> None:
    (tmp_path / "below").mkdir()
    below = "services: {part: {image: a/b:1, volumes: ['${DIR:-.}/conf:/conf']}}\n"
    (tmp_path / "below" / "compose.yaml").write_text(below)
    text = "include: [below/compose.yaml]\nservices: {web: {image: a/b:1}}\n"

    report = adopt(tmp_path, text, proves=False)

    assert read_services(report)["part"]["volumes"][0].startswith("./below/conf:/conf")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("set -e\\nexec web", "- |-\n"),
        ("set -e\\nexec web\\n", "- |\n"),
        ("set -e\\nexec web\\n\\n", "- |+\n"),
    ],
)
def test_a_text_ends_as_it_did(tmp_path: Path, text: str, written: str) -> None:
    report = translate(tmp_path, f'    command: [sh, -c, "{text}"]\n')

    assert written in report.text
    assert read_services(report)["web"]["command"][-1] == text.replace("\\n", "\n")


# Networks and ports


def test_the_network_of_another_container_is_lost_and_said(tmp_path: Path) -> None:
    report = translate(tmp_path, "    network_mode: container:other\n")

    assert "network_mode" not in read_services(report)["web"]
    assert ("web", "network_mode") in list_lost(report)


def test_addresses_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    text = "services: {web: {image: a/b:1, ports: ['8080:80']}}\n"
    options = Options(keeps_addresses=True)

    report = adopt(tmp_path, text, options=options, proves=False)

    assert read_services(report)["web"]["publish"] == "0.0.0.0:8080:80"
    assert ("web", "ports.host_ip") not in list_changed(report)


def test_a_port_of_another_protocol_is_not_asked(tmp_path: Path) -> None:
    text = """
    services:
      web: {image: a/b:1, depends_on: [dns]}
      dns: {build: .}
    """
    dockerfile = f"{PYTHON}EXPOSE 53/udp\nEXPOSE 8053\n"

    report = adopt(tmp_path, text, {"Dockerfile": dockerfile}, proves=False)

    assert read_services(report)["dns"]["port"] == "8053"


def test_a_port_that_a_command_moves_is_asked_there(tmp_path: Path) -> None:
    text = """
    services:
      web: {image: a/b:1, depends_on: [db]}
      db:
        image: postgres:17
        command: [postgres, -p, "5433"]
        environment: {POSTGRES_PASSWORD: x}
        volumes: ["data:/var/lib/postgresql/data"]
    volumes: {data: }
    """

    assert read_services(adopt(tmp_path, text, proves=False))["db"]["port"] == "5433"


# Files


def test_an_included_service_includes_what_it_requires(tmp_path: Path) -> None:
    text = """
    services:
      web: {image: a/b:1, depends_on: [cache]}
      cache: {image: a/c:1, profiles: [more], depends_on: [base]}
      base: {image: a/d:1, profiles: [more]}
    """

    report = adopt(tmp_path, text, proves=False)

    assert report.optional == ()
    assert read_services(report)["base"]["enabled"] == "true"


def test_env_files_next_to_one_that_is_missing_count(tmp_path: Path) -> None:
    text = """
    services:
      web: {image: a/b:1, env_file: [here.env, gone.env]}
      db: {image: a/db:1}
    """

    report = adopt(tmp_path, text, {"here.env": "DB_URL=x://db:1234/y\n"})

    assert read_services(report)["web"]["env_file"] == ["here.env", "gone.env"]
    assert [each.what for each in report.offered] == ["DB_URL names db"]
    assert report.unlisted == ()


def test_an_override_file_is_read_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("compose.yaml").touch()
    Path("compose.override.yaml").touch()

    assert find_project(Asked(), {}).files == (
        Path("compose.yaml"),
        Path("compose.override.yaml"),
    )


def test_what_composegen_rendered_is_not_adopted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("stack.yaml").write_text("services: {web: {use: nginx}}\n")
    assert _run(["render"]) == 0

    with pytest.raises(FileRefused, match="made by composegen"):
        find_project(Asked(), {})


def test_the_rendered_file_gets_a_name_of_its_own(tmp_path: Path) -> None:
    assert read_stack(translate(tmp_path, ""))["output"] == "compose.gated.yaml"


def test_the_head_of_a_file_is_no_comment_of_its_first_service(tmp_path: Path) -> None:
    head = "".join(f"  # line {number} of a long head\n" for number in range(20))
    text = f"services:\n{head}  web: {{image: a/b:1}}\n"

    assert "of a long head" not in adopt(tmp_path, text, proves=False).text


def test_what_only_two_services_share_is_written_twice(tmp_path: Path) -> None:
    same = "".join(f"      VARIABLE_{each}: value\n" for each in range(9))
    text = "services:\n" + "".join(
        f"  {name}:\n    image: a/b:1\n    environment:\n{same}" for name in "xy"
    )

    report = adopt(tmp_path, text, proves=False)

    assert "&environment" not in report.text
    assert report.text.count("VARIABLE_3") == 2


def test_files_are_not_chosen_by_variables_of_the_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMPOSE_FILE", "elsewhere.yaml")
    monkeypatch.setenv("COMPOSE_PROFILES", "more")
    text = """
    services:
      web: {image: a/b:1, environment: {A: "${A:-b}"}}
      extra: {image: a/b:1, profiles: [more]}
    """

    report = adopt(tmp_path, text)

    assert report.proof == "own"
    assert report.unlisted == ()
