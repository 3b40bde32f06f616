"""The least Compose and engine of a file are those of the newest key that it uses."""

import pytest
import yaml

from composegen.planning.plan import make_plan
from composegen.targets.compose.newer import (
    NEWER_KEYS,
    find_refused_key,
    list_used_keys,
)
from composegen.targets.compose.render import make_document, render_plan
from tests.stacks import load_only, make_app, make_stack


def use(text):
    plan = make_plan(load_only(text))
    return {each.key.what: each for each in list_used_keys(make_document(plan))}


@pytest.mark.parametrize(
    ("keys", "what", "compose", "engine"),
    [
        ("", "`start_interval` in the health", (2, 21), (25,)),
        ("env_file: [{path: a.env}]", "an env file as a map", (2, 24), None),
        (
            "env_file: [{path: a.env, format: raw}]",
            "`format` of an env file",
            (2, 30),
            None,
        ),
        ("compose: {post_start: [{command: x}]}", "`post_start`", (2, 30), None),
        ("gpus: all", "`gpus`", (2, 30), None),
        ("compose: {provider: {type: x}}", "`provider`", (2, 35), None),
        (
            "volumes: [{type: image, source: busybox, target: /x}]",
            "an image as a volume",
            (2, 35),
            (28,),
        ),
        ("compose: {pre_start: [{command: x}]}", "`pre_start`", (5, 3), None),
    ],
)
def test_a_key_has_its_first_release(keys, what, compose, engine):
    [found] = [each for name, each in use(make_app(keys)).items() if what in name]
    assert found.key.compose == compose
    assert found.services == ("app",)
    assert (found.key.engine and found.key.engine.version) == engine


def test_what_every_compose_takes_needs_none():
    keys = "image: a:1\nhealth: {none: x}\nenv_file: [a.env]\nvolumes: ['data:/data']"
    assert use(make_stack(app=keys)) == {}


def test_an_optional_need_is_one_of_the_newer_keys():
    text = make_stack(
        app="image: a:1\nneeds: {db: {env: {}, otherwise: {}}}",
        db="image: b:1\nhealth: {command: 'true'}",
    )
    assert use(text)["an optional dependency"].services == ("app",)


def test_the_document_is_what_the_file_says():
    plan = make_plan(load_only(make_app("publish: true")))
    [file] = render_plan(plan)
    written = yaml.safe_load(file.text)
    document = make_document(plan)

    own = document["services"]["app"]
    assert own
    assert {name: written["services"]["app"][name] for name in own} == own
    assert document["services"]["app"].keys() <= written["services"]["app"].keys()


@pytest.mark.parametrize("key", NEWER_KEYS, ids=lambda each: each.path)
def test_every_key_is_found_where_a_compose_refuses_it(key):
    path, _, name = key.path.replace("*", "some").rpartition(".")
    found = find_refused_key(path, name)
    assert found is not None
    assert found.path == key.path


def test_a_text_that_is_wanted_is_a_form_that_came_later():
    assert find_refused_key("services.a.env_file.0", "").compose == (2, 24)
    assert find_refused_key("services.a.image", "") is None
