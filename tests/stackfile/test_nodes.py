"""Bytes become nodes that know their place; whatever is wrong is told, and quickly."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from composegen.errors import FileRefused, Level, Location
from composegen.stackfile.nodes import (
    MAX_BYTES,
    MappingNode,
    ScalarNode,
    SequenceNode,
    Source,
    is_null,
    read_bytes,
)
from composegen.stackfile.problems import Problems
from composegen.text import escape_control, measure_width
from tests.stacks import find, list_names, list_places, load_app, load_only, make_app

WEB = "services: {web: {use: nginx}}\n"


def read(text: str | bytes) -> Source:
    data = text if isinstance(text, bytes) else text.encode()
    return Source("stack.yaml", data, Problems())


def read_pairs(text: str) -> dict[str, str]:
    source = read(text)
    assert isinstance(source.root, MappingNode)
    pairs = source.pairs(source.root)
    assert source.problems.found == ()
    return {key: value.value for key, _, value in pairs}


def list_found(text: str | bytes) -> list[tuple[str, int, int]]:
    source = read(text)
    assert source.root is None
    return [
        (problem.name, problem.location.line, problem.location.column)
        for problem in source.problems.found
    ]


# Decoding


def test_utf_8_is_read() -> None:
    assert read_pairs("greeting: Grüße, 世界 🚀") == {"greeting": "Grüße, 世界 🚀"}


def test_a_byte_order_mark_is_passed_over() -> None:
    assert list_names(b"\xef\xbb\xbf" + WEB.encode()) == []


def test_places_after_a_byte_order_mark_are_exact() -> None:
    assert list_places(b"\xef\xbb\xbfservixes: {}\n") == [
        ("no-services", 1, 1),
        ("unknown-key", 1, 1),
    ]


def test_latin_1_is_refused_where_it_stops_being_utf_8() -> None:
    assert list_found(b"name: a\nx-city: M\xfcnchen\n") == [("not-utf-8", 2, 10)]


def test_utf_16_is_refused() -> None:
    assert list_names(WEB.encode("utf-16")) == ["not-utf-8"]


def test_utf_8_cut_off_in_a_letter_is_refused() -> None:
    assert list_found("x-city: Mü".encode()[:-1]) == [("not-utf-8", 1, 10)]


def test_a_file_of_one_megabyte_is_read() -> None:
    text = WEB + "#" * (MAX_BYTES - len(WEB))

    assert len(text) == MAX_BYTES == 1_048_576
    assert list_names(text) == []


def test_a_file_of_one_byte_more_is_refused() -> None:
    text = WEB + "#" * (MAX_BYTES - len(WEB) + 1)

    assert list_names(text) == ["file-too-large"]


@pytest.mark.parametrize("text", ["", "\n", "   \n", "# a comment\n", "---\n"])
def test_a_file_with_nothing_in_it_is_empty(text: str) -> None:
    assert list_names(text) == ["empty-file"]


@pytest.mark.parametrize("text", ["null\n", "~\n", '""\n'])
def test_a_file_that_says_nothing_is_reported_in_one_problem(text: str) -> None:
    assert len(list_names(text)) == 1


# Files


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match=r"stack\.yaml: there is no such file"):
        read_bytes(tmp_path / "stack.yaml", "stack.yaml")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="is no file"):
        read_bytes(tmp_path, "stack.yaml")


def test_a_device_without_end_is_refused_at_once() -> None:
    with pytest.raises(FileRefused):
        read_bytes(Path("/dev/zero"), "stack.yaml")


def test_no_more_is_read_of_a_file_than_needed_to_refuse_it(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(50 * MAX_BYTES)

    assert len(read_bytes(path, "big.yaml")) == MAX_BYTES + 1


# Characters


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x07", "\x08", "\x0b", "\x0c", "\x1b", "\x7f", "\x80", "\x9f"],
)
def test_a_control_character_in_the_file_is_refused_where_it_stands(
    character: str,
) -> None:
    assert list_found(f"a: b\nc: d{character}e\n") == [("bad-character", 2, 5)]


def test_every_control_character_of_a_file_is_reported() -> None:
    assert list_found("a: \x01\nb: \x02\n") == [
        ("bad-character", 1, 4),
        ("bad-character", 2, 4),
    ]


@pytest.mark.parametrize("escape", ["\\0", "\\a", "\\e", "\\x7f", "\\x9b"])
def test_a_control_character_behind_an_escape_is_refused(escape: str) -> None:
    assert list_names(f'x-a: "b{escape}c"\n{WEB}') == ["bad-character"]


def test_half_a_surrogate_pair_is_refused() -> None:
    assert list_names(f'x-a: "b\\ud800c"\n{WEB}') == ["bad-character"]


def test_a_control_character_in_a_key_is_refused() -> None:
    assert list_names(f'x-a: {{"b\\ec": d}}\n{WEB}') == ["bad-character"]


def test_tabs_and_line_ends_within_a_value_are_fine() -> None:
    assert load_app('environment: {A: "b\\tc\\nd\\r"}').environment == {
        "A": "b\tc\nd\r"
    }


def test_the_next_line_character_and_its_kin_are_fine() -> None:
    values = {"A": "b\x85c", "B": "d\u2028e\u2029f"}
    keys = 'environment: {A: "b\\Nc", B: "d\\Le\\Pf"}'

    assert load_app(keys).environment == values


def test_a_byte_order_mark_in_the_middle_is_refused() -> None:
    assert list_found("a: b\ufeffc\n") == [("bad-character", 1, 5)]


def test_control_characters_are_shown_escaped() -> None:
    problem = find("unknown-key", make_app('"\\u202eevil\\u200b": 1'))

    assert problem.message == "a service has no key `\\u202eevil\\u200b`"


def test_escaping_keeps_what_can_be_read() -> None:
    assert escape_control("Grüße 世界 🚀") == "Grüße 世界 🚀"
    assert escape_control("a\x1b[31mb\nc") == "a\\x1b[31mb\\nc"
    assert escape_control("a\nb\tc", keep="\n") == "a\nb\\tc"


def test_a_wide_letter_takes_two_columns_and_an_accent_none() -> None:
    assert measure_width("abc") == 3
    assert measure_width("世界") == 4
    assert measure_width("e\u0301") == 1


# YAML


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("services:\n\tweb:\n", 2, 1),
        ("services:\n  web:\n  \tuse: nginx\n", 3, 3),
        ("\tservices:\n", 1, 1),
    ],
)
def test_a_tab_cannot_indent(text: str, line: int, column: int) -> None:
    assert list_found(text) == [("tab", line, column)]


def test_a_file_of_one_tab_is_reported() -> None:
    assert list_names("\t") in (["tab"], ["empty-file"])


def test_a_tab_before_a_comment_or_a_value_is_fine() -> None:
    assert read_pairs("a:\tb\t# c\n") == {"a": "b"}


def test_a_second_document_is_refused_where_it_begins() -> None:
    assert list_found(f"{WEB}---\n{WEB}") == [("many-documents", 2, 1)]


def test_a_marker_before_and_after_the_one_document_is_fine() -> None:
    assert list_names(f"---\n{WEB}...\n") == []


def test_a_yaml_directive_is_fine() -> None:
    assert list_names(f"%YAML 1.2\n---\n{WEB}") == []


@pytest.mark.parametrize(
    ("text", "line", "column", "help"),
    [
        ("a: b: c\n", 1, 5, "a value that contains `: ` needs quotes"),
        ("a: @b\n", 1, 4, "a value that begins with `@` needs quotes"),
        ("a: `b`\n", 1, 4, "a value that begins with ``` needs quotes"),
        ("a: [b\nc: d\n", 2, 2, "is a bracket"),
        ("a: b\n  c: d\n", 2, 4, "a value that contains `: ` needs quotes"),
        ("a:\n    b: c\n  d: e\n", 3, 3, "is this line indented"),
        ('a: "b\n', 2, 1, "a quote that was opened is not closed"),
    ],
)
def test_a_syntax_error_says_where_and_what_may_be_the_reason(
    text: str, line: int, column: int, help: str
) -> None:
    problem = find("yaml-syntax", text)

    assert (problem.location.line, problem.location.column) == (line, column)
    assert help in problem.help


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a: b\nname", 2, 5), ("a: b\nc: [", 2, 5), ("a: b\nc: &d [ # e", 2, 12)],
)
def test_a_syntax_error_behind_the_last_line_is_shown_at_its_end(
    text: str, line: int, column: int
) -> None:
    place = find("yaml-syntax", text).location

    assert (place.line, place.column) == (line, column)
    assert place.text == text.rpartition("\n")[2]


def test_an_alias_without_its_anchor_is_reported_at_its_line() -> None:
    assert list_found("a: b\nc: *nobody\n") == [("unknown-alias", 2, 4)]


def test_an_alias_before_its_anchor_is_reported() -> None:
    assert list_found("a: *b\nc: &b d\n") == [("unknown-alias", 1, 4)]


@pytest.mark.parametrize(
    "value",
    [
        "!!str 1",
        "!!int 1",
        "!!python/object:os.system x",
        "!reset null",
        "! x",
        "!!map {}",
    ],
)
def test_a_tag_is_refused_whatever_it_says(value: str) -> None:
    assert list_places(f"x-a: {value}\n{WEB}") == [("yaml-tag", 1, 6)]


def test_a_tag_on_a_key_is_refused() -> None:
    assert list_names(f"!!str x-a: b\n{WEB}") == ["yaml-tag"]


def test_every_tag_of_a_file_is_reported() -> None:
    text = f"x-a: !!str a\nx-b: [!a b, !c d]\n{WEB}"

    assert list_places(text) == [
        ("yaml-tag", 1, 6),
        ("yaml-tag", 2, 7),
        ("yaml-tag", 2, 13),
    ]


def test_an_exclamation_mark_within_a_value_is_no_tag() -> None:
    assert load_app('environment: {A: hello!, B: "!b"}').environment == {
        "A": "hello!",
        "B": "!b",
    }


# Keys


def test_a_duplicate_key_names_the_first_place() -> None:
    problem = find(
        "duplicate-key", "services:\n  web: {use: nginx}\n  web: {use: redis}\n"
    )

    assert str(problem.location) == "stack.yaml:3:3"
    assert "first at stack.yaml:2:3" in problem.message


def test_each_further_duplicate_is_reported() -> None:
    text = make_app("tty: true\ntty: true\ntty: false\n")

    assert list_places(text) == [("duplicate-key", 7, 5), ("duplicate-key", 8, 5)]


def test_a_duplicate_in_quotes_is_the_same_key() -> None:
    assert list_names(make_app('tty: true\n"tty": true\n')) == ["duplicate-key"]


@pytest.mark.parametrize(
    "text",
    [
        f"name: a\nname: b\n{WEB}",
        "services: {web: {use: nginx, environment: {A: b, A: c}}}",
        "services: {web: {use: nginx, compose: {x-a: {b: 1, b: 2}}}}",
        "services: {web: {use: nginx, environment: [A=b, A=c]}}",
        "services: {web: {use: nginx, labels: [a=b, a=c]}}",
        f"x-a: {{b: 1, b: 2}}\n{WEB}",
    ],
)
def test_a_duplicate_key_is_found_everywhere(text: str) -> None:
    assert list_names(text) == ["duplicate-key"]


@pytest.mark.parametrize("key", ["[a, b]", "{a: b}", "? [a]\n"])
def test_a_key_is_a_text(key: str) -> None:
    text = f"x-a:\n  {key}: c\n{WEB}" if not key.startswith("?") else f"{key}: c\n{WEB}"

    assert list_names(text) == ["bad-key"]


def test_a_number_may_be_a_key_and_stays_as_it_is_written() -> None:
    assert load_app("labels: {007: bond, 1e3: x}").labels == {"007": "bond", "1e3": "x"}


# Anchors and merge keys


def test_an_alias_repeats_what_its_anchor_names() -> None:
    stack = load_only(
        "x-env: &env {A: b}\n"
        "services:\n"
        "  one: {use: nginx, environment: *env}\n"
        "  two: {use: nginx, environment: *env}\n"
    )

    assert [dict(s.environment) for s in stack.services.values()] == [{"A": "b"}] * 2


def test_a_merge_key_lays_keys_below_those_that_stand_there() -> None:
    text = "x-env: &env {A: base, B: base}\n" + make_app(
        "environment:\n  A: own\n  <<: *env\n"
    )

    stack = load_only(text)

    assert stack.services["app"].environment == {"A": "own", "B": "base"}


def test_of_several_merged_mappings_the_first_counts() -> None:
    text = "x-a: &a {A: first}\nx-b: &b {A: second, B: second}\n" + make_app(
        "environment:\n  <<: [*a, *b]\n"
    )

    assert load_only(text).services["app"].environment == {"A": "first", "B": "second"}


def test_merged_mappings_may_merge_in_turn() -> None:
    text = "x-a: &a {A: a}\nx-b: &b {<<: *a, B: b}\n" + make_app(
        "environment: {<<: *b, C: c}\n"
    )

    assert load_only(text).services["app"].environment == {"A": "a", "B": "b", "C": "c"}


def test_a_service_may_be_merged_whole() -> None:
    text = (
        "x-app: &app {image: python:3.13-slim, port: 8000, health: /}\n"
        "services:\n"
        "  one: {<<: *app}\n"
        "  two: {<<: *app, port: 9000}\n"
    )

    services = load_only(text).services

    assert [service.port for service in services.values()] == [8000, 9000]


def test_a_quoted_merge_key_is_a_plain_key() -> None:
    assert load_app('labels: {"<<": a}').labels == {"<<": "a"}


@pytest.mark.parametrize("value", ["text", "[a, b]", "", "[{A: b}, text]"])
def test_a_merge_key_takes_mappings_only(value: str) -> None:
    text = make_app(f"environment:\n  <<: {value}\n")

    assert list_places(text)[0][0] == "bad-merge"
    assert len(list_names(text)) == 1


def test_a_problem_in_a_shared_mapping_is_reported_once() -> None:
    text = (
        "x-app: &app {image: python:3.13-slim, port: 8000, health: /, tyt: true}\n"
        "services:\n  one: {<<: *app}\n  two: {<<: *app}\n"
    )

    assert list_places(text) == [("unknown-key", 1, 62)]


@pytest.mark.parametrize(
    "text", ["&a [*a]", "&a {b: *a}", "x-a: &a {b: [c, {d: *a}]}", "x-a: &a {<<: *a}"]
)
def test_a_collection_that_contains_itself_is_refused(text: str) -> None:
    assert [name for name, _, _ in list_found(text)] == ["recursive-alias"]


# Text that grows, and depth


def laugh(levels: int, width: int = 10) -> str:
    lines = [f"x-0: &a0 [{', '.join(['ha'] * width)}]"]
    lines += [
        f"x-{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]"
        for level in range(1, levels)
    ]
    return "\n".join(lines) + "\n" + WEB


@pytest.mark.parametrize("levels", [6, 9, 40, 1000])
def test_a_billion_laughs_are_refused_at_once(levels: int) -> None:
    begin = time.process_time()

    names = list_names(laugh(levels))

    assert time.process_time() - begin < 2
    assert names in (["alias-expansion"], ["too-deep"])


def test_a_billion_laughs_in_merge_keys_are_refused_at_once() -> None:
    lines = ["x-0: &a0 {k0: v}"]
    lines += [
        f"x-{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k{n}: v}}"
        for n in range(1, 20)
    ]
    begin = time.process_time()

    names = list_names("\n".join(lines) + "\n" + WEB)

    assert time.process_time() - begin < 2
    assert names == ["alias-expansion"]


def test_a_few_aliases_of_aliases_are_fine() -> None:
    assert list_names(laugh(4)) == []


def test_a_large_file_without_aliases_is_no_expansion() -> None:
    text = WEB + "x-list: [" + ", ".join(["a"] * 120_000) + "]\n"

    assert list_names(text) == []


def test_a_hundred_thousand_brackets_are_too_deep() -> None:
    begin = time.process_time()

    assert list_names("x-a: " + "[" * 100_000) == ["too-deep"]
    assert list_names("x-a: " + "[" * 100_000 + "]" * 100_000) == ["too-deep"]
    assert list_names("x-a: " + "{a: " * 100_000) == ["too-deep"]
    assert list_names("x-a: " + "[\n" * 100_000) == ["too-deep"]
    assert time.process_time() - begin < 5


def test_brackets_that_hide_behind_quotes_and_comments_are_too_deep() -> None:
    quoted = "x-a: '" + "]" * 20 + "\n' \nx-b: " + "[" * 100_000
    commented = "x-a: b # '" + "\n" + "x-b: " + "[\n" * 50_000
    balanced = 'x-a: "' + "]" * 50_000 + '"\nx-b: ' + "[" * 50_000

    assert list_names(quoted) == ["too-deep"]
    assert list_names(commented) == ["too-deep"]
    assert list_names(balanced) == ["too-deep"]


@pytest.mark.parametrize("mark", ["- ", "? ", "- - "])
def test_thousands_of_marks_on_one_line_are_too_deep(mark: str) -> None:
    assert list_names(mark * 30_000 + "a\n") == ["too-deep"]


def test_thousands_of_indented_levels_are_too_deep() -> None:
    lines = [" " * level + f"k{level}:" for level in range(1_000)]

    assert list_names("\n".join(lines)) == ["too-deep"]


def test_aliases_cannot_hide_depth() -> None:
    lines = ["x-0: &a0 [a]"]
    lines += [f"x-{n}: &a{n} [*a{n - 1}]" for n in range(1, 200)]

    assert list_names("\n".join(lines) + "\n" + WEB) == ["too-deep"]


@pytest.mark.parametrize(("lists", "names"), [(49, []), (50, ["too-deep"])])
def test_fifty_levels_are_read_and_no_more(lists: int, names: list[str]) -> None:
    inside = "[" * lists + "a" + "]" * lists  # the file itself is the first level

    assert list_names(f"x-a: {inside}\n{WEB}") == names


def test_thousands_of_shallow_brackets_are_fine() -> None:
    lists = "\n".join("  - [a, {b: [c, '[[[']}, \"{{\"]  # [[" for _ in range(3000))

    assert list_names(f"x-a:\n{lists}\n{WEB}") == []


@pytest.mark.parametrize("bad", ["- " * 500_000, "? " * 400_000, "a: " * 300_000])
def test_a_megabyte_of_marks_is_reported_at_once(bad: str) -> None:
    begin = time.process_time()

    assert len(list_names(bad)) == 1
    assert time.process_time() - begin < 3


# Variables and commas within braces


@pytest.mark.parametrize(
    ("value", "column", "written"),
    [
        ("{A: ${B}}", 9, "${B}"),
        ("[${B}]", 6, "${B}"),
        ("{A: b, C: ${D:-e}}", 15, "${D:-e}"),
        ("[a, ${B:?is missing}]", 9, "${B:?is missing}"),
    ],
)
def test_an_unquoted_variable_in_braces_is_reported_with_its_fix(
    value: str, column: int, written: str
) -> None:
    problem = find("unquoted-variable", f"x-a: {value}\n{WEB}")

    assert (problem.location.line, problem.location.column) == (1, column + 1)
    assert problem.help == f'write "{written}"'


def test_every_unquoted_variable_in_braces_is_reported() -> None:
    text = "x-a: {A: ${B}, C: ${D}}\nx-b: [${E}]\n" + WEB

    assert list_places(text) == [
        ("unquoted-variable", 1, 10),
        ("unquoted-variable", 1, 19),
        ("unquoted-variable", 2, 7),
    ]


@pytest.mark.parametrize("quoted", ['"${B}"', "'${B}'"])
def test_a_quoted_variable_is_not_blamed_for_another_fault(quoted: str) -> None:
    assert [name for name, _, _ in list_found(f"a: {{b: {quoted}, c: d\n")] == [
        "yaml-syntax"
    ]
    assert [name for name, _, _ in list_found(f"a: [{quoted} x]\n")] == ["yaml-syntax"]


def test_a_quoted_variable_in_braces_is_fine() -> None:
    keys = "environment: {A: \"${B:-c, d}\", E: '${F}'}"

    assert load_app(keys).environment == {"A": "${B:-c, d}", "E": "${F}"}


def test_an_unquoted_variable_on_its_own_line_is_fine() -> None:
    assert load_app("environment:\n  A: ${B:-{c}}\n").environment == {"A": "${B:-{c}}"}


def test_a_variable_without_braces_is_fine_in_braces() -> None:
    assert load_app("environment: {A: $B}").environment == {"A": "$B"}


@pytest.mark.parametrize(
    ("keys", "rest"),
    [
        ("environment: {A: hello, world}", "world"),
        ("labels: {a: hello, world, b: c}", "world"),
        ("relax: {read_only: it writes, alas}", "alas"),
        ("compose: {x-a: {b: some text, and more}}", "and more"),
        ("local: {command: python app.py, dir: ., and more}", "and more"),
    ],
)
def test_a_comma_that_ended_a_value_in_braces_is_reported(keys: str, rest: str) -> None:
    column = 4 + keys.index(rest) + 1

    assert list_places(make_app(keys)) == [("comma-in-braces", 6, column)]


def test_a_service_in_braces_names_a_lost_comma() -> None:
    text = "services: {web: {use: nginx, command: say a, b}}\n"

    assert list_places(text) == [("comma-in-braces", 1, 46)]


def test_a_stack_in_braces_names_a_lost_comma() -> None:
    text = "{services: {web: {use: nginx}}, name: a, b}\n"

    assert list_places(text) == [("comma-in-braces", 1, 42)]


def test_a_null_in_braces_that_is_written_is_no_lost_comma() -> None:
    text = "services: {db: {use: mongo, environment: {A: b, C: }}}"

    assert list_names(text) == ["null-value"]


# Nodes and places


def test_a_node_knows_its_line_and_column() -> None:
    source = read("a:\n  - b\n  - {c: déjà, d: e}\n")
    root = source.root
    assert isinstance(root, MappingNode)
    items = root.value[0][1]
    assert isinstance(items, SequenceNode)
    mapping = items.value[1]
    assert isinstance(mapping, MappingNode)

    place = source.locate(mapping.value[1][0])

    assert place == Location(
        file="stack.yaml", line=3, column=15, text="  - {c: déjà, d: e}", width=1
    )


def test_a_node_of_several_lines_is_marked_to_the_end_of_its_first() -> None:
    source = read("a:  {b: c,\n  d: e}\n")
    root = source.root
    assert isinstance(root, MappingNode)

    place = source.locate(root.value[0][1])

    assert (place.line, place.column, place.width) == (1, 5, 6)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(end: str) -> None:
    text = end.join(
        ["# one", "services:", "  web:", "    use: nginx", "    tyt: 1", ""]
    )

    assert list_places(text.encode()) == [("unknown-key", 5, 5)]


def test_letters_beyond_the_first_plane_are_one_column() -> None:
    text = "services: {web: {use: nginx, labels: {a: 🚀🚀}, tyt: 1}}"

    assert list_places(text) == [("unknown-key", 1, text.index("tyt") + 1)]


def test_a_line_of_ten_thousand_letters_has_exact_columns() -> None:
    text = f"services: {{web: {{use: nginx, labels: {{a: {'b' * 10_000}}}, tyt: 1}}}}"

    assert list_places(text) == [("unknown-key", 1, text.index("tyt") + 1)]


def test_a_place_is_as_wide_as_the_text_that_was_written() -> None:
    source = read("a: 'b''c'\n")
    root = source.root
    assert isinstance(root, MappingNode)

    assert source.locate(root.value[0][1]).width == len("'b''c'")


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_null_is_unquoted(text: str) -> None:
    plain = read(f"a: {text}\n").root
    quoted = read(f"a: '{text}'\n").root
    assert isinstance(plain, MappingNode)
    assert isinstance(quoted, MappingNode)

    assert is_null(plain.value[0][1])
    assert not is_null(quoted.value[0][1])


def test_a_list_is_not_null() -> None:
    root = read("[]").root

    assert root is not None
    assert not is_null(root)


@pytest.mark.parametrize(
    "value",
    [
        "22:22",
        "1:30",
        "yes",
        "off",
        "012",
        "0o17",
        "1e3",
        "1_000",
        ".5",
        "2024-01-01",
        "0x1f",
    ],
)
def test_nothing_is_implicitly_typed(value: str) -> None:
    root = read(f"a: {value}\n").root
    assert isinstance(root, MappingNode)
    node = root.value[0][1]

    assert isinstance(node, ScalarNode)
    assert node.tag == "tag:yaml.org,2002:str"
    assert node.value == value


# Problems


def test_problems_are_sorted_by_place() -> None:
    problems = Problems()
    for line, column in ((3, 1), (1, 9), (1, 2), (10, 1)):
        problems.add(
            "tab", "x", Location(file="stack.yaml", line=line, column=column), "h"
        )

    assert [(p.location.line, p.location.column) for p in problems.found] == [
        (1, 2),
        (1, 9),
        (3, 1),
        (10, 1),
    ]


def test_the_same_problem_at_the_same_place_counts_once() -> None:
    problems = Problems()
    for _ in range(3):
        problems.add("tab", "x", Location(file="stack.yaml", line=1, column=1), "h")

    assert problems.count == len(problems.found) == 1


def test_warnings_are_no_errors() -> None:
    problems = Problems()
    problems.add("open-port", "x", Location(file="stack.yaml"), "h")

    assert not problems.has_errors
    assert problems.found[0].level is Level.WARNING


def test_a_name_that_is_not_listed_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        Problems().add("no-such-name", "x", Location(file="stack.yaml"), "h")


def test_a_message_is_one_line_and_a_help_may_have_more() -> None:
    problems = Problems()
    problems.add("tab", "a\nb", Location(file="stack.yaml"), "c\nd\te")

    assert problems.found[0].message == "a\\nb"
    assert problems.found[0].help == "c\nd\\te"
