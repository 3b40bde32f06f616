"""Every service is hardened, less what facts and people know, and says why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rendering import list_comments, read, read_app, read_services, render
from tests.stacks import APP, make_stack

DEFAULTS = {
    "init": True,
    "read_only": True,
    "tmpfs": ["/tmp"],
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "restart": "unless-stopped",
    "cpus": 2,
    "mem_limit": "2G",
    "pids_limit": 512,
    "logging": {
        "driver": "json-file",
        "options": {"max-size": "10m", "max-file": "3"},
    },
}


def image(name: str, keys: str = "") -> dict[str, Any]:
    """The rendered service of an image."""
    return read_services(make_stack(app=f"image: {name}\nhealth: image\n{keys}"))["app"]


def use(recipe: str, keys: str = "") -> dict[str, Any]:
    return read_services(make_stack(app=f"use: {recipe}\n{keys}"))["app"]


def build(dockerfile: str, keys: str = "") -> dict[str, Any]:
    stack = make_stack(app=f"build: .\nhealth: image\n{keys}")
    return read_services(stack, files={"Dockerfile": dockerfile})["app"]


def comments_of(key: str, service: str) -> list[str]:
    return list_comments(render(make_stack(app=service, other=APP)), key)


# The defaults


@pytest.mark.parametrize("key", DEFAULTS)
def test_every_service_has_the_default(key: str) -> None:
    assert read_app()[key] == DEFAULTS[key]


def test_the_defaults_are_written_once() -> None:
    text = render(make_stack(a=APP, b=APP, c=APP))

    for key in DEFAULTS:
        assert text.count(f"\n  {key}:") == 1
        assert f"\n    {key}:" not in text
    assert text.count("<<: *defaults") == 3


def test_an_anchor_s_name_that_is_taken_is_not_taken_again() -> None:
    text = render("x-defaults: {mine: true}\n" + make_stack(a=APP))

    assert "x-defaults:\n  mine: true\n" in text
    assert "x-defaults-of-composegen: &defaults\n" in text


def test_a_job_is_never_restarted() -> None:
    assert image("python:3.13", "job: true\n")["restart"] == "no"


@pytest.mark.parametrize(
    ("resources", "key", "value"),
    [
        ("cpus: 0.5", "cpus", 0.5),
        ("cpus: 4", "cpus", 4),
        ("memory: 512M", "mem_limit", "512M"),
        ("pids: 64", "pids_limit", 64),
    ],
)
def test_resources_replace_one_limit_and_leave_the_others(
    resources: str, key: str, value: object
) -> None:
    service = read_app(f"resources: {{{resources}}}\n")

    limits = {name: service[name] for name in ("cpus", "mem_limit", "pids_limit")}
    assert limits == {"cpus": 2, "mem_limit": "2G", "pids_limit": 512, key: value}


# relax

RELAXED: dict[str, tuple[str, object]] = {
    "init": ("init", False),
    "read_only": ("read_only", False),
    "cap_drop": ("cap_drop", []),
    "no_new_privileges": ("security_opt", []),
}


@pytest.mark.parametrize("name", RELAXED)
def test_relax_switches_one_thing_off_and_nothing_else(name: str) -> None:
    key, soft = RELAXED[name]
    service = read_app(f"relax: {{{name}: because}}\n")

    expected = {**DEFAULTS, key: soft}
    if name == "read_only":
        expected["tmpfs"] = []
    assert {key: service[key] for key in DEFAULTS} == expected


@pytest.mark.parametrize("name", RELAXED)
def test_relax_says_why_in_the_file(name: str) -> None:
    key, _ = RELAXED[name]

    assert comments_of(key, f"{APP}relax: {{{name}: it must}}\n") == ["relax: it must"]


def test_a_text_alone_relaxes_everything() -> None:
    service = read_app("relax: a first try\n")

    for key, soft in RELAXED.values():
        assert service[key] == soft
    text = render(make_stack(app=f"{APP}relax: a first try\n", other=APP))
    assert text.count("# relax: a first try") == 4


def test_relax_without_a_reason_is_still_reported() -> None:
    assert comments_of("init", f"{APP}relax: {{init: }}\n") == ["relax"]


def test_relax_at_the_top_level_holds_for_every_service() -> None:
    text = "relax: {init: strange images}\n" + make_stack(a=APP, b=APP)

    services = read_services(text)

    assert [services[name]["init"] for name in ("a", "b")] == [False, False]
    assert render(text).count("init: false") == 1
    assert list_comments(render(text), "init") == ["relax: strange images"]


def test_a_service_may_give_another_reason_than_the_top_level() -> None:
    text = "relax: {init: all}\n" + make_stack(a=f"{APP}relax: {{init: own}}\n", b=APP)

    assert sorted(list_comments(render(text), "init")) == ["relax: all", "relax: own"]
    assert all(not service["init"] for service in read_services(text).values())


def test_relaxing_everything_everywhere_leaves_only_limits() -> None:
    defaults = read("relax: calm\n" + make_stack(a=APP))["x-defaults"]

    assert "tmpfs" not in defaults
    assert (defaults["read_only"], defaults["cap_drop"]) == (False, [])


def test_relaxing_read_only_takes_our_tmpfs_away_and_keeps_one_s_own() -> None:
    service = read_app("relax: {read_only: why}\ntmpfs: [/cache]\n")

    assert service["tmpfs"] == ["/cache"]


def test_relaxing_read_only_takes_the_tmpfs_of_facts_away() -> None:
    service = use(
        "postgres",
        "environment: {POSTGRES_PASSWORD: x}\nrelax: {read_only: why}\n",
    )

    assert service["tmpfs"] == []


# tmpfs


def test_a_tmpfs_of_one_s_own_is_added() -> None:
    assert read_app("tmpfs: /cache:size=10m\n")["tmpfs"] == ["/tmp", "/cache:size=10m"]


@pytest.mark.parametrize("own", ["/tmp:exec", "/tmp/", "/tmp"])
def test_a_tmpfs_of_one_s_own_on_tmp_replaces_ours(own: str) -> None:
    assert read_app(f"tmpfs: ['{own}']\n")["tmpfs"] == [own]


@pytest.mark.parametrize("path", ["/tmp", "/tmp/"])
def test_a_volume_on_tmp_replaces_ours(path: str) -> None:
    service = read_app(f"volumes: [scratch:{path}]\n")

    assert service["tmpfs"] == []


def test_why_there_is_no_tmpfs_is_said_as_it_is() -> None:
    (relaxed,) = comments_of("tmpfs", f"{APP}relax: {{read_only: why}}\n")
    mounted = comments_of("tmpfs", f"{APP}volumes: [scratch:/tmp]\n")

    assert relaxed == "nothing is read-only, so nothing needs one"
    assert relaxed not in mounted


def test_a_volume_takes_the_place_of_a_writable_folder_of_a_fact() -> None:
    service = use(
        "postgres",
        "environment: {POSTGRES_PASSWORD: x}\nvolumes: [sockets:/run/postgresql]\n",
    )

    assert service["tmpfs"] == ["/tmp"]


# Facts: user, tmpfs, capabilities, tool

PASSWORD = "environment: {POSTGRES_PASSWORD: x}\n"


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("postgres:17-alpine", "70:70"),
        ("postgres:17", "999:999"),
        ("postgres:17-bookworm", "999:999"),
        ("docker.io/library/postgres:18-alpine3.22", "70:70"),
        ("registry.example:5000/postgres:17", "999:999"),
    ],
)
def test_postgres_starts_as_the_user_of_its_image(name: str, user: str) -> None:
    service = use("postgres", f"image: {name}\n{PASSWORD}")

    uid, _, gid = user.partition(":")
    assert service["user"] == user
    assert service["tmpfs"] == ["/tmp", f"/run/postgresql:uid={uid},gid={gid}"]


@pytest.mark.parametrize(
    ("recipe", "keys", "user"),
    [
        ("redis", "image: redis:8-alpine\n", "999:1000"),
        ("redis", "image: redis:8\n", "999:999"),
        ("valkey", "image: valkey/valkey:8-alpine\n", "999:1000"),
        ("valkey", "image: valkey/valkey:8\n", "999:999"),
        ("mongo", "", "999:999"),
        ("mysql", "environment: {MYSQL_ROOT_PASSWORD: x}\n", "999:999"),
        ("mariadb", "environment: {MARIADB_ROOT_PASSWORD: x}\n", "999:999"),
    ],
)
def test_a_store_starts_as_its_user(recipe: str, keys: str, user: str) -> None:
    assert use(recipe, keys)["user"] == user


@pytest.mark.parametrize(
    ("recipe", "keys", "folder"),
    [
        ("mysql", "environment: {MYSQL_ROOT_PASSWORD: x}\n", "/run/mysqld"),
        ("mariadb", "environment: {MARIADB_ROOT_PASSWORD: x}\n", "/run/mysqld"),
    ],
)
def test_a_store_may_write_the_folder_of_its_socket(
    recipe: str, keys: str, folder: str
) -> None:
    assert use(recipe, keys)["tmpfs"] == ["/tmp", f"{folder}:uid=999,gid=999"]


def test_facts_are_named_in_a_comment() -> None:
    assert comments_of("user", f"use: postgres\n{PASSWORD}") == [
        "postgres: would start as root and step down"
    ]


def test_an_image_without_a_recipe_has_its_facts_too() -> None:
    service = image("rabbitmq:4-alpine")

    assert (service["user"], service["hostname"]) == ("100:101", "app")


def test_an_image_that_starts_as_root_gets_the_capabilities_it_needs() -> None:
    service = use("nginx")

    assert service["cap_add"] == ["CHOWN", "SETGID", "SETUID"]
    assert service["tmpfs"] == ["/tmp", "/run", "/var/cache/nginx"]
    assert "user" not in service
    assert comments_of("cap_add", "use: nginx\n") == [
        "nginx: starts as root, its workers are nginx"
    ]


def test_own_capabilities_are_added_to_those_of_facts() -> None:
    service = use("nginx", "cap_add: [NET_ADMIN, CHOWN]\n")

    assert service["cap_add"] == ["CHOWN", "NET_ADMIN", "SETGID", "SETUID"]


def test_own_capabilities_stand_alone_without_facts() -> None:
    assert read_app("cap_add: [SYS_TIME]\n")["cap_add"] == ["SYS_TIME"]


def test_relaxing_cap_drop_needs_no_capabilities_of_facts() -> None:
    assert "cap_add" not in use("nginx", "relax: {cap_drop: why}\n")


def test_a_program_that_carries_a_capability_gets_it() -> None:
    assert image("caddy:2.10")["cap_add"] == ["NET_BIND_SERVICE"]


def test_libraries_that_are_loaded_from_tmp_may_be() -> None:
    assert image("logstash:9.1.0")["tmpfs"] == ["/tmp:exec"]


def test_an_image_with_its_own_first_process_gets_no_init() -> None:
    service = image("lscr.io/linuxserver/plex:1.41.0")

    assert (service["init"], service["read_only"]) == (False, False)
    assert comments_of("init", "image: linuxserver/plex:1.41.0\nhealth: image\n") == [
        (
            "linuxserver: its s6 init is process 1, prepares the file system as root "
            "and steps down"
        )
    ]


def test_a_folder_that_must_be_written_gets_a_volume() -> None:
    assert image("grafana/grafana:12.0.0")["volumes"] == ["/var/lib/grafana"]


@pytest.mark.parametrize("path", ["/var/lib/grafana", "/var/lib/grafana/"])
def test_a_volume_of_one_s_own_takes_its_place(path: str) -> None:
    service = image("grafana/grafana:12.0.0", f"volumes: [data:{path}]\n")

    assert service["volumes"] == [f"data:{path}"]


def test_a_hostname_of_one_s_own_stays() -> None:
    assert image("rabbitmq:4", "hostname: mine\n")["hostname"] == "mine"


# A user of one's own


def test_another_user_than_the_fact_s_takes_no_capabilities() -> None:
    service = use("nginx", 'user: "101:102"\n')

    assert service["user"] == "101:102"
    assert "cap_add" not in service


@pytest.mark.parametrize("user", ["root", "0", '"0:0"'])
def test_root_of_one_s_own_is_the_user_of_a_fact_that_speaks_of_root(user: str) -> None:
    assert use("nginx", f"user: {user}\n")["cap_add"] == ["CHOWN", "SETGID", "SETUID"]


def test_another_user_gets_its_tmpfs_with_its_own_ids() -> None:
    service = use("postgres", f'user: "1000:1001"\n{PASSWORD}')

    assert service["tmpfs"] == ["/tmp", "/run/postgresql:uid=1000,gid=1001"]


def test_a_user_without_a_group_gets_its_tmpfs_with_one_id() -> None:
    service = use("postgres", f"user: 1000\n{PASSWORD}")

    assert service["tmpfs"] == ["/tmp", "/run/postgresql:uid=1000,gid=1000"]


def test_the_fact_s_own_user_keeps_everything() -> None:
    service = use("postgres", f'user: "70"\n{PASSWORD}')

    assert service["user"] == "70"
    assert service["tmpfs"] == ["/tmp", "/run/postgresql:uid=70,gid=70"]
    assert comments_of("user", f'use: postgres\nuser: "70"\n{PASSWORD}') == []


def test_a_user_by_name_has_no_ids_that_we_know() -> None:
    service = use("postgres", f"user: ann\n{PASSWORD}")

    assert (service["user"], service["tmpfs"]) == ("ann", ["/tmp"])


# The Dockerfile's USER

NGINX = "FROM nginx:1.29-alpine\n"


def test_a_dockerfile_without_a_user_has_the_facts_of_its_base() -> None:
    service = build(NGINX)

    assert service["cap_add"] == ["CHOWN", "SETGID", "SETUID"]
    assert service["tmpfs"] == ["/tmp", "/run", "/var/cache/nginx"]


def test_a_dockerfile_s_user_takes_no_capabilities_from_facts() -> None:
    service = build(f"{NGINX}USER 101\n")

    assert "cap_add" not in service
    assert "user" not in service


def test_a_dockerfile_s_user_gets_its_tmpfs_with_its_own_ids() -> None:
    service = build(f"{NGINX}USER 101:102\n")

    assert service["tmpfs"] == [
        "/tmp",
        "/run:uid=101,gid=102",
        "/var/cache/nginx:uid=101,gid=102",
    ]


def test_a_name_made_in_a_dockerfile_has_tmp_only() -> None:
    service = build(f"{NGINX}RUN adduser -D app\nUSER app\n")

    assert service["tmpfs"] == ["/tmp"]


def test_the_user_of_the_stack_comes_before_the_dockerfile_s() -> None:
    service = build(f"{NGINX}USER app\n", "user: 101\n")

    assert service["tmpfs"][1] == "/run:uid=101,gid=101"


def test_a_dockerfile_s_user_is_not_replaced_by_the_fact_s() -> None:
    service = build("FROM rabbitmq:4\nUSER app\n")

    assert "user" not in service


# compose


def test_raw_settings_come_last() -> None:
    service = read_app(
        "compose: {read_only: false, pids_limit: 7, cap_add: [SYS_PTRACE], "
        "restart: 'no'}\n"
    )

    assert service["read_only"] is False
    assert service["pids_limit"] == 7
    assert service["cap_add"] == ["SYS_PTRACE"]
    assert service["restart"] == "no"


def test_a_fact_is_not_named_where_a_raw_setting_took_its_place() -> None:
    service = f'use: postgres\ncompose: {{user: "1000"}}\n{PASSWORD}'

    assert comments_of("user", service) == []


def test_raw_security_options_add_up() -> None:
    service = read_app("compose: {security_opt: [apparmor=mine]}\n")

    assert service["security_opt"] == ["no-new-privileges:true", "apparmor=mine"]


# For Podman


@pytest.mark.parametrize(
    ("scratch", "opened"),
    [
        ("/run/x:uid=70,gid=70", "/run/x:mode=1777"),
        ("/run/x:size=1m,uid=70,gid=70,mode=700", "/run/x:size=1m,mode=1777"),
        ("/run/x:exec", "/run/x:exec"),
        ("/run/x:mode=755", "/run/x:mode=755"),
        ("/run/x", "/run/x"),
    ],
)
def test_podman_gets_folders_that_all_may_write_for_those_with_an_owner(
    scratch: str, opened: str
) -> None:
    keys = f"tmpfs: ['{scratch}']\n"

    assert read_app(keys)["tmpfs"] == ["/tmp", scratch]
    assert read_app(keys, for_podman=True)["tmpfs"] == ["/tmp", opened]


def test_podman_gets_the_folders_of_facts_and_raw_ones_without_an_owner() -> None:
    stack = make_stack(
        db="use: postgres\nsecrets: {db-password: POSTGRES_PASSWORD_FILE}\n"
        "compose: {tmpfs: '/more:uid=70'}\n"
    )

    [service] = read_services(stack, for_podman=True).values()

    assert service["tmpfs"] == ["/tmp", "/run/postgresql:mode=1777", "/more:mode=1777"]
