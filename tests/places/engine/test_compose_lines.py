"""The lines that Compose prints say what went wrong."""

import pytest

from composegen.places.engine.compose_lines import find_complaint


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["Network x Created", "Error: no", "  "], "Error: no"),
        (["something"], "something"),
        (["Network x Created", ' level=warning msg="hm: no"', "#5 ERROR: no"], ""),
        ([" Container x-db-1  Waiting", "  Container x-db-1 Error  1.2s"], ""),
        ([], ""),
    ],
)
def test_the_line_that_complains_is_found(lines, complaint):
    assert find_complaint(lines) == complaint
