"""What the doctor sees, and what it says to do about it."""

from pathlib import Path

import pytest

from composegen.errors import EngineUnreachable, Level
from composegen.places.doctor import Means, examine, find_ways, measure_room
from composegen.places.engine.containers import ImageBuild, Published
from composegen.places.engine.registry import Offer
from composegen.places.findings import Where
from composegen.planning.plan import make_plan
from tests.enginefakes import make_container, make_machine
from tests.refusals import close, other_user
from tests.stacks import load_only, write_files

STACK = """
name: demo
services:
  web:
    build: .
    publish: 8000
    health: /
    secrets: [KEY]
    environment: {TAG: "${TAG}", MUST: "${MUST:?why}", WITH: "${WITH:-x}"}
    needs:
      redis: {env: {REDIS_URL: "{url}"}, otherwise: {}}
    local: {command: [no-such-program-here]}
  redis:
    use: redis
"""
FILES = {"Dockerfile": "FROM python:3.12-slim\n"}
MACHINE = make_machine()


class FakeEngine:
    def __init__(self, machine=MACHINE, containers=(), images=(), offers=None):
        self.machine = machine
        self.containers = containers
        self.images = images
        self.offers = offers or {}

    def describe(self):
        return self.machine

    def list_containers(self, project):
        return self.containers if project == "demo" else ()

    def find_image(self, name):
        return ImageBuild(id="1") if name in self.images else None

    def ask_registry(self, name):
        return self.offers.get(name, Offer(is_there=True))


def look(
    tmp_path,
    *,
    stack=STACK,
    engine=None,
    versions=("2.40.3", "0.29.1"),
    has_files=True,
    files=FILES,
    **values,
):
    means = {
        "environment": {"MUST": "1", "TAG": "2", "KEY": "3", "PATH": "/nowhere"},
        "connect": lambda endpoint: engine or FakeEngine(),
        "ask_version": lambda *words: versions[words[0] == "buildx"],
        "is_free": lambda port: True,
        "find_holder": lambda port: "",
        "measure_room": lambda path: 50 << 30,
    }
    if has_files:
        write_files(tmp_path, FILES)
    plan = make_plan(load_only(stack, files))
    return examine(plan, tmp_path, Means(**{**means, **values}))


def find(findings, words):
    [found] = [each for each in findings if words in each.message]
    return found


def test_a_good_machine_can_run_it_on_the_engine(tmp_path):
    findings = look(tmp_path)
    assert find_ways(findings) == [Where.ENGINE]
    assert find(findings, "Docker engine 26.1.5, API 1.45").level is None
    assert find(findings, "free: port 8000").level is None


def test_an_engine_that_is_out_of_reach(tmp_path):
    def refuse(endpoint):
        raise EngineUnreachable("no Docker engine answers", help="start it")

    findings = look(tmp_path, connect=refuse)
    found = find(findings, "no Docker engine answers")
    assert found.level is Level.ERROR
    assert found.help == "start it"
    assert find_ways(findings) == []


def test_an_old_engine_is_reported_with_the_flag(tmp_path):
    old = make_machine(version="24.0.7")
    found = find(look(tmp_path, engine=FakeEngine(old)), "24.0.7")
    assert found.level is Level.WARNING
    assert "composegen render --engine 24" in found.help


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        (("2.5.0", "0.29.1"), "Compose 2.5.0 is too old"),
        (("2.40.3", "0.13.1"), "buildx 0.13.1 is too old"),
        ((None, "0.29.1"), "there is no Compose"),
    ],
)
def test_a_tool_that_does_not_do(versions, words, tmp_path):
    found = find(look(tmp_path, versions=versions), words)
    assert found.level is Level.ERROR
    assert "or later" in found.help


def look_with(tmp_path, compose, buildx="0.29.1", *, dockerfile="", keys=""):
    """What is said of the tools for a stack of one service that is built."""
    text = "FROM python:3.12-slim\n" + dockerfile
    files = {"Dockerfile": text, "a.env": ""}
    write_files(tmp_path, files)
    stack = (
        f"name: demo\nservices:\n  web:\n    build: .\n    health: {{none: x}}\n{keys}"
    )
    return look(
        tmp_path,
        stack=stack,
        files=files,
        has_files=False,
        versions=(compose, buildx),
    )


@pytest.mark.parametrize(
    ("compose", "dockerfile", "words", "level"),
    [
        ("2.40.3", "RUN --mount=type=cache,target=/c x", "own BuildKit", "warning"),
        ("5.6.0", "RUN true", "the classic builder builds", "warning"),
        ("5.6.0", "RUN --mount=type=cache,target=/c x", "RUN --mount", "error"),
        ("5.6.0", "COPY --chown=1 --chmod=755 a /a", "COPY --chmod", "error"),
        ("5.6.0", "RUN <<EOF\ntrue\nEOF\n", "a here-document", "error"),
    ],
)
def test_without_buildx_it_is_a_matter_of_compose_and_of_the_dockerfile(
    compose, dockerfile, words, level, tmp_path
):
    findings = look_with(tmp_path, compose, None, dockerfile=dockerfile)
    found = find(findings, "there is no buildx")
    assert words in found.message
    assert found.level is Level(level)
    assert (Where.ENGINE in find_ways(findings)) == (level == "warning")


def test_an_option_of_a_build_wants_buildx_too(tmp_path):
    keys = "    secrets: [KEY]\n"
    stack = "    build: {context: ., ssh: [default], platforms: [linux/amd64, a/b]}\n"
    findings = look(
        tmp_path,
        stack="name: demo\nservices:\n  web:\n"
        + stack
        + "    health: {none: x}\n"
        + keys,
        versions=("5.6.0", None),
    )
    assert find(findings, "no buildx").message.endswith("`ssh`, several `platforms`")


@pytest.mark.parametrize(
    ("compose", "level"),
    [("2.29.7", None), ("2.40.2", Level.ERROR), ("5.6.0", Level.ERROR)],
)
def test_an_old_buildx_is_refused_by_new_composes_alone(compose, level, tmp_path):
    assert find(look_with(tmp_path, compose, "0.13.1"), "buildx 0.13").level is level


RAW = "    env_file: [{path: a.env, format: raw}]\n"


@pytest.mark.parametrize(
    ("compose", "keys", "said"),
    [
        ("2.20.3", "", []),
        ("2.19.1", "", ["Compose 2.19.1 is too old"]),
        (
            "2.20.3",
            RAW,
            [
                "Compose 2.20.3 is too old for an env file as a map of `web`",
                "Compose 2.20.3 is too old for `format` of an env file of `web`",
            ],
        ),
        (
            "2.29.7",
            RAW,
            ["Compose 2.29.7 is too old for `format` of an env file of `web`"],
        ),
        ("2.30.0", RAW, []),
        ("5.6.0", RAW, []),
    ],
)
def test_the_least_compose_is_a_matter_of_the_plan(compose, keys, said, tmp_path):
    findings = look_with(tmp_path, compose, keys=keys)
    errors = [each for each in findings if each.level is Level.ERROR]
    mine = [each for each in errors if each.where is Where.ENGINE]
    assert [each.message for each in mine] == said
    assert all(each.help.startswith("install Compose 2.") for each in mine)
    least = "2.30" if keys else "2.20"
    assert all(f"Compose {least} or later" in each.help for each in mine)
    if not said:
        needs = f"Compose {compose}; this stack needs {least} or later"
        assert find(findings, needs).level is None


def test_a_compose_that_ignores_start_interval_is_slow_and_no_obstacle(tmp_path):
    found = find(look(tmp_path, versions=("2.20.3", "0.29.1")), "Compose 2.20.3")
    assert found.level is Level.WARNING
    assert found.message.startswith("Compose 2.20.3 ignores `start_interval`")


def test_a_key_that_wants_a_newer_engine_names_it(tmp_path):
    mount = "    volumes: [{type: image, source: busybox, target: /x}]\n"
    stack = (
        "name: demo\nservices:\n  web:\n    image: a:1\n    health: {none: x}\n" + mount
    )
    found = find(look(tmp_path, stack=stack), "API 1.45, is too old")
    assert found.level is Level.ERROR
    assert "an image as a volume of `web`" in found.message
    assert "Docker Engine 28 or later, API 1.48" in found.help
    new = FakeEngine(make_machine(version="28.5.2", api="1.51"))
    findings = look(tmp_path, stack=stack, engine=new)
    assert [each for each in findings if "is too old" in each.message] == []


def test_an_old_engine_does_where_nothing_is_asked_often(tmp_path):
    stack = "name: demo\nservices:\n  web: {image: 'a:1', health: {none: x}}\n"
    old = FakeEngine(make_machine(version="24.0.7", api="1.43"))
    assert find(look(tmp_path, stack=stack, engine=old), "24.0.7").level is None


def test_a_taken_port_names_its_holder(tmp_path):
    findings = look(tmp_path, is_free=lambda port: False, find_holder=lambda p: "pid 7")
    found = find(findings, "port 8000 of `web` is taken by pid 7")
    assert found.level is Level.ERROR
    assert 'publish: "8001:8000"' in found.help
    assert find_ways(findings) == []


def test_a_port_that_this_stack_has_itself_is_fine(tmp_path):
    published = Published(target="8000/tcp", host="127.0.0.1", port=8000)
    engine = FakeEngine(containers=(make_container("web", published=(published,)),))
    findings = look(tmp_path, engine=engine, is_free=lambda port: False)
    assert not [each for each in findings if "8000" in each.message]


@pytest.mark.parametrize(
    ("room", "level"), [(50 << 30, None), (3 << 30, Level.WARNING), (1, Level.ERROR)]
)
def test_the_room_on_the_disk(room, level, tmp_path):
    findings = look(tmp_path, measure_room=lambda path: room)
    assert find(findings, "GB are free").level is level


def test_the_disk_of_another_machine_is_not_measured(tmp_path):
    elsewhere = {"DOCKER_HOST": "tcp://10.0.0.1:2375", "MUST": "1"}
    findings = look(tmp_path, environment=elsewhere)
    assert not [each for each in findings if "GB are free" in each.message]


def test_variables_that_are_not_set(tmp_path):
    findings = look(tmp_path, environment={})
    assert find(findings, "MUST is not set").level is Level.ERROR
    assert find(findings, "TAG is not set").level is Level.WARNING
    assert not [each for each in findings if "WITH" in each.message]


def test_a_variable_of_the_env_file_is_set(tmp_path):
    (tmp_path / ".env").write_text("MUST=1\nTAG=2\nKEY=3\n")
    findings = look(tmp_path, environment={})
    assert not [each for each in findings if "not set" in each.message]


def test_an_empty_secret_names_its_variable(tmp_path):
    found = find(look(tmp_path, environment={"MUST": "1"}), "secret KEY is empty")
    assert found.level is Level.WARNING
    assert "set KEY" in found.help


def test_a_filled_secret_is_fine(tmp_path):
    (tmp_path / ".secrets").mkdir()
    (tmp_path / ".secrets" / "KEY").write_text("x")
    findings = look(tmp_path, environment={"MUST": "1"})
    assert not [each for each in findings if "secret" in each.message]


def test_a_program_for_a_local_run_is_missing(tmp_path):
    found = find(look(tmp_path), "`web` cannot run as a process")
    assert found.level is Level.ERROR
    assert find(look(tmp_path), "`redis` cannot").level is Level.WARNING


def test_without_a_stack_the_machine_alone_is_looked_at(tmp_path):
    means = Means(
        environment={},
        connect=lambda endpoint: FakeEngine(),
        ask_version=lambda *words: "2.40.3" if words[0] == "compose" else "0.29.1",
        measure_room=lambda path: None,
    )
    findings = examine(None, tmp_path, means)
    assert [each.level for each in findings] == [None, None, None]


def test_room_is_measured_where_the_path_can_be_seen(tmp_path):
    assert measure_room(str(tmp_path)) > 0
    assert measure_room(str(Path("/no/such/place"))) is None


def test_a_secret_in_a_closed_folder_is_not_reported_as_empty(shared_folder):
    closed = close(shared_folder / ".secrets")

    look(shared_folder)  # loads what lies where another user may not look
    with other_user():
        found = find(look(shared_folder, has_files=False), ".secrets/KEY: ")

    assert f"may not enter the folder {closed} (d" in found.message
    assert f"chmod o+x {closed}" in found.help


# Images


REDIS = "redis:8-alpine"


def look_at_redis(tmp_path, words="", stack=STACK, *, is_there):
    engine = FakeEngine(offers={REDIS: Offer(is_there=is_there, words=words)})
    findings = look(tmp_path, engine=engine, stack=stack)
    return find(findings, REDIS), findings


def test_an_optional_image_that_cannot_be_pulled_names_the_fallback(tmp_path):
    stack = STACK.replace("otherwise: {}", "otherwise: {env: {CACHE: memory}}")
    found, findings = look_at_redis(tmp_path, "access denied", stack, is_there=False)

    assert found.level is Level.WARNING
    assert found.message.endswith("and cannot be pulled: access denied")
    assert "web: CACHE=memory" in found.help
    assert find_ways(findings) == [Where.ENGINE]


def test_a_required_image_that_cannot_be_pulled_is_an_error(tmp_path):
    stack = STACK.replace("otherwise: {}", "until: started")
    found, findings = look_at_redis(tmp_path, "access denied", stack, is_there=False)

    assert found.level is Level.ERROR
    assert "docker login" in found.help
    assert find_ways(findings) == []


def test_without_a_network_nothing_is_claimed(tmp_path):
    found, findings = look_at_redis(tmp_path, "dial tcp: no such host", is_there=None)

    assert (found.level, found.is_known) == (Level.WARNING, False)
    assert "it is not known whether it can be pulled: dial tcp" in found.message
    assert find_ways(findings) == [Where.ENGINE]


def test_an_image_of_the_engine_is_not_asked_for(tmp_path):
    engine = FakeEngine(images=(REDIS,), offers={REDIS: Offer(is_there=False)})

    found = find(look(tmp_path, engine=engine), REDIS)

    assert (found.level, found.is_known) == (None, True)


# Limits and files


def test_a_written_limit_above_the_engine_s_is_an_error_with_its_place(tmp_path):
    stack = STACK.replace(
        "    publish: 8000", "    publish: 8000\n    resources: {cpus: 9}"
    )
    found = find(look(tmp_path, stack=stack), "may use 9 processors")

    assert found.level is Level.ERROR
    assert found.message.startswith("stack.yaml:7:")


def test_a_default_that_is_lowered_is_said(tmp_path):
    small = make_machine(cpus=1)
    findings = look(tmp_path, engine=FakeEngine(small))

    assert find(findings, "the default limit of 2 is 1 for").level is None


def test_a_file_that_is_missing_has_its_place(tmp_path):
    stack = STACK.replace("health: /", "health: {command: [a]}")
    stack = stack.replace("build: .", "build: ./web")
    found = find(look(tmp_path, stack=stack), "is built from, does not exist")

    assert found.level is Level.ERROR
    assert found.message.startswith("stack.yaml:5:12: `./web`")


# A stack that is for containers


FOR_CONTAINERS = """
name: demo
services:
  web: {build: ., publish: 8000, health: /, needs: [db]}
  db: {use: redis}
"""


def test_a_stack_without_local_is_for_containers(tmp_path):
    findings = look(tmp_path, stack=FOR_CONTAINERS)

    assert [each for each in findings if each.level is Level.ERROR] == []
    assert find(findings, "for containers: web has no `local`").level is Level.NOTE
    assert find_ways(findings) == [Where.ENGINE]


def test_one_service_without_local_among_others_is_an_error(tmp_path):
    stack = STACK + "  api: {build: ., port: 9, health: /}\n"

    found = find(look(tmp_path, stack=stack), "`api` cannot run as a process")

    assert found.level is Level.ERROR


@pytest.mark.parametrize("output", ["compose.yaml", "compose.gated.yaml"])
def test_a_file_that_up_would_not_replace(output, tmp_path):
    stack = f"{STACK}output: {output}\n"
    (tmp_path / "compose.yaml").write_text("services: {}\n")

    findings = look(tmp_path, stack=stack)

    if output == "compose.yaml":
        found = find(findings, "compose.yaml was not made by composegen")
        assert found.where is Where.ENGINE
        assert found.level is Level.ERROR
        assert "output: compose.gated.yaml" in found.help
        assert find_ways(findings) == []
    else:
        assert find_ways(findings) == [Where.ENGINE]


# Podman

PODMAN = FakeEngine(
    machine=make_machine(version="5.8.6", api="1.44", is_podman=True),
)
BUILT = "services: {web: {build: ., port: 8000, health: {tcp: true, tool: wget}}}\n"


def look_at_podman(tmp_path, **values):
    return look(tmp_path, engine=PODMAN, **{"has_systemd": lambda: True, **values})


def test_podman_is_named_and_not_taken_for_an_old_docker(tmp_path):
    findings = look_at_podman(tmp_path)

    assert find(findings, "Podman 5.8.6, API 1.44").level is None
    assert not [each for each in findings if "start_interval" in each.message]
    assert find_ways(findings) == [Where.ENGINE]


def test_podman_runs_no_health_checks_without_systemd(tmp_path):
    found = find(look_at_podman(tmp_path, has_systemd=lambda: False), "systemd")

    assert found.level is Level.WARNING
    assert "podman healthcheck run" in found.help


@pytest.mark.parametrize(
    "values",
    [
        {"environment": {"DOCKER_HOST": "ssh://there"}},
        {"stack": "services: {web: {image: a, health: {none: it has none}}}\n"},
        {"engine": FakeEngine()},
    ],
)
def test_systemd_is_asked_for_where_this_machine_s_podman_runs_checks(tmp_path, values):
    values = {"engine": PODMAN, "has_systemd": lambda: False, **values}

    findings = look(tmp_path, **values)

    assert not [each for each in findings if "systemd" in each.message]


def test_podman_builds_without_buildx(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM busybox:1.37\n")

    findings = look_at_podman(tmp_path, stack=BUILT, versions=("2.40.3", None))

    assert not [each for each in findings if "buildx" in each.message]


def test_a_folder_that_an_old_compose_does_not_make_is_reported(tmp_path):
    stack = (
        "services: {web: {image: a, volumes: [./data:/data], health: {none: none}}}\n"
    )

    found = find(look(tmp_path, stack=stack, versions=("2.29.7", None)), "./data")

    assert found.level is Level.ERROR
    assert found.help == "create it: mkdir -p ./data"
    assert not [
        each for each in look(tmp_path, stack=stack) if "./data" in each.message
    ]


@pytest.mark.parametrize("option", ["dockerfile_inline: 'FROM a'", "secrets: [KEY]"])
def test_podman_s_builder_lacks_what_compose_has_with_buildkit_alone(tmp_path, option):
    stack = (
        f"services: {{web: {{build: {{context: ., {option}}}, health: {{none: x}}}}}}\n"
    )
    if "KEY" in option:
        stack += "secrets: {KEY: {env: KEY}}\n"

    found = find(look_at_podman(tmp_path, stack=stack), "Podman's builder")

    assert found.level is Level.ERROR
    assert option.partition(":")[0] in found.message
    assert find_ways(look_at_podman(tmp_path, stack=stack)) == []
