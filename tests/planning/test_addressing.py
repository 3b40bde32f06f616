"""What a dependent service gets: addresses, logins, secrets, networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import composegen
from composegen.model import Service
from composegen.planning.addressing import ContainerAddressing
from composegen.planning.credentials import find_credentials
from composegen.planning.placeholders import encode_url, make_url
from tests.rendering import plan, read, read_services
from tests.stacks import APP, find, list_names, load_only, load_services, make_stack

POSTGRES = """\
use: postgres
environment: {POSTGRES_PASSWORD: pw}
"""


def wire(template: str, target: str, *, secrets: str = "", name: str = "db") -> str:
    """What the template becomes in a service that needs ``target``."""
    return str(wire_app(template, target, secrets=secrets, name=name)["VALUE"])


def wire_app(
    template: str, target: str, *, secrets: str = "", name: str = "db"
) -> dict[str, Any]:
    app = f"{APP}needs:\n  {name}:\n    VALUE: '{template}'\n"
    stack = make_stack(**{"app": app, name.replace("-", "_"): target}) + secrets
    return dict(plan(stack).steps[-1].environment)


def refuse(template: str, target: str) -> tuple[str, str]:
    """Message and help of the problem with a template."""
    app = f"{APP}needs:\n  db:\n    VALUE: '{template}'\n"
    problem = find("placeholder-unknown", make_stack(app=app, db=target))
    return problem.message, problem.help


def load_db(keys: str) -> Service:
    return load_services(make_stack(db=keys))["db"]


# A service without a recipe


def test_the_host_of_a_service_is_its_name() -> None:
    assert wire("{host}", APP, name="api-two") == "api-two"


def test_the_port_of_a_service_is_the_one_it_listens_on() -> None:
    assert wire("{port}", "image: a:1\nport: 8000\npublish: 80\nhealth: image\n") == (
        "8000"
    )


def test_the_service_is_called_by_its_name() -> None:
    assert wire("{service}", APP) == "db"


def test_the_url_of_a_plain_service_is_http() -> None:
    assert wire("{url}", APP) == "http://db:8000"


def test_a_service_without_a_port_has_no_url() -> None:
    message, help = refuse("{url}", "image: a:1\nhealth: image\n")

    assert "no port" in message
    assert help == "give `db` a port:\nport: 8080"


@pytest.mark.parametrize("word", ["user", "password", "database"])
def test_the_login_of_a_plain_service_is_not_known(word: str) -> None:
    message, help = refuse(f"{{{word}}}", APP)

    assert f"the {word} of `db` is not known" in message
    assert "recipe" in help


# What a browser calls


@pytest.mark.parametrize(
    ("publish", "url"),
    [
        ("true", "http://127.0.0.1:8000"),
        ("3000", "http://127.0.0.1:3000"),
        ('"127.0.0.2:3000"', "http://127.0.0.2:3000"),
        ('"0.0.0.0:3000"', "http://127.0.0.1:3000"),
        ('"[::1]:3000"', "http://[::1]:3000"),
        ('"[::]:3000"', "http://127.0.0.1:3000"),
        ("${WEB_PORT:-3000}", "http://127.0.0.1:${WEB_PORT:-3000}"),
        ('["5353:53/udp", "3000:8000"]', "http://127.0.0.1:3000"),
    ],
)
def test_the_public_url_is_what_a_browser_on_the_host_calls(
    publish: str, url: str
) -> None:
    assert wire("{public_url}", f"{APP}publish: {publish}\n") == url


def test_the_public_url_of_a_range_is_its_first_port() -> None:
    target = f'{APP}publish: "3000-3001:8000-8001"\n'

    assert wire("{public_url}", target) == "http://127.0.0.1:3000"


def test_a_service_that_publishes_nothing_has_no_public_url() -> None:
    message, help = refuse("{public_url}", APP)

    assert message.startswith("`{public_url}`: ")
    assert message.endswith("`db` publishes no port")
    assert help.endswith("publish: true")


# Several words, and text


def test_words_stand_anywhere_in_a_text() -> None:
    assert wire("a {host}:{port} b {service}", APP) == "a db:8000 b db"


@pytest.mark.parametrize(
    "text",
    ["{ur}", "{}", "{ url }", "{URL}", "{x: 1}", "{host", "host}", "{a}{b}"],
)
def test_every_other_brace_is_text(text: str) -> None:
    assert wire(text, APP) == text


def test_a_brace_before_a_word_is_text() -> None:
    assert wire("{{host}", APP) == "{db"


def test_a_near_miss_is_a_warning() -> None:
    app = f"{APP}needs:\n  db:\n    VALUE: '{{ur}}'\n"

    problem = find("near-placeholder", make_stack(app=app, db=APP))

    assert problem.help == "did you mean `{url}`?"


def test_what_a_word_becomes_is_not_read_again() -> None:
    target = (
        "use: postgres\nenvironment: {POSTGRES_USER: '{host}', POSTGRES_PASSWORD: x}\n"
    )

    assert wire("{user}", target) == "{host}"


def test_nothing_is_replaced_in_otherwise() -> None:
    app = f"{APP}needs:\n  db:\n    otherwise: {{env: {{VALUE: '{{url}}'}}}}\n"

    step = plan(make_stack(app=app, db=APP), removed=("db",)).steps[0]

    assert step.environment["VALUE"] == "{url}"


def test_variables_of_compose_stay_next_to_words() -> None:
    assert wire("${SCHEME:-http}://{host}", APP) == "${SCHEME:-http}://db"


def test_a_variable_that_is_named_like_a_word_is_no_word() -> None:
    assert wire("${url}", APP) == "${url}"


# Short forms


def test_a_name_alone_means_the_url() -> None:
    stack = make_stack(app=f"{APP}needs: {{db: BACKEND}}\n", db=APP)

    assert read_services(stack)["app"]["environment"] == {"BACKEND": "http://db:8000"}


def test_a_name_that_ends_in_file_means_the_url_in_a_file() -> None:
    stack = make_stack(app=f"{APP}needs: {{db: DATABASE_URL_FILE}}\n", db=POSTGRES)

    app = read_services(stack)["app"]

    assert app["environment"] == {"DATABASE_URL_FILE": "/run/secrets/db-url"}
    assert app["secrets"] == ["db-url"]


# Logins of the shipped recipes


@pytest.mark.parametrize(
    ("environment", "user", "database"),
    [
        ("", "postgres", "postgres"),
        ("POSTGRES_USER: ann", "ann", "ann"),
        ("POSTGRES_DB: shop", "postgres", "shop"),
        ("POSTGRES_USER: ann, POSTGRES_DB: shop", "ann", "shop"),
    ],
)
def test_postgres_takes_its_login_from_its_variables(
    environment: str, user: str, database: str
) -> None:
    comma = ", " if environment else ""
    keys = (
        f"use: postgres\nenvironment: {{POSTGRES_PASSWORD: pw{comma}{environment}}}\n"
    )

    assert wire("{user} {password} {database}", keys) == f"{user} pw {database}"
    assert wire("{url}", keys) == f"postgresql://{user}:pw@db:5432/{database}"


def test_postgres_without_a_password_has_a_url_without_one() -> None:
    keys = "use: postgres\nenvironment: {POSTGRES_HOST_AUTH_METHOD: trust}\n"

    assert wire("{url}", keys) == "postgresql://postgres@db:5432/postgres"
    assert "POSTGRES_PASSWORD" in refuse("{password}", keys)[1]


@pytest.mark.parametrize("recipe", ["mariadb", "mysql"])
@pytest.mark.parametrize(
    ("environment", "login"),
    [
        ("MYSQL_ROOT_PASSWORD: r, MYSQL_DATABASE: shop", "root:r@db:3306/shop"),
        (
            (
                "MYSQL_ROOT_PASSWORD: r, MYSQL_USER: ann, MYSQL_PASSWORD: p, "
                "MYSQL_DATABASE: shop"
            ),
            "ann:p@db:3306/shop",
        ),
    ],
)
def test_mysql_takes_its_user_else_root(
    recipe: str, environment: str, login: str
) -> None:
    keys = f"use: {recipe}\nenvironment: {{{environment}}}\n"

    assert wire("{url}", keys) == f"mysql://{login}"


@pytest.mark.parametrize(
    ("environment", "login"),
    [
        ("MARIADB_ROOT_PASSWORD: r, MARIADB_DATABASE: shop", "root:r@db:3306/shop"),
        (
            (
                "MARIADB_ROOT_PASSWORD: r, MARIADB_USER: ann, MARIADB_PASSWORD: p, "
                "MARIADB_DATABASE: shop"
            ),
            "ann:p@db:3306/shop",
        ),
        (
            (
                "MARIADB_ROOT_PASSWORD: r, MYSQL_USER: bob, MARIADB_USER: ann, "
                "MARIADB_PASSWORD: p, MYSQL_DATABASE: shop"
            ),
            "ann:p@db:3306/shop",
        ),
    ],
)
def test_mariadb_takes_its_own_names_first(environment: str, login: str) -> None:
    keys = f"use: mariadb\nenvironment: {{{environment}}}\n"

    assert wire("{url}", keys) == f"mysql://{login}"


def test_mysql_does_not_know_the_names_of_mariadb() -> None:
    keys = (
        "use: mysql\nenvironment: {MYSQL_ROOT_PASSWORD: r, MARIADB_USER: ann, "
        "MYSQL_DATABASE: shop}\n"
    )

    assert wire("{user}", keys) == "root"


def test_a_database_without_a_name_is_an_error_that_names_the_variable() -> None:
    keys = "use: mariadb\nenvironment: {MARIADB_ROOT_PASSWORD: r}\n"

    message, help = refuse("{database}", keys)

    assert "the database of `db` is not known" in message
    assert help == ("set MARIADB_DATABASE or MYSQL_DATABASE in its `environment`")


def test_mongo_has_no_login_until_one_is_set() -> None:
    assert wire("{url}", "use: mongo\n") == "mongodb://db:27017/test"


def test_mongo_signs_in_with_the_user_that_it_was_made_with() -> None:
    keys = (
        "use: mongo\nenvironment: {MONGO_INITDB_ROOT_USERNAME: ann, "
        "MONGO_INITDB_ROOT_PASSWORD: pw, MONGO_INITDB_DATABASE: shop}\n"
    )

    assert wire("{url}", keys) == "mongodb://ann:pw@db:27017/shop?authSource=admin"


@pytest.mark.parametrize("recipe", ["redis", "valkey"])
def test_redis_has_a_url_without_a_login(recipe: str) -> None:
    assert wire("{url}", f"use: {recipe}\n") == "redis://db:6379/0"


def test_another_port_of_a_store_stands_in_its_url() -> None:
    assert wire("{url}", "use: redis\nport: 6380\n") == "redis://db:6380/0"


# Secrets as passwords

SECRET = """\
use: postgres
secrets: {db-password: POSTGRES_PASSWORD_FILE}
"""


def test_a_password_that_is_a_secret_is_a_required_variable() -> None:
    value = wire("{password}", SECRET)

    assert value.startswith("${DB_PASSWORD:?")
    assert value.endswith("}")


def test_a_url_carries_the_variable_of_its_password() -> None:
    value = wire("{url}", SECRET)

    assert value.startswith("postgresql://postgres:${DB_PASSWORD:?")
    assert value.endswith("}@db:5432/postgres")


def test_the_variable_of_a_password_is_the_one_of_its_secret() -> None:
    secrets = "secrets: {db-password: {env: PG_PASS}}\n"

    assert wire("{password}", SECRET, secrets=secrets).startswith("${PG_PASS:?")


@pytest.mark.parametrize("kind", ["{generate: true}", "{file: ./pw}"])
def test_the_variable_of_another_secret_is_its_name_in_capitals(kind: str) -> None:
    secrets = f"secrets: {{db-password: {kind}}}\n"

    assert wire("{password}", SECRET, secrets=secrets).startswith("${DB_PASSWORD:?")


def test_an_undeclared_secret_comes_from_the_variable_of_its_name() -> None:
    keys = "use: postgres\nsecrets: [POSTGRES_PASSWORD]\n"

    assert wire("{password}", keys).startswith("${POSTGRES_PASSWORD:?")


def test_a_password_that_becomes_visible_is_a_warning() -> None:
    stack = make_stack(app=f"{APP}needs: {{db: DATABASE_URL}}\n", db=SECRET)

    assert "_FILE" in find("visible-password", stack).help


@pytest.mark.parametrize(
    "needs", ["{db: DATABASE_URL_FILE}", "{db: {PW: '{password_file}'}}"]
)
def test_a_password_in_a_file_is_no_warning(needs: str) -> None:
    stack = make_stack(app=f"{APP}needs: {needs}\n", db=SECRET)

    assert "visible-password" not in list_names(stack)


def test_the_file_of_a_password_is_mounted_in_the_dependent() -> None:
    needs = "needs: {db: {PW: '{password_file}'}}\n"
    stack = make_stack(app=APP + needs, db=SECRET)

    services = read_services(stack)

    assert services["app"]["environment"] == {"PW": "/run/secrets/db-password"}
    assert services["app"]["secrets"] == ["db-password"]
    assert services["db"]["secrets"] == ["db-password"]


def test_the_file_of_a_password_that_is_no_secret_is_an_error() -> None:
    message, help = refuse("{password_file}", POSTGRES)

    assert message.startswith("`{password_file}`: ")
    assert "is not a secret" in message
    assert help.endswith("secrets: {db-password: POSTGRES_PASSWORD_FILE}")


def test_the_fix_for_a_password_that_is_no_secret_works() -> None:
    _, help = refuse("{password_file}", POSTGRES)

    keys = f"use: postgres\n{help.splitlines()[-1]}\n"

    assert wire("{password_file}", keys) == "/run/secrets/db-password"


def test_the_secret_of_a_url_is_declared_with_the_others() -> None:
    stack = make_stack(app=f"{APP}needs: {{db: DB_URL_FILE}}\n", db=SECRET)

    assert read(stack)["secrets"] == {
        "db-password": {"file": ".secrets/db-password"},
        "db-url": {"file": ".secrets/db-url"},
    }


def test_a_user_in_a_secret_is_not_taken_for_the_default() -> None:
    keys = (
        "use: postgres\nenvironment: {POSTGRES_PASSWORD: pw}\n"
        "secrets: {who: POSTGRES_USER_FILE}\n"
    )

    message, help = refuse("{user}", keys)

    assert "the user of `db` is not known" in message
    assert "POSTGRES_USER" in help


def test_a_secret_is_mounted_once_where_two_words_take_it() -> None:
    needs = "needs: {db: {A: '{password_file}', B: '{password_file}'}}\n"
    stack = make_stack(app=f"{APP}{needs}secrets: [db-password]\n", db=SECRET)

    assert read_services(stack)["app"]["secrets"] == ["db-password"]


# Percent-encoding


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("plain-._~09", "plain-._~09"),
        ("p@ss:w/rd", "p%40ss%3Aw%2Frd"),
        ("a b", "a%20b"),
        ("100%", "100%25"),
        ("ü", "%C3%BC"),
        ("a$$b", "a%24b"),
        ("${PW}", "${PW}"),
        ("x${PW:-@}y", "x${PW:-@}y"),
    ],
)
def test_literal_parts_are_percent_encoded(text: str, encoded: str) -> None:
    assert encode_url(text) == encoded


def test_a_password_is_encoded_in_a_url_and_nowhere_else() -> None:
    keys = "use: postgres\nenvironment: {POSTGRES_PASSWORD: 'p@ss/1'}\n"

    assert wire("{password}", keys) == "p@ss/1"
    assert wire("{url}", keys) == "postgresql://postgres:p%40ss%2F1@db:5432/postgres"


def test_user_and_database_are_encoded_in_a_url() -> None:
    keys = (
        "use: postgres\nenvironment: {POSTGRES_PASSWORD: p, POSTGRES_USER: 'a b', "
        "POSTGRES_DB: 'c/d'}\n"
    )

    assert wire("{url}", keys) == "postgresql://a%20b:p@db:5432/c%2Fd"


def test_the_value_of_a_secret_is_encoded_where_it_is_put_into_a_url() -> None:
    stack = load_only(make_stack(db=SECRET))

    filled = make_url(
        stack, stack.services["db"], ContainerAddressing(), password="p$@1"
    )

    assert filled.text == "postgresql://postgres:p%24%401@db:5432/postgres"
    assert filled.carries_password == ""


# Credentials


def test_the_service_s_own_environment_comes_before_its_secrets() -> None:
    db = load_db(
        "use: postgres\nenvironment: {POSTGRES_USER: ann}\n"
        "secrets: {pw: POSTGRES_PASSWORD_FILE}\n"
    )

    credentials = find_credentials(db)

    assert (credentials.user, credentials.password) == ("ann", None)
    assert credentials.password_secret == "pw"


# Networks

STORE = "use: redis\n"


def read_networks(**services: str) -> dict[str, Any]:
    return {
        name: service.get("networks", ["default"])
        for name, service in read_services(make_stack(**services)).items()
    }


def test_a_store_is_on_a_network_of_its_own() -> None:
    assert read_networks(app=f"{APP}needs: [cache]\n", cache=STORE) == {
        "app": ["default", "cache"],
        "cache": ["cache"],
    }


def test_the_network_of_a_store_is_internal() -> None:
    stack = make_stack(app=f"{APP}needs: [cache]\n", cache=STORE)

    assert read(stack)["networks"] == {"default": None, "cache": {"internal": True}}


def test_a_published_store_is_on_the_default_network_too() -> None:
    networks = read_networks(
        app=f"{APP}needs: [cache]\n", cache=f"{STORE}publish: true\n"
    )

    assert networks["cache"] == ["default", "cache"]


def test_who_does_not_need_a_store_cannot_reach_it() -> None:
    networks = read_networks(
        app=f"{APP}needs: [cache]\n", other=APP, cache=STORE, db=POSTGRES
    )

    assert networks["app"] == ["default", "cache"]
    assert networks["other"] == ["default"]
    assert networks["db"] == ["db"]


def test_a_store_that_needs_a_store_is_on_both_networks() -> None:
    networks = read_networks(a=f"{STORE}needs: [b]\n", b=STORE)

    assert networks == {"a": ["a", "b"], "b": ["b"]}


def test_a_plain_service_shares_the_default_network_without_a_word() -> None:
    assert "networks" not in read(make_stack(app=APP))
    assert "networks" not in read_services(make_stack(app=APP))["app"]


def test_the_network_of_an_excluded_store_goes_too() -> None:
    app = f"{APP}needs: {{cache: {{otherwise: {{}}}}}}\n"
    data = read(make_stack(app=app, cache=STORE), removed=("cache",))

    assert "networks" not in data
    assert "networks" not in data["services"]["app"]


def test_one_module_says_where_secrets_are_mounted() -> None:
    package = Path(composegen.__file__).parent

    assert [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "/run/secrets" in path.read_text(encoding="utf-8")
    ] == ["planning/addressing.py"]
