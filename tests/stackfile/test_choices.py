"""Services that are one of several: what a stack file may say of them."""

from __future__ import annotations

import pytest

from tests.stacks import APP, check, find, list_names, load_only, make_stack

MEMBER = "image: python:3.13-slim\npublish: 8000\nhealth: /health\n"


def make(choice: str = "one_of: [cpu, gpu]\n", **services: str) -> str:
    parts = {"cpu": MEMBER, "gpu": MEMBER, "web": f"{APP}needs: [llm]\n", **services}
    return make_stack(llm=choice, **parts)


def test_a_choice_and_its_services_are_read() -> None:
    stack = load_only(make("one_of: [cpu, gpu]\ngroup: ai\n", web=APP))

    assert stack.choices["llm"].members == ("cpu", "gpu")
    assert "llm" not in stack.services
    for name in ("cpu", "gpu"):
        service = stack.services[name]
        assert (service.choice, service.groups, service.enabled) == (
            *("llm", ("ai",), False),
        )


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (
            make("one_of: [cpu, gpu]\nport: 8000\n"),
            "bad-choice",
            "no `port` of its own",
        ),
        (make("one_of: [cpu]\n"), "bad-choice", "a choice with 1 service"),
        (make("one_of: [cpu, gqu]\n"), "unknown-service", "is one of `gqu`"),
        (make("one_of: cpu\n"), "wrong-type", "is not a list"),
        (make("one_of:\n"), "null-value", "`one_of` has no value"),
        (make("one_of: [cpu, gpu]\ngroup:\n"), "null-value", "`group` has no value"),
        (make(more="one_of: [gpu, web]\n"), "bad-choice", "one of `llm` already"),
        (make("one_of: [cpu, gpu, llm]\n"), "bad-choice", "is a choice itself"),
        (make(gpu=f"{MEMBER}enabled: false\n"), "bad-choice", "says whether"),
        (make(gpu=f"{MEMBER}group: a\n"), "bad-choice", "says whether"),
        (make(web=f"{APP}needs: [gpu]\n"), "bad-choice", "another one may be chosen"),
    ],
)
def test_a_choice_is_nothing_else(text: str, name: str, message: str) -> None:
    assert message in find(name, text).message


def test_a_need_of_a_choice_is_shown_where_it_is_written() -> None:
    problem = find("healthy-unasked", make(cpu="image: python:3.13-slim\nport: 8000\n"))

    assert problem.location.text.strip() == "needs: [llm]"
    assert problem.message.startswith("`web` needs `cpu` to be healthy")


# Judged one after the other


def test_services_of_a_choice_are_not_compared_with_each_other() -> None:
    assert list_names(make()) == []


def test_each_of_them_is_compared_with_the_others() -> None:
    text = make(gpu=MEMBER.replace("8000", "8080"), more=f"{APP}publish: 8080:8000\n")

    problem = find("port-twice", text)

    assert "`gpu`" in problem.message
    assert "`more`" in problem.message


def test_a_fault_of_one_that_is_not_chosen_is_reported_once() -> None:
    text = make(gpu="image: python\nport: 8000\nhealth: /health\n")

    assert list_names(text) == ["latest-image"]


def test_what_only_one_of_them_uses_is_used() -> None:
    text = make(
        gpu=f"{MEMBER}secrets: [token]\nvolumes: ['models:/models']\nneeds: [fetch]\n",
        fetch="image: python:3.13-slim\njob: true\n",
    )
    top = "secrets: {token: {generate: true}, other: {generate: true}}\n"

    names = list_names(f"{text}{top}volumes: {{models: }}\n")

    assert names == ["unused-secret"]


NONE = "image: python:3.13-slim\nhealth: {none: it has no check}\n"


@pytest.mark.parametrize(
    ("services", "name", "help"),
    [
        ({"cpu": NONE}, "healthy-unasked", "needs: {llm: {until: started}}"),
        (
            {"web": f"{APP}environment: {{LLM_URL: 'http://llm:8000'}}\n"},
            "implied-need",
            "needs: [llm]",
        ),
    ],
)
def test_the_need_that_a_help_shows_has_the_name_of_the_choice(
    services: dict[str, str], name: str, help: str
) -> None:
    found = [each for each in check(make(**services)) if each.name == name]

    assert found
    assert {each.help.splitlines()[-1] for each in found} == {help}
