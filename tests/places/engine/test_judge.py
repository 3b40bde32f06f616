"""The verdict on a boot: what is ready, what has failed, and what is reported."""

import pytest

from composegen.needs import Condition
from composegen.places.engine.candidate import list_excluded_failures
from composegen.places.engine.containers import Status
from composegen.places.engine.happened import Action
from composegen.places.engine.judge import Judge
from composegen.places.engine.notes import How
from composegen.places.events import (
    Created,
    Exited,
    Failed,
    Finished,
    Message,
    Ready,
    Started,
)
from composegen.places.status import State
from composegen.planning.plan import Gate
from composegen.records import replace
from tests.enginefakes import happen, make_container, make_noted, make_notes


def judge(*services, **values):
    return Judge(make_notes(*services), **values)


def see(judge, service, action, at, **values):
    return list(judge.see(happen(service, action, **values), at))


def kinds(events):
    return [type(event) for event in events]


def healthy(judge, service, at, **values):
    return see(judge, service, Action.HEALTH, at, health="healthy", **values)


def test_a_service_goes_from_created_to_ready():
    boot = judge(make_noted("web"))
    assert kinds(see(boot, "web", Action.CREATE, 1.0)) == [Created]
    assert kinds(see(boot, "web", Action.START, 2.0)) == [Started]
    assert not boot.is_done
    [ready] = healthy(boot, "web", 5.5)
    assert ready == Ready(service="web", at=5.5, after=3.5)
    assert boot.is_done
    assert boot.failed == ()


def test_a_healthy_service_is_reported_once():
    boot = judge(make_noted("web"))
    see(boot, "web", Action.START, 1.0)
    assert kinds(healthy(boot, "web", 2.0)) == [Ready]
    assert healthy(boot, "web", 12.0) == []


def test_the_health_of_a_check_that_failed_is_no_readiness():
    boot = judge(make_noted("web"))
    see(boot, "web", Action.START, 1.0)
    assert see(boot, "web", Action.HEALTH, 2.0, health="unhealthy") == []
    assert not boot.is_done


def test_without_a_check_ready_means_alive_for_a_second():
    boot = judge(make_noted("web", is_asked=False))
    see(boot, "web", Action.START, 1.0)
    assert boot.find_next(1.0) == 2.0
    assert list(boot.look(1.9)) == []
    assert kinds(boot.look(2.0)) == [Ready]
    assert boot.is_done


def test_a_crash_loop_without_a_check_never_gets_ready():
    boot = judge(make_noted("web", is_asked=False))
    for at in (1.0, 2.0):
        see(boot, "web", Action.START, at)
        see(boot, "web", Action.DIE, at + 0.5, exit_code=1)
        assert Ready not in kinds(boot.look(at + 0.9))
    assert [failure.service for failure in boot.failed] == ["web"]


def test_the_first_death_of_a_required_service_is_reported_and_the_second_ends_it():
    boot = judge(make_noted("web"))
    see(boot, "web", Action.START, 1.0)
    assert kinds(see(boot, "web", Action.DIE, 2.0, exit_code=3)) == [Exited]
    assert boot.failed == ()
    [started] = see(boot, "web", Action.START, 3.0)
    assert started.restarts == 1
    [failed] = see(boot, "web", Action.DIE, 4.0, exit_code=3)
    assert isinstance(failed, Failed)
    assert failed.is_required
    assert boot.failed[0].reason == "web exited twice with 3"
    assert boot.failed[0].exit_code == 3


def test_one_that_dies_once_and_recovers_is_ready():
    boot = judge(make_noted("web"))
    see(boot, "web", Action.START, 1.0)
    see(boot, "web", Action.DIE, 2.0, exit_code=3)
    see(boot, "web", Action.START, 3.0)
    assert kinds(healthy(boot, "web", 4.0)) == [Ready]
    assert boot.is_done
    assert boot.failed == ()


def test_a_death_after_it_was_ready_takes_its_readiness_away():
    boot = judge(make_noted("web"), make_noted("other"))
    see(boot, "web", Action.START, 1.0)
    healthy(boot, "web", 2.0)
    see(boot, "web", Action.DIE, 3.0, exit_code=1)
    see(boot, "other", Action.START, 3.0)
    healthy(boot, "other", 4.0)
    assert not boot.is_done


@pytest.mark.parametrize("code", [126, 127])
def test_a_program_that_cannot_run_ends_it_at_once(code):
    boot = judge(make_noted("web"))
    see(boot, "web", Action.START, 1.0)
    assert kinds(see(boot, "web", Action.DIE, 2.0, exit_code=code)) == [Failed]
    assert boot.failed[0].exit_code == code


def test_replicas_count_their_deaths_each_for_itself():
    boot = judge(make_noted("web", replicas=2))
    for id in ("a", "b"):
        see(boot, "web", Action.START, 1.0, id=id)
        see(boot, "web", Action.DIE, 2.0, id=id, exit_code=1)
    assert boot.failed == ()


def test_a_service_is_ready_when_every_replica_is():
    boot = judge(make_noted("web", replicas=2))
    for id in ("a", "b"):
        see(boot, "web", Action.START, 1.0, id=id)
    assert healthy(boot, "web", 2.0, id="a") == []
    assert kinds(healthy(boot, "web", 3.0, id="b")) == [Ready]


def test_a_job_is_finished_when_it_ends_well():
    boot = judge(make_noted("seed", is_job=True, is_asked=False))
    see(boot, "seed", Action.START, 1.0)
    assert kinds(boot.look(500.0)) == []
    assert kinds(see(boot, "seed", Action.DIE, 600.0, exit_code=0)) == [Finished]
    assert boot.is_done


def test_the_first_bad_end_of_a_job_ends_it():
    boot = judge(make_noted("seed", is_job=True, is_asked=False))
    see(boot, "seed", Action.START, 1.0)
    assert kinds(see(boot, "seed", Action.DIE, 2.0, exit_code=1)) == [Failed]
    assert boot.failed


def test_a_service_that_is_no_job_and_ends_with_zero_has_died():
    boot = judge(make_noted("web"))
    see(boot, "web", Action.START, 1.0)
    assert kinds(see(boot, "web", Action.DIE, 2.0, exit_code=0)) == [Exited]
    assert not boot.is_done


def test_boot_is_the_deadline_from_the_first_start():
    boot = judge(make_noted("web", boot=10.0))
    see(boot, "web", Action.START, 5.0)
    assert boot.find_next(5.0) == 15.0
    assert list(boot.look(14.9)) == []
    assert kinds(boot.look(15.0)) == [Failed]
    assert boot.failed[0].reason == "web was not healthy 10s after it started"


def test_a_restart_does_not_begin_the_boot_again():
    boot = judge(make_noted("web", boot=10.0))
    see(boot, "web", Action.START, 5.0)
    see(boot, "web", Action.DIE, 13.0, exit_code=1)
    see(boot, "web", Action.START, 14.0)
    assert kinds(boot.look(15.0)) == [Failed]


def test_one_that_dies_after_it_was_ready_gets_its_boot_again():
    boot = judge(make_noted("web", boot=10.0), make_noted("slow", boot=90.0))
    see(boot, "slow", Action.START, 1.0)
    see(boot, "web", Action.START, 1.0)
    healthy(boot, "web", 2.0)
    see(boot, "web", Action.DIE, 50.0, exit_code=1)
    assert list(boot.look(50.0)) == []
    see(boot, "web", Action.START, 51.0)
    assert list(boot.look(59.9)) == []
    assert kinds(boot.look(60.0)) == [Failed]


def test_one_that_the_engine_does_not_start_again_dies_once():
    boot = judge(make_noted("web", is_restarted=False))
    see(boot, "web", Action.START, 1.0)
    assert kinds(see(boot, "web", Action.DIE, 2.0, exit_code=1)) == [Failed]
    assert boot.failed[0].reason == "web exited with 1"


def test_one_limit_replaces_every_boot_and_counts_those_that_wait():
    boot = judge(make_noted("web", boot=10.0), make_noted("late", "web"), limit=20.0)
    see(boot, "web", Action.START, 5.0)
    assert list(boot.look(16.0)) == []
    assert kinds(boot.look(20.0)) == [Failed, Failed]
    reasons = [failure.reason for failure in boot.failed]
    assert reasons == [
        "web was not healthy within 20s",
        "late was not started",
    ]


def test_an_optional_service_that_fails_is_reported_and_ends_nothing():
    boot = judge(
        make_noted("web", "cache?"), make_noted("cache", is_required=False, boot=3.0)
    )
    see(boot, "cache", Action.START, 1.0)
    [failed] = boot.look(4.0)
    assert not failed.is_required
    assert failed.dependents == ("web",)
    assert boot.failed == ()
    see(boot, "web", Action.START, 5.0)
    healthy(boot, "web", 6.0)
    assert boot.is_done


def test_a_service_that_timed_out_can_still_become_healthy():
    boot = judge(make_noted("cache", is_required=False, boot=3.0))
    see(boot, "cache", Action.START, 1.0)
    list(boot.look(4.0))
    message, ready = healthy(boot, "cache", 5.0)
    assert message == Message(service="cache", at=5.0, text="is healthy again")
    assert isinstance(ready, Ready)


def test_what_runs_already_is_ready_at_once():
    boot = judge(make_noted("web"))
    assert kinds(boot.adopt([make_container("web")])) == [Ready]
    assert boot.is_done


def test_what_runs_already_without_a_check_has_to_live_for_a_second():
    boot = judge(make_noted("web", is_asked=False))
    assert list(boot.adopt([make_container("web", health="none")])) == []
    boot.settle()
    assert list(boot.look(0.9)) == []
    assert kinds(boot.look(1.0)) == [Ready]


def adopt_old():
    """A container without a check that an earlier `up` has made."""
    boot = judge(make_noted("web", is_asked=False))
    assert list(boot.adopt([make_container("web", health="none")])) == []
    return boot


def test_an_old_container_is_reported_once_it_is_known_to_stay():
    boot = adopt_old()
    assert list(boot.look(1.0)) == []
    boot.settle()
    assert kinds(boot.look(1.1)) == [Ready]
    assert list(boot.release()) == []


def test_an_old_container_that_is_replaced_is_never_reported_as_running():
    boot = adopt_old()
    assert list(boot.look(1.0)) == []
    [leaving] = see(boot, "web", Action.KILL, 2.0, signal=15)
    assert leaving.text == "is being replaced: its old container is stopped first"
    assert see(boot, "web", Action.KILL, 12.0, signal=9) == []
    assert see(boot, "web", Action.DIE, 12.1, exit_code=137) == []
    boot.settle()
    assert list(boot.look(12.2)) == []
    [times] = boot.list_boots()
    assert times.cleared == 12.1


def test_a_new_container_that_waits_for_the_old_one_to_stop_says_so():
    boot = adopt_old()
    made = see(boot, "web", Action.CREATE, 1.5, id="new")
    assert kinds(made) == [Created, Message]
    assert made[1].text == "is being replaced: its old container is stopped first"
    assert see(boot, "web", Action.KILL, 1.6, signal=15) == []
    assert see(boot, "web", Action.DIE, 11.6, exit_code=137) == []
    see(boot, "web", Action.START, 12.0, id="new")
    boot.settle()
    assert kinds(boot.look(13.0)) == [Ready]
    [times] = boot.list_boots()
    assert (times.cleared, times.started, times.ready) == (11.6, 12.0, 13.0)


def test_one_replica_too_many_is_not_being_replaced():
    boot = judge(make_noted("web", is_asked=False))
    old = make_container("web", health="none")
    other = make_container("web", id="id-2", number=2, health="none")
    assert list(boot.adopt([old, other])) == []
    assert see(boot, "web", Action.KILL, 2.0, signal=15) == []


def test_what_runs_already_and_boots_is_waited_for():
    boot = judge(make_noted("web", boot=10.0))
    assert list(boot.adopt([make_container("web", health="starting")])) == []
    assert boot.is_moving
    assert kinds(boot.look(10.0)) == [Failed]


def test_a_job_that_ended_in_an_earlier_up_runs_again():
    boot = judge(make_noted("seed", is_job=True))
    old = make_container("seed", status=Status.EXITED, health="none")
    assert list(boot.adopt([old])) == []
    assert not boot.is_done
    boot.settle()
    see(boot, "seed", Action.START, 1.0)
    assert kinds(see(boot, "seed", Action.DIE, 2.0, exit_code=0)) == [Finished]


def test_the_end_of_a_container_that_is_replaced_is_no_death():
    boot = judge(make_noted("web"))
    list(boot.adopt([make_container("web", id="old")]))
    see(boot, "web", Action.CREATE, 1.0, id="new")
    assert see(boot, "web", Action.KILL, 1.1, id="old") == []
    assert see(boot, "web", Action.DIE, 1.2, id="old", exit_code=143) == []
    assert not boot.is_done
    see(boot, "web", Action.DESTROY, 1.3, id="old")
    assert kinds(see(boot, "web", Action.START, 1.4, id="new")) == [Started]
    [ready] = healthy(boot, "web", 2.0, id="new")
    assert ready.after == pytest.approx(0.6)
    assert boot.is_done


def adopt_three(boot, **values):
    ids = enumerate("abc", start=1)
    return kinds(
        boot.adopt(make_container("web", id=id, number=n, **values) for n, id in ids)
    )


def test_one_replica_too_many_may_go():
    boot = judge(make_noted("web", replicas=2))
    assert adopt_three(boot) == [Ready]
    assert see(boot, "web", Action.DIE, 1.0, id="c", exit_code=143) == []
    assert see(boot, "web", Action.DESTROY, 1.1, id="c") == []
    assert boot.is_done


def test_the_others_have_their_boot_when_one_replica_too_many_goes():
    boot = judge(make_noted("web", replicas=2, boot=10.0))
    assert adopt_three(boot, health="starting") == []
    assert see(boot, "web", Action.DIE, 1.0, id="c", exit_code=143) == []
    assert kinds(boot.look(10.0)) == [Failed]


def test_a_crash_of_a_container_that_was_there_is_a_death():
    boot = judge(make_noted("web"))
    list(boot.adopt([make_container("web")]))
    boot.settle()
    assert kinds(see(boot, "web", Action.DIE, 1.0, exit_code=1)) == [Exited]


def test_before_compose_has_settled_it_counts_for_nothing():
    boot = judge(make_noted("web"))
    list(boot.adopt([make_container("web")]))
    assert see(boot, "web", Action.DIE, 1.0, exit_code=1) == []
    assert not boot.is_done


def test_one_that_is_stopped_has_failed():
    boot = judge(make_noted("web"))
    see(boot, "web", Action.START, 1.0)
    see(boot, "web", Action.KILL, 2.0)
    assert kinds(see(boot, "web", Action.DIE, 2.1, exit_code=143)) == [Failed]
    assert boot.failed[0].reason == "web was stopped from outside composegen"


def test_a_service_that_is_not_of_the_plan_is_none():
    boot = judge(make_noted("web"))
    assert see(boot, "orphan", Action.DIE, 1.0, exit_code=1) == []
    assert list(boot.adopt([make_container("orphan")])) == []


def test_the_boots_say_when_each_was_created_started_and_ready():
    boot = judge(make_noted("web", "db"), make_noted("db"))
    see(boot, "db", Action.CREATE, 0.5)
    see(boot, "web", Action.CREATE, 0.6)
    see(boot, "db", Action.START, 1.0)
    healthy(boot, "db", 2.0)
    see(boot, "web", Action.START, 2.5)
    web, db = boot.list_boots()
    assert (db.created, db.started, db.ready) == (0.5, 1.0, 2.0)
    assert (web.created, web.started, web.ready) == (0.6, 2.5, None)
    assert web.waited_for == ("db",)


def test_something_moves_until_it_is_ready_or_timed_out():
    boot = judge(make_noted("web"))
    assert not boot.is_moving
    see(boot, "web", Action.START, 1.0)
    assert boot.is_moving
    healthy(boot, "web", 2.0)
    assert not boot.is_moving
    assert boot.candidates["web"].state is State.READY


def test_a_start_that_compose_never_made_is_a_failure():
    boot = judge(make_noted("web"))
    assert kinds(boot.fail_start("web", "web was not started by Compose", 1.0)) == [
        Failed
    ]
    assert boot.failed[0].reason == "web was not started by Compose"


# Asked from outside


def judge_asked(**values):
    return judge(make_noted("otel", helper="otel-health", **values))


def test_a_service_is_ready_when_the_helper_that_asks_it_is_healthy():
    boot = judge_asked()
    see(boot, "otel", Action.START, 1.0)
    see(boot, "otel-health", Action.CREATE, 1.0)
    see(boot, "otel-health", Action.START, 2.0)

    [ready] = healthy(boot, "otel-health", 4.5)

    assert ready == Ready(service="otel", at=4.5, after=3.5)
    assert boot.is_done


def test_the_image_s_own_check_makes_no_service_ready_that_is_asked_from_outside():
    boot = judge_asked()
    see(boot, "otel", Action.START, 1.0)

    assert healthy(boot, "otel", 2.0) == []
    assert not boot.is_done


def test_one_answer_is_enough_for_all_replicas():
    boot = judge_asked(replicas=2)
    for id in ("a", "b"):
        see(boot, "otel", Action.START, 1.0, id=id)
    see(boot, "otel-health", Action.START, 2.0)

    assert kinds(healthy(boot, "otel-health", 3.0)) == [Ready]


def test_the_health_of_before_does_not_count_for_a_container_that_is_new():
    boot = judge_asked()
    there = [
        make_container("otel", health="none", id="old"),
        make_container("otel-health", id="helper"),
    ]
    assert kinds(boot.adopt(there)) == [Ready]
    see(boot, "otel-health", Action.DIE, 1.0, id="helper", exit_code=143)
    see(boot, "otel", Action.CREATE, 1.0, id="new")
    see(boot, "otel", Action.DESTROY, 1.5, id="old")
    see(boot, "otel", Action.START, 2.0, id="new")
    see(boot, "otel-health", Action.START, 2.5, id="helper")
    assert list(boot.look(20.0)) == []
    assert not boot.is_done

    assert kinds(healthy(boot, "otel-health", 21.0, id="helper")) == [Ready]


def test_one_that_died_once_is_ready_when_it_has_run_and_its_helper_has_not_changed():
    boot = judge_asked()
    see(boot, "otel", Action.START, 1.0)
    see(boot, "otel-health", Action.START, 1.0)
    healthy(boot, "otel-health", 2.0)
    see(boot, "otel", Action.DIE, 3.0, exit_code=1)
    see(boot, "otel", Action.START, 4.0)

    assert list(boot.look(13.9)) == []
    assert boot.find_next(13.9) == 14.0
    assert kinds(boot.look(14.0)) == [Ready]


def test_one_that_its_helper_finds_unhealthy_is_not_ready_by_running():
    boot = judge_asked(boot=60.0)
    see(boot, "otel", Action.START, 1.0)
    see(boot, "otel-health", Action.START, 1.0)
    healthy(boot, "otel-health", 2.0)
    see(boot, "otel", Action.DIE, 3.0, exit_code=1)
    see(boot, "otel", Action.START, 4.0)
    see(boot, "otel-health", Action.HEALTH, 5.0, health="unhealthy")

    assert list(boot.look(30.0)) == []


def test_a_helper_whose_program_is_missing_fails_its_service_at_once():
    boot = judge_asked()
    see(boot, "otel", Action.START, 1.0)
    see(boot, "otel-health", Action.START, 1.0)

    assert kinds(see(boot, "otel-health", Action.DIE, 1.5, exit_code=127)) == [Failed]
    assert boot.failed[0].reason == (
        "otel-health, which checks otel, exited with 127: its program was not found"
    )


def test_a_helper_that_is_removed_after_another_has_begun_changes_nothing():
    boot = judge_asked()
    see(boot, "otel", Action.START, 1.0)
    see(boot, "otel-health", Action.START, 1.0, id="new")
    healthy(boot, "otel-health", 2.0, id="new")

    assert see(boot, "otel-health", Action.DIE, 3.0, id="old", exit_code=127) == []
    assert boot.is_done


@pytest.mark.parametrize(("code", "kind"), [(0, Failed), (1, Exited)])
def test_one_that_is_started_again_on_failure_is_over_after_a_zero(code, kind):
    boot = judge(make_noted("web", on_failure=True))
    see(boot, "web", Action.START, 1.0)
    assert kinds(see(boot, "web", Action.DIE, 2.0, exit_code=code)) == [kind]


# Optional services that fail

GATE = Gate(service="cache", condition=Condition.HEALTHY, is_optional=True)


def make_optional(**values):
    cache = make_noted("cache", is_required=False, boot=20.0)
    return judge(make_noted("web", "cache?"), cache, **values)


@pytest.mark.parametrize(
    ("deaths", "reason"),
    [
        ((), "not healthy within 20s"),
        ((3,), "not healthy within 20s; meanwhile it exited with 3"),
        ((3, 3), "exited twice with 3"),
        ((127,), "exited with 127: its program was not found"),
    ],
)
def test_an_optional_service_says_briefly_why_it_failed(deaths, reason):
    boot = make_optional()
    see(boot, "cache", Action.START, 1.0)
    for code in deaths:
        see(boot, "cache", Action.DIE, 2.0, exit_code=code)
        see(boot, "cache", Action.START, 3.0)
    list(boot.look(21.0))

    assert boot.failed_optional == {"cache": reason}
    assert boot.failed == ()


def test_what_is_excluded_is_over_whatever_happens_to_it():
    boot = make_optional()
    see(boot, "cache", Action.START, 1.0)
    list(boot.look(21.0))
    boot.exclude("cache")

    assert boot.failed_optional == {}
    assert healthy(boot, "cache", 22.0) == []
    assert see(boot, "cache", Action.DIE, 23.0, exit_code=143) == []
    assert boot.deaths == ()
    assert boot.list_failures(0.0) == ()
    [failure] = list_excluded_failures(boot.candidates.values())
    assert failure.how is How.LATE
    see(boot, "web", Action.START, 24.0)
    healthy(boot, "web", 25.0)
    assert boot.is_done


def test_what_was_excluded_before_is_not_adopted():
    boot = make_optional()
    boot.exclude("cache")

    assert list(boot.adopt([make_container("cache")])) == []


def test_a_gate_is_open_once_its_service_is_ready():
    boot = make_optional()
    see(boot, "cache", Action.START, 1.0)
    assert not boot.is_open(GATE)
    assert boot.is_open(replace(GATE, condition=Condition.STARTED))

    healthy(boot, "cache", 2.0)

    assert boot.is_open(GATE)


def test_what_ran_before_opens_no_gate_until_compose_has_left_it():
    boot = make_optional()
    list(boot.adopt([make_container("cache")]))
    assert boot.runs_before("cache")
    assert not boot.is_open(GATE)

    boot.settle(["cache"])

    assert boot.is_open(GATE)


def test_a_container_that_a_later_call_replaces_has_not_died():
    boot = make_optional()
    list(boot.adopt([make_container("web"), make_container("cache")]))
    boot.settle(["cache"])

    see(boot, "web", Action.DIE, 1.0, exit_code=143)

    assert boot.failed == ()
    assert not boot.runs_before("web")


def test_one_deadline_for_all_gives_an_optional_service_no_longer_than_its_boot():
    boot = make_optional(limit=100.0)
    see(boot, "cache", Action.START, 1.0)
    assert boot.find_next(1.0) == 21.0
    list(boot.look(21.0))

    assert boot.failed_optional == {"cache": "not healthy within 20s"}


def test_one_deadline_for_all_may_be_shorter():
    boot = make_optional(limit=5.0)
    see(boot, "cache", Action.START, 1.0)
    list(boot.look(5.0))

    assert boot.failed_optional == {"cache": "not healthy within 5s"}


def test_a_helper_that_begins_has_not_answered_yet():
    boot = judge_asked(boot=60.0)
    there = [make_container("otel", health="none"), make_container("otel-health")]
    list(boot.adopt(there))
    see(boot, "otel", Action.DIE, 1.0, exit_code=1)
    see(boot, "otel", Action.START, 2.0)
    see(boot, "otel-health", Action.START, 2.5, id="new")

    assert list(boot.look(30.0)) == []
    assert not boot.is_done
