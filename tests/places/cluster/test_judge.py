"""Whether a stack comes up on a cluster: what is seen becomes events and a verdict."""

from composegen.places.cluster.judge import Judge
from composegen.places.events import (
    Created,
    Exited,
    Failed,
    Finished,
    Ready,
    Started,
)
from composegen.places.status import State
from tests.clusterfakes import (
    NOW,
    end,
    gate,
    make_deployment,
    make_job,
    make_noted,
    make_notes,
    make_pod,
    make_ready,
    make_replica_set,
    make_starting,
    running,
    take,
    waiting,
)

WEB = make_noted("web")


def judge(*services, limit=None):
    return Judge(make_notes(*services), limit=limit)


def see(judge, at, *objects, events=()):
    return list(judge.look(take(*objects, events=events), at))


def kinds(events):
    return [type(each) for each in events]


def test_a_service_is_created_started_and_ready():
    one = judge(WEB)

    assert kinds(see(one, 0, [make_deployment("web", ready=0)])) == []
    assert kinds(see(one, 1, make_starting("web"))) == [Created]
    assert kinds(see(one, 2, make_starting("web", running()))) == [Started]
    [ready] = see(one, 5, make_ready("web"))
    assert (type(ready), ready.after) == (Ready, 3)
    assert one.is_done


def test_one_that_was_up_before_is_said_to_be():
    [*_, ready] = see(judge(WEB), 0, make_ready("web"))

    assert ready.ran_before


def test_a_rollout_is_not_ready_while_the_new_pod_is_not():
    deployment = make_deployment("web", ready=1)
    deployment["status"] |= {"replicas": 2, "updatedReplicas": 1}
    one = judge(WEB)
    see(one, 0, [deployment, make_replica_set("web"), make_pod("web", main=running())])

    assert not one.is_done


def test_what_the_controller_has_not_seen_yet_is_not_ready():
    [deployment, *rest] = make_ready("web")
    deployment["metadata"]["generation"] = 2
    one = judge(WEB)
    see(one, 0, [deployment, *rest])

    assert not one.is_done


def test_a_trouble_counts_once_it_has_lasted():
    lost = make_starting("web", waiting("ErrImagePull", "not found"))
    one = judge(WEB)

    assert Failed not in kinds(see(one, 0, lost))
    assert Failed not in kinds(see(one, 4.9, lost))
    [failed] = see(one, 5, lost)
    assert failed.failure.cause.startswith("its image web:1 cannot be pulled")
    assert one.failed


def test_a_trouble_that_passes_begins_again():
    lost = make_starting("web", waiting("ErrImagePull", "not found"))
    one = judge(WEB)
    see(one, 0, lost)
    see(one, 3, make_starting("web", waiting("ContainerCreating")))
    see(one, 4, lost)

    assert Failed not in kinds(see(one, 8, lost))


def test_a_second_death_fails_at_once():
    one = judge(WEB)
    see(one, 0, make_starting("web"))
    first = running(restarts=1, last=end(3))
    second = waiting("CrashLoopBackOff", restarts=1, last=end(3))

    [_, exited] = see(one, 1, make_starting("web", first))
    assert (type(exited), exited.exit_code) == (Exited, 3)
    assert Failed in kinds(see(one, 2, make_starting("web", second)))


def test_old_pods_that_serve_are_mentioned():
    old = make_pod("web", main=running(ready=True), ready=True, hash="h0", number=2)
    objects = [
        make_deployment("web", ready=0),
        make_replica_set("web", hash="h0", revision=1),
        make_replica_set("web", hash="h1", revision=2),
        make_pod("web", main=waiting("CrashLoopBackOff", restarts=1, last=end(1))),
        old,
    ]
    [*_, failed] = see(judge(WEB), 0, objects)

    assert failed.failure.reason.endswith("; 1 pod of before still serves")


def test_silence_fails_when_the_boot_is_over_and_not_before():
    one = judge(WEB)
    see(one, 0, make_starting("web"))
    see(one, 10, make_starting("web", running()))

    assert see(one, 39.9, make_starting("web", running())) == []
    [failed] = see(one, 40, make_starting("web", running()))
    assert failed.failure.reason == "web is not healthy within 30s"


def test_one_limit_replaces_every_boot():
    one = judge(WEB, limit=5.0)
    see(one, 0, make_starting("web", running()))

    assert see(one, 4.9, make_starting("web", running())) == []
    assert kinds(see(one, 5, make_starting("web", running()))) == [Failed]


def test_one_that_waits_at_its_gate_has_all_the_time():
    one = judge(make_noted("web", "db"), make_noted("db"))
    waits = make_starting("web", gates=[gate("db", running())])
    boots = make_starting("db", running())
    see(one, 0, waits, boots)

    assert one.candidates["web"].waits_for == "db"
    assert one.candidates["web"].state is State.WAITING
    see(one, 29, waits, boots)
    assert one.candidates["web"].failure is None


def test_a_pod_that_no_node_takes_fails_though_nothing_is_reported():
    one = judge(WEB)
    see(one, 0, make_starting("web"))

    assert kinds(see(one, 30, make_starting("web"))) == [Failed]


def test_a_job_has_no_boot_and_finishes():
    one = judge(make_noted("web", is_job=True, is_asked=False))
    pod = make_pod("web", main=running(), owner="uid-web")
    see(one, 0, [make_job("web"), pod])

    assert see(one, 4000, [make_job("web"), pod]) == []
    assert kinds(see(one, 4001, [make_job("web", "Complete")])) == [Finished]


def test_one_without_a_check_is_ready_when_it_has_run_for_a_second():
    noted = make_noted("web", is_asked=False, check="none")
    objects = [make_deployment("web"), make_replica_set("web")]
    young = make_pod("web", main=running(since=NOW), ready=True)
    old = make_pod("web", main=running(since=NOW - 2), ready=True)
    one = judge(noted)

    assert Ready not in kinds(see(one, 0, [*objects, young]))
    [ready] = see(one, 1, [*objects, old])
    assert not ready.is_asked


def test_an_optional_service_that_fails_is_no_verdict():
    one = judge(make_noted("web", is_required=False))
    see(one, 0, make_starting("web", running()))
    see(one, 30, make_starting("web", running()))

    assert one.failed == ()
    assert one.failed_optional == {"web": "not healthy within 30s"}
    one.exclude("web")
    assert one.is_done
    assert one.failed_optional == {}
