"""Needs: the names, cycles and conditions of edges, and what is excluded."""

from __future__ import annotations

import pytest

from composegen.errors import Level
from composegen.images.facts import list_recipe_files
from tests.stackfile.checks.checking import CACHE, JOB
from tests.stacks import APP, Files, check, find, list_names, list_places, make_stack

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


def test_each_need_that_is_no_service_is_reported() -> None:
    text = make_stack(app=APP + "needs:\n  one: A\n  two: B")

    assert list_places(text) == [("unknown-service", 7, 7), ("unknown-service", 8, 7)]


def test_an_optional_need_names_a_service_too() -> None:
    text = make_stack(app=APP + "needs: {cache: {otherwise: {}}}")

    assert list_names(text) == ["unknown-service"]


# Circles


def test_a_cycle_is_shown_as_a_path_in_the_direction_of_needs() -> None:
    text = make_stack(
        a=APP + "needs: [b]", b=APP + "needs: [c]", c=APP + "needs: [a]", d=APP
    )
    problem = find("cycle", text)

    assert problem.message == "these services wait for each other: a -> b -> c -> a"
    assert str(problem.location) == "stack.yaml:6:13"


def test_a_service_that_needs_itself_is_a_cycle() -> None:
    problem = find("cycle", make_stack(a=APP + "needs: [a]"))

    assert problem.message == "`a` waits for itself"
    assert problem.help == "remove this need"


def test_an_optional_need_does_not_break_a_cycle() -> None:
    text = make_stack(a=APP + "needs: [b]", b=APP + "needs: {a: {otherwise: {}}}")

    assert "cycle" in list_names(text)


def test_two_cycles_are_both_reported() -> None:
    text = make_stack(
        a=APP + "needs: [b]",
        b=APP + "needs: [a]",
        c=APP + "needs: [d]",
        d=APP + "needs: [c]",
    )

    assert list_names(text) == ["cycle", "cycle"]


def test_needs_that_meet_again_are_no_cycle() -> None:
    text = make_stack(
        a=APP + "needs: [b, c]", b=APP + "needs: [d]", c=APP + "needs: [d]", d=APP
    )

    assert list_names(text) == []


def test_a_long_chain_is_no_cycle_and_no_crash() -> None:
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
    help = find("healthy-unasked", text).help.splitlines()[-1]

    assert help == "needs: {cache: , other: {until: started}, job: {until: finished}}"
    assert list_names(make_stack(app=APP + help, **others)) == []


def test_next_to_wired_needs_the_one_line_is_offered() -> None:
    silent = "image: python:3.13-slim\nhealth: {none: it is silent}"
    text = make_stack(
        app=APP + "needs:\n  cache: URL\n  other:\n", cache=CACHE, other=silent
    )

    help = find("healthy-unasked", text).help
    assert help.endswith("needs:\n  other: {until: started}")


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


def test_a_job_that_no_service_waits_for_is_a_warning() -> None:
    text = make_stack(app=APP, other=JOB)

    assert list_places(text) == [("job-unwaited", 8, 5)]
    assert find("job-unwaited", text).level is Level.WARNING


def test_a_job_that_another_job_needs_is_waited_for() -> None:
    text = make_stack(app=APP + "needs: [one]", one=JOB + "\nneeds: [two]", two=JOB)

    assert list_names(text) == []


# A service without a health check


def test_a_service_without_a_probe_that_can_run_is_a_warning() -> None:
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


# Excluded


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


def test_every_service_that_requires_an_excluded_one_is_a_problem_of_its_own() -> None:
    text = make_stack(
        app=APP + "needs: [cache]",
        job=APP + "needs: [cache]",
        cache=CACHE + "\nenabled: false",
    )

    first, second = (each for each in check(text) if each.name == "left-out")

    assert (first.location.line, second.location.line) == (6, 11)
    assert "or: give each need of `app` and `job` an `otherwise`" in first.help
    assert first.help == second.help


def test_a_stack_of_excluded_services_is_only_noted() -> None:
    problem = find("all-excluded", make_stack(app=APP + "enabled: false"))

    assert problem.level is Level.NOTE
    assert "--with app" in problem.help


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


# What is advised


IMAGES = {
    "redis:7": "redis",
    "valkey/valkey:8": "valkey",
    "postgres:15": "postgres",
    "mysql:8.4": "mysql",
    "mariadb:11": "mariadb",
    "mongo:7": "mongo",
    "nginx:1.29": "nginx",
    "rabbitmq:4-management": "rabbitmq",
    "memcached:1.6": "memcached",
    "nats:2.10-alpine": "nats",
    "eclipse-mosquitto:2": "mosquitto",
    "zookeeper:3.9": "zookeeper",
    "clickhouse/clickhouse-server:25.3": "clickhouse",
    "docker.elastic.co/elasticsearch/elasticsearch:8.17.0": "elasticsearch",
    "opensearchproject/opensearch:2": "opensearch",
    "quay.io/minio/minio:RELEASE.2025-04-22T22-12-26Z": "minio",
    "getmeili/meilisearch:v1.15": "meilisearch",
    "qdrant/qdrant:v1.14.1": "qdrant",
}


def test_every_recipe_has_an_image_here() -> None:
    assert set(IMAGES.values()) == set(list_recipe_files())


@pytest.mark.parametrize(("image", "recipe"), IMAGES.items())
@pytest.mark.parametrize("needs", ["", "needs: [db]"])
def test_an_image_with_a_recipe_is_advised_the_recipe(
    image: str, recipe: str, needs: str
) -> None:
    text = make_stack(app=APP + needs, db=f"image: {image}")
    problem = find("healthy-unasked" if needs else "unasked", text)

    assert problem.help.endswith(f"check:\nuse: {recipe}")


@pytest.mark.parametrize("needs", ["", "needs: [db]"])
def test_an_image_whose_check_is_known_is_advised_the_check(needs: str) -> None:
    text = make_stack(app=APP + needs, db="image: prom/prometheus:v3.1.0")
    problem = find("healthy-unasked" if needs else "unasked", text)

    line = "health: {http: /-/ready, port: 9090}     # known for the image"
    assert problem.help.endswith(f":\n{line}")


def test_an_image_without_a_tool_is_advised_a_check_from_outside() -> None:
    text = make_stack(db="image: grafana/loki:3.6.0\nport: 3100")

    line = "health: {http: /ready, boot: 2m, from: outside}     # known for the image"
    assert find("unasked", text).help.endswith(line)


@pytest.mark.parametrize(
    "command", ["[redis-server, --appendonly, 'yes']", "--appendonly yes"]
)
def test_a_server_with_options_of_its_own_has_its_recipe(command: str) -> None:
    text = make_stack(app=APP + "needs: [db]", db=f"image: redis:7\ncommand: {command}")

    assert "use: redis" in find("healthy-unasked", text).help


@pytest.mark.parametrize("key", ["command", "entrypoint"])
def test_another_program_in_an_image_is_not_its_server(key: str) -> None:
    text = make_stack(app=APP + "needs: [db]", db=f"image: redis:7\n{key}: [sh, a.sh]")

    assert "use:" not in find("healthy-unasked", text).help


# Health of jobs


def test_a_health_check_of_a_job_decides_nothing() -> None:
    text = make_stack(app=APP + "needs: [job]", job=JOB + "\nhealth: {command: a}")

    assert find("unused-health", text).level is Level.WARNING
    assert list_names(text) == ["unused-health"]


# Later


RESTART = "needs: {%s: {otherwise: {later: restart}}}"


def test_a_job_that_has_finished_does_not_fail_later() -> None:
    text = make_stack(app=APP + RESTART % "job", job=JOB)

    problem = find("unused-later", text)

    assert problem.level is Level.WARNING
    assert "`job` is a job, and it does not fail after it has finished" in (
        problem.message
    )


def test_a_job_is_not_restarted_later() -> None:
    keys = "\n" + RESTART % "cache"
    text = make_stack(app=APP + "needs: [job]", job=JOB + keys, cache=CACHE)

    assert "`job` is a job, and it is not restarted" in (
        find("unused-later", text).message
    )


def test_a_service_may_restart_later() -> None:
    assert list_names(make_stack(app=APP + RESTART % "cache", cache=CACHE)) == []


@pytest.mark.parametrize("keys", ["", "\nhealth: {none: it ends}"])
def test_a_job_without_a_check_is_fine(keys: str) -> None:
    assert list_names(make_stack(app=APP + "needs: [job]", job=JOB + keys)) == []


def test_the_check_that_a_recipe_brings_to_a_job_is_not_its_author_s() -> None:
    backup = "use: redis\njob: true\ncommand: [redis-cli, -h, db, save]"

    names = list_names(make_stack(app=APP + "needs: [job]", job=backup))

    assert "unused-health" not in names


@pytest.mark.parametrize(
    "command",
    [
        "python manage.py migrate",
        "[python, manage.py, migrate, --noinput]",
        "alembic upgrade head",
        "[sh, -c, 'sleep 1 && npx prisma migrate deploy']",
        "bundle exec rails db:migrate",
        "flask db upgrade",
    ],
)
def test_a_service_that_migrates_is_offered_to_be_a_job(command: str) -> None:
    text = make_stack(
        app=f"{APP}needs: [prepare]", prepare=f"image: python:3\ncommand: {command}"
    )
    mended = text.replace("command:", "job: true\n    command:")
    assert find("healthy-unasked", text).help.endswith("\njob: true")
    assert "healthy-unasked" not in list_names(mended)


@pytest.mark.parametrize(
    "keys",
    [
        "command: python serve.py",
        "command: python manage.py migrate\nport: 8000",
        "command: [sh, -c, 'alembic upgrade head && uvicorn app:app']",
    ],
)
def test_a_service_that_serves_is_offered_a_health_check(keys: str) -> None:
    text = make_stack(app=f"{APP}needs: [other]", other=f"image: python:3\n{keys}")
    assert "health: /health" in find("healthy-unasked", text).help


def test_a_service_that_is_named_after_a_job_is_one_where_no_command_is() -> None:
    text = make_stack(
        app=f"{APP}needs: [db-migrate]", **{"db-migrate": "image: shop:1"}
    )
    assert find("healthy-unasked", text).help.endswith("\njob: true")


def test_without_a_need_too_a_job_is_seen() -> None:
    text = make_stack(seed="image: python:3\ncommand: python manage.py loaddata x")
    assert find("unasked", text).help.endswith("\njob: true")


@pytest.mark.parametrize(
    ("restart", "names"),
    [
        ("'no'", []),
        ("always", ["job-restart"]),
        ("on-failure:3", ["job-restart"]),
        ("${RESTART:-no}", ["job-restart"]),
    ],
)
def test_a_job_is_not_restarted(restart: str, names: list[str]) -> None:
    text = make_stack(job=f"{JOB}\nrestart: {restart}\n", app=f"{APP}needs: [job]\n")

    assert list_names(text) == names


NO_CHECK = "health: {none: it listens on nothing}"


def test_a_service_in_the_network_of_another_is_advised_no_port() -> None:
    text = make_stack(
        web=APP, side="image: python:3.13-slim\nnetwork_mode: service:web"
    )

    help = find("unasked", text).help

    assert help.startswith(f"if it listens on nothing, write the reason:\n{NO_CHECK}\n")
    assert help.endswith(
        "\nhealth: {command: [..]}     # it shares the network of `web`"
    )


def test_a_service_without_a_network_is_advised_no_port() -> None:
    text = make_stack(side="image: python:3.13-slim\nnetwork_mode: none")

    assert "port:" not in find("unasked", text).help


def test_a_service_without_a_known_port_may_listen_on_nothing() -> None:
    help = find("unasked", make_stack(a="image: python:3.13-slim")).help

    assert help.endswith(f"or, if it listens on nothing, the reason:\n{NO_CHECK}")


def test_a_service_whose_port_is_known_listens_on_it() -> None:
    text = make_stack(a="image: python:3.13-slim\nport: 8000")

    assert NO_CHECK not in find("unasked", text).help
