"""Recipes are data: the shipped ones are whole, one's own are reported where not."""

from __future__ import annotations

from pathlib import Path

import pytest

from composegen.errors import Problem, UsageError
from composegen.health import HealthKind
from composegen.images.facts import list_recipe_files
from composegen.model import Service
from composegen.planning.hardening import harden_service
from composegen.stackfile.guide import describe_recipe, list_recipes
from composegen.stackfile.nodes import Source
from composegen.stackfile.problems import Problems
from composegen.stackfile.recipes import RecipeFile
from tests.rendering import read_services
from tests.stacks import check, find, list_names, load_services, make_stack

PASSWORDS = {
    "elasticsearch": "environment: {ELASTIC_PASSWORD: x}\n",
    "postgres": "environment: {POSTGRES_PASSWORD: x}\n",
    "mariadb": "environment: {MARIADB_ROOT_PASSWORD: x}\n",
    "mysql": "environment: {MYSQL_ROOT_PASSWORD: x}\n",
}
SHIPPED = list(list_recipe_files())
STORES = {
    "redis": 6379,
    "valkey": 6379,
    "postgres": 5432,
    "mariadb": 3306,
    "mysql": 3306,
    "mongo": 27017,
    "clickhouse": 8123,
    "elasticsearch": 9200,
    "meilisearch": 7700,
    "memcached": 11211,
    "minio": 9000,
    "mosquitto": 1883,
    "nats": 4222,
    "opensearch": 9200,
    "qdrant": 6333,
    "rabbitmq": 5672,
    "zookeeper": 2181,
}

IN_MEMORY = {"memcached", "nats"}
"""Stores whose images keep nothing on disk without an option for it."""
PROGRAMS = {"clickhouse", "mariadb", "mongo", "mosquitto", "mysql", "postgres"}
PROGRAMS |= {"redis", "valkey"}
"""Stores that a program of their image asks; the others are asked at their port."""


def use(recipe: str, keys: str = "") -> Service:
    stack = make_stack(db=f"use: {recipe}\n{PASSWORDS.get(recipe, '')}{keys}")
    return load_services(stack)["db"]


# The shipped ones


def test_these_recipes_are_shipped() -> None:
    assert sorted([*STORES, "nginx"]) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_alone_is_a_stack_without_problems(name: str) -> None:
    stack = make_stack(db=f"use: {name}\n{PASSWORDS.get(name, '')}")

    # A password in a test is what it looks like: the only thing to be warned of.
    assert set(list_names(stack)) <= {"secret-literal"}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_has_a_fixed_image_a_port_and_a_health_check(name: str) -> None:
    service = use(name)

    assert ":" in service.image
    assert not service.image.endswith(":latest")
    assert service.port
    assert service.health is not None
    assert service.health.can_be_asked


@pytest.mark.parametrize(("name", "port"), STORES.items())
def test_a_store_has_its_port_and_a_volume_for_its_data(name: str, port: int) -> None:
    service = use(name)

    assert service.is_store
    assert service.port == port
    assert bool(service.volumes) is (name not in IN_MEMORY)
    assert all(mount.source.startswith("db-") for mount in service.volumes)


@pytest.mark.parametrize("name", SHIPPED)
def test_no_recipe_sets_a_container_s_command(name: str) -> None:
    rendered = read_services(make_stack(db=f"use: {name}\n{PASSWORDS.get(name, '')}"))

    assert not {"command", "entrypoint"} & set(rendered["db"])


def test_nginx_is_asked_by_its_port_and_is_no_store() -> None:
    service = use("nginx")

    assert service.health is not None
    assert service.health.kind is HealthKind.TCP
    assert not service.is_store


@pytest.mark.parametrize("name", sorted(STORES.keys() - PROGRAMS))
def test_a_store_without_a_program_is_asked_at_its_port(name: str) -> None:
    health = use(name, "port: 12345\n").health

    assert health is not None
    assert health.kind in {HealthKind.HTTP, HealthKind.TCP}
    assert health.port == 12345
    assert health.tools


@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_store_is_asked_over_tcp_with_its_own_program(name: str) -> None:
    health = use(name, "port: 12345\n").health

    assert health is not None
    text = health.command if isinstance(health.command, str) else str(health.command)
    assert "12345" in text
    assert "127.0.0.1" in text or "HOSTNAME" in text


# Image families


@pytest.mark.parametrize(
    ("image", "target"),
    [
        ("postgres:18-alpine", "/var/lib/postgresql"),
        ("postgres:18", "/var/lib/postgresql"),
        ("postgres:19", "/var/lib/postgresql"),
        ("postgres", "/var/lib/postgresql"),
        ("postgres:latest", "/var/lib/postgresql"),
        ("postgres:17", "/var/lib/postgresql/data"),
        ("postgres:17.2-alpine", "/var/lib/postgresql/data"),
        ("postgres:16-bookworm", "/var/lib/postgresql/data"),
        ("postgres:10", "/var/lib/postgresql/data"),
        ("postgres:9.6", "/var/lib/postgresql/data"),
        ("postgres:${TAG:-17}", "/var/lib/postgresql/data"),
        ("postgres:alpine3.22", "/var/lib/postgresql"),
        ("library/postgres:16@sha256:" + 64 * "a", "/var/lib/postgresql/data"),
        ("pgvector/pgvector:pg17", "/var/lib/postgresql/data"),
        ("pgvector/pgvector:0.8.0-pg17", "/var/lib/postgresql/data"),
        ("pgvector/pgvector:0.8.1-pg18-trixie", "/var/lib/postgresql"),
        ("timescale/timescaledb:latest-pg16", "/var/lib/postgresql/data"),
        ("timescale/timescaledb:2.17.2-pg17-oss", "/var/lib/postgresql/data"),
        ("timescale/timescaledb:18.0.0-pg17", "/var/lib/postgresql/data"),
        ("timescale/timescaledb-ha:pg17", "/home/postgres/pgdata/data"),
        ("timescale/timescaledb-ha:latest", "/home/postgres/pgdata/data"),
        ("postgis/postgis:17-3.5-alpine", "/var/lib/postgresql/data"),
        ("postgis/postgis:18-3.6", "/var/lib/postgresql"),
        ("pgautoupgrade/pgautoupgrade:17-alpine", "/var/lib/postgresql/data"),
        ("ghcr.io/immich-app/postgres:14-vectorchord0.4.3", "/var/lib/postgresql/data"),
        ("apache/age:release_PG16_1.5.0", "/var/lib/postgresql/data"),
        ("ankane/pgvector:v0.5.1", "/var/lib/postgresql/data"),
    ],
)
def test_postgres_18_keeps_its_data_elsewhere(image: str, target: str) -> None:
    (mount,) = use("postgres", f"image: '{image}'\n").volumes

    assert (mount.source, mount.target) == ("db-data", target)


@pytest.mark.parametrize(
    ("recipe", "image", "user"),
    [
        ("postgres", "pgvector/pgvector:pg17", "999:999"),
        ("postgres", "postgis/postgis:17-3.5-alpine", "70:70"),
        ("postgres", "timescale/timescaledb:latest-pg16", "70:70"),
        ("postgres", "timescale/timescaledb-ha:pg16", ""),
        ("mysql", "percona/percona-server:8.0", ""),
    ],
)
def test_a_derivative_starts_as_the_user_of_its_image(
    recipe: str, image: str, user: str
) -> None:
    facts = use(recipe, f"image: '{image}'\n").facts

    assert facts is not None
    assert facts.user == user


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("mongo:8", "mongosh "),
        ("mongo:7.0", "mongosh "),
        ("mongo:6", "mongosh "),
        ("mongo:6.0.1", "mongosh "),
        ("mongo:5", "mongo "),
        ("mongo:5.0.3", "mongo "),
        ("mongo:4.4", "mongo "),
        ("mongo:4-focal", "mongo "),
    ],
)
def test_mongo_before_6_is_asked_with_its_older_shell(image: str, program: str) -> None:
    health = use("mongo", f"image: {image}\n").health

    assert health is not None
    assert str(health.command).startswith(program)


@pytest.mark.parametrize(
    ("image", "program"),
    [
        ("mariadb:11", "mariadb-admin"),
        ("mariadb:10.11", "mariadb-admin"),
        ("mariadb:10.4", "mariadb-admin"),
        ("mariadb:10.3", "mysqladmin"),
        ("mariadb:10.3.39", "mysqladmin"),
        ("mariadb:10.2-bionic", "mysqladmin"),
        ("mariadb:5.5", "mysqladmin"),
    ],
)
def test_mariadb_before_10_4_is_asked_with_its_older_program(
    image: str, program: str
) -> None:
    health = use("mariadb", f"image: {image}\n").health

    assert health is not None
    assert health.command[0] == program


def test_a_recipe_may_stand_with_a_build() -> None:
    stack = make_stack(
        db="use: postgres\nbuild: .\nenvironment: {POSTGRES_PASSWORD: x}\n"
    )
    files = {"Dockerfile": "FROM postgres:16-alpine\n"}

    db = load_services(stack, files)["db"]

    assert (db.image, db.facts and db.facts.user) == ("", "70:70")
    assert db.volumes[0].target == "/var/lib/postgresql/data"


def test_facts_under_an_image_that_they_were_not_made_for_are_a_warning() -> None:
    stack = make_stack(db="use: redis\nimage: bitnami/redis:8\n")

    assert "foreign-image" in list_names(stack)


@pytest.mark.parametrize("name", ["postgres", "mariadb", "mysql"])
def test_a_setting_without_which_it_does_not_start_is_asked_for(name: str) -> None:
    assert list_names(make_stack(db=f"use: {name}\n")) == ["missing-setting"]


def test_an_unknown_recipe_is_reported_with_a_near_name() -> None:
    (problem,) = check(make_stack(db="use: postgress\n"))

    assert problem.name == "unknown-recipe"
    assert problem.help == "did you mean `postgres`?"
    assert str(problem.location) == "stack.yaml:3:10"


# One's own

OWN = """\
about: A queue
images: [team/queue]
image: team/queue:1.0
store: true
port: 7000
health: {command: [queue, ping, "{port}"], boot: 5s}
start_interval: 100ms
volumes: [data:/queue, more:/more]
url: queue://{user}:{password}@{host}:{port}/{database}
bare_url: queue://{host}:{port}
logins:
  - when: [QUEUE_USER]
    user: [QUEUE_USER]
    password: [QUEUE_PASSWORD]
database: [QUEUE_NAME]
database_default: main
why: steps down
user: "7:8"
writable: [/run/queue]
variants:
  - tag: ["*-alpine", "edge"]
    user: "9:9"
  - tag: "0.*"
    port: 6000
"""


def load_own(recipe: str, keys: str = "") -> Service:
    stack = "recipes: ./mine\n" + make_stack(db=f"use: queue\n{keys}")
    return load_services(stack, {"mine/queue.yaml": recipe})["db"]


def check_own(recipe: str, keys: str = "") -> tuple[Problem, ...]:
    stack = "recipes: ./mine\n" + make_stack(db=f"use: queue\n{keys}")
    return check(stack, {"mine/queue.yaml": recipe})


def test_an_own_recipe_brings_what_a_shipped_one_brings() -> None:
    db = load_own(OWN)

    assert (db.recipe, db.is_store, db.image) == ("queue", True, "team/queue:1.0")
    assert db.health is not None
    assert db.health.command == ("queue", "ping", "7000")
    assert [(m.source, m.target) for m in db.volumes] == [
        ("db-data", "/queue"),
        ("db-more", "/more"),
    ]
    assert db.facts is not None
    assert (db.facts.user, db.facts.why) == ("7:8", "steps down")


def test_an_own_recipe_is_rendered_like_a_shipped_one() -> None:
    stack = "recipes: ./mine\n" + make_stack(
        app="image: python:3.13\nport: 80\nhealth: /\nneeds: {db: URL}\n",
        db="use: queue\nenvironment: {QUEUE_USER: ann, QUEUE_PASSWORD: pw}\n",
    )

    services = read_services(stack, files={"mine/queue.yaml": OWN})

    assert services["app"]["environment"] == {"URL": "queue://ann:pw@db:7000/main"}
    assert services["db"]["user"] == "7:8"
    assert services["db"]["tmpfs"] == ["/tmp", "/run/queue:uid=7,gid=8"]
    assert services["db"]["healthcheck"]["start_interval"] == "100ms"
    assert services["db"]["networks"] == ["db"]


@pytest.mark.parametrize(
    ("keys", "url"),
    [
        ("", "queue://guest:guest@db:7000/main"),
        (
            "environment: {QUEUE_USER: ann, QUEUE_PASSWORD: pw, QUEUE_NAME: x}\n",
            "queue://ann:pw@db:7000/x",
        ),
        (
            "secrets: {pw: QUEUE_PASSWORD_FILE}\n",
            "queue://guest:${PW:?set it in .env, the password of db}@db:7000/main",
        ),
    ],
)
def test_a_recipe_knows_what_its_image_takes_when_nothing_is_set(
    keys: str, url: str
) -> None:
    recipe = OWN.replace(
        "- when: [QUEUE_USER]\n    user: [QUEUE_USER]\n",
        "- user: [QUEUE_USER]\n    user_default: guest\n    password_default: guest\n",
    )
    stack = "recipes: ./mine\nsecrets: {pw: {env: PW}}\n" + make_stack(
        app="image: python:3.13\nport: 80\nhealth: /\nneeds: {db: URL}\n",
        db=f"use: queue\n{keys}",
    )

    services = read_services(stack, files={"mine/queue.yaml": recipe})

    assert services["app"]["environment"] == {"URL": url}


@pytest.mark.parametrize(
    ("image", "user", "port"),
    [
        ("team/queue:1.0", "7:8", 7000),
        ("team/queue:1.0-alpine", "9:9", 7000),
        ("team/queue:edge", "9:9", 7000),
        ("team/queue:0.9", "7:8", 6000),
        ("team/queue:0.9-alpine", "9:9", 6000),
        ("registry.example/team/queue:edge", "9:9", 7000),
    ],
)
def test_variants_are_laid_over_by_tag(image: str, user: str, port: int) -> None:
    db = load_own(OWN, f"image: {image}\n")

    assert db.facts is not None
    assert (db.facts.user, db.port) == (user, port)


def test_an_own_recipe_comes_before_a_shipped_one_of_its_name() -> None:
    stack = "recipes: ./mine\n" + make_stack(db="use: redis\n")
    recipe = "about: Mine\nimages: [mine]\nimage: mine:1\nhealth: image\n"

    assert load_services(stack, {"mine/redis.yaml": recipe})["db"].image == "mine:1"


def test_a_volume_without_a_name_comes_with_the_image_and_holds_no_data() -> None:
    recipe = "about: Mine\nimages: [mine]\nimage: mine:1\nhealth: image\nstore: true\n"
    recipe += "volumes: [data:/data, /settings]\n"
    stack = "recipes: ./mine\n" + make_stack(db="use: queue\n")
    files = {"mine/queue.yaml": recipe}

    service = load_services(stack, files)["db"]
    (mount,) = service.volumes
    assert (mount.source, mount.target) == ("db-data", "/data")
    assert harden_service(service).volumes == ("/settings",)


def test_shipped_recipes_stay_with_one_s_own() -> None:
    stack = "recipes: ./mine\n" + make_stack(db="use: redis\n")

    assert load_services(stack, {"mine/queue.yaml": OWN})["db"].recipe == "redis"


def test_a_recipe_that_no_service_uses_is_not_judged() -> None:
    stack = "recipes: ./mine\n" + make_stack(db="use: redis\n")

    assert list_names(stack, {"mine/bad.yaml": "nonsense: 1\n"}) == []


def test_a_folder_that_is_not_there_is_an_error() -> None:
    stack = "recipes: ./mine\n" + make_stack(db="use: queue\n")

    (problem,) = check(stack)

    assert (problem.name, str(problem.location)) == ("missing-file", "stack.yaml:1:10")


@pytest.mark.parametrize(
    ("recipe", "name", "place"),
    [
        ("image: a:1\nprot: 80\n", "unknown-key", "2:1"),
        ("image: a:1\nport: http\n", "bad-port", "2:7"),
        ("image: a:1\nhealth: nowhere\n", "bad-health", "2:9"),
        ("image: a:1\nhealth: {boot: 5}\n", "bad-duration", "2:16"),
        ("image: a:1\nstore: yes\n", "wrong-type", "2:8"),
        ("image: a:1\nvolumes: [data]\n", "bad-volume", "2:10"),
        ("image: a:1\nvolumes: data:/data\n", "wrong-type", "2:10"),
        ("image: a:1\nstart_interval: 3\n", "bad-duration", "2:17"),
        ("image: a:1\ntools: curl\n", "wrong-type", "2:8"),
        ("image: a:1\nlogins: [{usr: [A]}]\n", "unknown-key", "2:11"),
        ("image: a:1\nlogins: [{user: A}]\n", "wrong-type", "2:17"),
        ("image: a:1\nvariants: [{user: '1:1'}]\n", "wrong-type", "2:12"),
        ("image: a:1\nvariants: [{tag: x, prot: 1}]\n", "unknown-key", "2:21"),
        ("image: a:1\nvariants: {tag: x}\n", "wrong-type", "2:11"),
        ("image: a:1\nwhy: |-\n  a\n  b\n", "not-one-line", "2:6"),
        ("image: a:1\nimage: b:1\n", "duplicate-key", "2:1"),
        ("image: a:1\ncommand: [x]\n", "unknown-key", "2:1"),
        ("image: [a\n", "yaml-syntax", "2:1"),
    ],
)
def test_what_is_wrong_with_a_recipe_has_its_file_and_place(
    recipe: str, name: str, place: str
) -> None:
    found = [(p.name, str(p.location)) for p in check_own(recipe)]

    assert (name, f"./mine/queue.yaml:{place}") in found


def test_an_empty_recipe_is_an_error() -> None:
    (problem,) = check_own("")

    assert (problem.name, problem.location.file) == ("empty-file", "./mine/queue.yaml")


@pytest.mark.parametrize(
    "key", "store exec_tmp hostname init read_only no_new_privileges".split()
)
def test_a_flag_of_a_recipe_is_true_or_false(key: str) -> None:
    assert "wrong-type" in [p.name for p in check_own(f"{key}: maybe\n")]


@pytest.mark.parametrize(
    "key", "images volumes writable cap_add tools database requires".split()
)
def test_a_list_of_a_recipe_is_a_list(key: str) -> None:
    assert "wrong-type" in [p.name for p in check_own(f"{key}: text\n")]


def test_a_recipe_that_is_a_list_is_an_error() -> None:
    (problem,) = check_own("- a\n")

    assert str(problem.location).startswith("./mine/queue.yaml:1:1")


def test_every_problem_of_a_recipe_comes_at_once() -> None:
    names = [p.name for p in check_own("prot: 80\nport: x\nstore: maybe\n")]

    assert sorted(names) == ["bad-port", "unknown-key", "wrong-type"]


def test_a_problem_of_a_recipe_is_reported_once_however_many_use_it() -> None:
    stack = "recipes: ./mine\n" + make_stack(a="use: queue\n", b="use: queue\n")

    problems = check(stack, {"mine/queue.yaml": "image: a:1\nprot: 1\n"})

    assert [p.name for p in problems] == ["unknown-key"]


# Telling


def test_recipes_are_listed_with_what_they_are_for(tmp_path: Path) -> None:
    listed = list_recipes(tmp_path / "stack.yaml")

    assert [name for name, _ in listed] == SHIPPED
    assert all(about for _, about in listed)


def test_own_recipes_are_listed_too(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/queue.yaml").write_text(OWN)
    (tmp_path / "stack.yaml").write_text("recipes: ./mine\nservices: {a: {use: x}}\n")

    assert ("queue", "A queue") in list_recipes(tmp_path / "stack.yaml")


def test_a_recipe_is_shown_as_its_file(tmp_path: Path) -> None:
    data, text = describe_recipe("redis", tmp_path / "stack.yaml")

    assert text == list_recipe_files()["redis"].read_text()
    assert (data["name"], data["port"]) == ("redis", "6379")


def test_a_recipe_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        describe_recipe("redsi", tmp_path / "stack.yaml")

    assert raised.value.help == "did you mean `redis`?"


@pytest.mark.parametrize("name", list_recipe_files())
def test_a_shipped_recipe_has_no_problem(name: str) -> None:
    path = list_recipe_files()[name]
    problems = Problems()

    recipe = RecipeFile(name, Source(path.name, path.read_bytes(), problems))

    assert recipe.is_readable
    assert problems.found == ()


# As a stack names them


def test_a_recipe_of_one_s_own_comes_before_the_shipped() -> None:
    files = {
        "mine/redis.yaml": "about: a\nimages: [redis]\nimage: redis:7-alpine\n"
        "health: {command: [a]}\n"
    }
    text = "recipes: ./mine\nservices: {cache: {use: redis}}\n"

    assert load_services(text, files)["cache"].image == "redis:7-alpine"


def test_a_recipe_that_is_not_there_has_a_near_name() -> None:
    problem = find("unknown-recipe", "services: {a: {use: postgress}}")

    assert problem.help == "did you mean `postgres`?"


def test_a_recipe_that_looks_like_nothing_lists_those_there_are() -> None:
    problem = find("unknown-recipe", "services: {a: {use: zzzzz}}")

    assert "redis" in problem.help


def test_a_problem_in_a_recipe_is_shown_in_its_own_file() -> None:
    files = {"mine/a.yaml": "about: a\nimages: [a]\nimage: a:1\nhelth: /\n"}
    problem = find("unknown-key", "recipes: ./mine\nservices: {a: {use: a}}\n", files)

    assert str(problem.location) == "./mine/a.yaml:4:1"
    assert problem.help == "did you mean `health`?"


@pytest.mark.parametrize(
    "line",
    [
        "images: a",
        "store: yes",
        "start_interval: 5",
        "volumes: [data]",
        "variants: {tag: a}",
        "variants: [{image: a:1}]",
        "logins: [{users: [A]}]",
        "port: 0",
        "health: nothing",
        'why: "a\\nb"',
    ],
)
def test_a_recipe_of_one_s_own_is_checked(line: str) -> None:
    files = {"mine/a.yaml": f"about: a\nimage: a:1\n{line}\n"}
    problems = check("recipes: ./mine\nservices: {a: {use: a}}\n", files)

    assert problems[0].location.file == "./mine/a.yaml"
    assert problems[0].location.line == 3


def test_a_recipe_may_be_made_for_a_family_of_images() -> None:
    files = {"mine/a.yaml": "about: a\nimages: [acme/*]\nhealth: {command: [a]}\n"}
    text = "recipes: ./mine\nservices: {{a: {{use: a, image: '{}'}}}}\n"

    assert list_names(text.format("acme/shop:1"), files) == []
    assert list_names(text.format("example.com/acme/shop:1"), files) == []
    assert list_names(text.format("acmeshop:1"), files) == ["foreign-image"]
    assert list_names(text.format("b/acme/shop:1"), files) == ["foreign-image"]


def test_a_variant_of_a_recipe_is_chosen_by_the_tag() -> None:
    files = {
        "mine/a.yaml": "about: a\nimages: [a]\nimage: a:2\nport: 1\n"
        "health: {command: [ask]}\nvariants: [{tag: '1*', port: 2}]\n"
    }
    text = "recipes: ./mine\nservices: {{a: {{use: a, image: '{}'}}}}\n"

    ports = [
        load_services(text.format(image), files)["a"].port
        for image in ("a:1", "a:1.5", "a:2", "a:${TAG:-1.2}")
    ]

    assert ports == [2, 2, 1, 2]


def test_recipes_are_a_folder() -> None:
    text = "recipes: ./mine\nservices: {a: {use: nginx}}\n"

    assert list_names(text) == ["missing-file"]
    assert list_names(text, {"mine": "a file"}) == ["missing-file"]
