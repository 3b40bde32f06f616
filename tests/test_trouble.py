"""The page of trouble by symptom has every cause that `why` can name, in its words."""

import re

from composegen.places.cluster.cause import CauseName as OnCluster
from composegen.places.engine.cause import CauseName as OnEngine
from composegen.places.processes.cause import CauseName as AsProcess
from scripts.read_causes import Row, read_rows, read_source
from scripts.write_trouble import PAGE, SYMPTOMS, write_page

NAMES = {"engine": OnEngine, "processes": AsProcess, "cluster": OnCluster}


def test_the_committed_page_is_what_the_causes_say():
    text = PAGE.read_text(encoding="utf-8")
    assert write_page(text, read_rows()) == text, "make reference"


def test_every_cause_of_every_place_is_read():
    read = {(row.place, row.name) for row in read_rows()}
    assert read == {(place, each.name) for place in NAMES for each in NAMES[place]}


def test_every_cause_is_below_one_symptom():
    listed = [name for names in SYMPTOMS.values() for name in names]
    assert sorted(listed) == sorted({row.name for row in read_rows()})


def test_every_symptom_has_its_place_in_the_page():
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"<!-- causes: ([\w-]+) -->", text) == list(SYMPTOMS)


def test_every_row_says_something():
    assert [row for row in read_rows() if len(row.text) < 10] == []


def read(source: str) -> Row:
    (row,) = read_source(source, "engine")
    return row


def test_what_a_text_fills_in_becomes_a_word():
    row = read('Cause(CauseName.X, f"port {port} is taken", advise(noted, "port: 1"))')
    assert row.text == "port PORT is taken"
    assert row.help == "in the stack file: `port: 1`"


def test_a_name_is_what_it_was_last_set_to():
    row = read(
        "def explain(seen):\n"
        '    said = "one"\n'
        '    said = "two"\n'
        "    if seen:\n"
        '        return Cause(CauseName.X, said, "do it")\n'
        '    said = "three"\n'
    )
    assert row.text == "two"


def test_the_first_alternative_that_has_words_is_shown():
    row = read('Cause(CauseName.X, unheard(of) if it else f"of {port}", "")')
    assert row.text == "of PORT"


def test_a_row_of_a_table_is_filled_in():
    row = read('T = ((CauseName.X, r"a (.*)", "{image} has no {_1}", "a {{b}}"),)')
    assert (row.text, row.help) == ("IMAGE has no NAME", "a {b}")


def test_commands_in_a_help_are_set_as_code():
    row = read('Cause(CauseName.X, "it is gone", "bring it back: composegen up")')
    assert row.help == "bring it back: `composegen up`"


def test_what_has_no_word_is_shown_as_dots():
    row = read('Cause(CauseName.X, f"it is {unheard(of)}", "")')
    assert row.text == "it is .."


def test_an_attribute_without_a_word_is_its_own():
    row = read('Cause(CauseName.X, f"no volume {it.claim_name}", "")')
    assert row.text == "no volume CLAIM-NAME"


def test_places_that_say_the_same_share_a_line():
    (name,) = SYMPTOMS["unreached"]
    rows = [
        Row("cluster", name, "it is", "do"),
        Row("processes", name, "it was", ""),
        Row("engine", name, "it is", "do"),
    ]

    page = write_page("<!-- causes: unreached -->\nold\n<!-- end -->\n", rows)

    assert page.splitlines()[4:6] == [
        "| it is | do | engine, cluster |",
        "| it was | read its log: `composegen logs SERVICE` | processes |",
    ]
    assert "old" not in page
