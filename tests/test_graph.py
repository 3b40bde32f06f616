"""Order, closure and cycles of any mapping."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composegen.graph import (
    find_closure,
    find_cycle,
    reverse_graph,
    sort_batches,
    sort_graph,
)

DIAMOND = {"top": ["left", "right"], "left": ["low"], "right": ["low"], "low": []}


# Closure


def test_a_closure_holds_all_that_can_be_reached() -> None:
    assert find_closure(DIAMOND, ["left"]) == {"left", "low"}


def test_a_closure_of_nothing_is_empty() -> None:
    assert find_closure(DIAMOND, []) == frozenset()


def test_a_closure_passes_over_what_is_no_node() -> None:
    assert find_closure({"a": ["gone"]}, ["a", "other"]) == {"a"}


def test_a_closure_of_a_cycle_ends() -> None:
    assert find_closure({1: [2], 2: [1]}, [1]) == {1, 2}


def test_a_closure_does_not_enter_what_it_goes_without() -> None:
    graph = {"a": ["b", "c"], "b": ["c"], "c": []}

    assert find_closure(graph, ["a"], without={"b"}) == {"a", "c"}
    assert find_closure(graph, ["b"], without={"b"}) == {"b", "c"}


# Reverse


def test_a_reversed_graph_names_the_dependents_in_order_of_declaration() -> None:
    assert reverse_graph(DIAMOND) == {
        "top": (),
        "left": ("top",),
        "right": ("top",),
        "low": ("left", "right"),
    }


def test_a_reversed_graph_passes_over_what_is_no_node() -> None:
    assert reverse_graph({"a": ["gone"]}) == {"a": ()}


# Cycles


@pytest.mark.parametrize(
    ("graph", "cycle"),
    [
        ({}, None),
        (DIAMOND, None),
        ({"a": ["a"]}, ("a", "a")),
        ({"a": ["b"], "b": ["a"]}, ("a", "b", "a")),
        ({"b": ["a"], "a": ["b"]}, ("b", "a", "b")),
        ({"x": ["b"], "a": ["b"], "b": ["c"], "c": ["a"]}, ("a", "b", "c", "a")),
        ({"a": ["gone"], "gone": ["a"]}, ("a", "gone", "a")),
        ({"a": ["b", "c"], "b": [], "c": ["a"]}, ("a", "c", "a")),
        ({"a": ["gone"]}, None),
    ],
)
def test_a_cycle_is_a_path_that_begins_at_its_first_node(
    graph: dict[str, list[str]], cycle: tuple[str, ...] | None
) -> None:
    assert find_cycle(graph) == cycle


def test_a_long_chain_is_no_problem() -> None:
    chain = {number: [number + 1] for number in range(20_000)}

    assert find_cycle(chain) is None
    assert find_cycle({**chain, 20_000: [0]}) is not None
    assert len(find_closure(chain, [0])) == 20_000


# Order


def test_batches_need_only_earlier_batches() -> None:
    assert sort_batches(DIAMOND) == (("low",), ("left", "right"), ("top",))


def test_within_a_batch_the_order_is_that_of_declaration() -> None:
    graph = {"c": ["z"], "a": ["z"], "y": [], "b": ["z"], "z": []}

    assert sort_batches(graph) == (("y", "z"), ("c", "a", "b"))


def test_a_sorted_graph_is_its_batches_in_a_row() -> None:
    assert sort_graph(DIAMOND) == ("low", "left", "right", "top")


def test_what_is_needed_and_no_node_is_ignored() -> None:
    assert sort_graph({"a": ["gone"]}) == ("a",)


def test_a_node_that_is_needed_twice_by_one_counts_once() -> None:
    assert sort_graph({"a": ["b", "b"], "b": []}) == ("b", "a")


def test_a_cycle_cannot_be_sorted() -> None:
    with pytest.raises(ValueError, match="cycle"):
        sort_graph({"a": ["b"], "b": ["a"], "c": []})


# Any graph

GRAPHS = st.dictionaries(
    st.integers(0, 7), st.lists(st.integers(0, 7), max_size=4), max_size=8
)


@settings(max_examples=60, deadline=None)
@given(GRAPHS)
def test_a_graph_has_a_cycle_or_an_order(graph: dict[int, list[int]]) -> None:
    inner = {node: [n for n in needs if n in graph] for node, needs in graph.items()}
    cycle = find_cycle(inner)
    if cycle is None:
        order = sort_graph(graph)
        assert sorted(order) == sorted(graph)
        for node, needs in inner.items():
            assert all(order.index(needed) < order.index(node) for needed in needs)
    else:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        for node, needed in pairwise(cycle):
            assert needed in graph[node]
