"""Every recipe, on a real engine: its probe, its hardening, its volume, its URLs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.engine import Project, is_healthy, run_composegen
from tests.e2e.images import Images, is_standin

pytestmark = pytest.mark.engine

HERE = Path(__file__).parent
RECIPES: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text())
    for path in sorted((HERE.parents[1] / "templates" / "recipes").glob("*.yaml"))
}

# The others say of themselves that they were never run.
TESTED = {name: entry for name, entry in RECIPES.items() if entry.get("tested", True)}

# Tags that a recipe tells apart, besides its own image.
OTHER_IMAGES = {"postgres": ["postgres:17-alpine", "postgres:17"]}
CASES = [
    (recipe, image)
    for recipe, entry in TESTED.items()
    for image in [entry["image"], *OTHER_IMAGES.get(recipe, [])]
]
PYTHON = "python:3.12-slim"
IMAGES = [*(image for _, image in CASES), PYTHON]

# What no recipe says: settings of a user's own, a client, which has the version.
SETTINGS: dict[str, dict[str, Any]] = {
    "mariadb": {"environment": {"MARIADB_DATABASE": "app"}},
    "mosquitto": {"volumes": ["./mosquitto.conf:/mosquitto/config/mosquitto.conf:ro"]},
    "mysql": {"environment": {"MYSQL_DATABASE": "app"}},
    "rabbitmq": {
        "environment": {
            "RABBITMQ_DEFAULT_USER": "app",
            "RABBITMQ_DEFAULT_PASS": "p@ss/word",
        }
    },
}
PATIENT = {"boot": "5m", "timeout": "30s"}
"""On a busy machine a store takes longer than its recipe gives it."""
FILES = {
    "mosquitto.conf": "listener 1883\nallow_anonymous true\n"
    "persistence true\npersistence_location /mosquitto/data/\n",
}
# A client with a program of its image, or one in Python.
CLIENTS = {
    "mariadb": ("mysql.sh", "mariadb"),
    "memcached": ("memcached.sh", "nc"),
    "mongo": ("mongo.sh", "mongosh"),
    "mosquitto": ("mosquitto.sh", "mosquitto_pub"),
    "mysql": ("mysql.sh", "mysql"),
    "nats": ("nats.sh", "nc"),
    "nginx": ("nginx.sh", "curl"),
    "postgres": ("postgres.sh", "psql"),
    "rabbitmq": ("rabbitmq.py", "python"),
    "redis": ("redis.sh", "redis-cli"),
    "valkey": ("redis.sh", "valkey-cli"),
    "zookeeper": ("zookeeper.sh", "zkCli.sh"),
}
VERSIONS = {
    "mariadb": "mariadbd --version",
    "memcached": "memcached -V",
    "mongo": "mongod --version",
    "mosquitto": "mosquitto -h",
    "mysql": "mysqld --version",
    "nats": "nats-server --version",
    "nginx": "nginx -v",
    "postgres": "postgres --version",
    "rabbitmq": "rabbitmqctl version",
    "redis": "redis-server --version",
    "valkey": "valkey-server --version",
    "zookeeper": "zkServer.sh version",
}
COUNTED = ["1", "2", "3", "4"]
ANSWERS = {
    "memcached": ["1", "2", "1", "2"],
    "nats": ["hello"] * 4,
    "nginx": ["200"] * 4,
}
"""What the clients print in two starts; a store that keeps its data counts on."""


def make_stack(recipe: str, image: str) -> dict[str, Any]:
    """A store, a client that gets its URL, one that gets a file with it, and a rest.

    The last service runs on, so that Compose waits for both clients' ends.
    """
    store: dict[str, Any] = {"use": recipe, "image": image, "health": PATIENT}
    store |= SETTINGS.get(recipe, {})
    stack: dict[str, Any] = {"services": {"store": store}}
    required = RECIPES[recipe].get("requires", [])
    if required:
        store["secrets"] = {
            "store-password": next(key for key in required if "PASSWORD_FILE" in key)
        }
        stack["secrets"] = {"store-password": {"generate": True}}
    script, program = CLIENTS[recipe]
    is_python = script.endswith(".py")
    client = {
        "image": PYTHON if is_python else image,
        "job": True,
        "command": ["python" if is_python else "sh", f"/{script}"],
        "environment": {"CLIENT": program},
        "volumes": [f"./{script}:/{script}:ro"],
    }
    stack["services"] |= {
        "by-url": {
            **client,
            "needs": {"store": {"env": {"URL": "{url}"}, "until": "healthy"}},
        },
        "by-file": {
            **client,
            "needs": {
                "store": {"env": {"URL_FILE": "{url_file}"}, "until": "healthy"},
                "by-url": {"until": "finished"},
            },
        },
        "rest": {
            "image": PYTHON,
            "command": ["tail", "-f", "/dev/null"],
            "health": {"command": "true"},
            "needs": {"by-file": {"until": "finished"}},
        },
    }
    return stack


def make_files(folder: Path, recipe: str, image: str) -> None:
    """The stack, its client, its secrets and its Compose file."""
    stack = yaml.safe_dump(make_stack(recipe, image), sort_keys=False)
    (folder / "stack.yaml").write_text(stack)
    shutil.copy(HERE / "clients" / CLIENTS[recipe][0], folder)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    run_composegen(folder, "secrets")
    run_composegen(folder, "render")
    password = folder / ".secrets" / "store-password"
    if password.exists():
        (folder / ".env").write_text(f"STORE_PASSWORD={password.read_text()}\n")


def assert_runs_by_its_recipe(project: Project, recipe: str) -> None:
    store = project.inspect("store")
    assert is_healthy(store)
    test = " ".join(store["Config"]["Healthcheck"]["Test"])
    wanted = RECIPES[recipe]["health"].get("command")
    if wanted:
        words = wanted if isinstance(wanted, str) else " ".join(wanted)
        port = str(RECIPES[recipe]["port"])
        assert words.strip().replace("{port}", port).replace("$$", "$") in test
    host = store["HostConfig"]
    assert host["ReadonlyRootfs"] is RECIPES[recipe].get("read_only", True)
    assert host["CapDrop"] == ["ALL"]
    kept = {name.removeprefix("CAP_") for name in host["CapAdd"] or []}
    assert kept == set(RECIPES[recipe].get("cap_add", []))
    assert any("no-new-privileges" in option for option in host["SecurityOpt"])
    assert "user" not in RECIPES[recipe] or store["Config"]["User"] not in {"", "0"}


def read_answers(project: Project, recipe: str) -> list[str]:
    """What the two clients printed in this start, once both have ended well."""
    answers = []
    for client in ("by-url", "by-file"):
        assert project.inspect(client)["State"]["ExitCode"] == 0
        answers.append(project.read_output(client).split()[-1])
    return answers


def describe_server(project: Project, recipe: str, image: str) -> str:
    """Whether the image was pulled, and if not, what is in the one made for it."""
    if not is_standin(image):
        return "pulled"
    said = project.exec("store", *VERSIONS[recipe].split())
    version = re.search(r"\d+\.\d+(\.\d+)?", said.stdout + said.stderr)
    assert version, said
    server = RECIPES[recipe]["about"].partition(",")[0]
    return f"stand-in with {server} {version[0]} of Debian"


def make_row(recipe: str, told: str) -> str:
    """A line of a table in Markdown."""
    return f"| `{recipe}` | {told} |"


@pytest.mark.parametrize(("recipe", "image"), CASES)
def test_a_recipe_serves_a_client_with_a_new_volume_and_with_the_old_one(
    recipe: str,
    image: str,
    images: Images,
    project: Project,
    results: list[str],
) -> None:
    if image not in images:
        why = f"*not tested*: `{image}` can be neither pulled nor made"
        results.append(make_row(recipe, why))
    images.have(image, PYTHON, name=recipe)
    make_files(project.folder, recipe, image)
    answers = ANSWERS.get(recipe, COUNTED)

    project.up()
    assert_runs_by_its_recipe(project, recipe)
    assert read_answers(project, recipe) == answers[:2]
    project.down()
    project.up()
    assert_runs_by_its_recipe(project, recipe)
    assert read_answers(project, recipe) == answers[2:]

    server = describe_server(project, recipe, image)
    results.append(make_row(recipe, f"`{image}`, {server}"))


def test_every_recipe_that_was_run_has_a_client() -> None:
    assert CLIENTS.keys() == TESTED.keys()
