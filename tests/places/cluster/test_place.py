"""The place of a cluster: status, logs, down, single services, exec, claims."""

import json
from pathlib import Path

import pytest

from composegen.errors import (
    CannotExecute,
    ClusterRefused,
    ClusterUnreachable,
    NothingRuns,
    NotPart,
    OtherCluster,
    UsageError,
    VolumesLeft,
)
from composegen.places.cluster.acts import Acts
from composegen.places.cluster.boot import Outside
from composegen.places.cluster.notes import (
    NotedExclusion,
    NotedStop,
    load_notes,
    write_notes,
)
from composegen.places.cluster.place import ClusterPlace
from composegen.places.events import Ready, Started, Stopped
from composegen.places.place import Act, Outcome, Request
from composegen.places.status import State
from composegen.workspace.workspace import Workspace
from tests.clusterfakes import (
    NOW,
    FakeKubectl,
    end,
    gate,
    make_claim,
    make_config,
    make_deployment,
    make_event,
    make_job,
    make_list,
    make_noted,
    make_notes,
    make_pod,
    make_ready,
    make_starting,
    running,
    waiting,
)
from tests.leaks import wait_for

BOTH = make_notes(make_noted("db"), make_noted("web", "db"))


PATIENT = Outside(clock=lambda: 0.0, pause=lambda _: None)


class Placed:
    """A stack that is noted as up, on a cluster that a fake kubectl speaks for."""

    def __init__(self, folder):
        self.folder = folder
        self.fake = FakeKubectl(folder)
        self.events = []

    def place(self, notes=BOTH):
        write_notes(self.folder, notes)
        workspace = Workspace(self.folder / "stack.yaml", self.fake.environment)
        return ClusterPlace(workspace, notes, outside=PATIENT)

    def act(self, act, *names, notes=BOTH):
        write_notes(self.folder, notes)
        acts = Acts(
            self.fake.make_kubectl(),
            notes,
            self.folder,
            {},
            self.events.append,
            outside=PATIENT,
        )
        return {each.service: each.outcome for each in acts.perform(act, names)}

    def list_words(self, verb):
        return [
            " ".join(each["words"]) for each in self.fake.calls if verb in each["words"]
        ]


@pytest.fixture
def placed(tmp_path):
    return Placed(tmp_path)


# Status


def test_the_status_of_all_is_what_the_cluster_says(placed):
    placed.fake.show(
        [*make_ready("db"), *make_starting("web", gates=[gate("db", running())])]
    )
    seen = placed.place().look()

    states = {each.service: each.state for each in seen.statuses}
    assert states == {"db": State.READY, "web": State.WAITING}
    assert seen.is_running
    assert not seen.is_up


def test_a_service_that_is_ready_has_its_address_in_the_cluster(placed):
    placed.fake.show(make_ready("db"))
    [db, _] = placed.place().look().statuses

    assert (db.address, db.health, db.image) == ("db.demo:8000", "healthy", "db:1")


def test_a_crash_loop_has_failed_with_its_exit_code(placed):
    main = waiting("CrashLoopBackOff", restarts=4, last=end(3))
    placed.fake.show([*make_ready("db"), *make_starting("web", main)])
    [_, web] = placed.place().look().statuses

    assert (web.state, web.exit_code, web.restarts) == (State.FAILED, 3, 4)


def test_one_that_was_healthy_and_is_not_any_more_has_failed(placed):
    main = running(booted=True, since=NOW - 5)
    events = [make_event("Pod", "web-h1-1", "Unhealthy", "Readiness probe failed: 503")]
    services = [*make_ready("db"), *make_starting("web", main)]
    placed.fake.show(services, events=events)
    notes = make_notes(*BOTH.services, began=NOW + 9e8)
    place = placed.place(notes)
    [_, web] = place.look().statuses

    assert (web.state, web.health) == (State.FAILED, "unhealthy")
    [reason] = place.explain("web").reasons
    assert reason.failure.reason == "web is not healthy any more"


def test_one_that_was_stopped_is_by_the_user_or_by_another_hand(placed):
    off = [make_deployment(each, ready=0, replicas=0) for each in ("db", "web")]
    placed.fake.show(off)
    notes = make_notes(*BOTH.services, stopped=(NotedStop(service="db"),))
    [db, web] = placed.place(notes).look().statuses

    assert (db.state, db.by) == (State.STOPPED, "user")
    assert (web.state, web.by) == (State.STOPPED, None)


def test_an_excluded_service_is_shown_with_its_reason(placed):
    excluded = NotedExclusion(service="db", reason="no image", instead=("web: none",))
    notes = make_notes(
        make_noted("db", is_required=False),
        make_noted("web", optional=["db"], without=("db",)),
        excluded=(excluded,),
    )
    placed.fake.show(make_ready("web"))
    seen = placed.place(notes).look()

    [db, _] = seen.statuses
    assert (db.state, db.fallback, db.reason) == (State.EXCLUDED, True, "no image")
    assert seen.is_up


def test_where_nothing_is_left_nothing_runs(placed):
    placed.fake.show([])
    seen = placed.place().look()

    assert not seen.is_running
    assert not seen.is_up


def test_a_context_that_leads_elsewhere_is_not_asked(placed):
    config = make_config("lab", server="https://elsewhere")
    placed.fake.answer("config view", config, first=True)

    with pytest.raises(OtherCluster):
        placed.place().look()
    assert placed.list_words("get") == []


def test_a_cluster_that_does_not_answer_is_named(placed):
    placed.fake.refuse("get", "Unable to connect to the server: i/o timeout")

    with pytest.raises(ClusterUnreachable, match="context `lab` does not answer"):
        placed.place().look()


def test_what_may_not_be_seen_is_named_with_the_role(placed):
    placed.fake.refuse(
        "get",
        'Error from server (Forbidden): pods is forbidden: User "me" cannot list '
        'resource "pods" in API group "" in the namespace "demo"',
    )
    with pytest.raises(ClusterRefused) as caught:
        placed.place().look()
    assert "kubectl --context lab auth can-i list pods" in caught.value.help


def test_a_user_who_is_not_let_in_is_told_so(placed):
    placed.fake.refuse("get", "error: You must be logged in to the server")

    with pytest.raises(ClusterUnreachable, match="does not let this user in"):
        placed.place().look()


# Logs


def test_the_lines_of_gates_are_named_with_their_need(placed):
    main = running(ready=True, name="web")
    placed.fake.show([make_deployment("web"), make_pod("web", main=main, ready=True)])
    placed.fake.answer(
        "logs",
        "[pod/web-h1-1/wait-db] db is given up\n"
        "[pod/web-h1-1/web] serving [1] here\n"
        "[pod/stranger-1/x] not ours\n",
    )
    read = placed.place().read_logs(["web"], 5, follow=False)

    assert list(read.lines) == [
        ("web/wait-db", "db is given up"),
        ("web", "serving [1] here"),
    ]
    assert "--tail=5" in placed.list_words("logs")[0]


def test_logs_of_a_name_that_there_is_not_are_refused(placed):
    with pytest.raises(UsageError, match="no service `wep`"):
        placed.place().read_logs(["wep"], 5, follow=False)


def test_new_lines_come_of_each_container_that_was_started(placed):
    main = running(ready=True, name="web")
    placed.fake.show([make_deployment("web"), make_pod("web", main=main, ready=True)])
    placed.fake.answer("logs", "one\ntwo\n")
    lines = placed.place().read_logs(["web"], 5, follow=True).lines

    assert [next(lines), next(lines)] == [("web", "one"), ("web", "two")]
    [words] = placed.list_words("logs")
    assert "web-h1-1 --container web --follow" in words


def test_lines_that_are_followed_end_where_that_is_asked_for(placed):
    main = running(ready=True, name="web")
    placed.fake.show([make_deployment("web"), make_pod("web", main=main, ready=True)])
    placed.fake.answer("logs", {"out": "one\n", "stays": True})
    logs = placed.place().read_logs(["web"], 5, follow=True)
    assert next(logs.lines) == ("web", "one")
    [call] = placed.fake.list_calls("logs")

    logs.stop()
    assert [*logs.lines] == []
    wait_for(lambda: not Path(f"/proc/{call['pid']}").exists())


# Down


def test_down_removes_what_carries_both_labels_and_keeps_the_claims(placed):
    placed.fake.answer("get namespace", "demo")
    placed.fake.answer("get", "service/web\n", flags=["--output=name"])
    sentences = placed.place().take_down(lambda _: None)

    assert sentences == ("removed the objects of demo",)
    [words] = placed.list_words("delete")
    assert (
        "app.kubernetes.io/managed-by=composegen,app.kubernetes.io/part-of=demo"
        in words
    )
    assert "persistentvolumeclaims" not in words
    assert load_notes(placed.folder) is None


def test_a_namespace_that_up_made_goes_when_nothing_is_left(placed):
    placed.fake.answer("get namespace", "demo")
    placed.fake.answer("get", "configmap/kube-root-ca.crt\n", flags=["--output=name"])
    notes = make_notes(*BOTH.services, made_namespace=True)
    placed.place(notes).take_down(lambda _: None)

    assert placed.list_words("delete")[-1].endswith("delete namespace demo")


def test_a_namespace_with_something_left_stays(placed):
    placed.fake.answer("get namespace", "demo")
    placed.fake.answer("get", "persistentvolumeclaim/x\n", flags=["--output=name"])
    notes = make_notes(*BOTH.services, made_namespace=True)
    placed.place(notes).take_down(lambda _: None)

    assert not any("delete namespace" in words for words in placed.list_words("delete"))


def test_a_namespace_of_another_hand_stays(placed):
    placed.fake.answer("get namespace", "demo")
    placed.fake.answer("get", "configmap/kube-root-ca.crt\n", flags=["--output=name"])
    placed.place().take_down(lambda _: None)

    assert not any("delete namespace" in words for words in placed.list_words("delete"))


def test_the_claims_are_the_volumes(placed):
    claims = make_list([make_claim("data-db-0", "db")])
    placed.fake.answer("get persistentvolumeclaims", claims)
    place = placed.place()
    [volume] = place.list_volumes().own

    assert (volume.name, volume.size, volume.folder) == ("data-db-0", "1Gi", "lab/demo")
    assert list(place.remove_volumes([volume])) == ["removed the claim data-db-0"]


def test_a_claim_that_cannot_be_removed_is_left_with_its_reason(placed):
    placed.fake.answer(
        "get persistentvolumeclaims", make_list([make_claim("data-db-0", "db")])
    )
    placed.fake.refuse("delete", "error: timed out waiting for the condition")
    place = placed.place()

    with pytest.raises(VolumesLeft, match="data-db-0"):
        list(place.remove_volumes(place.list_volumes().own))


# Single services


def test_stop_scales_to_zero_and_notes_how_many_there_were(placed):
    placed.fake.show([*make_ready("db"), make_deployment("web", replicas=3)])
    outcomes = placed.act(Act.STOP, "web")

    assert outcomes == {"web": Outcome.STOPPED}
    assert "patch deployment/web --subresource=scale" in placed.list_words("patch")[0]
    assert placed.list_words("patch")[0].endswith('{"spec": {"replicas": 0}}')
    assert "--for=delete" in placed.list_words("wait")[0]
    assert load_notes(placed.folder).stopped == (NotedStop(service="web", replicas=3),)
    assert [type(each) for each in placed.events][-1] is Stopped


def test_one_that_is_stopped_already_is_left_alone(placed):
    placed.fake.show([make_deployment("web", ready=0, replicas=0)])

    assert placed.act(Act.STOP, "web") == {"web": Outcome.WAS_STOPPED}
    assert placed.list_words("patch") == []


def test_start_gives_back_as_many_pods_as_there_were(placed):
    notes = make_notes(*BOTH.services, stopped=(NotedStop(service="web", replicas=3),))
    off = make_deployment("web", ready=0, replicas=0)
    placed.fake.show([*make_ready("db"), off], [*make_ready("db"), *make_ready("web")])
    outcomes = placed.act(Act.START, "web", notes=notes)

    assert outcomes == {"web": Outcome.STARTED}
    assert placed.list_words("patch")[0].endswith('{"spec": {"replicas": 3}}')
    assert load_notes(placed.folder).stopped == ()


def test_start_starts_what_is_required_too(placed):
    off = [make_deployment(each, ready=0, replicas=0) for each in ("db", "web")]
    placed.fake.show(off, [*make_ready("db"), *make_ready("web")])
    outcomes = placed.act(Act.START, "web")

    assert outcomes == {"db": Outcome.STARTED, "web": Outcome.STARTED}


def test_restart_rolls_the_pods_over(placed):
    placed.fake.show([*make_ready("db"), *make_ready("web")])
    outcomes = placed.act(Act.RESTART, "db")

    assert outcomes == {"db": Outcome.STARTED}
    assert placed.list_words("rollout")[0].endswith("rollout restart deployment/db")


def test_a_start_that_fails_says_so(placed):
    off = make_deployment("db", ready=0, replicas=0)
    main = waiting("CrashLoopBackOff", restarts=1, last=end(3))
    placed.fake.show([off], make_starting("db"), make_starting("db", main))

    assert placed.act(Act.START, "db") == {"db": Outcome.FAILED}


def test_a_job_that_has_finished_runs_again_as_it_was_defined(placed):
    job = make_job("db", "Complete")
    job["spec"]["selector"] = {"matchLabels": {"controller-uid": "u"}}
    placed.fake.answer("get job/db", job)
    placed.fake.show([job])
    notes = make_notes(make_noted("db", is_job=True))
    placed.act(Act.START, "db", notes=notes)

    [call] = placed.fake.list_calls("apply")
    [made] = json.loads(call["text"])["items"]
    assert "selector" not in made["spec"]
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert "job-name" not in labels
    assert labels["app.kubernetes.io/name"] == "db"
    assert any("delete job db" in words for words in placed.list_words("delete"))


def test_one_that_is_excluded_is_no_part(placed):
    excluded = NotedExclusion(service="db", reason="no image")
    notes = make_notes(make_noted("db"), make_noted("web"), excluded=(excluded,))
    placed.fake.show(make_ready("web"))

    with pytest.raises(NotPart, match="it is excluded: no image"):
        placed.act(Act.STOP, "db", notes=notes)


# Exec


def test_exec_enters_the_container_of_the_service(placed):
    placed.fake.show([*make_ready("db"), *make_ready("web")])
    request = Request(service="web", command=("curl", "localhost:{port}"), index=None)
    call = placed.place().prepare(request, lambda _: None)

    assert call.program == str(placed.fake.folder / "kubectl")
    assert call.command == (
        "kubectl",
        *("--context", "lab", "--namespace", "demo"),
        *("exec", "--stdin", "web-h1-1", "--container", "web", "--"),
        *("curl", "localhost:8000"),
    )


@pytest.fixture
def container(placed):
    """Its kubectl runs what is to be run in a container here."""
    program = placed.fake.folder / "kubectl"
    text = program.read_text()
    program.write_text(
        text.replace(
            "note()\n",
            'if "exec" in sys.argv:\n'
            '    words = sys.argv[sys.argv.index("--") + 1 :]\n'
            "    os.execvp(words[0], words)\n"
            "note()\n",
            1,
        ).replace("import ", "import os, ", 1)
    )
    placed.fake.show(make_ready("web"))
    return placed


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("no-such-program", 127, "there is no `no-such-program` in the container"),
        ("/no/such", 127, "there is no `/no/such` in the container"),
        ("/etc/passwd", 126, "`/etc/passwd` in the container of `web` is not exec"),
        ("/", 126, "`/` in the container of `web` is not executable"),
    ],
)
def test_exec_ends_as_a_shell_does_for_a_program_that_cannot_run(
    container, word, code, said
):
    with pytest.raises(CannotExecute, match=said) as caught:
        container.place().prepare(
            Request(service="web", command=(word,)), lambda _: None
        )
    assert caught.value.exit_code == code


@pytest.mark.parametrize("word", ["ls", "/bin/ls", "cd"])
def test_exec_runs_what_there_is(container, word):
    request = Request(service="web", command=(word,))

    assert container.place().prepare(request, lambda _: None).command[-1] == word


def test_exec_goes_on_where_no_shell_can_look(placed):
    placed.fake.show(make_ready("web"))
    placed.fake.refuse("exec", 'exec: "sh": executable file not found', code=127)
    request = Request(service="web", command=("/app",))

    assert placed.place().prepare(request, lambda _: None).command[-1] == "/app"


def test_exec_asks_for_a_terminal_where_there_is_one(placed):
    placed.fake.show(make_ready("web"))
    request = Request(service="web", command=("sh",), in_terminal=True)

    assert "--tty" in placed.place().prepare(request, lambda _: None).command


def test_exec_needs_a_pod_that_runs(placed):
    placed.fake.show(make_starting("web"))
    with pytest.raises(NothingRuns, match="no pod of `web` runs"):
        placed.place().prepare(Request(service="web", command=("sh",)), lambda _: None)


def test_exec_takes_the_pod_of_a_number(placed):
    placed.fake.show(make_ready("web"))
    request = Request(service="web", command=("sh",), index=2)

    with pytest.raises(NothingRuns, match="has no pod 2") as caught:
        placed.place().prepare(request, lambda _: None)
    assert caught.value.help == "--index is at most 1"


# Follow


def test_follow_begins_with_how_all_is_and_goes_on(placed):
    placed.fake.show(
        make_ready("db"),
        make_ready("db"),
        make_starting("db", running(since=NOW)),
    )
    events = placed.place(make_notes(make_noted("db"), began=NOW + 9e8)).follow()

    assert isinstance(next(events), Ready)
    assert isinstance(next(events), Started)
