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

# Tags that a recipe tells apart, besides its own image.
OTHER_IMAGES = {"postgres": ["postgres:17-alpine", "postgres:17"]}
CASES = [
    (recipe, image)
    for recipe, entry in RECIPES.items()
    for image in [entry["image"], *OTHER_IMAGES.get(recipe, [])]
]
IMAGES = [image for _, image in CASES]

# What no recipe says: settings of a user's own, a client, which has the version.
SETTINGS = {
    "mariadb": {"MARIADB_DATABASE": "app"},
    "mysql": {"MYSQL_DATABASE": "app"},
}
CLIENTS = {
    "mariadb": ("mysql.sh", "mariadb"),
    "mongo": ("mongo.sh", "mongosh"),
    "mysql": ("mysql.sh", "mysql"),
    "nginx": ("nginx.sh", "curl"),
    "postgres": ("postgres.sh", "psql"),
    "redis": ("redis.sh", "redis-cli"),
    "valkey": ("redis.sh", "valkey-cli"),
}
VERSIONS = {
    "mariadb": "mariadbd --version",
    "mongo": "mongod --version",
    "mysql": "mysqld --version",
    "nginx": "nginx -v",
    "postgres": "postgres --version",
    "redis": "redis-server --version",
    "valkey": "valkey-server --version",
}


def make_stack(recipe: str, image: str) -> dict[str, Any]:
    """A store, a client that gets its URL, one that gets a file with it, and a rest.

    The last service runs on, so that Compose waits for both clients' ends.
    """
    store: dict[str, Any] = {"use": recipe, "image": image}
    stack: dict[str, Any] = {"services": {"store": store}}
    if recipe in SETTINGS:
        store["environment"] = SETTINGS[recipe]
    required = RECIPES[recipe].get("requires", [])
    if required:
        store["secrets"] = {
            "store-password": next(key for key in required if "PASSWORD_FILE" in key)
        }
        stack["secrets"] = {"store-password": {"generate": True}}
    client = {
        "image": image,
        "job": True,
        "command": ["sh", "/client.sh"],
        "environment": {"CLIENT": CLIENTS[recipe][1]},
        "volumes": ["./client.sh:/client.sh:ro"],
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
            "image": image,
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
    shutil.copy(HERE / "clients" / CLIENTS[recipe][0], folder / "client.sh")
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
    assert host["ReadonlyRootfs"]
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
    images.have(image, name=recipe)
    make_files(project.folder, recipe, image)
    keeps = RECIPES[recipe].get("store")

    project.up()
    assert_runs_by_its_recipe(project, recipe)
    assert read_answers(project, recipe) == (["1", "2"] if keeps else ["200", "200"])
    project.down()
    project.up()
    assert_runs_by_its_recipe(project, recipe)
    assert read_answers(project, recipe) == (["3", "4"] if keeps else ["200", "200"])

    server = describe_server(project, recipe, image)
    results.append(make_row(recipe, f"`{image}`, {server}"))


def test_every_recipe_has_a_client() -> None:
    assert CLIENTS.keys() == RECIPES.keys()
