"""Which services take part follows the rules, and every advice it gives works."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composegen.drill.noted import read_selection
from composegen.errors import SelectionError, UsageError
from composegen.model import Service, Stack
from composegen.needs import Condition, Need, Otherwise
from composegen.planning.needs import Needs
from composegen.planning.selection import (
    Missing,
    Selected,
    Selection,
    add_named,
    select_services,
    suggest_flags,
)
from composegen.ports import Port
from composegen.records import replace


def make(
    needs: dict[str, str],
    *,
    disabled: str = "",
    roots: str = "",
    published: str = "",
    jobs: str = "",
    groups: dict[str, str] | None = None,
) -> Stack:
    """A stack of services with the names of what each one needs; ``?`` is optional."""
    return Stack(
        file="stack.yaml",
        services={
            name: Service(
                name=name,
                needs=tuple(
                    Need(
                        service=needed.rstrip("?"),
                        until=Condition.HEALTHY,
                        otherwise=Otherwise() if needed.endswith("?") else None,
                    )
                    for needed in words.split()
                ),
                enabled=name not in disabled.split(),
                is_root=name in roots.split(),
                job=name in jobs.split(),
                groups=tuple((groups or {}).get(name, "").split()),
                publish=(Port(published="80", target="80"),)
                if name in published.split()
                else (),
            )
            for name, words in needs.items()
        },
    )


def select(stack: Stack, flags: str = "") -> Selected:
    return select_services(Needs(stack), read_selection(flags))


def included(stack: Stack, flags: str = "") -> str:
    """The names that take part, sorted."""
    return " ".join(sorted(select(stack, flags).included))


def refuse(stack: Stack, flags: str = "") -> SelectionError:
    with pytest.raises(SelectionError) as raised:
        select(stack, flags)
    return raised.value


def list_advice(error: SelectionError) -> list[str]:
    """The flags that an error says would work."""
    advice = re.sub(r"(?m)^(this would work|or): ", "", error.help).splitlines()
    return ["" if flags == "no flags" else flags for flags in advice]


CHAT = make({"web": "api", "api": "db cache?", "db": "", "cache": ""})


# Roots


def test_everything_takes_part_without_flags() -> None:
    assert included(CHAT) == "api cache db web"


def test_services_that_no_other_needs_are_all_roots() -> None:
    stack = make({"a": "c", "b": "c", "c": ""})

    assert included(stack) == "a b c"


def test_a_disabled_service_is_no_root() -> None:
    stack = make({"web": "", "admin": ""}, disabled="admin")

    assert included(stack) == "web"


def test_what_only_a_disabled_service_needs_goes_too() -> None:
    stack = make({"web": "", "admin": "db", "db": ""}, disabled="admin")

    assert included(stack) == "web"


def test_what_a_disabled_service_needs_stays_where_another_needs_it_too() -> None:
    stack = make({"web": "db", "admin": "db", "db": ""}, disabled="admin")

    assert included(stack) == "db web"


def test_a_disabled_service_that_publishes_a_port_is_excluded() -> None:
    stack = make({"web": "", "admin": ""}, disabled="admin", published="admin")

    assert included(stack) == "web"


def test_what_a_disabled_service_needs_goes_too_although_it_publishes() -> None:
    stack = make({"web": "", "ui": "db", "db": ""}, disabled="ui", published="db")

    assert included(stack) == "web"


# --with


def test_with_brings_a_disabled_service_back() -> None:
    stack = make({"web": "", "admin": ""}, disabled="admin")

    assert included(stack, "--with admin") == "admin web"


def test_with_brings_what_the_service_requires() -> None:
    stack = make({"web": "", "admin": "db", "db": ""}, disabled="admin db")

    assert included(stack, "--with admin") == "admin db web"


def test_with_brings_what_the_service_requires_over_several_steps() -> None:
    stack = make({"web": "", "a": "b", "b": "c", "c": ""}, disabled="a b c")

    assert included(stack, "--with a") == "a b c web"


def test_with_brings_no_disabled_service_that_is_optional_there() -> None:
    stack = make({"web": "", "a": "cache?", "cache": ""}, disabled="a cache")

    assert included(stack, "--with a") == "a web"


def test_with_brings_an_enabled_service_that_is_optional_there() -> None:
    stack = make({"web": "", "a": "cache?", "cache": ""}, disabled="a")

    assert included(stack, "--with a") == "a cache web"


def test_with_does_not_bring_the_disabled_dependents_of_a_service() -> None:
    stack = make({"web": "", "a": "db", "db": ""}, disabled="a")

    assert included(stack, "--with db") == "db web"


def test_with_a_service_that_takes_part_changes_nothing() -> None:
    assert included(CHAT, "--with cache") == included(CHAT)


def test_with_keeps_a_service_whose_only_dependent_is_taken_out() -> None:
    assert included(CHAT, "--without web --without api --with db") == "db"


# --without


def test_without_leaves_an_optional_service_out() -> None:
    assert included(CHAT, "--without cache") == "api db web"


def test_without_takes_what_only_that_service_needed() -> None:
    stack = make({"web": "", "worker": "queue", "queue": "disk", "disk": ""})

    assert included(stack, "--without worker") == "web"


def test_without_keeps_what_another_service_needs() -> None:
    stack = make({"web": "db", "worker": "db queue", "db": "", "queue": ""})

    assert included(stack, "--without worker") == "db web"


def test_a_published_service_stays_when_its_dependents_are_taken_out() -> None:
    stack = make({"web": "api", "api": "db", "db": ""}, published="api")

    assert included(stack, "--without web") == "api db"


def test_an_unpublished_service_goes_when_its_dependents_are_taken_out() -> None:
    stack = make({"web": "", "ui": "api", "api": "db", "db": ""})

    assert included(stack, "--without ui") == "web"


def test_a_published_service_that_is_taken_out_itself_goes() -> None:
    stack = make({"web": "api?", "api": ""}, published="api")

    assert included(stack, "--without api") == "web"


def test_a_published_service_of_a_disabled_one_does_not_come_back() -> None:
    stack = make(
        {"web": "", "other": "", "ui": "api", "api": ""}, disabled="ui", published="api"
    )

    assert included(stack, "--without other") == "web"


# Reasons


def test_every_service_that_is_excluded_has_its_reason() -> None:
    stack = make(
        {"web": "cache?", "cache": "disk", "disk": "", "admin": "", "tool": "lib"}
        | {"lib": ""},
        disabled="admin",
    )

    assert dict(select(stack, "--without cache --without tool").excluded) == {
        "cache": "--without cache",
        "disk": "only cache needed it",
        "admin": "enabled: false",
        "tool": "--without tool",
        "lib": "only tool needed it",
    }


def test_a_reason_names_every_dependent() -> None:
    stack = make({"web": "", "a": "lib", "b": "lib", "lib": ""}, disabled="a b")

    assert select(stack).excluded["lib"] == "only a, b needed it"


def test_a_root_of_its_own_is_included_whoever_needs_it() -> None:
    stack = make({"web": "", "a": "db", "db": ""}, disabled="a", roots="db")

    assert included(stack) == "db web"
    assert included(stack, "--without web") == "db"
    assert included(stack, "--without db") == "web"


def test_nothing_is_dropped_silently() -> None:
    stack = make({"web": "", "ui": "api", "api": "db", "db": ""}, disabled="ui")

    assert set(select(stack).excluded) == {"ui", "api", "db"}


# A required service that is out


def test_the_chain_leads_from_a_root_to_the_service() -> None:
    error = refuse(CHAT, "--without db")

    assert error.message == (
        "`api` cannot run without `db`, excluded with --without: web -> api -> db"
    )


def test_a_disabled_service_that_is_required_is_an_error() -> None:
    error = refuse(make({"web": "db", "db": ""}, disabled="db"))

    assert error.message == "`web` cannot run without `db`, disabled: web -> db"
    assert list_advice(error) == ["--with db"]


def test_the_flags_of_a_required_service_are_reported() -> None:
    stack = make({"web": "api", "api": "db", "db": "", "blog": ""})

    assert list_advice(refuse(stack, "--without db")) == [
        "",
        "--without db --without web",
    ]


def test_everything_that_requires_a_service_is_reported_at_once() -> None:
    stack = make({"web": "worker db", "worker": "cache", "migrate": "cache", "db": ""})
    stack = replace(stack, services={**stack.services, **make({"cache": ""}).services})

    error = refuse(stack, "--without cache")

    assert error.message == (
        "`worker` cannot run without `cache`, excluded with --without: "
        "web -> worker -> cache; "
        "`migrate` cannot run without `cache`, excluded with --without: "
        "migrate -> cache"
    )


def test_a_selection_that_leaves_only_what_others_need_is_not_advised() -> None:
    needs = {"web": "api", "api": "db cache", "db": "", "cache": ""}
    stack = make(needs, published="db")

    assert list_advice(refuse(stack, "--without cache")) == [""]


def test_where_no_flags_help_the_needs_to_make_optional_are_named() -> None:
    needs = {"web": "cache", "job": "cache", "cache": "db", "db": ""}

    error = refuse(make(needs), "--with cache --with web --with job --without db")

    assert list_advice(error) == ["--with cache --with web --with job"]
    missing = Missing(("a", "c"), "c", (), was_removed=True)
    other = Missing(("b", "c"), "c", (), was_removed=True)
    assert suggest_flags([missing]) == "give the need of `a` an `otherwise`"
    assert suggest_flags([missing, other]) == (
        "give each need of `a` and `b` an `otherwise`"
    )


def test_the_flags_of_a_disabled_service_are_reported() -> None:
    stack = make({"web": "db", "db": "", "blog": ""}, disabled="db")

    assert list_advice(refuse(stack)) == ["--with db", "--without web"]


def test_a_service_that_cannot_be_excluded_alone_is_reported_with_an_otherwise() -> (
    None
):
    stack = make({"web": "api?", "api": "db", "db": ""}, disabled="db")

    error = refuse(stack)
    for flags in list_advice(error):
        select(stack, flags)
    assert list_advice(error) == ["--with db", "--without api"]


def test_flags_that_leave_nothing_are_never_advised() -> None:
    assert list_advice(refuse(CHAT, "--without db")) == [""]


def test_flags_given_before_stay_in_the_advice() -> None:
    stack = make(
        {"web": "db cache?", "db": "", "cache": "", "blog": "", "admin": ""},
        disabled="db admin",
    )

    advice = list_advice(refuse(stack, "--with admin --without cache"))

    assert advice == [
        "--with admin --with db --without cache",
        "--with admin --without cache --without web",
    ]


def test_an_optional_need_of_an_excluded_service_is_no_error() -> None:
    stack = make({"web": "cache?", "cache": ""}, disabled="cache")

    assert included(stack) == "web"


def test_a_service_that_is_optional_here_and_required_there_is_required() -> None:
    stack = make({"web": "db?", "worker": "db", "db": ""})

    assert "`worker` cannot run without `db`" in refuse(stack, "--without db").message


# A selection that leaves nothing


def test_nothing_left_is_an_error_with_flags_that_work() -> None:
    stack = make({"web": "db", "db": ""}, disabled="web")

    error = refuse(stack)

    assert error.message == "this selection leaves no service"
    assert list_advice(error) == ["--with web"]
    assert included(stack, "--with web") == "db web"


def test_taking_everything_out_is_an_error_with_flags_that_work() -> None:
    stack = make({"web": "", "api": ""})

    (flags,) = list_advice(refuse(stack, "--without web --without api"))

    assert included(stack, flags)


# Names


def test_a_name_that_does_not_exist_is_wrong_usage() -> None:
    with pytest.raises(UsageError) as raised:
        select(CHAT, "--without cach")

    assert raised.value.message == "--without cach: there is no service `cach`"
    assert raised.value.help == "did you mean `cache`?"


def test_a_name_that_is_like_none_is_reported_with_all_names() -> None:
    with pytest.raises(UsageError) as raised:
        select(CHAT, "--with zzz")

    assert raised.value.help == "there are web, api, db, cache"


def test_one_service_cannot_be_both_in_and_out() -> None:
    with pytest.raises(UsageError, match="contradict"):
        select(CHAT, "--with db --without db")


def test_a_selection_prints_as_it_is_typed() -> None:
    flags = "--with a --with b --without c"

    assert read_selection(flags).flags == flags


# Any stack

_NAMES = "abcdef"


@st.composite
def _stacks(draw: st.DrawFn) -> Stack:
    """A stack without cycles: each service needs only services after it."""
    needs = {}
    for index, name in enumerate(_NAMES):
        later = draw(st.sets(st.sampled_from(_NAMES[index + 1 :] or "-")))
        later.discard("-")
        needs[name] = " ".join(
            other + draw(st.sampled_from(["", "?"])) for other in sorted(later)
        )
    some = st.sets(st.sampled_from(_NAMES), max_size=3)
    return make(
        needs, disabled=" ".join(draw(some)), published=" ".join(sorted(draw(some)))
    )


@st.composite
def _flags(draw: st.DrawFn) -> str:
    flags = draw(
        st.dictionaries(
            st.sampled_from(_NAMES), st.sampled_from(["--with", "--without"])
        )
    )
    return " ".join(f"{flag} {name}" for name, flag in flags.items())


@settings(max_examples=60, deadline=None)
@given(stack=_stacks(), flags=_flags())
def test_whatever_is_advised_works(stack: Stack, flags: str) -> None:
    try:
        selected = select(stack, flags)
    except SelectionError as error:
        if "give the need" not in error.help:
            for advised in list_advice(error):
                assert select(stack, advised).included
        return
    assert selected.included
    for name in selected.included:
        for need in stack.services[name].needs:
            assert need.is_optional or need.service in selected.included


@settings(max_examples=40, deadline=None)
@given(stack=_stacks(), flags=_flags())
def test_what_is_asked_for_is_done(stack: Stack, flags: str) -> None:
    try:
        selected = select(stack, flags)
    except SelectionError:
        return
    asked = read_selection(flags)
    assert selected.included >= set(asked.added)
    assert not selected.included & set(asked.removed)
    assert selected.included | set(selected.excluded) == set(stack.services)


def test_a_named_service_takes_part_whatever_excludes_it() -> None:
    selection = Selection(added=("a",), removed=("b", "c"))

    assert add_named(selection, ["b", "a"]) == Selection(
        added=("a", "b"), removed=("c",)
    )


# Groups


WATCHED = make(
    {"web": "", "grafana": "loki", "loki": "", "adminer": "", "both": ""},
    disabled="grafana loki adminer both",
    groups={
        "grafana": "watch",
        "loki": "watch",
        "adminer": "tools",
        "both": "watch tools",
    },
)


@pytest.mark.parametrize(
    ("flags", "names"),
    [
        ("", "web"),
        ("--with @watch", "both grafana loki web"),
        ("--with @tools", "adminer both web"),
        ("--with @watch --with @tools", "adminer both grafana loki web"),
        ("--with @watch --without @tools", "both grafana loki web"),
        ("--with @watch --without both", "grafana loki web"),
        ("--with @watch --without grafana", "both loki web"),
        ("--with adminer --without @tools", "adminer web"),
        ("--without @watch", "web"),
    ],
)
def test_a_group_is_selected_with_all_its_services(flags: str, names: str) -> None:
    assert included(WATCHED, flags) == names


def test_a_service_that_is_enabled_is_excluded_with_its_group() -> None:
    stack = make({"web": "", "extra": ""}, groups={"extra": "tools"})

    assert included(stack) == "extra web"
    assert included(stack, "--without @tools") == "web"
    assert select(stack, "--without @tools").excluded == {"extra": "--without @tools"}


def test_the_reason_of_an_excluded_service_is_its_group() -> None:
    assert select(WATCHED).excluded["both"] == "group: watch, tools"


def test_what_a_selection_adds_are_the_services_of_its_groups() -> None:
    assert select(WATCHED, "--with @tools").added == ("adminer", "both")


@pytest.mark.parametrize(
    ("flags", "message", "help"),
    [
        ("--with @wach", "--with @wach: there is no group `wach`", "`@watch`"),
        ("--without @x", "--without @x: there is no group `x`", "@watch, @tools"),
        ("--with @web", "--with @web: there is no group `web`", "there are"),
        ("--with @watch --without @watch", "contradict", ""),
    ],
)
def test_an_unknown_group_has_a_near_name(flags: str, message: str, help: str) -> None:
    with pytest.raises(UsageError) as raised:
        select(WATCHED, flags)

    assert message in raised.value.message
    assert help in raised.value.help


def test_a_group_of_a_stack_without_any_says_so() -> None:
    with pytest.raises(UsageError) as raised:
        select(make({"web": ""}), "--with @all")

    assert raised.value.help == "no service has a `group`"


def test_a_service_that_requires_one_of_a_group_is_told_the_flags() -> None:
    stack = make({"web": "loki", "loki": ""}, disabled="loki", groups={"loki": "watch"})

    error = refuse(stack)

    assert "this would work: --with loki" in error.help
    assert "or: --with @watch" in error.help
    assert included(stack, "--with @watch") == "loki web"
