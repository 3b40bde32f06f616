"""What `make mutants` counts as caught, on copies of a few lines."""

import pytest

from tests.mutants.run import (
    FAULTS,
    ROOT,
    Fault,
    Outcome,
    read_fitting,
    run_tests,
    summarize,
)

HANGS = """
import threading

def test_that_hangs():
    threading.Event().wait()
"""


PROFILE = """
from hypothesis import settings

settings.register_profile("unshrunk")
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with the profile of hypothesis that all tests of the project have."""
    (tmp_path / "conftest.py").write_text(PROFILE)
    return tmp_path


def write_test(folder, text):
    (folder / "test_it.py").write_text(text)
    return ("test_it.py",)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("def test_a(): assert False", Outcome.CAUGHT),
        ("import nothing_like_that", Outcome.CAUGHT),
        ("def test_a(): pass", Outcome.SURVIVED),
    ],
)
def test_what_fails_is_caught_and_what_passes_survives(folder, text, outcome):
    assert run_tests(folder, write_test(folder, text)) is outcome


def test_a_test_that_hangs_is_ended_and_has_caught_nothing(folder):
    tests = write_test(folder, HANGS)
    assert run_tests(folder, tests, timeout=0.5) is Outcome.TIMED_OUT


def test_tests_that_are_not_there_are_an_error_and_no_catch(folder):
    with pytest.raises(RuntimeError, match="not found"):
        run_tests(folder, ("test_it.py",))


def test_a_fault_whose_tests_time_out_is_named_and_fails_the_whole():
    caught, survived, late = Outcome
    assert summarize([caught, caught]) == ("2 of 2 faults caught", 0)
    assert summarize([caught, survived]) == ("1 of 2 faults caught", 1)
    assert summarize([caught, late]) == (
        "1 of 2 faults caught, 1 timed out after 240 s",
        1,
    )


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fits_and_its_tests_are_there(fault: Fault):
    read_fitting(ROOT, fault)

    assert [test for test in fault.tests if not (ROOT / test).exists()] == []


def test_two_faults_never_have_one_name():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
