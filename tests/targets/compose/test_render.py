"""A plan becomes a file as a careful person could have written it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from composegen.targets.compose.render import render_plan
from tests.rendering import (
    list_comments,
    plan,
    read,
    read_app,
    read_services,
    render,
)
from tests.stacks import APP, make_stack

CACHE = "use: redis\n"


def test_services_stand_in_the_order_of_the_stack_file() -> None:
    stack = make_stack(web=f"{APP}needs: [db]\n", api=APP, db=APP)

    assert list(read_services(stack)) == ["web", "api", "db"]


def test_a_service_that_is_never_asked_says_why() -> None:
    text = render(make_stack(app="image: a:1\nhealth: {none: it only sends mail}\n"))

    assert "  app:\n    # No health check: it only sends mail\n" in text
    assert "    healthcheck:\n      disable: true\n" in text


# Health


def check_of(health: str, **options: object) -> dict[str, object]:
    stack = make_stack(app=f"image: python:3.13-slim\nport: 80\nhealth: {health}\n")
    check: dict[str, object] = read_services(stack, **options)["app"]["healthcheck"]
    return check


def timing_of(health: str, **options: object) -> dict[str, object]:
    return {k: v for k, v in check_of(health, **options).items() if k != "test"}


def test_a_check_asks_often_while_a_service_boots_and_calmly_afterwards() -> None:
    assert timing_of("/") == {
        "start_period": "60s",
        "start_interval": "300ms",
        "interval": "10s",
        "timeout": "2s",
        "retries": 3,
    }


def test_every_time_of_a_check_can_be_said() -> None:
    health = "{http: /, boot: 1m30s, interval: 5s, timeout: 1s, retries: 9}"

    assert timing_of(health) == {
        "start_period": "1m30s",
        "start_interval": "300ms",
        "interval": "5s",
        "timeout": "1s",
        "retries": 9,
    }


def test_a_cheap_probe_asks_more_often() -> None:
    assert timing_of("{http: /, tool: curl}")["start_interval"] == "200ms"


def test_a_recipe_knows_how_cheap_its_probe_is() -> None:
    services = read_services(make_stack(cache=CACHE, db="use: mongo\n"))

    assert services["cache"]["healthcheck"]["start_interval"] == "200ms"
    assert services["db"]["healthcheck"]["start_interval"] == "5s"


def test_the_image_s_own_check_keeps_its_test_and_gets_our_times() -> None:
    check = check_of("image")

    assert "test" not in check
    assert check["start_interval"] == "300ms"


def test_a_command_is_kept_word_by_word() -> None:
    assert check_of("{command: [a, 'b c', '$$d']}")["test"] == [
        "CMD",
        "a",
        "b c",
        "$$d",
    ]


def test_the_port_of_a_check_may_be_another_one() -> None:
    assert "9000" in str(check_of("{http: /, port: 9000}")["test"])


def test_the_port_of_a_recipe_s_check_is_the_service_s() -> None:
    services = read_services(make_stack(cache=f"{CACHE}port: 6380\n"))

    assert "-p 6380 " in services["cache"]["healthcheck"]["test"][1]


# Older engines


def test_older_engines_get_no_start_interval() -> None:
    assert "start_interval" not in timing_of("/", engine=24)


def test_older_engines_ask_every_second_and_tolerate_as_much() -> None:
    timing = timing_of("/", engine=24)

    assert timing["interval"] == "1s"
    assert timing["retries"] == 30


def test_older_engines_ask_a_heavy_probe_seldom() -> None:
    timing = timing_of("{command: mongosh, interval: 20s}", engine=24)

    assert (timing["interval"], timing["retries"]) == ("5s", 12)


def test_older_engines_ask_as_often_as_the_stack_says() -> None:
    timing = timing_of("{http: /, interval: 500ms, retries: 5}", engine=24)

    assert (timing["interval"], timing["retries"]) == ("500ms", 5)


def test_the_header_says_which_engine_it_was_made_for() -> None:
    assert render(make_stack(app=APP), engine=24).splitlines()[1] == (
        "# composegen render --engine 24"
    )


# Image, build, passed keys


def test_a_build_of_a_folder_alone_is_short() -> None:
    stack = make_stack(app="build: ./app\nhealth: image\n")

    assert read_services(stack)["app"]["build"] == "./app"


def test_a_build_with_options_is_passed_on() -> None:
    stack = make_stack(
        app="build: {context: ., target: prod, args: {A: '1'}, platforms: [x]}\n"
        "health: image\n"
    )

    assert read_services(stack)["app"]["build"] == {
        "context": ".",
        "target": "prod",
        "args": {"A": "1"},
        "platforms": ["x"],
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("command", ["python", "-m", "app"]),
        ("command", "python -m app"),
        ("entrypoint", ["/init"]),
        ("working_dir", "/app"),
        ("hostname", "box"),
        ("platform", "linux/amd64"),
        ("stop_signal", "SIGINT"),
        ("stop_grace_period", "30s"),
        ("shm_size", "64M"),
        ("ulimits", {"nofile": {"soft": 1, "hard": 2}}),
        ("tty", True),
        ("stdin_open", True),
        ("devices", ["/dev/fuse"]),
        ("pull_policy", "always"),
        ("group_add", ["998"]),
        ("gpus", "all"),
        ("dns", ["1.1.1.1"]),
        ("labels", {"a.b": "c"}),
        ("sysctls", {"net.core.somaxconn": "1024"}),
        ("develop", {"watch": [{"action": "rebuild", "path": "./src"}]}),
    ],
)
def test_a_key_of_compose_is_passed_on(key: str, value: object) -> None:
    line = f"{key}: {yaml.safe_dump(value, default_flow_style=True)}"

    assert read_app(line.removesuffix("...\n"))[key] == value


def test_the_order_of_keys_is_always_the_same() -> None:
    keys = list(
        re.findall(
            r"(?m)^    (\w+):",
            render(make_stack(app=f"user: '1'\ntty: true\npublish: 1\n{APP}")),
        )
    )

    assert keys == ["image", "user", "ports", "tty", "healthcheck"]


# Environment


def test_an_env_file_that_sets_what_was_excluded_is_overruled() -> None:
    stack = make_stack(
        app=f"{APP}env_file: app.env\nneeds:\n  cache:\n"
        "    env: {CACHE_URL: '{url}', OTHER: '{host}'}\n    otherwise: {}\n",
        cache=CACHE,
    )
    options = {"removed": ("cache",), "files": {"app.env": "CACHE_URL=redis://x\n"}}

    assert read_services(stack, **options)["app"]["environment"] == {"CACHE_URL": ""}
    assert list_comments(render(stack, **options), "environment") == [
        "CACHE_URL: empty, though an env file sets it"
    ]


def test_an_env_file_is_passed_on() -> None:
    files = {"a.env": "", "b.env": ""}

    app = read_app("env_file: [a.env, {path: b.env, required: false}]\n", files=files)

    assert app["env_file"] == ["a.env", {"path": "b.env", "required": False}]


def test_variables_are_passed_on_unresolved() -> None:
    app = read_app("environment: {A: '${B:-x}', C: '$$D', E: $F}\n")

    assert app["environment"] == {"A": "${B:-x}", "C": "$$D", "E": "$F"}


# Ports


@pytest.mark.parametrize(
    ("publish", "ports"),
    [
        ("true", ["127.0.0.1:8000:8000"]),
        ("3000", ["127.0.0.1:3000:8000"]),
        ('"0.0.0.0:3000"', ["0.0.0.0:3000:8000"]),
        ("${P:-3000}", ["127.0.0.1:${P:-3000}:8000"]),
        ('["5000:5000/udp"]', ["127.0.0.1:5000:5000/udp"]),
        ('["0.0.0.0:53:53"]', ["0.0.0.0:53:53"]),
        ('["[::1]:80:90"]', ["[::1]:80:90"]),
        ('["9200:9200", 3000]', ["127.0.0.1:9200:9200", "127.0.0.1:3000:8000"]),
        ('["3000-3001:3000-3001"]', ["127.0.0.1:3000-3001:3000-3001"]),
    ],
)
def test_no_port_is_published_on_another_address_unless_it_is_named(
    publish: str, ports: list[str]
) -> None:
    assert read_app(f"publish: {publish}\n")["ports"] == ports


def test_a_service_listens_on_the_port_that_it_publishes() -> None:
    stack = make_stack(app="image: python:3.13\npublish: 8080\nhealth: /\n")

    app = read_services(stack)["app"]

    assert app["ports"] == ["127.0.0.1:8080:8080"]
    assert "8080" in str(app["healthcheck"]["test"])


# A check from outside

OTEL = "image: example/otel:1\nport: 13133\nhealth: {http: /, from: outside}\n"


def test_a_helper_asks_a_service_from_outside() -> None:
    services = read_services(make_stack(otel=OTEL))

    assert list(services) == ["otel", "otel-health"]
    assert "healthcheck" not in services["otel"]
    helper = services["otel-health"]
    assert helper["image"] == "busybox:1.37"
    assert helper["command"] == ["sleep", "infinity"]
    assert (helper["mem_limit"], helper["read_only"]) == ("32M", True)
    assert helper["cap_drop"] == ["ALL"]
    assert helper["depends_on"] == {
        "otel": {"condition": "service_started", "restart": True}
    }
    test = helper["healthcheck"].pop("test")
    assert test[:7] == ["CMD", "nc", "-w", "2", "otel", "13133", "-e"]
    assert helper["healthcheck"] == {
        "start_period": "60s",
        "start_interval": "200ms",
        "interval": "10s",
        "timeout": "2s",
        "retries": 3,
    }


def test_a_helper_has_the_times_and_the_host_of_the_check() -> None:
    otel = OTEL.replace("/,", "/up, boot: 9s, interval: 5s, retries: 7, host: a.b,")

    check = read_services(make_stack(otel=otel))["otel-health"]["healthcheck"]

    times = (check["start_period"], check["interval"], check["retries"])
    assert times == ("9s", "5s", 7)
    assert "GET /up HTTP/1.1\\r\\nHost: a.b\\r\\n" in check["test"][-1]


def test_the_image_that_asks_can_be_named() -> None:
    data = read("probe_image: '${IMG:-alpine}:3.22'\n" + make_stack(otel=OTEL))

    assert data["services"]["otel-health"]["image"] == "${IMG:-alpine}:3.22"


@pytest.mark.parametrize(
    ("need", "gates"),
    [
        (
            "[otel]",
            {
                "otel": {"condition": "service_started"},
                "otel-health": {"condition": "service_healthy"},
            },
        ),
        (
            "{otel: {otherwise: {}}}",
            {
                "otel": {"condition": "service_started", "required": False},
                "otel-health": {"condition": "service_healthy", "required": False},
            },
        ),
        ("{otel: {until: started}}", {"otel": {"condition": "service_started"}}),
    ],
)
def test_a_dependent_service_waits_for_a_service_and_its_helper(
    need: str, gates: object
) -> None:
    services = read_services(make_stack(app=f"{APP}needs: {need}\n", otel=OTEL))

    assert services["app"]["depends_on"] == gates


def test_a_helper_is_excluded_with_its_service() -> None:
    stack = make_stack(app=f"{APP}needs: {{otel: {{otherwise: {{}}}}}}\n", otel=OTEL)

    services = read_services(stack, removed=("otel",))

    assert list(services) == ["app"]
    assert "depends_on" not in services["app"]


@pytest.mark.parametrize(
    ("keys", "networks"),
    [
        ("networks: {front: {aliases: [a], ipv4_address: 10.0.0.2}}", ["front"]),
        ("needs: [cache]", ["default", "cache"]),
        ("compose: {networks: [far]}", {"default": None, "far": None}),
    ],
)
def test_a_helper_is_on_the_networks_of_its_service(
    keys: str, networks: object
) -> None:
    stack = make_stack(otel=f"{OTEL}{keys}\n", cache=CACHE)

    helper = read_services(stack + "networks: {far: }\n")["otel-health"]

    assert helper["networks"] == networks


def test_a_helper_is_hardened_whatever_the_stack_relaxes() -> None:
    stack = "relax: why\nresources: none\n" + make_stack(otel=OTEL)

    services = read_services(stack)

    assert services["otel"].get("cap_drop") != ["ALL"]
    helper = services["otel-health"]
    assert (helper["cap_drop"], helper["read_only"]) == (["ALL"], True)
    assert (helper["mem_limit"], helper["pids_limit"]) == ("32M", 64)


def test_a_job_has_no_helper() -> None:
    assert list(read_services(make_stack(otel=f"{OTEL}job: true\n"))) == ["otel"]


# Replicas


def test_replicas_are_written_where_there_are_several() -> None:
    assert read_app("replicas: 3\n")["deploy"] == {"replicas": 3}
    assert "deploy" not in read_app()


def test_replicas_merge_with_raw_settings() -> None:
    app = read_app("replicas: 2\ncompose: {deploy: {mode: replicated}}\n")

    assert app["deploy"] == {"replicas": 2, "mode": "replicated"}


# The top level


def test_a_name_is_written_where_the_stack_has_one() -> None:
    assert read("name: shop\n" + make_stack(app=APP))["name"] == "shop"
    assert "name" not in read(make_stack(app=APP))


def test_x_keys_are_passed_on() -> None:
    data = read("x-team: {mail: a@b.c, size: 3, on: true}\n" + make_stack(app=APP))

    assert data["x-team"] == {"mail": "a@b.c", "size": 3, "on": True}


def test_fragments_that_only_hold_an_anchor_are_not_passed_on() -> None:
    stack = "x-base: &base\n  environment: {A: '1'}\n" + make_stack(
        app=f"<<: *base\n{APP}"
    )

    data = read(stack)

    assert "x-base" not in data
    assert data["services"]["app"]["environment"] == {"A": "1"}


def test_an_anchor_that_nothing_uses_is_passed_on() -> None:
    assert read("x-a: &a {b: c}\n" + make_stack(app=APP))["x-a"] == {"b": "c"}


def test_only_volumes_that_are_used_are_declared() -> None:
    stack = (
        make_stack(app=f"{APP}volumes: [data:/data, ./x:/x, '/anonymous']\n")
        + "volumes: {data: {driver: local}, spare: }\n"
    )

    assert read(stack)["volumes"] == {"data": {"driver": "local"}}


def test_a_volume_needs_no_declaration() -> None:
    assert read(make_stack(cache=CACHE))["volumes"] == {"cache-data": None}


def test_a_volume_of_raw_settings_needs_no_declaration() -> None:
    stack = make_stack(app=f"{APP}compose: {{volumes: ['data:/data', './x:/x']}}\n")

    assert read(stack)["volumes"] == {"data": None}


def test_secrets_are_files() -> None:
    stack = (
        make_stack(app=f"{APP}secrets: [a, b, c]\n")
        + "secrets: {b: {file: ./own.txt}, c: {generate: true}}\n"
    )

    assert read(stack)["secrets"] == {
        "a": {"file": ".secrets/a"},
        "b": {"file": "./own.txt"},
        "c": {"file": ".secrets/c"},
    }


def test_raw_settings_of_the_top_level_merge_with_the_computed_ones() -> None:
    stack = (
        make_stack(cache=CACHE)
        + "compose: {networks: {proxy: {external: true}}, configs: {c: {content: x}}}\n"
    )

    data = read(stack)

    assert data["networks"] == {
        "cache": {"internal": True},
        "proxy": {"external": True},
    }
    assert data["configs"] == {"c": {"content": "x"}}


def test_options_of_the_default_network_can_be_said() -> None:
    stack = make_stack(app=APP) + "compose: {networks: {default: {name: mine}}}\n"

    assert read(stack)["networks"] == {"default": {"name": "mine"}}


# The header


def header(stack: str, **options: object) -> list[str]:
    lines = render(stack, **options).splitlines()
    return lines[: lines.index("")]


def test_the_header_says_what_it_came_from_and_how() -> None:
    first, second, third = header(make_stack(app=APP))

    assert first == (
        "# Made by composegen from stack.yaml. Change that file, not this one, and run:"
    )
    assert second == "# composegen render"
    assert re.fullmatch(r"# checksum: [0-9a-f]{64}", third)


def test_the_header_says_with_which_selection() -> None:
    stack = make_stack(
        app=f"{APP}needs: {{cache: {{otherwise: {{note: slower then}}}}}}\n",
        cache=CACHE,
        admin=f"{APP}enabled: false\n",
    )

    lines = header(stack, added=("admin",), removed=("cache",))

    assert lines[1] == "# composegen render --with admin --without cache"
    assert lines[3:] == [
        "#",
        "# Excluded: cache (--without cache).",
        "#   app: starts without it; slower then",
    ]


SECRETS = (
    make_stack(
        app=f"{APP}secrets: [API_KEY, own]\nneeds: {{db: DB_URL_FILE}}\n",
        db="use: postgres\nsecrets: {pw: POSTGRES_PASSWORD_FILE}\n",
    )
    + "secrets: {pw: {generate: true}, own: {file: ./own.txt}}\n"
)


def test_the_header_says_how_to_make_the_secret_files_by_hand() -> None:
    lines = header(SECRETS)

    assert (
        lines[4] == "# Its secret files are made by `composegen secrets`, or by hand:"
    )
    assert [line.removeprefix("#   ").split(" > ")[-1] for line in lines[5:]] == [
        "mkdir -p -m 700 .secrets",
        ".secrets/pw",
        ".secrets/API_KEY",
        ".secrets/db-url",
    ]


def test_the_lines_for_secret_files_work_in_a_shell(tmp_path: Path) -> None:
    lines = [
        line.removeprefix("#   ")
        for line in header(SECRETS)
        if line.startswith("#   ") and "openssl" not in line
    ]

    subprocess.run(
        ["sh", "-ec", "\n".join(lines)],
        cwd=tmp_path,
        env={"API_KEY": "a b'c", "PATH": "/usr/bin:/bin"},
        check=True,
    )

    made = {path.name: path.read_text() for path in (tmp_path / ".secrets").iterdir()}
    assert made == {
        "API_KEY": "a b'c",
        "db-url": "postgresql://postgres:PASSWORD@db:5432/postgres",
    }
    assert (tmp_path / ".secrets").stat().st_mode & 0o777 == 0o700


def test_a_stack_without_secrets_says_nothing_about_them() -> None:
    assert "secret" not in render(make_stack(app=APP))


# Comments cannot break the file

NASTY = "x: y # z}} \\u200b: - [ 'a' \\\" {{b}} $${{c}} {% raw %}"


@pytest.mark.parametrize(
    "keys",
    [
        f'relax: {{init: "{NASTY}"}}\n',
        f'needs: {{cache: {{otherwise: {{note: "{NASTY}"}}}}}}\n',
        f'needs: {{cache: {{otherwise: {{env: {{A: "{NASTY}\\nservices: 1"}}}}}}}}\n',
    ],
)
def test_no_text_of_a_comment_changes_the_file(keys: str) -> None:
    stack = make_stack(app=f"image: a:1\nhealth: image\n{keys}", cache=CACHE)

    text = render(stack, removed=("cache",))

    assert set(yaml.safe_load(text)["services"]) == {"app"}
    for line in text.split("services:\n")[0].split("x-defaults")[0].splitlines():
        assert not line or line.startswith("#")


def test_no_reason_of_a_missing_check_changes_the_file() -> None:
    stack = make_stack(app=f'image: a:1\nhealth: {{none: "{NASTY}"}}\n')

    assert set(read_services(stack)) == {"app"}


# The file as a whole


def test_one_file_is_written_and_it_is_called_compose_yaml() -> None:
    (file,) = render_plan(plan(make_stack(app=APP)))

    assert file.name == "compose.yaml"
    assert file.text.endswith("\n")
    assert not file.text.endswith("\n\n")


def test_nothing_of_composegen_is_needed_at_run_time() -> None:
    data = read(SECRETS)

    assert "composegen" not in yaml.safe_dump(data)


def test_no_line_ends_in_spaces() -> None:
    for line in render(SECRETS).splitlines():
        assert line == line.rstrip()


def test_there_is_never_more_than_one_empty_line() -> None:
    assert "\n\n\n" not in render("name: a\nx-b: {c: d}\n" + SECRETS)


# Limits, and what null removes

LIMITS = ("cpus", "mem_limit", "pids_limit")


def read_limits(keys: str = "", top: str = "") -> tuple[object, ...]:
    app = read_services(make_stack(app=APP + keys) + top)["app"]
    return tuple(app.get(key) for key in LIMITS)


@pytest.mark.parametrize(
    ("keys", "top", "limits"),
    [
        ("", "", (2, "2G", 512)),
        ("resources: {memory: none}\n", "", (2, None, 512)),
        ("compose: {mem_limit: null}\n", "", (2, None, 512)),
        ("resources: none\n", "", (None, None, None)),
        ("", "resources: none\n", (None, None, None)),
        ("resources: {memory: 1G}\n", "resources: none\n", (None, "1G", None)),
        ("", "resources: {cpus: 0.5}\n", (0.5, "2G", 512)),
    ],
)
def test_a_limit_that_is_none_is_not_written(
    keys: str, top: str, limits: tuple[object, ...]
) -> None:
    assert read_limits(keys, top) == limits


def test_limits_of_the_top_level_are_among_the_defaults() -> None:
    text = render(make_stack(app=APP) + "resources: {cpus: 1, memory: none}\n")

    defaults = yaml.safe_load(text)["x-defaults"]
    assert (defaults["cpus"], "mem_limit" in defaults) == (1, False)
    assert text.count("cpus:") == 1


def test_a_service_that_lacks_a_default_lists_the_other_ones() -> None:
    text = render(make_stack(app=f"{APP}resources: {{memory: none}}\n", web=APP))

    app, web = yaml.safe_load(text)["services"].values()
    assert {**app, "mem_limit": "2G"} == web
    assert "  app:\n    # Without `<<`, since it has no mem_limit\n    image" in text
    assert text.count("<<: *defaults") == 1


def test_null_removes_what_is_within_a_rendered_key() -> None:
    app = read_app(
        "build: {context: ., dockerfile: Other, args: {A: b}}\n"
        "environment: {A: b}\n"
        "compose: {logging: {options: null}, environment: {A: null}, "
        "build: {dockerfile: null, args: {A: null}}}\n",
        files={"Other": "FROM python:3.13-slim"},
    )

    assert app["logging"] == {"driver": "json-file"}
    assert app["build"] == {"context": ".", "args": {"A": None}}
    assert app["environment"] == {"A": None}  # Compose passes the variable on


# Variables that are passed on


def test_a_variable_that_is_passed_on_has_no_value() -> None:
    app = read_app("environment: [API_KEY, MODE=fast]\n")

    assert app["environment"] == {"API_KEY": None, "MODE": "fast"}


def test_a_variable_with_a_variable_in_its_name_is_passed_on_in_a_list() -> None:
    app = read_app("environment: ['${PREFIX}_KEY', MODE=fast]\n")

    assert app["environment"] == ["${PREFIX}_KEY", "MODE=fast"]


# Restart


@pytest.mark.parametrize("restart", ["no", "always", "on-failure:3", "${R:-always}"])
def test_a_restart_policy_is_rendered(restart: str) -> None:
    assert read_app(f"restart: {restart}\n")["restart"] == restart


def test_a_raw_restart_policy_comes_last() -> None:
    app = read_app("restart: always\ncompose: {restart: on-failure}\n")

    assert app["restart"] == "on-failure"


# Random ports


@pytest.mark.parametrize(
    ("publish", "ports"),
    [
        ("0", ["127.0.0.1::8000"]),
        ("'0:3000'", ["127.0.0.1::3000"]),
        ("'0.0.0.0:0:53/udp'", ["0.0.0.0::53/udp"]),
    ],
)
def test_a_random_port_is_an_empty_one(publish: str, ports: list[str]) -> None:
    assert read_app(f"publish: {publish}\n")["ports"] == ports


# Variables where composegen computes


def test_what_a_variable_says_is_rendered_as_it_was_written() -> None:
    app = read_services(
        make_stack(
            app="image: python:3.13-slim\n"
            "port: ${P:-8000}\n"
            "health: {http: /, boot: '${B:-30s}', interval: '${I:-9s}', "
            "timeout: '${T:-1s}', retries: '${R:-4}'}\n"
            "resources: {cpus: '${C:-1.5}', memory: '${M:-1G}', pids: '${N:-9}'}\n"
            "replicas: ${COUNT:-1}\n"
        )
    )["app"]

    check = app["healthcheck"]
    assert "'127.0.0.1',${P:-8000}," in check["test"][-1]
    assert (check["start_period"], check["interval"]) == ("${B:-30s}", "${I:-9s}")
    assert (check["timeout"], check["retries"]) == ("${T:-1s}", "${R:-4}")
    assert (app["cpus"], app["mem_limit"], app["pids_limit"]) == (
        *("${C:-1.5}", "${M:-1G}", "${N:-9}"),
    )
    assert app["deploy"] == {"replicas": "${COUNT:-1}"}


def test_the_address_of_a_variable_port_keeps_the_variable() -> None:
    text = make_stack(
        app=f"{APP}needs: {{web: {{URL: '{{url}}', PORT: '{{port}}'}}}}\n",
        web="image: python:3.13-slim\nport: ${P:-8000}\nhealth: /\n",
        db="use: postgres\nport: ${D:-5433}\nenvironment: [POSTGRES_PASSWORD]\n",
    )
    services = read_services(text)

    assert services["app"]["environment"] == {
        "URL": "http://web:${P:-8000}",
        "PORT": "${P:-8000}",
    }
    assert "-p ${D:-5433} " in services["db"]["healthcheck"]["test"][-1]
