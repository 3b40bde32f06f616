"""Whose containers a project has; a fake plays the engine, folders are real."""

import os

import pytest

from composegen.errors import OtherFile, OtherFolder
from composegen.places.engine.containers import Maker, read_makers
from composegen.places.engine.ownership import (
    check_makers,
    check_ownership,
    describe_owners,
)
from composegen.targets.header import add_checksum


class FakeEngine:
    """An engine whose project was made by these."""

    def __init__(self, *makers, is_here=True):
        self.makers, self.is_here = makers, is_here

    def list_makers(self, project):
        return self.makers


@pytest.fixture
def here(tmp_path):
    """The folder of our own stack."""
    return make_folder(tmp_path, "here")


@pytest.fixture
def other(tmp_path):
    """The folder of another stack."""
    return make_folder(tmp_path, "other")


def make_folder(above, name, *files):
    folder = above / name
    folder.mkdir()
    for file in files or ("stack.yaml",):
        (folder / file).write_text("services: {}\n")
    return folder


def make_engine(folder, *files, **values):
    maker = Maker(folder=str(folder), files=files or ("-",), services=("db", "web"))
    return FakeEngine(maker, **values)


def write_rendered(path, flags=""):
    text = f"# Made by composegen\n# composegen render{flags}\nservices: {{}}\n"
    path.write_text(add_checksum(text))


def change(engine, folder, **values):
    """What is said of containers that a command would change now."""
    told = []
    check_ownership(engine, "demo", folder, tell=told.append, **values)
    return told


# Another folder


def test_containers_of_this_folder_may_be_changed(here):
    assert change(make_engine(here), here) == []
    assert change(FakeEngine(), here) == []


def test_the_way_to_the_folder_does_not_matter(here, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(here)

    assert change(make_engine(link), here) == []
    assert change(make_engine(here), link) == []
    assert change(make_engine(here / ".." / "here"), here) == []


def test_those_of_another_folder_are_refused_and_both_are_named(here, other):
    with pytest.raises(OtherFolder) as refused:
        change(make_engine(other), here)

    assert f"another folder: {other}" in refused.value.message
    assert f"this folder: {here}" in refused.value.message
    help = refused.value.help
    assert "COMPOSE_PROJECT_NAME=demo-here" in help
    assert f"cd {other} && composegen down" in help
    assert help.endswith("--take-over")


def test_nothing_in_the_help_deletes_data(here, other):
    with pytest.raises(OtherFolder) as refused:
        change(make_engine(other), here)

    assert "rm" not in refused.value.help
    assert "-v" not in refused.value.help.split()


def test_one_of_several_that_is_another_folder_is_enough(here, other):
    makers = (*make_engine(here).makers, *make_engine(other).makers)

    with pytest.raises(OtherFolder):
        change(FakeEngine(*makers), here)


def test_they_are_taken_over_on_request_with_a_sentence(here, other):
    [told] = change(make_engine(other), here, take_over=True)

    assert str(other) in told
    assert "db, web" in told


@pytest.mark.parametrize(
    "file", ["stack.yaml", "compose.yaml", "docker-compose.yml", "deploy.yaml"]
)
def test_a_folder_with_a_stack_or_compose_file_is_in_use(here, tmp_path, file):
    folder = make_folder(tmp_path, "old", file)

    with pytest.raises(OtherFolder):
        change(make_engine(folder, str(folder / "deploy.yaml")), here)


def test_a_stack_file_of_another_name_is_known_from_the_notes_of_up(here, tmp_path):
    folder = make_folder(tmp_path, "old", "mine.yaml")
    assert change(make_engine(folder), here) != []
    state = folder / ".composegen"
    state.mkdir(mode=0o700)
    notes = '{"form": 1, "project": "demo", "host": "", "context": "default", '
    (state / "up.json").write_text(notes + '"file": "mine.yaml"}')
    (state / "up.json").chmod(0o600)

    with pytest.raises(OtherFolder):
        change(make_engine(folder), here)


@pytest.mark.parametrize("files", [(), ("README.md",)])
def test_a_folder_that_was_moved_or_emptied_is_no_other_one(here, tmp_path, files):
    folder = make_folder(tmp_path, "old", *files) if files else tmp_path / "gone"

    [told] = change(make_engine(folder), here)

    assert str(folder) in told
    assert "moved or removed" in told


def test_on_an_engine_elsewhere_a_folder_is_not_looked_for_here(here, tmp_path):
    with pytest.raises(OtherFolder) as refused:
        change(make_engine(tmp_path / "gone", is_here=False), here)

    assert "cd " not in refused.value.help


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look into every folder")
def test_a_folder_that_is_closed_is_in_use(here, other):
    other.chmod(0)
    try:
        with pytest.raises(OtherFolder):
            change(make_engine(other), here)
    finally:
        other.chmod(0o700)


def test_a_file_rendered_elsewhere_for_this_folder_is_of_this_folder(here):
    deploy = here / "deploy"
    deploy.mkdir()
    file = deploy / "compose.yaml"
    write_rendered(file, " -f ../stack.yaml -o compose.yaml")

    assert change(make_engine(deploy, str(file)), here) == []


def test_a_file_rendered_for_another_folder_is_of_that_one(here, other):
    write_rendered(other / "compose.yaml")

    with pytest.raises(OtherFolder):
        change(make_engine(other, str(other / "compose.yaml")), here)


def test_what_steers_a_terminal_is_escaped(here, tmp_path):
    folder = make_folder(tmp_path, "a\x1b[2Jb")

    [told] = describe_owners(make_engine(folder), "demo", here)

    assert "\x1b" not in told


def test_commands_that_only_read_say_whose_containers_they_show(here, other):
    [told] = describe_owners(make_engine(other), "demo", here)

    assert told == (
        f"the containers of project demo belong to another folder: {other} (db, web)"
    )
    assert describe_owners(make_engine(here), "demo", here) == ()


# Another file


def test_what_composegen_made_may_be_replaced(here):
    write_rendered(here / "compose.yaml")
    (here / "compose.override.yaml").write_text("services: {}\n")

    for files in (
        ("-",),
        (str(here / "compose.yaml"),),
        (str(here / "compose.yaml"), str(here / "compose.override.yaml")),
    ):
        check_makers(make_engine(here, *files), "demo", here)


def test_what_a_handwritten_file_made_is_named_and_stays(here):
    file = make_folder(here, "sub", "docker-compose.yml") / "docker-compose.yml"

    with pytest.raises(OtherFile) as refused:
        check_makers(make_engine(here, str(file)), "demo", here)

    assert str(file) in refused.value.message
    assert "db, web" in refused.value.message
    assert "--take-over" in refused.value.help


def test_a_person_is_asked_and_answers(here):
    engine = make_engine(here, str(here / "docker-compose.yml"))
    asked = []

    def answer(yes):
        return lambda question: asked.append(question) or yes

    check_makers(engine, "demo", here, ask=answer("y"))
    with pytest.raises(OtherFile):
        check_makers(engine, "demo", here, ask=answer(""))

    assert len(asked) == 2
    assert "docker-compose.yml" in asked[0]
    assert "db, web" in asked[0]


def test_on_request_no_question_is_asked(here):
    engine = make_engine(here, str(here / "docker-compose.yml"))

    check_makers(engine, "demo", here, take_over=True)


def test_a_rendered_file_that_moved_with_its_folder_is_found(here, tmp_path):
    write_rendered(here / "compose.yaml")
    gone = tmp_path / "gone"

    check_makers(make_engine(gone, str(gone / "compose.yaml")), "demo", here)


# Labels


def test_labels_become_one_maker_for_each_folder_and_files():
    def entry(service, folder, files):
        label = "com.docker.compose."
        return {
            "Labels": {
                f"{label}service": service,
                f"{label}project.working_dir": folder,
                f"{label}project.config_files": files,
            }
        }

    listed = [entry("web", "/a", "-"), entry("db", "/a", "-"), entry("x", "/b", "p,q")]

    assert read_makers(listed) == (
        Maker(folder="/a", files=("-",), services=("db", "web")),
        Maker(folder="/b", files=("p", "q"), services=("x",)),
    )
    assert read_makers([{"Labels": None}]) == (
        Maker(folder="", files=(), services=("",)),
    )
