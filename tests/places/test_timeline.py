"""The boot of a stack as bars, and the way that took longest."""

from __future__ import annotations

from composegen.places.timeline import Boot, draw_boots, find_critical_path

DB = Boot(service="db", created=0, started=0.5, ready=2)
CACHE = Boot(service="cache", created=0, started=0.5, ready=1)
API = Boot(service="api", created=0, started=2.5, ready=6, waited_for=("cache", "db"))
WEB = Boot(service="web", created=0, started=6, ready=8, waited_for=("api",))
STUCK = Boot(service="stuck", created=0, started=1)
NEVER = Boot(service="never", created=0, waited_for=("stuck",))


# The critical path


def test_the_longest_way_goes_back_over_the_gate_that_opened_last() -> None:
    assert find_critical_path([WEB, CACHE, API, DB]) == ("db", "api", "web")


def test_the_longest_way_ends_at_what_was_ready_last() -> None:
    slow = Boot(service="slow", created=0, started=0, ready=9)

    assert find_critical_path([WEB, API, DB, slow]) == ("slow",)


def test_what_never_was_ready_is_not_on_the_way() -> None:
    api = Boot(service="api", started=0, ready=1, waited_for=("stuck",))

    assert find_critical_path([STUCK, api]) == ("api",)
    assert find_critical_path([STUCK, NEVER]) == ()
    assert find_critical_path([]) == ()


def test_a_gate_that_is_not_in_the_stack_is_passed_over() -> None:
    api = Boot(service="api", ready=1, waited_for=("gone",))

    assert find_critical_path([api]) == ("api",)


def test_services_that_waited_for_each_other_have_an_end() -> None:
    a = Boot(service="a", ready=1, waited_for=("b",))
    b = Boot(service="b", ready=2, waited_for=("a",))

    assert find_critical_path([a, b]) == ("a", "b")


def test_of_two_gates_at_the_same_moment_the_first_counts() -> None:
    a = Boot(service="a", ready=1)
    b = Boot(service="b", ready=1)
    c = Boot(service="c", ready=2, waited_for=("a", "b"))

    assert find_critical_path([a, b, c]) == ("a", "c")


# Bars


def test_a_boot_is_a_line_a_service_and_the_longest_way() -> None:
    assert draw_boots([DB, CACHE, API, WEB], width=16) == (
        "  db     .===############    2.0 s\n"
        "  cache  .=##############    1.0 s\n"
        "  api    .....=======####    6.0 s  after cache, db\n"
        "  web    ............====    8.0 s  after api\n"
        "\n"
        "  critical path: db 2.0 s -> api 4.0 s -> web 2.0 s\n"
    )


def test_a_service_that_boots_still_has_no_end() -> None:
    (line,) = draw_boots([STUCK], width=10).splitlines()

    assert line == "  stuck  ..........  never ready"


def test_a_service_that_never_started_waits_to_the_end() -> None:
    first, second = draw_boots([STUCK, NEVER], width=4).splitlines()

    assert first.startswith("  stuck  ....")
    assert second == "  never  ....  never ready  after stuck"


def test_a_service_that_boots_at_the_same_time_is_told_apart() -> None:
    other = Boot(service="other", created=0, started=0, ready=4)

    first, _ = draw_boots([STUCK, other], width=8).splitlines()

    assert first == "  stuck  ..======  never ready"


def test_every_bar_has_the_same_width() -> None:
    lines = draw_boots([DB, CACHE, API, WEB, STUCK, NEVER], width=30).splitlines()

    for line in lines[:6]:
        assert set(line[9:39]) <= set(" .=#")
        assert line[39:41] == "  "


def test_a_service_that_was_created_late_begins_late() -> None:
    late = Boot(service="late", created=2, started=3, ready=4)

    (line,) = draw_boots([late], width=8).splitlines()

    assert line == "  late      ..==" + "    4.0 s"


def test_moments_out_of_order_do_not_break_a_bar() -> None:
    odd = Boot(service="odd", created=3, started=1, ready=2)

    (line,) = draw_boots([odd], width=6).splitlines()

    assert len(line.partition("odd  ")[2].partition("  2.0")[0].ljust(6)) <= 8


def test_a_stack_without_services_draws_nothing() -> None:
    assert draw_boots([]) == "\n"


def test_a_boot_in_no_time_is_drawn() -> None:
    (line,) = draw_boots([Boot(service="a", created=0, started=0, ready=0)], width=4)[
        :-1
    ].splitlines()

    assert line == "  a  ####    0.0 s"


def test_a_narrow_terminal_shows_no_names_next_to_the_bars_and_wraps_the_path() -> None:
    wide = draw_boots([DB, CACHE, API, WEB], width=16)
    narrow = draw_boots([DB, CACHE, API, WEB], width=16, columns=40)

    assert max(map(len, wide.splitlines())) > 40
    assert max(map(len, narrow.splitlines())) <= 40
    assert "critical path" in narrow


def test_stopping_what_is_replaced_is_no_part_of_the_boot() -> None:
    db = Boot(service="db", created=0, started=0, ready=0.5)
    web = Boot(
        service="web",
        created=24,
        started=24,
        ready=24.8,
        cleared=24,
        waited_for=("db",),
    )

    shown = draw_boots([db, web])

    assert (
        "critical path: db 0.5 s -> stopping the old web 23.5 s -> web 0.8 s" in shown
    )
    assert "critical path: stopping the old web 24.0 s -> web 0.8 s" in draw_boots(
        [web]
    )
