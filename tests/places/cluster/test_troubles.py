"""What Kubernetes reports becomes a cause with a name, its words and its help."""

import pytest

from composegen.places.cluster.cause import CauseName
from composegen.places.cluster.troubles import AT_ONCE, find_trouble
from tests.clusterfakes import (
    NOW,
    end,
    ended,
    gate,
    make_claim,
    make_deployment,
    make_event,
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
NOTES = make_notes(WEB)


def find(*objects, noted=WEB, events=()):
    snapshot = take(objects, events=events)
    workload = snapshot.find_workload(noted.object)
    return find_trouble(snapshot, make_notes(noted), noted, workload)


def find_in(main=None, *, events=(), noted=WEB, **pod):
    return find(*make_starting("web", main, **pod), noted=noted, events=events)


def test_a_service_that_is_ready_has_no_trouble():
    assert find(*make_ready("web")) is None


def test_a_service_that_boots_has_no_trouble():
    assert find_in(running()) is None


def test_a_service_that_waits_at_its_gate_has_no_trouble():
    assert find_in(gates=[gate("db", running())]) is None


# No pod


def test_a_pod_that_pod_security_refuses_names_the_namespace_and_why():
    refusal = (
        'pods "web-6d5f" is forbidden: violates PodSecurity "restricted:latest": '
        "allowPrivilegeEscalation != false"
    )
    found = find(make_deployment("web", ready=0, refusal=refusal))

    assert found.cause.name == CauseName.POD_REFUSED
    assert found.cause.text == (
        "the cluster admits no such pod in demo: violates PodSecurity "
        '"restricted:latest": allowPrivilegeEscalation != false'
    )
    assert "--namespace NAME" in found.cause.help


def test_a_refusal_is_told_by_an_event_where_the_workload_says_nothing():
    event = make_event(
        "Job", "web", "FailedCreate", 'Error creating: pods "web-x" is forbidden: no'
    )
    found = find(make_job("web"), events=[event])

    assert found.cause.name == CauseName.POD_REFUSED
    assert found.cause.text.endswith("in demo: no")


def test_a_refusal_of_an_earlier_up_is_no_evidence():
    event = make_event(
        "Job", "web", "FailedCreate", 'pods "x" is forbidden: no', at=NOW - 3000
    )
    assert find(make_job("web"), events=[event]) is None


def test_a_quota_is_no_matter_of_pod_security():
    refusal = 'pods "web-1" is forbidden: exceeded quota: small, requested: pods=1'
    found = find(make_deployment("web", ready=0, refusal=refusal))

    assert found.cause.name == CauseName.QUOTA_EXCEEDED
    assert "exceeded quota: small" in found.cause.text


def test_a_node_without_room_names_what_is_short():
    said = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are .."
    found = find_in(unscheduled=said)

    assert found.cause.name == CauseName.NO_ROOM
    assert found.cause.text == (
        "no node has enough cpu free: 0/1 nodes are available: 1 Insufficient cpu"
    )


def test_a_node_that_takes_no_pod_of_its_kind_is_another_cause():
    said = "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: true}."
    assert find_in(unscheduled=said).cause.name == CauseName.NO_NODE


def test_a_claim_without_a_volume_is_named_and_not_the_node():
    said = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims"
    event = make_event(
        "PersistentVolumeClaim", "data-web-0", "FailedBinding", "no storage class"
    )
    found = find(
        *make_starting("web", unscheduled=said, claims=["data-web-0"]),
        make_claim("data-web-0", "web"),
        events=[event],
    )

    assert found.cause.name == CauseName.CLAIM_PENDING
    assert "data-web-0 gets no volume: no storage class" in found.cause.text


def test_a_claim_for_which_a_volume_may_still_be_made_is_no_trouble():
    said = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims"
    found = find(
        *make_starting("web", unscheduled=said, claims=["data-web-0"]),
        make_claim("data-web-0", "web"),
    )
    assert found is None


# A container that cannot be started


def test_an_image_that_is_not_there_is_named_with_what_the_registry_said():
    main = waiting("ImagePullBackOff", 'Back-off pulling image "web:1"')
    said = 'Failed to pull image "web:1": not found'
    events = [
        make_event("Pod", "web-h1-1", "Failed", each)
        for each in (said, "Error: ErrImagePull", "Error: ImagePullBackOff")
    ]
    found = find_in(main, events=events)

    assert found.cause.name == CauseName.IMAGE_NOT_PULLED
    assert found.cause.text == (
        'its image web:1 cannot be pulled: Failed to pull image "web:1": not found'
    )
    assert found.cause.help.startswith("correct `image` of `web`")


def test_an_image_that_is_built_here_is_to_be_pushed():
    noted = make_noted("web", is_built=True)
    found = find_in(waiting("ErrImagePull", "not found"), noted=noted)

    assert "composegen push" in found.cause.help


def test_the_image_of_a_gate_is_the_service_s_own():
    state = waiting("ErrImagePull", "not found")
    found = find_in(gates=[gate("db", state)])

    assert found.cause.name == CauseName.IMAGE_NOT_PULLED


def test_a_missing_key_of_a_secret_is_named():
    said = "couldn't find key web.TOKEN in Secret demo/demo-env"
    found = find_in(waiting("CreateContainerConfigError", said))

    assert found.cause.name == CauseName.SECRET_MISSING
    assert "demo-env has no key web.TOKEN" in found.cause.text
    assert "composegen secrets && composegen up" in found.cause.help


def test_a_secret_that_is_not_there_is_named_from_the_mount_that_fails():
    said = 'MountVolume.SetUp failed for volume "s" : secret "key-9k" not found'
    event = make_event("Pod", "web-h1-1", "FailedMount", said)
    found = find_in(waiting("ContainerCreating"), events=[event])

    assert found.cause.name == CauseName.SECRET_MISSING
    assert "key-9k is not there" in found.cause.text


def test_another_mount_that_fails_says_what_the_kubelet_said():
    event = make_event("Pod", "web-h1-1", "FailedMount", "device is busy")
    found = find_in(waiting("ContainerCreating"), events=[event])

    assert (found.cause.name, found.cause.text) == (
        CauseName.MOUNT_FAILED,
        "device is busy",
    )


def test_a_mount_that_worked_in_the_end_is_no_trouble():
    failed = make_event("Pod", "web-h1-1", "FailedMount", "busy", at=NOW - 5)
    begun = make_event("Pod", "web-h1-1", "Started", "Started", type="Normal")
    found = find_in(gates=[gate("db", running())], events=[failed, begun])

    assert found is None


def test_an_image_that_runs_as_root_is_told_the_line_to_write():
    said = "container has runAsNonRoot and image will run as root"
    found = find_in(waiting("CreateContainerConfigError", said))

    assert found.cause.name == CauseName.RUNS_AS_ROOT
    assert 'user: "10001:10001"' in found.cause.help


# How it ended


def test_one_death_is_no_trouble():
    assert find_in(running(restarts=1, last=end(1))) is None


def test_a_crash_loop_is_trouble_at_once():
    main = waiting("CrashLoopBackOff", restarts=1, last=end(3))
    found = find_in(main)

    assert found.reason == "web exited with 3, 2 times so far"
    assert (found.cause.name, found.exit_code) == (CauseName.EXITED, 3)
    assert found.lasts == AT_ONCE


def test_one_that_came_to_itself_after_deaths_has_no_trouble():
    main = running(ready=True, restarts=3, last=end(1))
    assert find_in(main, ready=True) is None


def test_a_lack_of_memory_is_named_with_twice_the_limit():
    main = waiting("CrashLoopBackOff", restarts=1, last=end(137, "OOMKilled"))
    found = find_in(main, memory="64Mi")

    assert found.cause.name == CauseName.OUT_OF_MEMORY
    assert found.cause.text == "it ran out of memory: the limit is 64Mi"
    assert "resources: {memory: 128M}" in found.cause.help


def test_a_program_that_is_missing_is_hopeless_after_one_death():
    said = 'exec: "serve": executable file not found in $PATH'
    found = find_in(waiting("RunContainerError", last=end(128, "StartError", said)))

    assert found.cause.name == CauseName.PROGRAM_NOT_FOUND
    assert found.cause.text == "`serve` is not in the image"


def test_a_program_that_is_locked_is_named():
    said = 'exec: "/app/run": permission denied'
    found = find_in(waiting("RunContainerError", last=end(128, "StartError", said)))

    assert found.cause.name == CauseName.PROGRAM_LOCKED
    assert "RUN chmod +x /app/run" in found.cause.help


def test_a_start_that_is_refused_for_another_reason_says_so():
    last = end(128, "StartError", "failed to create shim task: no cgroup")
    found = find_in(waiting("RunContainerError", last=last))

    assert (found.cause.name, found.cause.text) == (
        CauseName.START_REFUSED,
        "failed to create shim task: no cgroup",
    )


def test_one_that_the_kubelet_restarts_for_its_probe_is_told_so():
    main = waiting("CrashLoopBackOff", restarts=2, last=end(137))
    event = make_event(
        "Pod",
        "web-h1-1",
        "Killing",
        "Container web failed startup probe, will be restarted",
        type="Normal",
    )
    found = find_in(main, events=[event])

    assert found.cause.text == (
        "the kubelet ended it: its startup probe did not pass in time"
    )
    assert find_in(running(restarts=2, last=end(137)), events=[event]) is None


def test_a_job_that_failed_is_told_at_once_with_its_exit_code():
    job = make_noted("web", is_job=True)
    pod = make_pod("web", main=ended(4), owner="uid-web", phase="Failed")
    found = find(make_job("web", "FailureTarget"), pod, noted=job)

    assert found.reason == "web exited with 4"
    assert found.lasts == AT_ONCE


def test_a_failed_job_whose_pod_is_gone_says_what_kubernetes_says():
    job = make_noted("web", is_job=True)
    found = find(make_job("web", "Failed", message="it took too long"), noted=job)

    assert found.cause.name == CauseName.JOB_FAILED
    assert found.cause.text == "it took too long; its pod is gone"


def test_a_job_that_is_complete_has_no_trouble():
    pod = make_pod("web", main=ended(0, "Completed"), owner="uid-web")
    assert find(make_job("web", "Complete"), pod) is None


def test_a_gate_that_fails_is_named():
    state = waiting("CrashLoopBackOff", restarts=1, last=end(2))
    found = find_in(gates=[gate("db", state)])

    assert found.cause.name == CauseName.GATE_FAILED
    assert found.container == "wait-db"


def test_an_evicted_pod_is_named():
    found = find_in(phase="Failed", reason="Evicted")

    assert found.cause.name == CauseName.EVICTED


@pytest.mark.parametrize("replicas", [0])
def test_one_that_is_scaled_to_zero_has_no_trouble(replicas):
    assert find(make_deployment("web", ready=0, replicas=replicas)) is None


def test_only_the_pods_of_the_newest_template_count():
    old = make_pod("web", main=waiting("ErrImagePull", "x"), hash="h0", number=2)
    objects = [
        make_deployment("web", ready=0),
        make_replica_set("web", hash="h0", revision=1),
        make_replica_set("web", hash="h1", revision=2),
        old,
        make_pod("web", main=running()),
    ]
    assert find(*objects) is None
