"""Whether a plan fits the engine: its limits, and the files that the stack names."""

import pytest
import yaml

from composegen.errors import Level, ProblemsFound
from composegen.places.engine.fit import (
    fit_environment,
    fit_options,
    fit_plan,
    list_missing,
    lower_defaults,
)
from composegen.planning.plan import make_plan
from composegen.targets.compose.render import render_plan
from composegen.targets.files import Options
from tests.enginefakes import make_machine
from tests.stacks import APP, load_only, make_stack


def plan_app(keys="", top="", **others):
    return make_plan(load_only(make_stack(app=f"{APP}{keys}\n", **others) + top))


def refuse(plan, folder, machine=None):
    with pytest.raises(ProblemsFound) as raised:
        fit_plan(plan, folder, machine or make_machine(cpus=2), is_local=True)
    return raised.value.problems


@pytest.mark.parametrize(
    ("keys", "top", "words", "column"),
    [
        ("resources: {cpus: 4}", "", "`app` may use 4 processors", 23),
        ("resources: {memory: 9G}", "", "`app` may use 9G of memory", 25),
        ("compose: {cpus: 3}", "", "`app` may use 3 processors", 15),
        ("compose: {mem_limit: 9g}", "", "`app` may use 9g of memory", 15),
        ("", "resources: {cpus: 4}\n", "`app` may use 4 processors", 19),
    ],
)
def test_a_written_limit_is_not_above_the_engine_s(keys, top, words, column, tmp_path):
    (problem,) = refuse(plan_app(keys, top), tmp_path)

    assert problem.message.startswith(f"{words}, but the engine has ")
    assert problem.location.column == column
    assert problem.help.endswith("# or none")


def test_a_limit_of_the_top_level_is_one_problem_for_all(tmp_path):
    plan = plan_app("", "resources: {cpus: 4}\n", other=APP)

    assert len(refuse(plan, tmp_path)) == 1


@pytest.mark.parametrize(
    "keys",
    ["", "resources: none", "resources: {cpus: 2, memory: 8G}", "compose: {cpus: 0}"],
)
def test_what_the_engine_has_fits(keys, tmp_path):
    fitted = fit_plan(plan_app(keys), tmp_path, make_machine(cpus=2), is_local=True)

    assert fitted.note == ""


def test_a_default_is_lowered_to_the_engine_s_processors():
    plan = plan_app("resources: {memory: 1G}", other=f"{APP}resources: {{cpus: 1}}\n")

    fitted = lower_defaults(plan, make_machine(cpus=1))

    assert fitted.note == (
        "the engine has 1 processor: the default limit of 2 is 1 for app"
    )
    (file,) = render_plan(fitted.plan)
    data = yaml.safe_load(file.text)
    assert data["x-defaults"]["cpus"] == 1
    assert {each["cpus"] for each in data["services"].values()} == {1}
    assert "cpus: 2" in render_plan(plan)[0].text


@pytest.mark.parametrize("keys", ["resources: {cpus: none}", "compose: {cpus: null}"])
def test_no_limit_needs_not_be_lowered(keys):
    assert lower_defaults(plan_app(keys), make_machine(cpus=1)).note == ""


def test_limits_and_files_are_reported_together(tmp_path):
    problems = refuse(plan_app("env_file: no.env\nresources: {cpus: 4}"), tmp_path)

    assert [each.name for each in problems] == ["missing-file", "cannot-run"]


def test_a_variable_that_holds_no_port_is_reported(tmp_path):
    plan = plan_app("publish: '${PORT:-80}:80'")
    with pytest.raises(ProblemsFound) as raised:
        fit_plan(
            plan,
            tmp_path,
            make_machine(cpus=2),
            is_local=True,
            fill=lambda text: text.replace("${PORT:-80}", "abc"),
        )
    [problem] = raised.value.problems
    assert "`app` publishes `${PORT:-80}`, and PORT makes that `abc`" in problem.message


BUILT = "build: ./no\nhealth: {none: x}\n"


def list_names(plan, folder, **options):
    return [
        (problem.name, problem.level)
        for problem in list_missing(plan, folder, **{"is_local": True, **options})
    ]


def test_what_is_not_built_needs_no_folder(tmp_path):
    plan = make_plan(load_only(make_stack(app=BUILT)))

    assert list_names(plan, tmp_path) == [("missing-file", Level.ERROR)]
    assert list_names(plan, tmp_path, builds=False) == []


def test_an_optional_service_that_cannot_be_built_stops_nothing(tmp_path):
    plan = plan_app("needs: {other: {until: started, otherwise: {}}}", other=BUILT)

    assert list_names(plan, tmp_path) == [("missing-file", Level.WARNING)]
    assert fit_plan(plan, tmp_path, make_machine(cpus=2), is_local=True).plan == plan


def test_mounts_are_those_of_the_engine_s_machine(tmp_path):
    plan = plan_app("volumes: ['./no.conf:/x.conf:ro', '/no/such.conf:/y.conf:ro']")

    assert len(list_names(plan, tmp_path)) == 2
    assert list_names(plan, tmp_path, is_local=False) == []


@pytest.mark.parametrize(
    ("mount", "is_missing"),
    [
        ("./no:/data", True),
        ("{type: bind, source: ./no, target: /data}", True),
        (
            "{type: bind, source: ./no, target: /x, bind: {create_host_path: true}}",
            False,
        ),
        ("no:/data", False),
    ],
)
def test_a_folder_that_this_compose_does_not_make_is_missing(
    tmp_path, mount, is_missing
):
    plan = plan_app(f"volumes: [{mount}]")
    [*found] = list_missing(plan, tmp_path, is_local=True, makes_folders=lambda: False)

    assert [each.help for each in found] == ["create it: mkdir -p ./no"] * is_missing
    assert list_names(plan, tmp_path) == []
    (tmp_path / "no").mkdir()
    assert list_names(plan, tmp_path, makes_folders=lambda: False) == []


def test_podman_gets_what_is_for_podman():
    podman, docker = make_machine(is_podman=True), make_machine()

    assert fit_options(Options(engine=24), docker) == Options(engine=24)
    assert fit_options(Options(name="x.yaml"), podman) == Options(
        name="x.yaml", for_podman=True
    )
    assert not fit_options(Options(for_podman=True), docker).for_podman


def test_podman_builds_with_its_own_builder():
    podman, docker = make_machine(is_podman=True), make_machine()
    own = {"DOCKER_BUILDKIT": "1"}

    assert fit_environment({"A": "b"}, podman)["DOCKER_BUILDKIT"] == "0"
    assert fit_environment({"A": "b"}, podman)["A"] == "b"
    assert fit_environment(own, podman) == own
    assert fit_environment({"A": "b"}, docker) == {"A": "b"}


@pytest.mark.parametrize(
    "mount",
    ["./no:/data:z", "{type: bind, source: ./no, target: /x, bind: {selinux: z}}"],
)
def test_a_folder_with_options_of_a_bind_is_made_by_no_compose(tmp_path, mount):
    plan = plan_app(
        f"volumes: ['{mount}']" if mount[0] == "." else f"volumes: [{mount}]"
    )

    assert list_names(plan, tmp_path) == [("missing-file", Level.ERROR)]


INLINE = "build: {context: ., dockerfile_inline: 'FROM a'}\nhealth: {none: x}\n"


@pytest.mark.parametrize(
    "keys",
    [INLINE, "image: a\nhealth: {none: x}\ncompose: {build: {dockerfile_inline: F}}\n"],
)
def test_the_classic_builder_would_ignore_a_dockerfile_in_the_stack_file(
    tmp_path, keys
):
    plan = make_plan(load_only(make_stack(app=keys)))
    machine = make_machine(cpus=2)

    with pytest.raises(ProblemsFound) as raised:
        fit_plan(plan, tmp_path, machine, is_local=True, is_classic=True)

    [problem] = raised.value.problems
    assert "`dockerfile_inline`, which Compose ignores" in problem.message
    assert problem.location.line > 1
    for options in ({}, {"is_classic": True, "builds": False}):
        assert fit_plan(plan, tmp_path, machine, is_local=True, **options).plan == plan
