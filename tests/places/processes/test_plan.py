"""What has no way to run here is settled before the plan is made."""

import os

import pytest

from composegen.errors import CannotRun, SelectionError, UsageError
from composegen.health import HealthKind
from composegen.places.processes.environment import read_surroundings
from composegen.places.processes.plan import Asked, Way, settle_plan
from composegen.places.processes.units import make_units
from composegen.planning.printing import format_plan
from composegen.planning.selection import Selection
from composegen.system.listeners import is_free
from composegen.workspace.workspace import Workspace
from tests.runs import FakeMachine, load, write_stack

STORE = """
services:
  web:
    image: python:3.12-slim
    port: 8000
    health: /
    needs:
      redis:
        env: {REDIS_URL: "{url}"}
        otherwise: {env: {STORE: memory}}
    local: {command: [python3, web.py]}
  redis:
    use: redis
    local: {command: [no-such-redis-server, --port, "{port}"]}
"""
REQUIRED = STORE.replace("        otherwise: {env: {STORE: memory}}\n", "")


def settle(
    tmp_path, text, *, engine=False, listening=(), strangers=(), env=None, **asked
):
    path = write_stack(tmp_path, text)
    environ = {"PATH": os.environ["PATH"], **(env or {})}
    around = read_surroundings(Workspace(tmp_path / "stack.yaml", environ))
    machine = FakeMachine(engine=engine, listening=listening, strangers=strangers)
    local = settle_plan(load(path), Asked(**asked), around, machine)
    units = {unit.name: unit for unit in make_units(local, around)}
    return local, units


@pytest.mark.parametrize("engine", [False, True])
def test_an_optional_service_that_is_not_installed_is_excluded_engine_or_not(
    tmp_path, engine
):
    local, units = settle(tmp_path, STORE, engine=engine)

    assert list(units) == ["web"]
    assert units["web"].launch.env["STORE"] == "memory"
    assert "REDIS_URL" not in units["web"].launch.env
    assert (
        "redis: cannot run here: `no-such-redis-server` is not installed\n"
        "    web: STORE=memory"
    ) in format_plan(local.plan)
    assert local.plan.selection == Selection()


HERE = STORE.replace("no-such-redis-server, --port", "python3, -m")


def test_an_optional_store_whose_port_is_taken_is_excluded(tmp_path):
    """Its dependents would be given the address, and write into what is not ours."""
    local, units = settle(tmp_path, HERE, strangers={"redis": "pid 7"})

    assert list(units) == ["web"]
    assert units["web"].launch.env["STORE"] == "memory"
    assert "REDIS_URL" not in units["web"].launch.env
    assert (
        "redis: cannot run here: port 6379 belongs to another program: pid 7 "
        "(--reuse would use it)\n"
    ) in format_plan(local.plan)


def test_with_reuse_or_where_it_is_required_a_stranger_changes_no_plan(tmp_path):
    _, reusing = settle(tmp_path, HERE, strangers={"redis": "pid 7"}, reuse=True)
    required = REQUIRED.replace("no-such-redis-server, --port", "python3, -m")
    _, needing = settle(tmp_path, required, strangers={"redis": "pid 7"})

    assert set(reusing) == set(needing) == {"redis", "web"}


@pytest.mark.parametrize("text", [HERE, STORE], ids=["process", "docker"])
def test_one_that_is_insisted_on_and_whose_port_is_taken_is_an_error(tmp_path, text):
    with pytest.raises(CannotRun, match="belongs to another program: pid 7") as caught:
        settle(
            tmp_path,
            text,
            engine=True,
            strangers={"redis": "pid 7"},
            selection=Selection(added=("redis",)),
        )
    assert "--reuse" in caught.value.help


def test_an_excluded_need_unsets_what_the_shell_had_set(tmp_path):
    _, units = settle(tmp_path, STORE, env={"REDIS_URL": "redis://production"})

    assert "REDIS_URL" not in units["web"].launch.env


@pytest.mark.parametrize(
    ("text", "added"), [(REQUIRED, ()), (STORE, ("redis",))], ids=["required", "--with"]
)
def test_a_store_that_must_be_there_runs_in_docker_on_loopback(tmp_path, text, added):
    local, units = settle(tmp_path, text, engine=True, selection=Selection(added=added))

    redis = units["redis"]
    assert redis.way is Way.DOCKER
    command = " ".join(redis.launch.command)
    assert command.startswith("docker run --rm --init --name composegen-redis-")
    assert "--publish 127.0.0.1:6379:6379" in command
    assert command.endswith("redis:8-alpine")
    name = redis.launch.command[redis.launch.command.index("--name") + 1]
    assert redis.probe.command[:3] == ("docker", "exec", name)
    assert redis.launch.cleanup == ("docker", "rm", "--force", name)
    assert units["web"].launch.env["REDIS_URL"] == "redis://127.0.0.1:6379/0"
    assert local.notes == ("redis runs in Docker: redis:8-alpine",)


def test_without_an_engine_a_required_store_is_an_error_with_its_fix(tmp_path):
    with pytest.raises(CannotRun, match="`no-such-redis-server` is not installed") as e:
        settle(tmp_path, REQUIRED)

    assert "start a Docker engine" in e.value.help
    assert "--reuse" in e.value.help


def test_a_required_store_that_runs_already_is_found_with_reuse(tmp_path):
    _, units = settle(tmp_path, REQUIRED, listening={6379}, reuse=True)

    assert units["redis"].way is Way.FOUND
    assert units["redis"].launch is None
    assert units["redis"].probe.kind is HealthKind.TCP


def test_a_required_service_without_local_is_an_error_with_the_lines_to_add(tmp_path):
    text = "services:\n  web:\n    image: nginx:1.29-alpine\n    health: {none: test}\n"

    with pytest.raises(CannotRun, match="it has no `local`") as caught:
        settle(tmp_path, text)

    assert "local:\n  command: [..]" in caught.value.help


def test_what_cannot_run_without_what_is_excluded_goes_too(tmp_path):
    text = """
    services:
      web:
        image: python:3.12-slim
        health: {none: test}
        needs: {search: {env: {S: "{host}"}, otherwise: {}}}
        local: {command: [python3, web.py]}
      search:
        image: python:3.12-slim
        health: {command: ["true"]}
        needs: [engine]
        local: {command: [python3, search.py]}
      engine:
        image: python:3.12-slim
        health: {command: ["true"]}
    """
    local, units = settle(tmp_path, text)

    assert list(units) == ["web"]
    reasons = {each.service: each.reason for each in local.plan.excluded}
    assert reasons["search"] == "cannot run without `engine`"
    assert reasons["engine"] == "cannot run here: it has no `local`"


def test_named_services_bring_what_they_need_and_no_more(tmp_path):
    text = STORE + (
        "  other:\n    image: python:3.12-slim\n    health: {none: test}\n"
        "    local: {command: [python3, o.py]}\n"
    )

    assert list(settle(tmp_path, text, names=("web",))[1]) == ["web"]
    assert list(settle(tmp_path, text)[1]) == ["web", "other"]
    with pytest.raises(UsageError, match="there is no service `wbe`") as caught:
        settle(tmp_path, text, names=("wbe",))
    assert caught.value.help == "did you mean `web`?"


def test_a_required_service_taken_out_is_still_a_selection_error(tmp_path):
    with pytest.raises(SelectionError):
        settle(tmp_path, REQUIRED, selection=Selection(removed=("redis",)))


def test_the_port_here_is_the_local_one_else_the_published_one(tmp_path):
    text = """
    services:
      web:
        image: python:3.12-slim
        publish: "18080:80"
        health: /
        needs: {api: {API: "{url}", PAGE: "{public_url}"}}
        local: {command: [python3, "{port}", "${WORD}", $$HOME, "{data}"]}
      api:
        image: python:3.12-slim
        publish: "18081:81"
        health: /
        local: {command: [python3], port: 18082}
    """
    _, units = settle(tmp_path, text, env={"WORD": "filled"})

    web, api = units["web"], units["api"]
    data = tmp_path / ".composegen" / "data" / "web"
    assert web.launch.command == ("python3", "18080", "filled", "$HOME", str(data))
    assert data.is_dir()
    assert web.launch.env["PORT"] == "18080"
    assert web.probe.port == 18080
    assert api.launch.env["PORT"] == "18082"
    assert api.probe.port == 18082
    assert web.launch.env["API"] == "http://127.0.0.1:18082"
    assert web.launch.env["PAGE"] == "http://127.0.0.1:18082"


def test_a_recipes_check_asks_the_port_that_it_has_here(tmp_path):
    text = """
    services:
      redis:
        use: redis
        publish: 16379
        local: {port: 16380, command: [python3, "{port}"]}
    """
    _, units = settle(tmp_path, text)

    assert "-p 16380 ping" in units["redis"].probe.command[2]


def test_two_services_on_one_port_are_an_error_with_the_line_to_add(tmp_path):
    service = """
  {0}:
    image: python:3.12-slim
    port: 8080
    health: /
    local: {{command: [python3, {0}.py]}}
"""
    with pytest.raises(CannotRun, match="`a` and `b` would both listen on 8080") as e:
        settle(tmp_path, "services:" + service.format("a") + service.format("b"))

    assert "local: {port: 8081}" in e.value.help


def test_the_longest_wait_here_is_the_boot_of_what_is_waited_for(tmp_path):
    text = """
    services:
      a:
        image: python:3.12-slim
        health: {none: test}
        needs: [b]
        local: {command: [python3, a.py]}
      b:
        image: python:3.12-slim
        health: {command: ["true"], boot: 7s}
        local: {command: [python3, b.py]}
    """
    local, _ = settle(tmp_path, text)

    assert local.plan.steps[1].worst_wait == 7


def test_grace_and_signal_are_the_services_own(tmp_path):
    text = """
    services:
      a:
        image: python:3.12-slim
        health: {none: test}
        stop_grace_period: 1m30s
        stop_signal: SIGINT
        local: {command: [python3, a.py]}
    """
    _, units = settle(tmp_path, text)

    assert units["a"].launch.grace == 90
    assert units["a"].launch.stop_signal == 2


def test_a_missing_python_is_fixed_by_a_virtual_environment(tmp_path):
    text = """
    services:
      a:
        image: python:3.12-slim
        health: {none: test}
        local: {command: [python, a.py]}
    """
    with pytest.raises(CannotRun, match="`python` is not installed") as caught:
        settle(tmp_path, text, env={"PATH": str(tmp_path)})
    assert "python3 -m venv .venv" in caught.value.help

    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    _, units = settle(tmp_path, text, env={"PATH": str(tmp_path)})
    assert units["a"].launch.command == ("python", "a.py")


PUBLISHED = """
services:
  web:
    image: python:3.12-slim
    publish: "${WEB_PORT:?which port}:8000"
    health: /
    needs: {api: {env: {API: "{url}"}, otherwise: {}}}
    local: {command: [python3, web.py]}
  api:
    image: python:3.12-slim
    publish: "${API_PORT:-8100}:8000"
    health: /
    local: {command: [python3, api.py]}
"""


def test_a_published_port_is_what_its_variable_says(tmp_path):
    env = {"WEB_PORT": "8201", "API_PORT": "8301"}
    _, units = settle(tmp_path, PUBLISHED, env=env)

    assert units["web"].launch.env["PORT"] == "8201"
    assert units["web"].probe.port == 8201
    assert units["web"].launch.env["API"] == "http://127.0.0.1:8301"
    assert settle(tmp_path, PUBLISHED, env={"WEB_PORT": "1"})[1]["api"].port == 8100


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "`web`: WEB_PORT is not set: which port"),
        ({"WEB_PORT": ""}, "`web`: WEB_PORT is empty: which port"),
        ({"WEB_PORT": "abc"}, "`web` cannot be published on 'abc'"),
        ({"WEB_PORT": "70000"}, "`web` cannot be published on '70000'"),
    ],
)
def test_a_published_port_that_is_none_is_an_error(tmp_path, env, said):
    with pytest.raises(CannotRun) as caught:
        settle(tmp_path, PUBLISHED, env=env)

    assert caught.value.message == said


def test_a_published_port_that_is_left_to_the_engine_is_the_service_s_own(tmp_path):
    text = PUBLISHED.replace("${API_PORT:-8100}", "${API_PORT}")

    _, units = settle(tmp_path, text, env={"WEB_PORT": "8201"})
    assert units["api"].probe.port == 8000


def test_a_port_of_what_takes_no_part_may_be_anything(tmp_path):
    env = {"API_PORT": "abc", "WEB_PORT": "8000"}
    selection = Selection(removed=("api",))

    assert list(settle(tmp_path, PUBLISHED, env=env, selection=selection)[1]) == ["web"]


def test_one_that_is_asked_for_and_excluded_is_a_slip(tmp_path):
    with pytest.raises(UsageError, match="`redis` is selected, and excluded"):
        settle(
            tmp_path, STORE, names=("redis",), selection=Selection(removed=("redis",))
        )


def test_a_folder_that_is_not_there_is_to_be_made(tmp_path):
    text = STORE.replace("[python3, web.py]", "[python3, web.py], dir: ./nowhere")
    with pytest.raises(CannotRun, match=r"folder \./nowhere does not exist") as caught:
        settle(tmp_path, text)

    assert caught.value.help == "make it, or correct the `dir` of `web`"


def test_a_random_port_is_a_free_one_of_its_own_at_each_start(tmp_path):
    text = PUBLISHED.replace("${WEB_PORT:?which port}", "0")
    text = text.replace("${API_PORT:-8100}", "0")

    _, units = settle(tmp_path, text)

    web, api = units["web"].port, units["api"].port
    assert len({web, api, 8000, 0}) == 4
    assert is_free(web)
    assert units["web"].launch.env["PORT"] == str(web)
    assert units["web"].probe.port == web
    assert units["web"].launch.env["API"] == f"http://127.0.0.1:{api}"


def test_a_port_of_local_is_taken_instead_of_a_random_one(tmp_path):
    text = PUBLISHED.replace("${WEB_PORT:?which port}", "0")
    text = text.replace("[python3, web.py]", "[python3, web.py], port: 8205")

    assert settle(tmp_path, text)[1]["web"].port == 8205


VARYING = """
services:
  web:
    image: python:3.12-slim
    port: ${WEB_PORT:-8211}
    health: {http: /, boot: "${BOOT:-40s}", interval: "${EVERY:-5s}"}
    needs: {api: API}
    local: {command: [python3, web.py, "{port}"]}
  api:
    image: python:3.12-slim
    port: ${API_PORT:-8212}
    health: /
    local: {command: [python3, api.py]}
"""


def test_numbers_are_what_variables_say_here(tmp_path):
    _, units = settle(tmp_path, VARYING)
    assert (units["web"].port, units["web"].probe.boot) == (8211, 40)

    env = {"WEB_PORT": "8221", "API_PORT": "8222", "BOOT": "1m", "EVERY": "1s"}
    _, units = settle(tmp_path, VARYING, env=env)

    web = units["web"]
    assert (web.port, web.probe.port, web.launch.env["PORT"]) == (8221, 8221, "8221")
    assert (web.probe.boot, web.probe.interval) == (60, 1)
    assert web.launch.command[-1] == "8221"
    assert web.launch.env["API"] == "http://127.0.0.1:8222"


def test_a_number_that_is_none_here_is_an_error(tmp_path):
    with pytest.raises(CannotRun) as caught:
        settle(tmp_path, VARYING, env={"WEB_PORT": "many"})

    assert caught.value.message.startswith(
        "`web` cannot run here: `port` is 'many' by ${WEB_PORT:-8211}: a port is"
    )


def test_a_process_is_not_cut_off_from_the_network(tmp_path):
    alone = """
services:
  web:
    image: python:3.12-slim
    health: {command: ["true"]}
    network_mode: none
    local: {command: [python3, web.py]}
"""
    local, _ = settle(tmp_path, alone)

    assert local.notes == ("web is not isolated from the network here",)


def test_a_process_is_asked_by_no_other_container(tmp_path):
    asked = """
services:
  web:
    image: python:3.12-slim
    port: 8000
    health: {http: /up, from: outside}
    local: {command: [python3, web.py]}
"""
    local, units = settle(tmp_path, asked)

    assert [*units] == ["web"]
    assert local.notes == ()
