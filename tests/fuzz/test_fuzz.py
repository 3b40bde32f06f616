"""A short look with each fuzz target, the same each time; `make fuzz` looks longer."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz import loader, networks, sessions, templates
from tests.parts import require_compose

short = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@short
@given(data=loader.files)
def test_any_bytes_become_a_stack_or_a_list_of_problems(data: bytes) -> None:
    loader.check_loading(data)


@pytest.mark.parametrize("seed", loader.list_seeds())
def test_what_fuzzing_begins_with_holds(seed: bytes) -> None:
    loader.check_loading(seed)


@short
@given(case=templates.cases)
def test_every_value_of_a_plan_reads_back(case: dict[str, object]) -> None:
    templates.check_rendering(case)


@short
@given(schedule=sessions.schedules)
def test_the_store_in_memory_does_what_its_reference_does(
    schedule: list[tuple[object, ...]],
) -> None:
    sessions.check_schedule(schedule)


@pytest.mark.engine
@settings(short, max_examples=40)
@given(stack=networks.stacks)
def test_compose_takes_every_network_mode_helper_and_name(
    stack: dict[str, object],
) -> None:
    require_compose()
    networks.check_networks(stack)
