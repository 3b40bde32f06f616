"""The leak test at length; COMPOSEGEN_CHAOS says how many runs, 500 by default."""

import os
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import leaks

RUNS = int(os.environ.get("COMPOSEGEN_CHAOS", "500"))

pytestmark = pytest.mark.chaos


def test_nothing_outlives_its_run(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(
            pool.map(
                lambda seed: leaks.end_at_random(tmp_path, seed),
                range(1000, 1000 + RUNS),
            )
        )

    for number in {outcome.signal for outcome in outcomes}:
        times = [outcome.seconds for outcome in outcomes if outcome.signal == number]
        median, worst = statistics.median(times), max(times)
        sys.stderr.write(
            f"{number.name}: {len(times)} runs; nothing left after {median:.2f} s, "
            f"at worst {worst:.2f} s\n"
        )
    assert sum(outcome.had_begun for outcome in outcomes) >= RUNS / 2
    assert [outcome for outcome in outcomes if outcome.survivors] == []
    assert [outcome for outcome in outcomes if not outcome.port_is_free] == []
