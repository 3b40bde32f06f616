"""A service that is one of several: which one takes part, and how it is reached."""

from __future__ import annotations

import pytest

from composegen.drill.noted import read_selection
from composegen.errors import UsageError
from composegen.planning.choices import choose_named, settle_choices, settle_running
from composegen.planning.definition import digest_definition
from composegen.planning.plan import Plan, make_plan
from composegen.planning.selection import Selection
from composegen.targets.mermaid import draw_plan
from tests.rendering import read, read_services
from tests.stacks import APP, load_only, make_stack

MEMBER = "image: python:3.13-slim\npublish: 8000\nhealth: /health\n"


def make(choice: str = "", web: str = "needs: {llm: LLM_URL}\n", **more: str) -> str:
    return make_stack(
        llm=f"one_of: [llm-cpu, llm-gpu]\n{choice}",
        llm_cpu=MEMBER,
        llm_gpu=f"{MEMBER}gpus: all\n",
        web=f"{APP}{web}",
        **more,
    )


def plan(text: str, flags: str = "") -> Plan:
    return make_plan(load_only(text), read_selection(flags))


OPTIONAL = "needs: {llm: {env: {LLM_URL: '{url}'}, otherwise: {env: {LLM: none}}}}\n"


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("", "llm-cpu web"),
        ("--with llm", "llm-cpu web"),
        ("--with llm-cpu", "llm-cpu web"),
        ("--with llm-gpu", "llm-gpu web"),
        ("--with llm-gpu --without llm-cpu", "llm-gpu web"),
        ("--without llm", "web"),
        ("--without llm --without llm-cpu", "web"),
    ],
)
def test_the_first_one_takes_part_unless_another_is_named(
    flags: str, names: str
) -> None:
    made = plan(make(web=OPTIONAL), flags)

    assert " ".join(sorted(made.names)) == names
    assert made.selection == read_selection(flags)


@pytest.mark.parametrize(
    ("choice", "flags", "names"),
    [
        ("enabled: false\n", "", "web"),
        ("enabled: false\n", "--with llm", "llm-cpu web"),
        ("enabled: false\n", "--with llm-gpu", "llm-gpu web"),
        ("group: ai\n", "", "web"),
        ("group: ai\n", "--with @ai", "llm-cpu web"),
        ("group: ai\nenabled: true\n", "", "llm-cpu web"),
        ("group: ai\nenabled: true\n", "--without @ai", "web"),
    ],
)
def test_the_choice_says_whether_one_takes_part(
    choice: str, flags: str, names: str
) -> None:
    assert " ".join(sorted(plan(make(choice, OPTIONAL), flags).names)) == names


@pytest.mark.parametrize(
    ("flags", "message", "help"),
    [
        ("--with llm-cpu --with llm-gpu", "is only one of them", "llm-cpu, llm-gpu"),
        ("--without llm-cpu", "has to be one of", "--with llm-gpu or --without llm"),
        ("--without llm-gpu", "has to be one of", "--with llm-cpu or --without llm"),
        ("--with llm-gpu --without llm", "contradict", ""),
        ("--with llm-gpv", "there is no service `llm-gpv`", "llm-gpu"),
    ],
)
def test_a_selection_that_leaves_nothing_to_choose_is_refused(
    flags: str, message: str, help: str
) -> None:
    with pytest.raises(UsageError) as raised:
        plan(make(web=OPTIONAL), flags)

    assert message in raised.value.message
    assert help in raised.value.help


def test_the_others_are_excluded_with_the_one_that_was_chosen() -> None:
    made = plan(make(), "--with llm-gpu")

    assert {each.service: each.reason for each in made.excluded} == {
        "llm-cpu": "llm is llm-gpu"
    }
    assert "s_llm_cpu faint" in draw_plan(made)


def test_an_excluded_choice_is_named_as_it_is_typed() -> None:
    made = plan(make(web=OPTIONAL), "--without llm")

    assert {each.service: each.reason for each in made.excluded} == {
        "llm-cpu": "--without llm",
        "llm-gpu": "llm is llm-cpu",
    }
    assert made.steps[0].environment == {"LLM": "none"}


# How it is reached


@pytest.mark.parametrize("member", ["llm-cpu", "llm-gpu"])
def test_the_one_that_was_chosen_is_reached_by_the_name_of_the_choice(
    member: str,
) -> None:
    services = read_services(make(), added=(member,))

    assert set(services) == {member, "web"}
    assert services[member]["networks"] == {"default": {"aliases": ["llm"]}}
    assert services["web"]["environment"] == {"LLM_URL": "http://llm:8000"}
    assert services["web"]["depends_on"] == {member: {"condition": "service_healthy"}}


def test_a_store_of_a_choice_is_reached_on_its_own_network() -> None:
    text = make_stack(
        cache="one_of: [new, old]\n",
        new="use: valkey\n",
        old="use: redis\n",
        web=f"{APP}needs: {{cache: CACHE_URL}}\n",
    )
    file = read(text, added=("old",))

    assert file["services"]["old"]["networks"] == {"old": {"aliases": ["cache"]}}
    assert file["services"]["web"]["networks"] == ["default", "old"]
    assert file["services"]["web"]["environment"]["CACHE_URL"] == (
        "redis://cache:6379/0"
    )


def test_the_name_of_a_choice_is_added_to_the_names_in_a_network() -> None:
    text = make().replace(
        "gpus: all", "networks: {back: {aliases: [model]}, default: }"
    )

    networks = read_services(text, added=("llm-gpu",))["llm-gpu"]["networks"]

    assert networks == {
        "back": {"aliases": ["model", "llm"]},
        "default": {"aliases": ["llm"]},
    }


# Named on the command line


def test_naming_one_of_a_choice_chooses_it() -> None:
    stack = load_only(make())

    assert choose_named(stack, Selection(), ("llm-gpu",)) == (
        Selection(added=("llm-gpu",)),
        ("llm-gpu",),
    )
    assert choose_named(stack, read_selection("--with llm-gpu"), ("llm", "web")) == (
        Selection(added=("llm-gpu",)),
        ("llm-gpu", "web"),
    )
    with pytest.raises(UsageError):
        choose_named(stack, read_selection("--with llm-gpu"), ("llm-cpu",))


@pytest.mark.parametrize(
    ("running", "member"), [(("llm-gpu", "web"), "llm-gpu"), ((), "llm-cpu")]
)
def test_the_one_that_runs_is_the_choice(running: tuple[str, ...], member: str) -> None:
    stack = settle_running(load_only(make()), running)

    assert [need.service for need in stack.services["web"].needs] == [member]
    assert "llm" not in stack.choices


def test_a_stack_without_choices_is_settled_as_it_is() -> None:
    stack = load_only(make_stack(web=APP))

    assert settle_choices(stack, Selection()).stack is stack


@pytest.mark.parametrize("member", ["llm-cpu", "llm-gpu"])
def test_a_choice_changes_the_definition_of_no_service(member: str) -> None:
    stack = load_only(make())
    chosen = settle_choices(stack, Selection(added=(member,))).stack

    for name in ("web", member):
        assert digest_definition(chosen.services, name) == digest_definition(
            stack.services, name
        )
