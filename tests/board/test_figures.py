"""Figures between two measurements, and those that cannot be told."""

from __future__ import annotations

import os
from typing import Any

from composegen.board.figures import KEPT, Figures
from composegen.board.shared import Shared
from composegen.places.engine.containers import read_usage
from composegen.places.place import Usage, add_usages
from composegen.system.usage import measure_trees


def measure(*usages: tuple[float, Usage]) -> list[Any]:
    figures = Figures(lambda: None, Shared())
    for at, usage in usages:
        figures.take([usage], at)
    return [each["services"]["db"] for each in figures.list_kept()]


def test_cpu_and_network_are_those_since_the_measurement_before() -> None:
    first = Usage(service="db", cpu=1.0, memory=100, received=1000, sent=0)
    second = Usage(service="db", cpu=2.5, memory=200, received=4000, sent=30)

    assert measure((10.0, first), (13.0, second)) == [
        {"memory": 100},
        {"memory": 200, "cpu": 50.0, "received": 1000, "sent": 10},
    ]


def test_a_service_that_began_again_has_no_figure_of_before() -> None:
    old = Usage(service="db", cpu=90.0, memory=100)
    new = Usage(service="db", cpu=0.1, memory=50)

    assert measure((10.0, old), (13.0, new))[1] == {"memory": 50}


def test_figures_are_kept_for_fifteen_minutes() -> None:
    figures = Figures(lambda: None, Shared())
    for number in range(KEPT + 5):
        figures.take([Usage(service="db", cpu=0, memory=number)], number * 3.0)

    assert len(figures.list_kept()) == KEPT == 300


def test_several_containers_of_a_service_are_added_up() -> None:
    one = Usage(service="db", cpu=1, memory=10, received=1, sent=2)
    other = Usage(service="db", cpu=2, memory=20, received=None, sent=3)

    assert add_usages([one, other]) == (
        Usage(service="db", cpu=3, memory=30, received=None, sent=5),
    )


def test_memory_of_a_container_is_without_what_is_cached_of_files() -> None:
    data = {
        "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}},
        "memory_stats": {"usage": 100, "stats": {"inactive_file": 30}},
        "networks": {"eth0": {"rx_bytes": 1, "tx_bytes": 2}},
    }

    assert read_usage("db", data) == Usage(
        service="db", cpu=2.5, memory=70, received=1, sent=2
    )
    assert read_usage("db", {}) == Usage(service="db", cpu=0.0, memory=0)


def test_a_process_counts_with_its_descendants() -> None:
    [(pid, used)] = measure_trees({os.getpid(): "tests"}).items()

    assert pid == os.getpid()
    assert used.cpu > 0
    assert used.memory > 1_000_000
