"""A password is not made again for data that has another one; a fake is the engine."""

import pytest

from composegen.errors import LostSecret
from composegen.places.engine.containers import Maker, Volume
from composegen.places.engine.lost_secrets import check_secrets
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from composegen.stackfile.load import load_stack
from composegen.workspace.workspace import Workspace
from tests.enginefakes import FakeEngine, make_container

STACK = """
services:
  db:
    use: postgres
    secrets: {pw: POSTGRES_PASSWORD_FILE}
    volumes: ["backups:/backups"]
  app: {image: "x:1", health: {none: x}, needs: {db: {URL_FILE: "{url_file}"}}}
secrets: {pw: {generate: true}}
"""
DATA = Volume(name="demo_db-data", created_at=1000.0, project="demo")
BACKUPS = Volume(name="demo_backups", created_at=1000.0, project="demo")


class Engine(FakeEngine):
    """An engine whose containers have these files."""

    content = ()

    def has_content(self, id, path):
        return path in self.content


def make_engine(*volumes, **values):
    return Engine(volumes={each.name: each for each in volumes}, **values)


@pytest.fixture
def look(tmp_path):
    """Look at a stack in a folder whose secrets are these files."""

    def check(engine, text=STACK, **secrets):
        (tmp_path / "stack.yaml").write_text(text)
        (tmp_path / ".secrets").mkdir(exist_ok=True)
        for name, content in secrets.items():
            (tmp_path / ".secrets" / name.replace("_", "-")).write_text(content)
        plan = make_plan(load_stack(tmp_path / "stack.yaml").stack, Selection())
        check_secrets(engine, plan, Workspace(tmp_path / "stack.yaml", {}), "demo")

    return check


def test_a_stack_without_data_gets_its_first_password(look):
    look(make_engine())
    look(make_engine(BACKUPS))


def test_a_password_that_is_there_is_left_alone(look):
    look(make_engine(DATA), pw="old")


@pytest.mark.parametrize("secrets", [{}, {"pw": ""}, {"pw": " \n"}])
def test_a_password_that_is_gone_is_not_made_again_for_old_data(look, secrets):
    maker = Maker(folder="/home/ada/shop", services=("db",))

    with pytest.raises(LostSecret) as lost:
        look(make_engine(DATA, makers=[maker]), **secrets)

    assert ".secrets/pw is missing or empty" in lost.value.message
    assert "volume demo_db-data of `db`" in lost.value.message
    help = lost.value.help
    assert help.startswith("put the old password back into .secrets/pw\n")
    assert "docker exec -i demo-db-1" in help
    assert "project demo; used by the containers of /home/ada/shop; made 1970" in help
    assert help.index("ALTER USER") < help.index("/home/ada/shop")
    assert help.endswith("docker volume rm demo_db-data")


def test_where_the_old_password_still_is_gets_said(look):
    engine = make_engine(DATA, containers=[make_container("db")])
    engine.content = ("/run/secrets/pw",)

    with pytest.raises(LostSecret) as lost:
        look(engine, db_url="postgresql://postgres:old@db/postgres")

    help = lost.value.help
    assert "docker exec demo-db-1 cat /run/secrets/pw > .secrets/pw" in help
    assert ".secrets/db-url still holds it" in help
    assert ":old@" not in help


def test_a_volume_of_another_name_is_found(look):
    other = Volume(name="kept-data", created_at=None, project="other")
    text = STACK + "volumes: {db-data: {name: kept-data}}\n"

    with pytest.raises(LostSecret, match="volume kept-data"):
        look(make_engine(other), text)
    look(make_engine(DATA), text)


def test_a_folder_of_this_machine_counts_and_is_never_deleted(look, tmp_path):
    text = STACK.replace("backups:/backups", "./pg:/var/lib/postgresql")
    look(make_engine(), text)
    (tmp_path / "pg").mkdir()
    look(make_engine(), text)
    (tmp_path / "pg" / "PG_VERSION").touch()

    with pytest.raises(LostSecret) as lost:
        look(make_engine(), text)

    assert "folder pg of `db`" in lost.value.message
    assert "rm" not in lost.value.help.split()


def test_a_store_that_keeps_no_password_in_its_data_gets_a_new_one(look):
    text = """
services:
  redis: {use: redis, secrets: {pw: REDIS_PASSWORD_FILE}}
secrets: {pw: {generate: true}}
"""
    look(make_engine(Volume(name="demo_redis-data", created_at=1.0)), text)


def test_an_application_with_the_same_secret_is_no_database(look):
    text = """
services:
  app:
    image: x:1
    health: {none: x}
    secrets: {pw: DB_PASSWORD_FILE}
    volumes: ["uploads:/uploads"]
secrets: {pw: {generate: true}}
"""
    look(make_engine(Volume(name="demo_uploads", created_at=1.0)), text)


def test_a_database_without_a_recipe_counts_too(look):
    text = """
services:
  db:
    image: postgres:17
    health: {none: x}
    secrets: {pw: POSTGRES_PASSWORD_FILE}
    volumes: ["data:/var/lib/postgresql/data"]
secrets: {pw: {generate: true}}
"""
    with pytest.raises(LostSecret, match="volume demo_data"):
        look(make_engine(Volume(name="demo_data", created_at=1.0)), text)
