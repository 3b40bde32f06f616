"""How containers have died, from events that can come late or not at all."""

import pytest

from composegen.places.engine.containers import Status
from composegen.places.engine.deaths import find_last_death, read_deaths
from composegen.places.engine.happened import Action
from tests.enginefakes import happen, make_container

START = happen("web", Action.START, time=1.0)
MEMORY = happen("web", Action.OUT_OF_MEMORY, time=2.0)
DIE = happen("web", Action.DIE, time=3.0, exit_code=137)
AGAIN = happen("web", Action.START, time=4.0)


@pytest.mark.parametrize(
    "events", [[START, MEMORY, DIE, AGAIN], [MEMORY, DIE], [START, DIE, MEMORY, AGAIN]]
)
def test_memory_that_ran_out_belongs_to_the_death_however_late_it_is_reported(events):
    [death] = read_deaths(events)
    assert death.was_out_of_memory
    assert (death.at, death.exit_code) == (3.0, 137)


def test_what_came_before_a_start_says_nothing_of_the_next_death():
    kill = happen("web", Action.KILL, time=2.0, signal=15)
    second = happen("web", Action.DIE, time=5.0, exit_code=1)
    first, last = read_deaths([START, MEMORY, kill, DIE, AGAIN, second])
    assert (first.was_out_of_memory, first.was_stopped) == (True, True)
    assert (last.was_out_of_memory, last.was_stopped) == (False, False)
    assert last.started_at == 4.0


@pytest.mark.parametrize(
    ("signal", "at", "was_stopped"),
    [(15, 2.0, True), (9, 2.0, True), (1, 2.0, False), (15, -90.0, False)],
)
def test_only_a_signal_that_ends_a_program_and_just_came_ends_it(
    signal, at, was_stopped
):
    kill = happen("web", Action.KILL, time=at, signal=signal)
    [death] = read_deaths([kill, DIE])
    assert death.was_stopped is was_stopped


def test_the_last_death_is_the_one_with_which_the_container_ended():
    deaths = read_deaths([START, DIE, AGAIN, happen("web", Action.DIE, time=5.0)])
    loop = make_container("web", restarts=2, finished_at=4.9)
    assert find_last_death(loop, deaths).at == 5.0
    assert (
        find_last_death(make_container("web", restarts=3, finished_at=6.0), deaths)
        is None
    )
    ended = make_container("web", status=Status.EXITED, finished_at=2.9)
    assert find_last_death(ended, deaths).at == 3.0


def test_one_that_was_started_by_hand_has_not_died():
    deaths = read_deaths([START, DIE])
    assert find_last_death(make_container("web", finished_at=2.9), deaths) is None
