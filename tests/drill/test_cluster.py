"""Drills of a stack on a cluster, which a hand-written kubectl speaks for."""

import json
import os
import socket
import threading
from contextlib import contextmanager

import pytest

from composegen.ask import Ask, Drill
from composegen.drill.cluster import ClusterGround
from composegen.drill.ground import Undo
from composegen.drill.leftover import undo_leftover
from composegen.drill.notes import DrillFile, DrillNotes, has_notes
from composegen.drill.trials import Edge, Fault, Trial
from composegen.errors import FaultFailed, OtherCluster
from composegen.places.cluster.boot import Outside
from composegen.places.cluster.faults import Hands
from composegen.places.cluster.kubectl import Kubectl
from composegen.places.cluster.notes import write_notes
from composegen.records import replace
from composegen.system.identity import identify_self
from composegen.workspace.workspace import Workspace
from tests.clusterfakes import (
    NOW,
    FakeKubectl,
    end,
    make_config,
    make_deployment,
    make_list,
    make_noted,
    make_notes,
    make_pod,
    make_ready,
    make_replica_set,
    make_starting,
    running,
    waiting,
)
from tests.stacks import load_only

STACK = load_only("""
    services:
      web:
        image: python:3.13-slim
        port: 8000
        health: /
        needs: {cache: {env: {CACHE: here}, otherwise: {}}}
      cache: {image: "redis:8", port: 6379, health: tcp}
""")
NOTES = make_notes(
    make_noted("cache", port=6379), make_noted("web", optional=["cache"])
)
ALL = [*make_ready("cache"), *make_ready("web")]
PATIENT = Outside(clock=lambda: 0.0, pause=lambda _: None)


def make_object(kind, name, service="web", **more):
    labels = {"app.kubernetes.io/name": service}
    return {"kind": kind, "metadata": {"name": name, "labels": labels}, **more}


class Variants:
    """Objects of which two differ without the cache: those of `web`, and a Secret."""

    def make_whole(self):
        return [
            make_object("Secret", "demo-env-1", "demo"),
            make_object("Deployment", "web", spec={"with": "cache"}),
            make_object("Service", "web"),
            make_object("Deployment", "cache", "cache", spec={}),
        ]

    def make_without(self, service, dependents):
        assert (service, dependents) == ("cache", ("web",))
        return [
            make_object("Secret", "demo-env-2", "demo"),
            make_object("Deployment", "web", spec={"with": "nothing"}),
            make_object("Service", "web"),
            make_object("Deployment", "cache", "cache", spec={"other": 1}),
        ]


class Drilled:
    """A ground on a cluster that a fake kubectl speaks for."""

    def __init__(self, folder):
        self.fake = FakeKubectl(folder)
        self.fake.answer("get secrets,configmaps", "secret/demo-env-1\n")
        self.fake.show(ALL)

    def ground(self, notes=NOTES, stack=STACK):
        hands = Hands(self.fake.make_kubectl(), notes, outside=PATIENT)
        return ClusterGround(hands, stack.services, str, Variants())

    def list_done(self, *verbs):
        """The calls that change something, without the words for context and output."""
        wanted = verbs or ("patch", "delete", "apply")
        return [
            " ".join(each["words"][4:])
            for each in self.fake.calls
            if {*wanted} & {*each["words"]}
        ]

    def answer_dry_run(self, generation):
        made = make_deployment("web")
        made["metadata"]["generation"] = generation
        self.fake.answer("apply", make_list([made]), flags=("--dry-run=server",))


@pytest.fixture
def drilled(tmp_path):
    return Drilled(tmp_path)


def make_trial(fault):
    edges = (Edge(service="web", is_optional=True),)
    return Trial(service="cache", fault=fault, edges=edges, direct=("web",))


def scale_to(replicas):
    patch = json.dumps({"spec": {"replicas": replicas}})
    return (
        "patch deployment/cache --subresource=scale --type=merge "
        f"--field-manager=composegen --patch={patch}"
    )


def show_off(drilled):
    """The cache has no pods any more."""
    off = [make_deployment("cache", ready=0, replicas=0), make_replica_set("cache")]
    drilled.fake.show([*off, *make_ready("web")])


# Faults


def test_what_is_stopped_has_no_pods_until_it_gets_back_as_many_as_it_had(
    drilled,
):
    there = make_deployment("cache", ready=3, replicas=3)
    drilled.fake.show([there, *ALL[1:]])
    ground = drilled.ground()
    undo = ground.plan(make_trial(Fault.STOP))
    assert drilled.list_done() == []
    ground.do(undo)

    [waits] = drilled.list_done("wait")
    assert drilled.list_done() == [scale_to(0)]
    assert waits.startswith("wait pod --for=delete --selector ")
    assert waits.count("app.kubernetes.io/name=cache") == 1

    show_off(drilled)
    ground.undo(undo, is_sure=True)
    assert drilled.list_done() == [scale_to(0), scale_to(3)]


def test_what_is_killed_gets_no_time_and_no_new_pods(drilled):
    ground = drilled.ground()
    undo = ground.plan(make_trial(Fault.KILL))
    ground.do(undo)

    scaled, deleted = drilled.list_done()
    assert scaled == scale_to(0)
    assert deleted.startswith("delete pod --selector ")
    assert "app.kubernetes.io/part-of=demo" in deleted
    assert "--grace-period=1" in deleted


def test_one_that_has_its_pods_again_is_left_alone(drilled):
    undo = Undo(service="cache", fault=Fault.STOP, replicas=2)
    drilled.ground().undo(undo, is_sure=False)

    assert drilled.list_done() == []


def test_one_that_was_removed_meanwhile_stays_away(drilled):
    drilled.fake.show(make_ready("web"))
    undo = Undo(service="cache", fault=Fault.KILL, replicas=2)
    drilled.ground().undo(undo, is_sure=True)

    assert drilled.list_done() == []


def test_one_that_does_not_run_is_not_disturbed(drilled):
    show_off(drilled)
    with pytest.raises(FaultFailed, match="cache does not run"):
        drilled.ground().plan(make_trial(Fault.STOP))


def test_what_a_cluster_cannot_do_has_a_reason(drilled):
    impossible = drilled.ground().impossible

    assert impossible.keys() == {Fault.FREEZE, Fault.CUT}
    assert all("not possible on a cluster" in why for why in impossible.values())


def test_what_the_cluster_refuses_is_a_fault_that_cannot_be_done(
    drilled,
):
    ground = drilled.ground()
    undo = ground.plan(make_trial(Fault.STOP))
    drilled.fake.refuse("patch deployment/cache", "Error from server: no quota")

    with pytest.raises(FaultFailed, match="no quota"):
        ground.do(undo)


def test_pods_that_do_not_go_are_a_fault_that_cannot_be_done(drilled):
    drilled.fake.refuse("wait pod", "error: timed out waiting for the condition")
    ground = drilled.ground()

    with pytest.raises(FaultFailed, match="timed out"):
        ground.do(ground.plan(make_trial(Fault.STOP)))


def test_a_restart_makes_other_pods_and_changes_no_object(drilled):
    other = make_pod("web", main=running(ready=True, since=NOW - 2), ready=True)
    other["metadata"]["name"] = "web-h1-2"
    renewed = [*make_ready("cache"), *make_ready("web")[:-1], other]
    drilled.fake.show(ALL, ALL, ALL, ALL, renewed)
    ground = drilled.ground()
    ground.do(ground.plan_restart("web"))

    [deleted] = drilled.list_done()
    assert deleted == "delete pod web-h1-1 --ignore-not-found --wait=false"


# Without


def test_without_it_only_what_differs_of_its_dependents_is_applied(
    drilled,
):
    drilled.answer_dry_run(1)
    ground = drilled.ground()
    undo = ground.plan(make_trial(Fault.WITHOUT))
    assert (undo.dependents, undo.made) == (("web",), ("secret/demo-env-2",))

    ground.do(undo)
    assert drilled.fake.list_applied() == ["Secret demo-env-2", "Deployment web"]
    *_, last = drilled.list_done()
    assert last == scale_to(0)


def test_what_was_excluded_is_back_before_its_dependents_are_as_they_were(
    drilled,
):
    show_off(drilled)
    listed = "secret/demo-env-1\nsecret/demo-env-2\nsecret/of-another\n"
    drilled.fake.answer("get secrets,configmaps", listed)
    undo = Undo(
        service="cache",
        fault=Fault.WITHOUT,
        replicas=1,
        dependents=("web",),
        made=("secret/demo-env-2",),
    )
    drilled.ground().undo(undo, is_sure=True)

    scaled, _, deleted = drilled.list_done()
    assert scaled == scale_to(1)
    assert drilled.fake.list_applied() == ["Deployment web", "Service web"]
    assert deleted == "delete secret/demo-env-2 --ignore-not-found --wait=false"


def test_without_is_not_done_where_the_cluster_has_something_else(
    drilled,
):
    drilled.answer_dry_run(2)
    with pytest.raises(FaultFailed, match="Deployment web is not what the stack file"):
        drilled.ground().plan(make_trial(Fault.WITHOUT))

    assert len(drilled.list_done()) == 1  # the dry run


def test_without_is_not_done_to_one_that_runs_with_a_fallback(drilled):
    cache, web = NOTES.services
    notes = replace(NOTES, services=(cache, replace(web, without=("other",))))

    with pytest.raises(FaultFailed, match="web runs with a fallback already"):
        drilled.ground(notes).plan(make_trial(Fault.WITHOUT))


def test_a_job_that_needs_it_is_not_run_again(drilled):
    text = """
        services:
          cache: {image: "redis:8", port: 6379, health: tcp}
          web: {image: "redis:8", job: true, needs: {cache: {otherwise: {}}}}
          last: {image: "redis:8", health: {none: "it asks"}, needs: [web]}
    """
    ground = drilled.ground(stack=load_only(text))

    with pytest.raises(FaultFailed, match="only jobs need cache"):
        ground.plan(make_trial(Fault.WITHOUT))


def test_the_evidence_of_a_start_that_fails_is_kept_until_it_is_asked_for(drilled):
    crashed = make_starting("web", waiting("CrashLoopBackOff", restarts=2, last=end(3)))
    drilled.answer_dry_run(1)
    ground = drilled.ground()
    undo = ground.plan(make_trial(Fault.WITHOUT))
    drilled.fake.answer("logs", "KeyError\n")
    drilled.fake.show([*make_ready("cache"), *crashed])
    ground.do(undo)
    drilled.fake.show(ALL)
    drilled.fake.answer("logs", "all is well\n")

    assert ground.look_closer("web", 0.0) == (
        "it is CrashLoopBackOff, exit code 3",
        "| KeyError",
    )


# Asking


@contextmanager
def serve(handle):
    """A port whose connections are handled, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                with link:
                    handle(link)

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def answer_page(link):
    link.recv(65536)
    link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")


def forward_to(drilled, port, *, err=""):
    out = f"Forwarding from 127.0.0.1:{port} -> 8000\n"
    drilled.fake.answer("port-forward", {"out": out, "err": err})


def ask(drilled, service, drill=None):
    ground = drilled.ground()
    question = ground.make_question(service, drill or Drill())
    assert question is not None
    problem = question().problem
    ground.close()
    return problem


def test_a_page_is_asked_for_through_a_port_that_leads_into_the_pod(
    drilled,
):
    with serve(answer_page) as port:
        forward_to(drilled, port)
        assert ask(drilled, "web") == ""
        hello = Drill(ask=Ask(path="/"), contains="goodbye")
        assert "without `goodbye`" in ask(drilled, "web", hello)

    [first, *_] = drilled.list_done("port-forward")
    assert first == "port-forward pod/web-h1-1 --address 127.0.0.1 :8000"


def test_a_port_that_closes_each_connection_is_not_listened_on_in_the_pod(
    drilled,
):
    refused = "error forwarding port 8000 to pod abc: connection refused\n"
    with serve(lambda link: link.close()) as port:
        forward_to(drilled, port, err=refused)
        assert ask(drilled, "web") == "nothing listens on port 8000"
        assert ask(drilled, "cache") == "nothing listens on port 6379"


def test_a_connection_that_stays_open_is_enough_where_nothing_is_asked(
    drilled,
):
    with serve(lambda link: [*iter(lambda: link.recv(9), b"")] and None) as port:
        forward_to(drilled, port)
        assert ask(drilled, "cache") == ""


def test_a_command_runs_in_the_container(drilled):
    drilled.fake.answer("exec", {"out": "no\n", "code": 3})
    command = Drill(ask=Ask(command=("test", "-e", "/there")))

    assert ask(drilled, "web", command) == "`test -e /there` exited with 3: `no`"
    [call] = drilled.list_done("exec")
    assert call == "exec web-h1-1 --container web -- test -e /there"


def test_a_check_that_is_a_command_is_that_of_the_probe(drilled):
    cache = make_deployment("cache")
    probe = {"exec": {"command": ["sh", "-c", "test $$PPID"]}}
    cache["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
    drilled.fake.show([cache, *ALL[1:]])
    text = '{services: {cache: {image: "r:8", port: 1, health: {command: "true"}}}}'
    ground = drilled.ground(stack=load_only(text))
    question = ground.make_question("cache", Drill())

    assert question is not None
    assert question().is_good
    [call] = drilled.list_done("exec")
    assert call.endswith("-- sh -c test $PPID")


def test_one_without_pods_does_not_run(drilled):
    drilled.fake.show([*make_ready("cache"), make_deployment("web", ready=0)])
    assert ask(drilled, "web") == "it does not run"


def test_one_that_kubectl_does_not_lead_to_says_why(drilled):
    gone = "Error from server (NotFound): pods not found\n"
    drilled.fake.answer("port-forward", {"err": gone, "code": 1})

    assert "web-h1-1 cannot be asked" in ask(drilled, "web")


def test_a_new_start_of_a_pod_is_seen(drilled):
    again = make_starting("web", running(restarts=1, name="web"))
    drilled.fake.show(ALL, [*make_ready("cache"), *again])
    ground = drilled.ground()

    assert ground.find_starts("web") != ground.find_starts("web")


def test_the_evidence_is_what_pods_do_and_their_last_lines(drilled):
    crashed = waiting("CrashLoopBackOff", restarts=2, last=end(3))
    drilled.fake.show([*make_ready("cache"), *make_starting("web", crashed)])
    drilled.fake.answer("logs", "one\ntwo\x1b[2J\n")

    assert drilled.ground().look_closer("web", 0.0) == (
        "it is CrashLoopBackOff, exit code 3",
        "| one",
        "| two\\x1b[2J",
    )


def test_ctrl_c_does_not_reach_what_kubectl_does(tmp_path):
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\ncut -d' ' -f6 /proc/$$/stat\n")
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    near = Kubectl(environment=environment)

    assert int(near.call("x").out) == os.getsid(0)
    assert int(replace(near, is_apart=True).call("x").out) != os.getsid(0)


# What is left


def leave(folder, fault, **changes):
    """A drill that was killed has left this."""
    fake = FakeKubectl(folder)
    write_notes(folder, NOTES)
    undo = Undo(service="cache", fault=fault, replicas=2, **changes)
    drill = replace(identify_self(), start=0)
    notes = DrillNotes(place="kubernetes", mark="0" * 16, drill=drill, undo=undo)
    DrillFile(folder).keep(notes)
    return fake, Workspace(folder / "stack.yaml", fake.environment)


def refuse_to_load(_):
    raise AssertionError("the stack file is not needed")


def test_what_a_drill_has_left_on_a_cluster_is_undone(tmp_path):
    fake, workspace = leave(tmp_path, Fault.STOP)
    off = [make_deployment("cache", ready=0, replicas=0)]
    on = [make_deployment("cache", ready=2, replicas=2)]
    fake.show(off, on)
    said = []

    assert undo_leftover(workspace, refuse_to_load, said.append)
    assert said == ["undoing what a drill has left: cache is stopped"]
    [scaled] = fake.list_calls("patch")
    assert json.dumps({"spec": {"replicas": 2}}) in scaled["words"][-1]
    assert not has_notes(tmp_path)


def test_nothing_is_undone_on_a_cluster_that_was_not_noted(tmp_path):
    fake, workspace = leave(tmp_path, Fault.STOP)
    fake.answer("config view", make_config("lab", server="https://other:6443"))

    with pytest.raises(OtherCluster):
        undo_leftover(workspace, refuse_to_load, lambda _: None)
    assert fake.list_calls("patch") == []
    assert has_notes(tmp_path)
