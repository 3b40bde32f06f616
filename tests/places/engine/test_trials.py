"""What is reported of a start that failed in a project that does not stay."""

from __future__ import annotations

import pytest

from composegen.places.engine.cause import CauseName
from composegen.places.engine.trials import _shorten
from composegen.places.events import Failure
from composegen.places.reasons import Reason

HELP = "under `web` in the stack file:\ntmpfs: [/var/tmp]"


def shorten(cause: str) -> Reason:
    failure = Failure(
        service="web",
        reason="web exited",
        cause="it fails",
        cause_name=cause,
        help=HELP,
    )
    return _shorten(Reason(failure=failure))


@pytest.mark.parametrize("cause", [CauseName.READ_ONLY_FOLDER, CauseName.NO_EXEC])
def test_lines_for_the_stack_file_are_told(cause: str) -> None:
    assert "help: under `web`" in str(shorten(cause))


@pytest.mark.parametrize(
    "cause",
    ["", CauseName.VOLUME_DENIED, CauseName.OLD_PASSWORD, CauseName.READ_ONLY_IMAGE],
)
def test_what_is_about_the_scratch_project_or_relaxes_is_not(cause: str) -> None:
    told = str(shorten(cause))

    assert "help:" not in told
    assert "cause: it fails" in told
