"""What a person gets who adopts a Compose project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from composegen.adopt.adopting import compare_stack
from composegen.adopt.printing import format_report
from composegen.adopt.project import Asked, Options
from composegen.adopt.proving import list_started
from composegen.adopt.report import Report
from composegen.errors import FileRefused, ProblemsFound
from tests.adopt.projects import (
    PYTHON,
    adopt,
    list_changed,
    list_gates,
    list_lost,
    read_services,
    read_stack,
)

WEB_AND_STORE = """
services:
  # Answers people
  web:
    image: ${REGISTRY:-example.org}/web:1
    ports: ["${PORT:-8080}:80"]
    # Where the data is
    environment:
      DATABASE_URL: postgres://app:${PASSWORD:-secret}@db/app
    depends_on: [db]
  db:
    image: postgres:17
    environment: {POSTGRES_PASSWORD: "${PASSWORD:-secret}"}
    volumes: [data:/var/lib/postgresql/data]
volumes: {data: }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the project above lies."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    """The project above, adopted once."""
    return adopt(folder, WEB_AND_STORE)


def test_the_stack_file_stands_next_to_the_compose_file(
    folder: Path, report: Report
) -> None:
    assert report.unlisted == ()
    assert report.proof == "own"
    assert (folder / "stack.yaml").read_text() == report.text
    assert read_stack(report)["output"] == "compose.gated.yaml"


@pytest.mark.usefixtures("report")
def test_the_original_stays_as_it_is(folder: Path) -> None:
    assert (folder / "compose.yaml").read_text() == WEB_AND_STORE
    assert {path.name for path in folder.iterdir()} == {"compose.yaml", "stack.yaml"}


def test_an_existing_stack_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "stack.yaml").write_text("mine")

    with pytest.raises(FileRefused, match="exists already"):
        adopt(tmp_path, WEB_AND_STORE)

    assert (tmp_path / "stack.yaml").read_text() == "mine"


def test_variables_stay_where_they_were(report: Report) -> None:
    web = read_services(report)["web"]

    assert web["image"] == "${REGISTRY:-example.org}/web:1"
    assert web["publish"] == "${PORT:-8080}:80"
    url = "postgres://app:${PASSWORD:-secret}@db/app"
    assert web["environment"] == {"DATABASE_URL": url}


def test_comments_above_services_and_keys_stay(report: Report) -> None:
    lines = report.text.splitlines()

    assert lines[lines.index("  web:") - 1] == "  # Answers people"
    assert "    # Where the data is" in lines


def test_services_and_keys_stand_in_the_readers_order(report: Report) -> None:
    services = read_services(report)

    assert list(services) == ["web", "db"]
    assert list(services["web"])[:4] == ["image", "publish", "environment", "needs"]


def test_a_store_with_a_named_volume_uses_its_recipe(report: Report) -> None:
    assert read_services(report)["db"]["use"] == "postgres"
    assert list_gates(report) == {"web -> db": ("service_healthy", "recipe")}
    assert "db" in report.hardened
    assert {("db", "user"), ("db", "networks")} <= list_changed(report)


def test_a_store_whose_data_is_in_a_folder_uses_none(tmp_path: Path) -> None:
    text = WEB_AND_STORE.replace("data:/var", "./data:/var")

    report = adopt(tmp_path, text)

    db = read_services(report)["db"]
    assert "use" not in db
    assert db["relax"] == "imported, not tried hardened"
    assert db["compose"] == {"user": "null"}
    assert list_gates(report) == {"web -> db": ("service_healthy", "recipe")}


def test_several_files_mean_what_they_mean_together(tmp_path: Path) -> None:
    more = "services: {web: {environment: {DEBUG: '1'}, build: .}}\n"
    asked = Asked(
        files=tuple(str(tmp_path / n) for n in ("compose.yaml", "compose.dev.yaml"))
    )

    report = adopt(
        tmp_path,
        WEB_AND_STORE,
        {"compose.dev.yaml": more, "Dockerfile": PYTHON},
        asked=asked,
    )

    assert report.read == ("compose.yaml", "compose.dev.yaml")
    assert read_services(report)["web"]["build"] == "."
    assert read_services(report)["web"]["environment"]["DEBUG"] == "1"


def test_a_missing_env_file_stops_nothing(tmp_path: Path) -> None:
    text = "services: {web: {image: a/b:1, env_file: [web.env]}}\n"

    report = adopt(tmp_path, text, {"web.env.example": "A=1\n"})

    assert report.unlisted == ()
    assert any("cp web.env.example web.env" in line for line in report.remarks)
    assert read_services(report)["web"]["env_file"] == "web.env"


def test_a_required_variable_that_is_not_set_stops_nothing(tmp_path: Path) -> None:
    text = "services: {web: {image: a/b:1, environment: {A: '${KEY:?set it}'}}}\n"

    report = adopt(tmp_path, text)

    assert report.unlisted == ()
    assert any("KEY" in line for line in report.remarks)
    assert read_services(report)["web"]["environment"] == {"A": "${KEY:?set it}"}


def test_what_compose_cannot_read_is_refused_in_its_words(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="additional properties 'imag'"):
        adopt(tmp_path, "services: {web: {imag: a/b:1}}\n")

    assert not (tmp_path / "stack.yaml").exists()


def test_what_is_not_yaml_is_reported_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ProblemsFound) as found:
        adopt(tmp_path, "services:\n  web: {image: nginx, command: [}\n")

    assert [str(each.location) for each in found.value.problems] == [
        "compose.yaml:2:33"
    ]
    assert not (tmp_path / "stack.yaml").exists()


def test_published_ports_are_closed_but_those_of_the_web(tmp_path: Path) -> None:
    text = """
    services:
      web: {image: "a/b:1", ports: ["80:80", "53:53/udp"]}
      app: {image: "a/b:1", ports: ["9000:9000", "127.0.0.1:9001:9001"]}
    """

    report = adopt(tmp_path, text)

    services = read_services(report)
    assert services["web"]["publish"] == ["0.0.0.0:80:80", "0.0.0.0:53:53/udp"]
    assert services["app"]["publish"] == ["9000", "127.0.0.1:9001:9001"]
    assert list_changed(report) == {("app", "ports.host_ip")}
    assert report.unlisted == ()


def test_an_open_udp_port_leaves_no_other_port_open(tmp_path: Path) -> None:
    text = """
    services:
      app: {image: "a/b:1", ports: ["8080:8080", "443:8443", "9000:9000/udp"]}
      proxy: {image: "traefik:3", ports: ["8081:8080"]}
    """

    report = adopt(tmp_path, text)

    services = read_services(report)
    assert services["app"]["publish"] == [
        "8080",
        "0.0.0.0:443:8443",
        "0.0.0.0:9000:9000/udp",
    ]
    assert services["proxy"]["publish"] == "0.0.0.0:8081:8080"
    assert [each.what for each in report.changed if each.key == "ports.host_ip"] == [
        "8080 on 127.0.0.1 now, not on every address"
    ]


def test_a_part_of_a_port_that_has_no_word_is_lost_and_said(tmp_path: Path) -> None:
    text = """
    services:
      app:
        image: a/b:1
        ports:
          - {target: 80, published: 8080, mode: host, app_protocol: http}
          - {target: 81, published: 8081, mode: host}
          - {target: 82, published: 8082, mode: ingress}
    """

    report = adopt(tmp_path, text)

    assert [(each.key, each.what) for each in report.lost] == [
        ("ports.mode", "`mode: host` of 8080, 8081; it has an effect on Swarm alone"),
        ("ports.app_protocol", "`app_protocol: http` of 8080"),
    ]
    assert report.unlisted == ()


def test_addresses_can_be_kept(tmp_path: Path) -> None:
    text = "services: {app: {image: 'a/b:1', ports: ['9000:9000']}}\n"

    report = adopt(tmp_path, text, options=Options(keeps_addresses=True))

    assert read_services(report)["app"]["publish"] == "0.0.0.0:9000:9000"
    assert report.changed == ()


def test_what_waits_for_its_end_is_a_job(tmp_path: Path) -> None:
    text = """
    services:
      web:
        image: a/b:1
        depends_on: {migrate: {condition: service_completed_successfully}}
      migrate: {image: "a/b:1", command: migrate, restart: on-failure}
    """

    report = adopt(tmp_path, text)

    services = read_services(report)
    assert services["migrate"]["job"] == "true"
    assert services["web"]["needs"] == ["migrate"]
    assert report.unlisted == ()


def test_an_edge_that_may_fail_stays_optional(tmp_path: Path) -> None:
    text = """
    services:
      web:
        image: a/b:1
        depends_on: {db: {condition: service_started, required: false}}
      db: {image: "a/c:1"}
    """

    report = adopt(tmp_path, text)

    need = {"db": {"until": "started", "otherwise": {}}}
    assert read_services(report)["web"]["needs"] == need
    assert report.unlisted == ()


def test_a_restart_of_dependents_is_lost_and_said(tmp_path: Path) -> None:
    text = """
    services:
      web:
        image: a/b:1
        depends_on: {db: {condition: service_started, restart: true}}
      db: {image: "a/c:1"}
    """

    assert list_lost(adopt(tmp_path, text)) == {("web", "depends_on")}


def test_equal_environments_become_an_anchor(tmp_path: Path) -> None:
    same = "\n".join(f"      VARIABLE_{n}: value" for n in range(6))
    text = "services:\n" + "\n".join(
        f"  {name}:\n    image: a/b:1\n    environment:\n{same}" for name in "xyz"
    )

    report = adopt(tmp_path, text)

    assert report.text.count("VARIABLE_3") == 1
    assert report.text.count("environment: *environment") == 3
    assert report.unlisted == ()


def test_a_text_of_several_lines_stays_one(tmp_path: Path) -> None:
    text = (
        'services: {web: {image: "a/b:1", command: [sh, -c, "set -e\\nexec web\\n"]}}'
    )

    report = adopt(tmp_path, text)

    assert "      - |\n        set -e\n        exec web\n" in report.text
    assert report.unlisted == ()


def test_a_stack_that_says_the_same_stands_its_proof(
    folder: Path, report: Report
) -> None:
    asked = Asked(files=(str(folder / "compose.yaml"),))

    assert compare_stack(report.text, folder / "stack.yaml", asked, {}) == ()


def test_a_stack_that_says_something_else_does_not(
    folder: Path, report: Report
) -> None:
    asked = Asked(files=(str(folder / "compose.yaml"),))
    text = report.text.replace("@db/app", "@db/other").replace(":80'", ":81'")

    found = compare_stack(text, folder / "stack.yaml", asked, {})

    differing = {(entry.service, entry.key) for entry in found}
    assert differing == {("web", "environment"), ("web", "ports")}


def test_a_variable_that_became_its_value_is_a_difference(
    folder: Path, report: Report
) -> None:
    text = report.text.replace("${REGISTRY:-example.org}/web", "example.org/web")
    asked = Asked(files=(str(folder / "compose.yaml"),))

    [found] = compare_stack(text, folder / "stack.yaml", asked, {})

    assert (found.service, found.key) == ("web", "image")


def test_a_port_that_others_call_does_not_move_the_published_one(
    tmp_path: Path,
) -> None:
    text = """
    services:
      broker: {image: "a/b:1", ports: ["9092:9092", "9101:9101"]}
      client:
        image: a/c:1
        environment: {BROKER: "broker:29092"}
        depends_on: [broker]
    """

    report = adopt(tmp_path, text)

    broker = read_services(report)["broker"]
    assert broker["port"] == "29092"
    assert broker["publish"] == ["9092:9092", "9101:9101"]
    assert report.unlisted == ()


def test_an_image_without_tools_is_asked_from_outside(tmp_path: Path) -> None:
    text = """
    services:
      web: {image: "a/c:1", depends_on: [api]}
      api: {image: "a/b:1", expose: ["7700"]}
    """

    report = adopt(tmp_path, text)

    gate = report.gates[0]
    assert (gate.after, gate.by, gate.through) == (
        "service_healthy",
        "outside",
        "api-health",
    )
    assert report.unlisted == ()


def test_no_image_is_asked_from_outside_if_that_is_not_wanted(tmp_path: Path) -> None:
    text = """
    services:
      web: {image: "a/c:1", depends_on: [api]}
      api: {image: "a/b:1", expose: ["7700"]}
    """

    report = adopt(tmp_path, text, options=Options(is_inside_only=True))

    assert list_gates(report) == {"web -> api": ("service_started", "")}
    assert "7700" in report.gates[0].why


def test_profiles_are_groups_and_a_chosen_one_is_included(tmp_path: Path) -> None:
    text = """
    services:
      web: {image: "a/b:1"}
      debug: {image: "a/b:1", profiles: [debug]}
      tools: {image: "a/b:1", profiles: [tools, extra]}
    """

    report = adopt(tmp_path, text, {".env": "COMPOSE_PROFILES=debug\n"})

    services = read_services(report)
    assert services["debug"] == {
        "image": "a/b:1",
        "group": "debug",
        "restart": "no",
        "relax": "imported, not tried hardened",
        "enabled": "true",
    }
    assert services["tools"]["group"] == ["tools", "extra"]
    assert report.optional == ("tools",)
    assert report.settings == {"COMPOSE_PROFILES": "debug"}
    assert report.unlisted == ()


def test_what_only_a_profile_needs_starts_by_default_as_before(
    tmp_path: Path,
) -> None:
    text = """
    services:
      app: {image: "a/b:1"}
      db: {image: "a/db:1"}
      debug: {image: "a/b:1", profiles: [debug], depends_on: [db]}
    """

    report = adopt(tmp_path, text)

    services = read_services(report)
    assert services["db"]["enabled"] == "true"
    assert "enabled" not in services["app"]
    assert list_started(report.text, tmp_path / "stack.yaml") == {"app", "db"}
    assert report.unlisted == ()


def test_a_service_that_no_longer_starts_by_default_is_a_difference(
    tmp_path: Path,
) -> None:
    text = """
    services:
      app: {image: "a/b:1"}
      db: {image: "a/db:1"}
      debug: {image: "a/b:1", profiles: [debug], depends_on: [db]}
    """
    report = adopt(tmp_path, text)
    edited = report.text.replace("enabled: true", "enabled: false")
    asked = Asked(files=(str(tmp_path / "compose.yaml"),))

    found = compare_stack(edited, tmp_path / "stack.yaml", asked, {})

    assert [(each.service, each.key) for each in found] == [("db", "profiles")]


def test_a_project_that_lacks_a_variable_is_refused_with_its_name(
    tmp_path: Path,
) -> None:
    text = "services: {a: {image: '${IMG}', command: '$SET ${OTHER:-x}'}}\n"

    with pytest.raises(FileRefused) as refused:
        adopt(tmp_path, text, {".env": "SET=1\n"})

    assert refused.value.help == "set what is not set, and so is empty: IMG"


def test_a_variable_that_has_nothing_to_do_with_a_refusal_is_not_named(
    tmp_path: Path,
) -> None:
    text = "services: {a: {image: 'a/b:1', command: '$FLAG', nonsense: 1}}\n"

    with pytest.raises(FileRefused) as refused:
        adopt(tmp_path, text)

    assert refused.value.help == "`docker compose config` must accept it first"


def test_a_word_for_a_switch_is_written_as_true_or_false(tmp_path: Path) -> None:
    text = """
    services:
      web:
        image: a/b:1
        stdin_open: yes
        tty: off
        environment: {DEBUG: "yes"}
        networks: [back]
    networks: {back: {internal: on}}
    """

    report = adopt(tmp_path, text)

    web = read_services(report)["web"]
    assert (web["stdin_open"], web.get("tty", "false")) == ("true", "false")
    assert web["environment"] == {"DEBUG": "yes"}
    assert read_stack(report)["networks"] == {"back": {"internal": "true"}}
    assert list_changed(report) == set()
    assert report.unlisted == ()


def test_a_word_for_a_switch_in_a_long_form_is_one_too(tmp_path: Path) -> None:
    text = """
    services:
      web:
        build: {context: ., no_cache: yes, pull: no}
        image: a/b:1
        env_file: [{path: ./may-be, required: no}]
        volumes:
          - {type: bind, source: ., target: /x, bind: {create_host_path: no}}
          - {type: volume, source: dd, target: /y, volume: {nocopy: yes}}
    volumes: {dd: }
    """
    (tmp_path / "Dockerfile").write_text("FROM a/b:1\n")

    report = adopt(tmp_path, text)

    web = read_services(report)["web"]
    assert web["env_file"] == [{"path": "./may-be", "required": "false"}]
    assert web["build"] == {"context": ".", "no_cache": "true", "pull": "false"}
    assert web["volumes"][0]["bind"] == {"create_host_path": "false"}
    assert "nocopy" in str(web["volumes"][1])
    assert list_changed(report) == set()
    assert report.unlisted == ()


def test_where_compose_crashes_its_first_line_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "panic: interface conversion\n\ngoroutine 1 [running]:\nmain.main()\n"
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 2\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")

    with pytest.raises(FileRefused) as refused:
        adopt(tmp_path, "services: {a: {image: 'a/b:1'}}\n")

    reason = refused.value.reason
    assert reason == "Compose cannot read the project: panic: interface conversion"
    assert "write `true` or `false`" in refused.value.help


def test_the_report_names_the_edges_that_waited_before(tmp_path: Path) -> None:
    text = """
    services:
      web:
        image: a/b:1
        depends_on:
          job: {condition: service_completed_successfully}
          db: {condition: service_started}
      job: {image: "a/b:1"}
      db: {image: "postgres:17", environment: {POSTGRES_PASSWORD: x}}
    """

    said = format_report(adopt(tmp_path, text))

    assert "1 of 2 edges waited for nothing; 2 of 2 wait now" in said
    assert "  1 waited before, too: web -> job\n" in said


def test_a_file_that_is_not_there_is_refused_with_one_that_is(tmp_path: Path) -> None:
    asked = Asked(files=(str(tmp_path / "nofile.yaml"),))

    with pytest.raises(FileRefused, match="no such file") as refused:
        adopt(tmp_path, "services: {a: {image: 'a/b:1'}}\n", asked=asked)

    assert refused.value.help == f"there is {tmp_path / 'compose.yaml'}"


def test_names_stay_as_they_are(tmp_path: Path) -> None:
    text = "services: {my_App.1: {image: 'a/b:1'}}\n"

    report = adopt(tmp_path, text)

    assert list(read_services(report)) == ["my_App.1"]
    assert report.unlisted == ()


def test_options_of_logs_without_a_driver_join_ours(tmp_path: Path) -> None:
    text = "services: {a: {image: 'a/b:1', logging: {options: {max-size: 5m}}}}\n"

    report = adopt(tmp_path, text)

    assert ("a", "logging") in list_changed(report)
    assert report.unlisted == ()


ALTERNATIVES = """
services:
  usual: {image: "a/b:1"}
  one:
    image: nginx:1.29
    profiles: [one]
    ports: ["8080:80"]
    depends_on: {two: {condition: service_started, required: false}}
  two: {image: "nginx:1.29", profiles: [two], ports: ["8080:80"]}
"""


def test_alternatives_on_one_port_may_need_each_other_optionally(
    tmp_path: Path,
) -> None:
    report = adopt(tmp_path, ALTERNATIVES)

    assert report.unlisted == ()
    assert report.selections == (("--with", "@one"), ("--with", "@two"))
    assert read_services(report)["one"]["needs"] == {"two": {"otherwise": {}}}


def test_an_edge_between_alternatives_that_the_stack_file_lacks_is_a_difference(
    tmp_path: Path,
) -> None:
    report = adopt(tmp_path, ALTERNATIVES)
    text = report.text.replace("needs: {two: {otherwise: {}}}", "needs: {}")
    assert text != report.text

    found = compare_stack(
        text,
        tmp_path / "stack.yaml",
        Asked(files=(str(tmp_path / "compose.yaml"),)),
        {},
    )

    assert [each.what for each in found] == ["the edge to two is lost"]


STORED = """
services:
  web:
    image: a/b:1
    environment: {REDIS_URL: "redis://cache:6379/0"}
    depends_on: [cache]
  cache: {image: "redis:8", volumes: ["cache:/data"]}
volumes: {cache: }
"""
VAGUE = STORED.replace(
    "services:", "services:\n  tool: {image: 'a/c:1', command: [watch, --all, cache]}"
)
CYCLE = STORED.replace("depends_on: [cache]", "expose: ['80']").replace(
    "redis:8", 'redis:8", depends_on: [web], command: "redis-server'
)


@pytest.mark.parametrize("text", [VAGUE, CYCLE], ids=["vague", "cycle"])
def test_a_store_stays_with_all_where_it_is_not_known_who_needs_it(
    tmp_path: Path, text: str
) -> None:
    report = adopt(tmp_path, text)

    assert report.unlisted == ()
    assert read_services(report)["cache"]["networks"] == ["default"]


def test_a_store_whose_users_are_known_is_with_them_alone(tmp_path: Path) -> None:
    report = adopt(tmp_path, STORED)

    assert "networks" not in read_services(report)["cache"]
    assert ("cache", "networks") in list_changed(report)


@pytest.mark.parametrize(
    ("condition", "networks", "after"),
    [
        ("service_healthy", ["front", "back"], "service_healthy"),
        ("service_started", ["front"], "service_started"),
    ],
)
def test_a_service_joins_the_network_of_one_whose_health_it_waits_for(
    tmp_path: Path, condition: str, networks: list[str], after: str
) -> None:
    report = adopt(
        tmp_path,
        f"""
        services:
          web:
            image: a/b:1
            networks: [front]
            depends_on: {{db: {{condition: {condition}}}}}
          db:
            image: a/c:1
            networks: [back]
            healthcheck: {{test: [CMD, "true"]}}
        networks: {{front: , back: }}
        """,
    )

    assert report.unlisted == ()
    assert read_services(report)["web"]["networks"] == networks
    assert [gate.after for gate in report.gates] == [after]
