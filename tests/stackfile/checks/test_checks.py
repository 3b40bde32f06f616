"""What services say together: each check where it must speak, and where it must not."""

from __future__ import annotations

import pytest

from composegen.errors import Level
from composegen.stackfile.checks.secrets import looks_secret
from tests.stacks import (
    APP,
    Files,
    check,
    find,
    list_names,
    list_places,
    make_app,
    make_stack,
)

CACHE = "use: redis"
DB = "use: postgres\nsecrets: {db-password: POSTGRES_PASSWORD_FILE}"
JOB = "image: python:3.13-slim\njob: true"
SLIM: Files = {"Dockerfile": "FROM python:3.13-slim\n"}


def list_all(text: str, files: Files | None = None) -> list[str]:
    """The names of all problems, notes included."""
    return [problem.name for problem in check(text, files)]


# Names


def test_a_need_that_is_no_service_has_a_near_name() -> None:
    text = make_stack(app=APP + "needs: [cahce]", cache=CACHE)
    problem = find("unknown-service", text)

    assert problem.message == "`app` needs `cahce`, which is not in this stack"
    assert problem.help == "did you mean `cache`?"
    assert str(problem.location) == "stack.yaml:6:13"
    assert problem.location.width == 5


def test_a_need_like_nothing_lists_the_services() -> None:
    text = make_stack(app=APP + "needs: {zzz: URL}", cache=CACHE)

    assert find("unknown-service", text).help == "there are app, cache"


def test_each_need_that_is_no_service_is_told() -> None:
    text = make_stack(app=APP + "needs:\n  one: A\n  two: B")

    assert list_places(text) == [("unknown-service", 7, 7), ("unknown-service", 8, 7)]


def test_an_optional_need_names_a_service_too() -> None:
    text = make_stack(app=APP + "needs: {cache: {otherwise: {}}}")

    assert list_names(text) == ["unknown-service"]


# Circles


def test_a_circle_is_shown_as_a_path_in_the_direction_of_needs() -> None:
    text = make_stack(
        a=APP + "needs: [b]", b=APP + "needs: [c]", c=APP + "needs: [a]", d=APP
    )
    problem = find("cycle", text)

    assert problem.message == "these services wait for each other: a -> b -> c -> a"
    assert str(problem.location) == "stack.yaml:6:13"


def test_a_service_that_needs_itself_is_a_circle() -> None:
    assert "a -> a" in find("cycle", make_stack(a=APP + "needs: [a]")).message


def test_an_optional_need_does_not_break_a_circle() -> None:
    text = make_stack(a=APP + "needs: [b]", b=APP + "needs: {a: {otherwise: {}}}")

    assert "cycle" in list_names(text)


def test_two_circles_are_both_told() -> None:
    text = make_stack(
        a=APP + "needs: [b]",
        b=APP + "needs: [a]",
        c=APP + "needs: [d]",
        d=APP + "needs: [c]",
    )

    assert list_names(text) == ["cycle", "cycle"]


def test_needs_that_meet_again_are_no_circle() -> None:
    text = make_stack(
        a=APP + "needs: [b, c]", b=APP + "needs: [d]", c=APP + "needs: [d]", d=APP
    )

    assert list_names(text) == []


def test_a_long_chain_is_no_circle_and_no_crash() -> None:
    services = {f"s{n}": APP + f"needs: [s{n + 1}]" for n in range(1500)}

    assert list_names(make_stack(**services, s1500=APP)) == []


# Conditions


def test_waiting_for_health_takes_a_health_check() -> None:
    text = make_stack(
        app=APP + "needs: [router]", router="image: python:3.13-slim\nport: 8888"
    )
    problem = find("healthy-unasked", text)

    assert str(problem.location) == "stack.yaml:6:13"
    assert "port 8888" in problem.help
    assert list_names(text) == ["healthy-unasked"]


def test_a_healthcheck_in_the_dockerfile_is_offered() -> None:
    text = make_stack(app=APP + "needs: [router]", router="build: .\nport: 80")
    files: Files = {"Dockerfile": "FROM python:3.13-slim\nHEALTHCHECK CMD true\n"}

    assert "health: image" in find("healthy-unasked", text, files).help


def test_a_port_that_the_dockerfile_exposes_is_offered() -> None:
    text = make_stack(app=APP + "needs: [router]", router="build: .")
    files: Files = {"Dockerfile": "FROM python:3.13-slim\nEXPOSE 9090/tcp\n"}

    assert "port: 9090" in find("healthy-unasked", text, files).help


@pytest.mark.parametrize("health", ["none", "{none: it is silent}"])
def test_what_cannot_be_asked_can_only_have_started(health: str) -> None:
    silent = f"image: python:3.13-slim\nhealth: {health}"
    text = make_stack(app=APP + "needs: [other]", other=silent)
    mended = make_stack(app=APP + "needs: {other: {until: started}}", other=silent)

    assert "needs: {other: {until: started}}" in find("healthy-unasked", text).help
    assert "healthy-unasked" not in list_names(mended)


def test_the_other_needs_stay_in_the_lines_that_are_offered() -> None:
    silent = "image: python:3.13-slim\nhealth: {none: it is silent}"
    others = {"cache": CACHE, "other": silent, "job": JOB}
    text = make_stack(app=APP + "needs: [cache, other, job]", **others)
    mend = find("healthy-unasked", text).help.splitlines()[-1]

    assert mend == "needs: {cache: , other: {until: started}, job: {until: finished}}"
    assert list_names(make_stack(app=APP + mend, **others)) == []


def test_beside_wired_needs_the_one_line_is_offered() -> None:
    silent = "image: python:3.13-slim\nhealth: {none: it is silent}"
    text = make_stack(
        app=APP + "needs:\n  cache: URL\n  other:\n", cache=CACHE, other=silent
    )

    mend = find("healthy-unasked", text).help
    assert mend.endswith("needs:\n  other: {until: started}")


def test_an_optional_need_waits_for_health_too() -> None:
    text = make_stack(
        app=APP + "needs: {other: {otherwise: {}}}", other="image: python:3.13-slim"
    )

    assert list_names(text) == ["healthy-unasked"]


def test_waiting_for_the_end_takes_a_job() -> None:
    text = make_stack(app=APP + "needs: {other: {until: finished}}", other=APP)

    assert list_places(text) == [("finished-no-job", 6, 13)]
    assert "job: true" in find("finished-no-job", text).help


@pytest.mark.parametrize("needs", ["[other]", "{other: {until: finished}}"])
def test_a_job_is_waited_for_until_it_has_finished(needs: str) -> None:
    assert list_names(make_stack(app=APP + f"needs: {needs}", other=JOB)) == []


def test_a_job_may_be_waited_for_until_it_has_started() -> None:
    text = make_stack(app=APP + "needs: {other: {until: started}}", other=JOB)

    assert list_names(text) == []


def test_a_job_is_never_healthy() -> None:
    text = make_stack(app=APP + "needs: {other: {until: healthy}}", other=JOB)

    assert list_names(text) == ["job-health"]


def test_a_job_that_nobody_waits_for_is_a_warning() -> None:
    text = make_stack(app=APP, other=JOB)

    assert list_places(text) == [("job-unwaited", 8, 5)]
    assert find("job-unwaited", text).level is Level.WARNING


def test_a_job_that_another_job_needs_is_waited_for() -> None:
    text = make_stack(app=APP + "needs: [one]", one=JOB + "\nneeds: [two]", two=JOB)

    assert list_names(text) == []


# A service without a health check


def test_a_service_that_nobody_can_ask_is_a_warning() -> None:
    problem = find("unasked", make_stack(app="image: python:3.13-slim\nport: 8000"))

    assert problem.level is Level.WARNING
    assert str(problem.location) == "stack.yaml:2:3"
    assert "port 8000" in problem.help


def test_a_job_needs_no_health_check() -> None:
    assert "unasked" not in list_names(make_stack(job=JOB))


def test_who_is_waited_for_until_its_end_is_not_asked() -> None:
    text = make_stack(
        app=APP + "needs: {other: {until: finished}}", other="image: python:3.13-slim"
    )

    assert list_names(text) == ["finished-no-job"]


@pytest.mark.parametrize("keys", ["use: redis", "use: nginx"])
def test_a_recipe_brings_a_health_check(keys: str) -> None:
    assert list_names(make_stack(a=keys)) == []


def test_a_health_check_that_a_null_removed_is_missed() -> None:
    assert list_names(make_stack(a="use: redis\nhealth: \n")) == ["unasked"]


# Left out


def test_a_disabled_service_that_is_needed_names_the_chain_and_flags_that_work() -> (
    None
):
    text = make_stack(
        web=APP + "needs: [app]",
        app=APP + "needs: [cache]",
        cache=CACHE + "\nenabled: false",
    )
    problem = find("left-out", text)

    assert "web -> app -> cache" in problem.message
    assert "--with cache" in problem.help
    assert "otherwise" in problem.help
    assert str(problem.location) == "stack.yaml:11:13"


def test_a_disabled_service_with_a_fallback_is_fine() -> None:
    text = make_stack(
        app=APP + "needs: {cache: {otherwise: {}}}", cache=CACHE + "\nenabled: false"
    )

    assert list_names(text) == []


def test_a_disabled_service_that_only_disabled_ones_need_is_fine() -> None:
    text = make_stack(
        app=APP,
        admin=APP + "enabled: false\nneeds: [cache]",
        cache=CACHE + "\nenabled: false",
    )

    assert list_names(text) == []


# Variables


@pytest.mark.parametrize(
    ("keys", "first", "place"),
    [
        ("environment: {URL: a}\nneeds: {cache: URL}", "6:19", (7, 20)),
        ("environment: {URL: a}\nneeds: {cache: {URL: '{url}'}}", "6:19", (7, 21)),
        ("needs:\n  cache: URL\n  other: URL", "7:14", (8, 14)),
        ("environment: {KEY_FILE: a}\nsecrets: [key]", "6:19", (7, 15)),
        ("secrets: [url]\nneeds: {cache: URL_FILE}", "6:15", (7, 20)),
        ("secrets: {a: X, b: X}", "6:15", (6, 21)),
        ("environment: [URL=a]\nneeds: {cache: URL}", "6:19", (7, 20)),
    ],
)
def test_a_variable_has_one_origin(
    keys: str, first: str, place: tuple[int, int]
) -> None:
    text = make_stack(app=APP + keys, cache=CACHE, other=CACHE)
    problem = find("same-variable", text)

    assert (problem.location.line, problem.location.column) == place
    assert f"first at stack.yaml:{first})" in problem.message


def test_the_port_of_a_local_command_is_filled_in_too_early() -> None:
    text = make_app("local: {command: 'serve --port $PORT'}")

    assert find("early-variable", text).help == "for the shell that runs it: $$PORT"
    assert list_names(make_app("local: {command: 'serve --port $$PORT'}")) == []


def test_a_variable_of_two_services_is_two_variables() -> None:
    keys = APP + "needs: {cache: URL}"

    assert list_names(make_stack(one=keys, two=keys, cache=CACHE)) == []


def test_a_secret_s_variable_may_be_set_to_its_own_path() -> None:
    keys = "environment: {KEY_FILE: /run/secrets/key}\nsecrets: [key]"

    assert list_names(make_app(keys)) == []


def make_optional(*env: str) -> str:
    """The text of `needs` with one optional need for each environment."""
    return "needs:\n" + "".join(
        f"  {name}:\n"
        f"    env: {{{name.upper()}: '{{url}}'}}\n"
        f"    otherwise: {{env: {text}}}\n"
        for name, text in zip(("cache", "other"), env, strict=False)
    )


def test_otherwise_may_replace_what_environment_says() -> None:
    text = make_stack(
        app=APP + "environment: {STORE: redis}\n" + make_optional("{STORE: memory}"),
        cache=CACHE,
    )

    assert list_names(text) == []


def test_otherwise_may_set_what_its_own_need_would_have_wired() -> None:
    text = make_stack(app=APP + make_optional("{CACHE: 'none'}"), cache=CACHE)

    assert list_names(text) == []


def test_otherwise_may_not_set_what_another_need_wires() -> None:
    text = make_stack(
        app=APP + make_optional("{OTHER: a}", "{}"), cache=CACHE, other=CACHE
    )

    assert list_names(text) == ["same-variable"]


def test_otherwise_may_not_set_what_a_secret_sets() -> None:
    text = make_stack(
        app=APP + "secrets: [key]\n" + make_optional("{KEY_FILE: a}"), cache=CACHE
    )

    assert list_names(text) == ["same-variable"]


def test_two_fallbacks_agree_on_a_variable() -> None:
    same = make_stack(
        app=APP + make_optional("{A: b}", "{A: b}"), cache=CACHE, other=CACHE
    )
    different = make_stack(
        app=APP + make_optional("{A: b}", "{A: c}"), cache=CACHE, other=CACHE
    )

    assert list_names(same) == []
    assert list_names(different) == ["same-variable"]


def test_an_env_file_that_wires_what_may_be_left_out_is_a_warning() -> None:
    text = make_stack(
        app=APP + "env_file: app.env\n" + make_optional("{}"), cache=CACHE
    )

    assert list_places(text, {"app.env": "CACHE=redis://x\n"}) == [
        ("env-file-wires", 6, 5)
    ]


@pytest.mark.parametrize(
    "content", ["OTHER=a\n", "#CACHE=a\n", "", "MY_CACHE=a\n", "cache=a\n"]
)
def test_an_env_file_with_other_variables_is_fine(content: str) -> None:
    text = make_stack(
        app=APP + "env_file: app.env\n" + make_optional("{}"), cache=CACHE
    )

    assert list_names(text, {"app.env": content}) == []


def test_an_env_file_may_set_what_is_always_wired() -> None:
    text = make_stack(app=APP + "env_file: a.env\nneeds: {cache: URL}", cache=CACHE)

    assert "env-file-wires" not in list_names(text, {"a.env": "URL=x\n"})


def test_every_env_file_is_looked_at() -> None:
    text = make_stack(
        app=APP + "env_file: [a.env, {path: b.env}]\n" + make_optional("{}"),
        cache=CACHE,
    )

    assert list_names(text, {"a.env": "", "b.env": "export CACHE=a\n"}) == [
        "env-file-wires"
    ]


@pytest.mark.parametrize(
    "keys",
    [
        "command: echo $THEME",
        "command: [echo, '${THEME}']",
        "entrypoint: [sh, -c, 'echo $THEME']",
        "local: {command: 'echo $THEME'}",
    ],
)
def test_a_variable_of_the_container_in_a_command_is_filled_in_too_early(
    keys: str,
) -> None:
    text = make_app(f"environment: {{THEME: dark}}\n{keys}")

    assert "$$THEME" in find("early-variable", text).help


@pytest.mark.parametrize(
    "keys",
    ["command: echo $$THEME", "command: echo $HOME", "command: echo ${THEME:-light}"],
)
def test_other_variables_in_a_command_are_fine(keys: str) -> None:
    assert list_names(make_app(f"environment: {{THEME: dark}}\n{keys}")) == []


# Placeholders


@pytest.mark.parametrize(
    ("template", "target", "help"),
    [
        ("{user}", CACHE, "only a recipe knows"),
        ("{password}", CACHE, "only a recipe knows"),
        ("{database}", APP, "only a recipe knows"),
        ("{port}", "image: python:3.13-slim\nhealth: {command: [a]}", "port: 8080"),
        ("{url}", "image: python:3.13-slim\nhealth: {command: [a]}", "port: 8080"),
        ("{public_url}", CACHE, "publish: true"),
        (
            "{password}",
            "use: postgres\nenvironment: {POSTGRES_HOST_AUTH_METHOD: trust}",
            "set POSTGRES_PASSWORD",
        ),
        (
            "{password_file}",
            "use: postgres\nenvironment: {POSTGRES_PASSWORD: '${P}'}",
            "secrets: {other-password: POSTGRES_PASSWORD_FILE}",
        ),
        (
            "{database}",
            "use: mariadb\nsecrets: {p: MARIADB_ROOT_PASSWORD_FILE}",
            "set MARIADB_DATABASE",
        ),
    ],
)
def test_what_nobody_knows_is_an_error_with_its_mend(
    template: str, target: str, help: str
) -> None:
    text = make_stack(app=APP + f"needs: {{other: {{A: '{template}'}}}}", other=target)
    problem = find("placeholder-unknown", text)

    assert help in problem.help
    assert str(problem.location) == "stack.yaml:6:21"


@pytest.mark.parametrize(
    ("template", "target"),
    [
        ("{host}:{port}", CACHE),
        ("{service}", APP),
        ("{url}", APP),
        ("{url}", CACHE),
        ("{public_url}", CACHE + "\npublish: 6379"),
        ("{user} {database}", DB),
        ("{password_file} {url_file}", DB),
        ("{user}", "use: mariadb\nsecrets: {p: MARIADB_ROOT_PASSWORD_FILE}"),
    ],
)
def test_what_is_known_is_filled_in(template: str, target: str) -> None:
    text = make_stack(app=APP + f"needs: {{other: {{A: '{template}'}}}}", other=target)

    assert list_names(text) == []


@pytest.mark.parametrize("needs", ["URL", "{URL: '{url}'}", "{P: '{password}'}"])
def test_a_password_that_becomes_visible_is_a_warning(needs: str) -> None:
    text = make_stack(app=APP + f"needs: {{db: {needs}}}", db=DB)
    problem = find("visible-password", text)

    assert problem.level is Level.WARNING
    assert "_FILE" in problem.help
    assert list_names(text) == ["visible-password"]


@pytest.mark.parametrize(
    "needs", ["URL_FILE", "{P: '{password_file}'}", "{H: '{host}'}"]
)
def test_a_path_or_an_address_shows_no_password(needs: str) -> None:
    assert list_names(make_stack(app=APP + f"needs: {{db: {needs}}}", db=DB)) == []


# What an image does not start without


@pytest.mark.parametrize("recipe", ["postgres", "mariadb", "mysql"])
def test_a_database_gets_a_password(recipe: str) -> None:
    problem = find("missing-setting", make_stack(db=f"use: {recipe}"))

    assert "secrets: {db-password: " in problem.help
    assert "generate: true" in problem.help


@pytest.mark.parametrize(
    "keys",
    [
        "secrets: {p: POSTGRES_PASSWORD_FILE}",
        "environment: {POSTGRES_PASSWORD: '${P:?}'}",
        "environment: {POSTGRES_HOST_AUTH_METHOD: trust}",
        "env_file: db.env",
    ],
)
def test_a_database_that_is_told_its_password_is_fine(keys: str) -> None:
    assert "missing-setting" not in list_names(make_stack(db=f"use: postgres\n{keys}"))


@pytest.mark.parametrize("recipe", ["redis", "nginx", "mongo", "valkey"])
def test_other_recipes_start_with_nothing(recipe: str) -> None:
    assert list_names(make_stack(a=f"use: {recipe}")) == []


# Literals


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PASSWORD", "x"),
        ("DB_PASSWORD", "hunter2"),
        ("MYSQL_ROOT_PASSWORD", "root"),
        ("API_KEY", "abc"),
        ("APIKEY", "abc"),
        ("SECRET", "abc"),
        ("JWT_SECRET", "abc"),
        ("AUTH_TOKEN", "abc"),
        ("db.password", "abc"),
        ("AWS_SECRET_ACCESS_KEY", "abc"),
        ("ANYTHING", "sk-abcdefghijklmnopqrstuvwx"),
        ("ANYTHING", "ghp_abcdefghijklmnopqrstuvwxyz"),
        ("ANYTHING", "AKIAABCDEFGHIJKLMNOP"),
        ("ANYTHING", "-----BEGIN RSA PRIVATE KEY-----"),
        ("URL", "postgres://user:hunter2@db/x"),
    ],
)
def test_this_looks_like_a_secret(variable: str, text: str) -> None:
    assert looks_secret(variable, text)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("PASSWORD", ""),
        ("PASSWORD", "${PASSWORD}"),
        ("PASSWORD", "${PASSWORD:?}"),
        ("PASSWORD_FILE", "/run/secrets/password"),
        ("PASSWORD", "{password}"),
        ("PASSWORD_RESET", "false"),
        ("DISABLE_TOKEN", "true"),
        ("TOKENIZER", "gpt"),
        ("KEYBOARD", "us"),
        ("COMPASS", "north"),
        ("URL", "postgres://user:${P}@db/x"),
        ("URL", "postgres://user:{password}@db/x"),
        ("URL", "postgres://user@db/x"),
        ("URL", "http://db:5432/x"),
        ("PASSWORD_PATH", "/etc/x"),
    ],
)
def test_this_looks_like_no_secret(variable: str, text: str) -> None:
    assert not looks_secret(variable, text)


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ("environment: {A: b, DB_PASSWORD: c}", (6, 25)),
        ("environment: [DB_PASSWORD=c]", (6, 19)),
        ("needs: {cache: {env: {TOKEN: c}}}", (6, 27)),
    ],
)
def test_a_literal_secret_is_a_warning_where_it_stands(
    keys: str, place: tuple[int, int]
) -> None:
    text = make_stack(app=APP + keys, cache=CACHE)

    assert list_places(text) == [("secret-literal", *place)]
    assert find("secret-literal", text).level is Level.WARNING


def test_a_literal_secret_among_build_arguments_is_a_warning() -> None:
    text = make_stack(
        app="build: {context: ., args: {NPM_TOKEN: abc}}\nport: 80\nhealth: /"
    )

    assert list_names(text, SLIM) == ["secret-literal"]


def test_a_literal_secret_of_a_fallback_is_a_warning() -> None:
    text = make_stack(app=APP + make_optional("{API_TOKEN: abc}"), cache=CACHE)

    assert list_names(text) == ["secret-literal"]


# Health


@pytest.mark.parametrize(
    ("health", "names"),
    [
        ("{http: /, boot: 1s, timeout: 2s}", ["boot-too-short"]),
        ("{http: /, boot: 1s}", ["boot-too-short"]),
        ("{http: /, timeout: 61s}", ["boot-too-short"]),
        ("{command: [a], boot: 500ms}", ["boot-too-short"]),
        ("{http: /, boot: 2s, timeout: 2s}", []),
        ("{http: /, boot: 3s}", []),
    ],
)
def test_booting_takes_longer_than_a_probe(health: str, names: list[str]) -> None:
    text = make_stack(app=f"image: python:3.13-slim\nport: 80\nhealth: {health}")

    assert list_names(text) == names


@pytest.mark.parametrize("health", ["/", "{tcp: true}"])
def test_a_probe_needs_a_port(health: str) -> None:
    text = make_stack(app=f"image: python:3.13-slim\nhealth: {health}")

    assert list_places(text) == [("no-port", 4, 5)]


@pytest.mark.parametrize(
    "keys",
    [
        "health: /\nport: 80",
        "health: /\npublish: 80",
        "health: {http: /, port: 80}",
        "health: {command: [a]}",
        "health: image",
        "health: {none: why}",
    ],
)
def test_a_port_is_known_or_not_needed(keys: str) -> None:
    assert list_names(make_stack(app=f"image: python:3.13-slim\n{keys}")) == []


def test_publishing_true_needs_a_port() -> None:
    text = make_stack(app="image: python:3.13-slim\nhealth: image\npublish: true")

    assert list_places(text) == [("no-port", 5, 5)]


@pytest.mark.parametrize("keys", ["job: true", "health: image", "health: {none: why}"])
def test_a_service_without_a_port_may_publish_nothing(keys: str) -> None:
    names = list_names(make_stack(app=f"image: python:3.13-slim\n{keys}"))

    assert "no-port" not in names


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("publish: ['53:53/udp']\nhealth: {tcp: true}", ["udp-health"]),
        ("publish: ['53:53/udp']\nhealth: /", ["udp-health"]),
        ("publish: ['53:53/udp']\nhealth: {http: /, port: 53}", ["udp-health"]),
        ("publish: ['53:53/udp', '53:53']\nhealth: {tcp: true}", []),
        ("publish: ['53:53/udp']\nhealth: {http: /, port: 8053}", []),
        ("publish: ['53:53/udp']\nhealth: {command: [a]}", []),
        ("publish: ['53:53/udp', '80:80']\nport: 80\nhealth: /", []),
    ],
)
def test_a_udp_port_cannot_be_asked(keys: str, names: list[str]) -> None:
    assert list_names(make_stack(app=f"image: python:3.13-slim\n{keys}")) == names


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("image: example.com/app:1\nhealth: /", ["no-probe-tool"]),
        ("image: example.com/app:1\nhealth: {tcp: true}", ["no-probe-tool"]),
        ("image: prom/prometheus:v3-distroless\nhealth: /", ["no-probe-tool"]),
        ("image: example.com/app:1\nhealth: {http: /, tool: curl}", []),
        ("image: example.com/app:1\nhealth: {command: [a]}", []),
        ("image: example.com/app:1\nhealth: image", []),
        ("image: node:22-slim\nhealth: /", []),
        ("image: node:22-alpine\nhealth: {tcp: true}", []),
        ("image: mcr.microsoft.com/dotnet/aspnet:9.0\nhealth: /", []),
    ],
)
def test_something_in_the_image_must_ask(keys: str, names: list[str]) -> None:
    assert list_names(make_stack(app=f"port: 80\n{keys}")) == names


@pytest.mark.parametrize(
    ("dockerfile", "build", "names"),
    [
        ("FROM python:3.13-slim\n", ".", []),
        ("FROM gcr.io/distroless/static\n", ".", ["no-probe-tool"]),
        ("FROM golang:1.25 AS build\nFROM scratch\n", ".", ["no-probe-tool"]),
        ("FROM golang:1.25 AS build\nFROM alpine:3\n", ".", []),
        ("FROM node:22 AS a\nFROM scratch\n", "{context: ., target: a}", []),
        ("FROM node:22 AS a\nFROM a\n", ".", []),
        ("ARG V=22\nFROM node:${V}\n", ".", []),
        ("ARG BASE\nFROM $BASE\n", ".", ["no-probe-tool"]),
        ("FROM node:22\n", "{context: ., dockerfile: Other}", ["no-probe-tool"]),
    ],
)
def test_the_last_or_targeted_stage_must_ask(
    dockerfile: str, build: str, names: list[str]
) -> None:
    text = make_stack(app=f"build: {build}\nport: 80\nhealth: /")

    assert list_names(text, {"Dockerfile": dockerfile}) == names


def test_nobody_guesses_what_is_in_a_dockerfile_that_is_not_there() -> None:
    text = make_stack(app="build: ./app\nport: 80\nhealth: /")

    assert list_names(text) == ["no-probe-tool"]


# Ports of the host


def publish(*ports: str) -> str:
    """A stack with one service for each `publish`."""
    return make_stack(
        **{
            f"s{number}": f"use: nginx\npublish: {port}"
            for number, port in enumerate(ports)
        }
    )


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("8080", "8080"),
        ("8080", "8080:81"),
        ("8080", "['8081:80', '8080:81']"),
        ("3000", "${VAR:-3000}"),
        ("${A:-3000}", "${B-3000}"),
        ("${A:-${B:-3000}}", "3000"),
        ('"0.0.0.0:8080"', '"127.0.0.1:8080"'),
        ("8080", '"0.0.0.0:8080"'),
        ('"10.0.0.1:8080"', '"10.0.0.1:8080"'),
        ("['8080:53/udp']", "['8080:54/udp']"),
        ("['8000-8010:8000-8010']", "8005"),
        ("8005", "['8000-8010:8000-8010']"),
        ("true", "80"),
        ("true", "true"),
    ],
)
def test_a_port_of_the_host_belongs_to_one_service(one: str, two: str) -> None:
    problem = find("port-twice", publish(one, two))

    assert "`s0` (at stack.yaml:4:5)" in problem.message
    assert str(problem.location) == "stack.yaml:7:5"
    assert problem.level is Level.ERROR


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("8080", "8081"),
        ("8080:80", "8081:80"),
        ("['8080:53/tcp']", "['8080:53/udp']"),
        ('"127.0.0.1:8080"', '"127.0.0.2:8080"'),
        ('"10.0.0.1:8080"', '"10.0.0.2:8080"'),
        ('"127.0.0.1:8080"', '"[::1]:8080"'),
        ("${A}", "${B}"),
        ("${A:-3000}", "${B:-3001}"),
        ("['8000-8010:8000-8010']", "8011"),
    ],
)
def test_these_ports_do_not_meet(one: str, two: str) -> None:
    assert "port-twice" not in list_names(publish(one, two))


def test_one_service_may_not_take_a_port_twice_either() -> None:
    text = make_stack(a="use: nginx\npublish: ['8080:80', '8080:81']")

    assert list_names(text) == ["port-twice"]


def test_three_services_on_one_port_are_two_problems() -> None:
    assert list_names(publish("8080", "8080", "8080")) == ["port-twice", "port-twice"]


def test_the_mend_of_a_taken_port_is_another_one() -> None:
    assert "publish: 8081:80" in find("port-twice", publish("8080", "8080")).help
    assert "publish: 65534:80" in find("port-twice", publish("65535", "65535")).help


@pytest.mark.parametrize(
    "port",
    ['"0.0.0.0:80"', '"192.168.0.1:80"', '"[::]:80"', "['1:1', '0.0.0.0:53:53/udp']"],
)
def test_a_port_beyond_loopback_is_a_warning(port: str) -> None:
    problem = find("open-port", publish(port))

    assert problem.level is Level.WARNING
    assert str(problem.location) == "stack.yaml:4:5"


@pytest.mark.parametrize(
    "port", ["80", "80:80", '"127.0.0.2:80"', '"[::1]:80"', "true"]
)
def test_a_port_on_loopback_is_fine(port: str) -> None:
    assert list_names(publish(port)) == []


# Replicas


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        ("publish: 8000\nreplicas: 2", ["replicas-port"]),
        ("publish: ['8000-8001:8000']\nreplicas: 3", ["replicas-port"]),
        ("publish: ['8000-8002:8000']\nreplicas: 3", []),
        ("publish: 8000\nreplicas: 1", []),
        ("replicas: 2", []),
    ],
)
def test_replicas_do_not_share_a_port_of_the_host(keys: str, names: list[str]) -> None:
    assert list_names(make_app(keys)) == names


def test_replicas_of_a_fallback_do_not_share_a_port_of_the_host() -> None:
    text = make_stack(
        app=APP + "publish: 8000\nneeds: {cache: {otherwise: {replicas: 2}}}",
        cache=CACHE,
    )

    assert list_names(text) == ["replicas-port"]


def test_replicas_do_not_share_the_volume_of_a_store() -> None:
    text = make_stack(cache=CACHE + "\nreplicas: 2")

    assert list_places(text) == [("replicas-volume", 4, 5)]


def test_replicas_of_a_store_without_a_volume_are_fine() -> None:
    assert list_names(make_stack(cache=CACHE + "\nreplicas: 2\nvolumes: \n")) == []


def test_replicas_of_what_is_no_store_may_share_a_volume() -> None:
    assert list_names(make_app("volumes: [data:/data]\nreplicas: 2")) == []


# Volumes


@pytest.mark.parametrize(
    "keys",
    [
        "volumes: ['./data:/data']",
        "volumes: ['/srv/data:/data:rw']",
        "volumes: ['${DATA}:/data']",
        "volumes: ['~/data:/data']",
        "volumes: [{type: bind, source: ./data, target: /data}]",
        "volumes: ['./data:/data']\nuser: '0:0'",
        "volumes: ['./data:/data']\nuser: root",
        "volumes: ['./data:/data']\ncap_add: [NET_RAW]",
        "volumes: ['./data:/data']\nrelax: {read_only: why}",
    ],
)
def test_root_without_capabilities_cannot_write_a_folder_of_the_host(keys: str) -> None:
    assert list_names(make_app(keys)) == ["root-bind-mount"]


@pytest.mark.parametrize(
    "keys",
    [
        "volumes: [data:/data]",
        "volumes: [/data]",
        "volumes: ['./data:/data:ro']",
        "volumes: ['./data:/data:z,ro']",
        "volumes: [{type: bind, source: ./data, target: /data, read_only: true}]",
        "volumes: ['./data:/data']\nuser: '1000:1000'",
        "volumes: ['./data:/data']\nuser: app",
        "volumes: ['./data:/data']\ncap_add: [DAC_OVERRIDE]",
        "volumes: ['./data:/data']\ncap_add: [ALL]",
        "volumes: ['./data:/data']\nrelax: {cap_drop: why}",
        "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
    ],
)
def test_these_mounts_can_be_written_or_are_not_meant_to_be(keys: str) -> None:
    assert list_names(make_app(keys)) == []


def test_an_image_that_runs_as_somebody_else_is_not_root() -> None:
    redis = make_stack(cache=CACHE + "\nvolumes: ['./data:/data']")
    grafana = make_stack(
        g="image: grafana/grafana:12.0.0\nport: 3000\nhealth: /\nvolumes: ['./a:/a']"
    )

    assert list_names(redis) == []
    assert list_names(grafana) == []


def test_a_user_in_the_dockerfile_is_not_root() -> None:
    text = make_stack(app="build: .\nport: 80\nhealth: /\nvolumes: ['./data:/data']")

    assert list_names(text, SLIM) == ["root-bind-mount"]
    assert list_names(text, {"Dockerfile": "FROM python:3.13-slim\nUSER app\n"}) == []


def test_a_volume_that_is_declared_is_used() -> None:
    text = make_app("volumes: [data:/data]") + "volumes: {data: , rest: , driver: }\n"

    assert [place[0] for place in list_places(text)] == ["unused-volume"] * 2


def test_a_volume_that_raw_settings_use_is_used() -> None:
    text = make_app("compose: {volumes: ['rest:/rest']}") + "volumes: {rest: }\n"

    assert list_names(text) == []


def test_a_volume_of_the_long_form_is_used() -> None:
    text = make_app("volumes: [{type: volume, source: rest, target: /rest}]")

    assert list_names(text + "volumes: {rest: }\n") == []


# Secrets


def test_a_secret_that_is_declared_is_used() -> None:
    text = make_app("secrets: [one]") + "secrets:\n  one: {generate: true}\n  two:\n"

    assert list_places(text) == [("unused-secret", 9, 3)]


def test_a_secret_may_not_be_called_as_that_of_a_url() -> None:
    keys = APP + "needs: {db: DATABASE_URL_FILE}\n"
    mounted = make_stack(app=keys + "secrets: [db-url]", db=DB)
    declared = make_stack(app=keys, db=DB) + "secrets: {db-url: {env: A}}\n"

    assert list_names(mounted) == ["secret-name-taken"]
    assert "secret-name-taken" in list_names(declared)


def test_a_secret_called_as_that_of_a_url_is_fine_where_none_is_made() -> None:
    text = make_stack(app=APP + "secrets: [db-url]\nneeds: [db]", db=DB)

    assert list_names(text) == []


BUILT = "build: .\nport: 80\nhealth: /\n"


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        ("", {".env": "A=b"}),
        ("", {".secrets/a": "b"}),
        ("secrets: [a]", {}),
        ("", {".env": "A=b", ".dockerignore": "node_modules\n"}),
        ("", {".env": "A=b", ".dockerignore": ".env\n!.env\n"}),
        ("", {".env": "A=b", ".dockerignore": "#.env\n"}),
        ("secrets: [a]", {".dockerignore": ".env\n"}),
        ("", {".env": "A=b", ".dockerignore": ".env\n", "Dockerfile.dockerignore": ""}),
    ],
)
def test_secrets_in_a_build_context_are_a_warning(keys: str, files: Files) -> None:
    text = make_stack(app=BUILT + keys)

    assert list_names(text, {**SLIM, **files}) == ["secret-in-context"]


@pytest.mark.parametrize(
    ("keys", "files"),
    [
        ("", {}),
        ("", {".env": "A=b", ".dockerignore": ".env\n"}),
        ("", {".env": "A=b", ".dockerignore": ".*\n"}),
        ("", {".env": "A=b", ".dockerignore": "*\n!app\n"}),
        ("", {".env": "A=b", ".dockerignore": "**/.env\n"}),
        ("", {".env": "A=b", ".dockerignore": "/.env\n"}),
        ("", {".secrets/a": "b", ".dockerignore": ".secrets/**\n"}),
        ("secrets: [a]", {".dockerignore": ".secrets\n"}),
        ("", {".env": "A=b", "Dockerfile.dockerignore": ".env\n"}),
    ],
)
def test_a_build_context_that_ignores_its_secrets_is_fine(
    keys: str, files: Files
) -> None:
    assert list_names(make_stack(app=BUILT + keys), {**SLIM, **files}) == []


def test_a_build_context_below_the_stack_does_not_hold_its_secrets() -> None:
    text = make_stack(app="build: ./app\nport: 80\nhealth: /\nsecrets: [a]")
    files = {"app/Dockerfile": "FROM python:3.13-slim\n", ".env": "A=b"}

    assert list_names(text, files) == []


def test_a_build_context_elsewhere_is_not_looked_at() -> None:
    text = make_stack(
        app="build: https://example.com/a.git\nport: 80\n"
        "health: {command: [a]}\nsecrets: [a]"
    )

    assert list_names(text, {".env": "A=b"}) == []


def test_a_secret_that_is_a_file_of_one_s_own_needs_no_secrets_folder() -> None:
    text = make_stack(app=BUILT + "secrets: [a]") + "secrets: {a: {file: ../key}}\n"

    assert list_names(text, SLIM) == []


# Images


def test_a_service_has_an_image() -> None:
    text = make_stack(app="port: 80\nhealth: {command: [a]}")

    assert list_places(text) == [("no-image", 2, 3)]


def test_a_recipe_whose_image_is_removed_has_none() -> None:
    assert list_names(make_stack(a="use: redis\nimage: \n")) == ["no-image"]


@pytest.mark.parametrize(
    "image",
    [
        "redis",
        "redis:latest",
        "docker.io/redis",
        "localhost:5000/redis",
        "docker.io/library/redis:latest",
    ],
)
def test_an_image_without_a_version_is_a_warning(image: str) -> None:
    text = make_stack(cache=f"use: redis\nimage: {image}")

    assert list_places(text) == [("latest-image", 4, 5)]


@pytest.mark.parametrize(
    "image",
    [
        "redis:8",
        "redis:8-alpine",
        "localhost:5000/redis:8",
        "redis:${TAG}",
        f"redis@sha256:{'a' * 64}",
        f"redis:latest@sha256:{'a' * 64}",
        "redis:${TAG:-8}",
        "${REGISTRY}/redis:8",
        "docker.io/library/redis:8",
        "example.com/library/redis:8",
    ],
)
def test_an_image_with_a_version_is_fine(image: str) -> None:
    assert list_names(make_stack(cache=f"use: redis\nimage: {image}")) == []


@pytest.mark.parametrize(
    "image", ["bitnami/redis:8", "valkey/valkey:8", "redis/redis-stack:7"]
)
def test_a_recipe_under_a_foreign_image_is_a_warning(image: str) -> None:
    text = make_stack(cache=f"use: redis\nimage: {image}")

    assert list_places(text) == [("foreign-image", 4, 5)]
    assert find("foreign-image", text).level is Level.WARNING


def test_a_recipe_over_a_foreign_base_is_a_warning() -> None:
    text = make_stack(cache="use: redis\nbuild: .")

    assert list_names(text, {"Dockerfile": "FROM redis:8-alpine\n"}) == []
    assert list_names(text, {"Dockerfile": "FROM debian:13\n"}) == ["foreign-image"]


def test_an_image_that_nothing_is_known_about_is_noted() -> None:
    text = make_stack(app="image: example.com/a:1\nport: 80\nhealth: {command: [a]}")
    problem = find("unknown-image", text)

    assert problem.level is Level.NOTE
    assert "relax: " in problem.help


@pytest.mark.parametrize("keys", ["relax: why", "use: redis"])
def test_an_image_that_is_relaxed_or_has_a_recipe_is_not_noted(keys: str) -> None:
    text = make_stack(app=f"image: example.com/a:1\nhealth: {{command: [a]}}\n{keys}")

    assert "unknown-image" not in list_all(text)


def test_a_tag_that_is_a_variable_is_noted() -> None:
    assert list_all(make_stack(a="use: redis\nimage: redis:${T:-8}")) == ["assumed-tag"]
    assert list_all(make_stack(a="use: redis\nimage: redis:8")) == []


# Reasons


@pytest.mark.parametrize(
    "relax", ["relax: {init: }", "relax: ''", "relax: {init: '  '}"]
)
def test_a_service_that_is_relaxed_says_why(relax: str) -> None:
    text = make_app(relax)

    assert set(list_names(text)) == {"no-reason"}
    assert {problem.location.line for problem in check(text)} == {6}


@pytest.mark.parametrize("relax", ["relax: {init: }", "relax: ''", "relax: {init: ''}"])
def test_a_stack_that_is_relaxed_says_why_once(relax: str) -> None:
    text = f"{relax}\n" + make_stack(one="use: nginx", two="use: nginx")

    assert list_names(text) == ["no-reason"]
    assert {problem.location.line for problem in check(text)} == {1}


@pytest.mark.parametrize("relax", ["relax: {init: s6}", "relax: a first try"])
def test_a_reason_is_enough(relax: str) -> None:
    assert list_names(make_app(relax)) == []
    assert list_names(f"{relax}\n" + make_app()) == []


def test_relaxing_without_a_reason_is_told_once_each() -> None:
    assert list_names(make_app("relax: {init: , read_only: why, cap_drop: }")) == [
        "no-reason",
        "no-reason",
    ]
    assert list_names(make_app("relax: ''")) == ["no-reason"]


# Networks

PROXY = "compose:\n  networks: {proxy: {external: true}}\n"


@pytest.mark.parametrize("networks", ["[proxy]", "{proxy: {ipv4_address: 10.0.0.2}}"])
def test_a_data_store_on_a_further_network_is_a_warning(networks: str) -> None:
    text = make_stack(cache=CACHE + f"\ncompose: {{networks: {networks}}}") + PROXY

    assert list_names(text) == ["store-network"]


def test_what_is_no_data_store_may_have_further_networks() -> None:
    assert list_names(make_app("compose: {networks: [proxy]}") + PROXY) == []


TRAEFIK = "labels: {traefik.enable: 'true'}\n"


@pytest.mark.parametrize(
    "keys",
    [
        TRAEFIK + "compose: {networks: [proxy]}",
        TRAEFIK + "needs: [cache]",
        "labels: [traefik.enable=true]\nneeds: [cache]",
    ],
)
def test_traefik_on_several_networks_is_told_which_one(keys: str) -> None:
    text = make_stack(app=APP + keys, cache=CACHE) + PROXY

    assert list_names(text) == ["traefik-network"]


@pytest.mark.parametrize(
    "keys",
    [
        TRAEFIK,
        TRAEFIK[:-2] + ", traefik.docker.network: proxy}\nneeds: [cache]",
        "labels: {traefik.enable: 'false'}\nneeds: [cache]",
        "needs: [cache]",
        TRAEFIK + "compose: {networks: [default]}",
    ],
)
def test_traefik_on_one_network_or_told_which_is_fine(keys: str) -> None:
    assert list_names(make_stack(app=APP + keys, cache=CACHE) + PROXY) == []


HOST = "image: python:3.13-slim\nhealth: {none: why}\ncompose: {network_mode: host}\n"


@pytest.mark.parametrize(
    ("agent", "app"),
    [
        (HOST + "needs: [cache]", APP),
        (HOST + "publish: 8080", APP),
        (HOST, APP + "needs: {agent: {until: started}}"),
    ],
)
def test_the_host_s_network_is_for_a_service_on_its_own(agent: str, app: str) -> None:
    text = make_stack(agent=agent, app=app, cache=CACHE)

    assert list_names(text) == ["network-mode"]


def test_a_service_on_its_own_may_use_the_host_s_network() -> None:
    assert list_names(make_stack(agent=HOST, app=APP, cache=CACHE)) == []


# The whole


def test_a_stack_with_nothing_wrong_has_no_problems() -> None:
    text = """\
        name: chat
        services:
          frontend:
            image: python:3.13-slim
            publish: ${FRONTEND_PORT:-3000}
            health: /health
            needs:
              backend: BACKEND_URL
          backend:
            image: node:22-slim
            publish: 3002
            health: {http: /health, boot: 30s}
            needs:
              cache:
                env: {REDIS_URL: "{url}"}
                otherwise:
                  env: {STORE: memory}
                  replicas: 1
                  note: sessions live in memory
              db: DATABASE_URL_FILE
              migrate:
          migrate:
            image: node:22-slim
            job: true
            needs: [db]
          db: {use: postgres, secrets: {db-password: POSTGRES_PASSWORD_FILE}}
          cache: {use: redis}
        secrets:
          db-password: {generate: true}
    """

    assert list_all(text) == []


def test_checks_of_all_kinds_come_together_sorted_by_place() -> None:
    text = """\
        services:
          app:
            image: python
            publish: ["0.0.0.0:80:8000"]
            health: {http: /, boot: 1s}
            environment: {DB_PASSWORD: hunter2}
            needs: [nobody]
          web:
            use: nginx
            publish: 80
          job:
            image: python:3.13-slim
            job: true
        secrets: {left: }
    """

    assert list_places(text) == [
        ("latest-image", 3, 5),
        ("open-port", 4, 5),
        ("boot-too-short", 5, 5),
        ("secret-literal", 6, 19),
        ("unknown-service", 7, 13),
        ("port-twice", 10, 5),
        ("job-unwaited", 13, 5),
        ("unused-secret", 14, 11),
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_problems_do_not_depend_on_the_order_of_services(order: int) -> None:
    services = {
        "one": "use: nginx\npublish: 8080",
        "two": "use: nginx\npublish: 8081\nneeds: [nobody]",
        "three": JOB,
    }
    ordered = dict(list(services.items())[::order])

    assert sorted(list_names(make_stack(**ordered))) == [
        "job-unwaited",
        "unknown-service",
    ]
