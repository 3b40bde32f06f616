"""`up --on kubernetes` from the plan to the exit code, with a hand-written kubectl."""

import json
import re

import pytest

from composegen.errors import (
    ClusterRefused,
    ForeignObject,
    NoContext,
    OtherCluster,
    UsageError,
)
from composegen.places.cluster.applying import REMOVED
from composegen.places.cluster.boot import Outside
from composegen.places.cluster.manifests import Texts
from composegen.places.cluster.notes import NotedStop, load_notes, write_notes
from composegen.places.cluster.up import UpOptions, up_on_cluster
from composegen.places.events import Excluded, FileKept, Message, Noted, NotUp, Up
from composegen.planning.addressing import ClusterAddressing
from composegen.planning.plan import make_plan
from composegen.planning.selection import Selection
from composegen.records import replace
from composegen.stackfile.load import load_stack
from composegen.targets.files import Options
from composegen.targets.kubernetes.render import render_plan
from composegen.workspace.workspace import Workspace
from tests.clusterfakes import (
    KINDS,
    FakeKubectl,
    end,
    label,
    make_config,
    make_deployment,
    make_list,
    make_noted,
    make_notes,
    make_ready,
    make_starting,
    running,
    waiting,
)

STACK = """\
name: demo
services:
  web:
    image: "python:3.13-slim"
    port: 8000
    health: /health
    user: "10001"
    needs:
      cache: {env: {CACHE_URL: "{host}"}, otherwise: {env: {CACHE_URL: none}}}
  cache:
    image: "python:3.13-slim"
    port: 6000
    user: "10001"
    health: {tcp: true, boot: 20s}
"""


class Upping:
    """Brings a stack up on a cluster that a fake kubectl speaks for."""

    def __init__(self, folder):
        self.folder = folder
        self.fake = FakeKubectl(folder)
        self.events = []
        self.now = 0.0
        self.haste = 1.0
        (folder / "stack.yaml").write_text(STACK)
        self.fake.answer("get namespace", "demo   Active")

    def pause(self, seconds):
        self.now += seconds * self.haste

    def up(self, *, flags=None, **options):
        selection = flags or Selection()
        path = self.folder / "stack.yaml"
        loaded = load_stack(path, str(path), selection=selection, target="kubernetes")
        plan = make_plan(loaded.stack, selection, addressing=ClusterAddressing())
        values = {
            "render": render,
            "context": "lab",
            "outside": Outside(clock=lambda: self.now, pause=self.pause),
        }
        return up_on_cluster(
            plan,
            Workspace(path, self.fake.environment),
            UpOptions(**{**values, **options}),
            report=self.events.append,
        )

    def list_events(self, kind):
        return [each for each in self.events if isinstance(each, kind)]

    @property
    def notes(self):
        return load_notes(self.folder)


def render(plan):
    objects, kustomization = render_plan(plan, Options())
    return Texts(objects=objects.text, kustomization=kustomization.text)


@pytest.fixture
def upping(tmp_path):
    return Upping(tmp_path)


def both_ready():
    return [*make_ready("cache"), *make_ready("web")]


def test_it_applies_everything_and_ends_when_all_is_ready(upping):
    upping.fake.show(make_starting("cache"), both_ready())

    assert upping.up() == 0
    assert {"Deployment web", "Deployment cache", "Service web"} <= {
        *upping.fake.list_applied()
    }
    [up] = upping.list_events(Up)
    assert [boot.service for boot in up.boots] == ["cache", "web"]
    assert (upping.folder / "kubernetes.yaml").exists()
    assert (upping.folder / "kustomization.yaml").exists()


def test_it_applies_on_the_server_and_forces_nothing(upping):
    upping.fake.show(both_ready())
    upping.up()

    [call] = upping.fake.list_calls("apply")
    assert {"--server-side", "--field-manager=composegen"} <= {*call["words"]}
    assert not any("force" in word for word in call["words"])


def test_every_object_is_meant_for_the_namespace(upping):
    upping.fake.show(both_ready())
    upping.up(namespace="other")

    items = json.loads(upping.fake.list_calls("apply")[0]["text"])["items"]
    assert {each["metadata"]["namespace"] for each in items} == {"other"}
    assert upping.notes.namespace == "other"


def test_it_notes_the_cluster_for_its_owner_alone(upping):
    upping.fake.show(both_ready())
    upping.up()

    path = upping.folder / ".composegen" / "kubernetes.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (upping.notes.context, upping.notes.project) == ("lab", "demo")
    assert not upping.notes.made_namespace


# Which cluster


def test_a_context_that_there_is_not_is_named_with_a_near_one(upping):
    with pytest.raises(NoContext, match="no context `lap`") as caught:
        upping.up(context="lap")
    assert "lab" in caught.value.help


def test_without_a_terminal_the_current_context_must_be_named(upping):
    config = make_config("lab", current="lab")
    upping.fake.answer("config view", config, first=True)
    with pytest.raises(UsageError) as caught:
        upping.up(context="")
    assert caught.value.help == "name it: --context lab"


def test_a_person_is_asked_about_the_current_context_with_its_server(upping):
    config = make_config("lab", current="lab")
    upping.fake.answer("config view", config, first=True)
    asked = []

    assert upping.up(context="", ask=lambda text: bool(asked.append(text))) == 1
    assert "`lab` (https://cluster.test:6443)" in asked[0]
    assert upping.fake.list_calls("apply") == []
    assert not (upping.folder / "kubernetes.yaml").exists()


def test_a_second_up_asks_nothing_where_the_context_leads_to_the_same_server(upping):
    upping.fake.show(both_ready())
    upping.up()

    assert upping.up(context="") == 0


def test_a_context_that_leads_elsewhere_now_is_not_used(upping):
    upping.fake.show(both_ready())
    upping.up()
    config = make_config("lab", server="https://elsewhere")
    upping.fake.answer("config view", config, first=True)

    with pytest.raises(OtherCluster, match="leads to https://elsewhere now"):
        upping.up(context="")


def test_another_namespace_is_refused_while_it_is_up(upping):
    upping.fake.show(both_ready())
    upping.up()

    with pytest.raises(ClusterRefused, match="up in another place"):
        upping.up(namespace="other")


# Before anything is applied


def test_a_namespace_that_is_missing_is_made_and_restricted(upping):
    upping.fake.answer("get namespace", "", first=True)
    upping.fake.show(both_ready())
    upping.up()

    [call] = upping.fake.list_calls("create")
    [made] = json.loads(call["text"])["items"]
    level = made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert (made["kind"], made["metadata"]["name"], level) == (
        "Namespace",
        "demo",
        "restricted",
    )
    assert upping.notes.made_namespace


def test_an_object_of_another_hand_is_refused_before_anything_is_applied(upping):
    foreign = make_deployment("web", labels={"app": "web"})
    upping.fake.answer("get", make_list([foreign]), flags=["--filename=-"])

    with pytest.raises(ForeignObject, match="Deployment web in the namespace demo"):
        upping.up()
    assert upping.fake.list_calls("apply") == []
    assert upping.notes is None


def test_an_object_of_another_stack_is_refused_too(upping):
    other = make_deployment("web", labels=label("web", project="shop"))
    upping.fake.answer("get", make_list([other]), flags=["--filename=-"])

    with pytest.raises(ForeignObject, match="but of shop"):
        upping.up()


def test_one_that_was_scaled_to_zero_by_another_hand_is_reported_and_started(upping):
    there = make_deployment("web", replicas=0)
    upping.fake.answer("get", make_list([there]), flags=["--filename=-"])
    upping.fake.show(both_ready())
    upping.up()

    assert [each.service for each in upping.list_events(Message)] == ["web"]
    [call] = upping.fake.list_calls("patch")
    patch = '--patch={"spec": {"replicas": 1}}'
    assert {"deployment/web", "--subresource=scale", patch} <= {*call["words"]}


def test_one_that_the_user_has_stopped_is_started_without_a_word(upping):
    before = make_notes(make_noted("web"), stopped=(NotedStop(service="web"),))
    write_notes(upping.folder, before)
    there = make_deployment("web", replicas=0)
    upping.fake.answer("get", make_list([there]), flags=["--filename=-"])
    upping.fake.show(both_ready())
    upping.up()

    assert upping.list_events(Message) == []
    assert len(upping.fake.list_calls("patch")) == 1


@pytest.mark.parametrize(("manager", "count"), [("composegen", 1), ("kubectl", 0)])
def test_what_start_has_scaled_is_ours_and_the_rest_is_not(upping, manager, count):
    text = STACK.replace("    needs:", "    replicas: 5\n    needs:")
    (upping.folder / "stack.yaml").write_text(text)
    there = make_deployment("web", replicas=3)
    managed = {"manager": manager, "operation": "Update", "subresource": "scale"}
    there["metadata"]["managedFields"] = [managed]
    flags = ["--filename=-", "--show-managed-fields"]
    upping.fake.answer("get", make_list([there]), flags=flags)
    upping.fake.show(both_ready())
    upping.up()

    assert len(upping.fake.list_calls("patch")) == count


# What the cluster says


def test_a_conflict_names_the_field_and_its_manager(upping):
    upping.fake.refuse(
        "apply",
        'error: Apply failed with 1 conflict: conflict with "kubectl-edit" using '
        'apps/v1: .spec.template.spec.containers[name="web"].image\n'
        "Please review the fields above--they currently have other managers.\n",
    )
    with pytest.raises(ClusterRefused) as caught:
        upping.up()
    assert "image is set by kubectl-edit" in caught.value.message


def test_a_warning_of_the_api_server_is_shown(upping):
    upping.fake.answer("apply", {"err": "Warning: would violate PodSecurity\n"})
    upping.fake.show(both_ready())
    upping.up()

    texts = [each.text for each in upping.list_events(Noted)]
    assert "the cluster says: would violate PodSecurity" in texts


def test_pods_that_were_refused_are_tried_again_at_once(upping):
    refused = make_deployment("web", ready=0, refusal='pods "web-1" is forbidden: no')
    upping.fake.show([*make_ready("cache"), refused], both_ready())

    assert upping.up() == 0
    words = [each["words"][4:] for each in upping.fake.list_calls("annotate")]
    assert [each[:3] for each in words] == [
        ["annotate", "deployment/web", "composegen.tried=now"],
        ["annotate", "deployment/web", "composegen.tried-"],
    ]


def test_an_image_that_cannot_be_pulled_ends_it_with_the_reason(upping):
    lost = waiting("ImagePullBackOff", "Back-off pulling image")
    upping.fake.show([*make_ready("cache"), *make_starting("web", lost)])

    assert upping.up() == 1
    [shown] = upping.list_events(NotUp)
    assert "its image web:1 cannot be pulled" in shown.text
    assert upping.now < 10


def test_a_required_service_that_is_silent_ends_it_when_its_boot_is_over(upping):
    upping.fake.show([*make_ready("cache"), *make_starting("web", running())])

    upping.haste = 10.0
    assert upping.up() == 1
    assert 60 <= upping.now <= 60 + 2 * 7
    [shown] = upping.list_events(NotUp)
    assert "web is not healthy within 60s" in shown.text


def test_the_cluster_may_be_away_for_a_moment(upping):
    away = {"err": "Unable to connect to the server: dial tcp: i/o timeout", "code": 1}
    kinds = "deployments.apps,statefulsets.apps,replicasets.apps,jobs.batch,pods,"
    upping.fake.answer(
        f"get {kinds}persistentvolumeclaims", away, away, make_list(both_ready())
    )
    upping.fake.answer("get events", make_list([]))

    assert upping.up() == 0
    assert any("trying again" in each.text for each in upping.list_events(Noted))


# Optional services


def lose_cache(upping):
    lost = make_starting("cache", waiting("ImagePullBackOff", "no such image"))
    upping.fake.show(*[[*lost, *make_starting("web")]] * 11, make_ready("web"))


def test_an_optional_service_that_fails_is_excluded_and_the_others_go_on(upping):
    lose_cache(upping)

    assert upping.up() == 0
    [excluded] = upping.list_events(Excluded)
    assert excluded.service == "cache"
    assert excluded.instead == ("web: CACHE_URL=none",)
    [up] = upping.list_events(Up)
    assert up.again == "composegen up --on kubernetes"
    assert upping.notes.find("web").without == ("cache",)


def test_what_is_applied_then_is_without_it(upping):
    lose_cache(upping)
    upping.up()

    assert not any(name.endswith(" cache") for name in upping.fake.list_applied())
    text = upping.fake.list_calls("apply")[-1]["text"]
    [web] = [
        each
        for each in json.loads(text)["items"]
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "web"
    ]
    spec = web["spec"]["template"]["spec"]
    assert "initContainers" not in spec
    assert {"name": "CACHE_URL", "value": "none"} in spec["containers"][0]["env"]
    removed = [each["words"] for each in upping.fake.list_calls("delete")]
    assert any(
        "app.kubernetes.io/name in (cache)" in " ".join(each) for each in removed
    )


def test_one_that_is_up_is_not_made_again_with_its_fallback(upping):
    lost = make_starting("cache", waiting("ImagePullBackOff", "no such image"))
    upping.fake.show(*[[*lost, *make_ready("web")]] * 11, make_ready("web"))

    assert upping.up() == 0
    [excluded] = upping.list_events(Excluded)
    assert (excluded.service, excluded.instead) == ("cache", ())
    assert upping.notes.find("web").without == ()
    assert '"value":"cache"' in upping.fake.list_calls("apply")[-1]["text"].replace(
        ": ", ":"
    )


def test_a_variable_of_a_fallback_is_carried_and_stays(upping):
    path = upping.folder / "stack.yaml"
    path.write_text(STACK.replace("{CACHE_URL: none}", '{CACHE_URL: "${BACKUP}"}'))
    upping.fake.environment["BACKUP"] = "there"
    upping.fake.answer(
        f"get {REMOVED}", "secret/demo-env-hash\nsecret/demo-env-older\n"
    )
    lose_cache(upping)

    assert upping.up() == 0
    text = upping.fake.list_calls("apply")[-1]["text"]
    [secret] = [e for e in json.loads(text)["items"] if e["kind"] == "Secret"]
    assert secret["stringData"] == {"web.CACHE_URL": "there"}
    removed = [word for e in upping.fake.list_calls("delete") for word in e["words"]]
    assert "secret/demo-env-older" in removed
    assert "secret/demo-env-hash" not in removed


def test_the_next_up_tries_it_again_and_forgets_the_fallback(upping):
    lose_cache(upping)
    upping.up()
    upping.fake.answer(f"get {KINDS}", make_list(both_ready()), first=True)

    assert upping.up() == 0
    assert "Deployment cache" in upping.fake.list_applied()
    assert upping.notes.find("web").without == ()
    assert upping.notes.excluded == ()


def test_one_that_is_asked_for_by_name_is_required(upping):
    lost = make_starting("cache", waiting("ImagePullBackOff", "no such image"))
    upping.fake.show([*lost, *make_starting("web")])

    flags = Selection(added=("cache",))
    assert upping.up(flags=flags, required=("cache",), is_chosen=True) == 1
    assert upping.list_events(Excluded) == []


# What was chosen


def test_flags_leave_the_files_on_the_disk_alone(upping):
    upping.fake.show(make_ready("web"))

    flags = Selection(removed=("cache",))
    assert upping.up(flags=flags, is_chosen=True) == 0
    [kept] = upping.list_events(FileKept)
    assert kept.flags == "--without cache"
    assert not (upping.folder / "kubernetes.yaml").exists()
    assert not any(name.endswith(" cache") for name in upping.fake.list_applied())


def test_a_named_service_comes_up_with_its_needs_and_nothing_is_removed(upping):
    upping.fake.show(make_ready("cache"))

    assert upping.up(names=("cache",)) == 0
    assert {name.split()[1] for name in upping.fake.list_applied()} == {"cache"}
    assert upping.fake.list_calls("delete") == []
    assert not (upping.folder / "kubernetes.yaml").exists()


def test_a_stop_in_another_terminal_meanwhile_is_kept(upping):
    upping.fake.show(both_ready())
    upping.up()
    upping.fake.show(make_starting("cache"), make_ready("cache"))

    def stop_web(_):
        stopped = replace(upping.notes, stopped=(NotedStop(service="web"),))
        write_notes(upping.folder, stopped)

    outside = Outside(clock=lambda: upping.now, pause=stop_web)
    assert upping.up(names=("cache",), outside=outside) == 0
    assert upping.notes.stopped == (NotedStop(service="web"),)


def test_what_is_gone_from_the_stack_is_removed_at_the_end(upping):
    upping.fake.answer(
        "get", "deployment.apps/old\nsecret/x\n", flags=["--output=name"]
    )
    upping.fake.show(both_ready())
    upping.up()

    [call] = upping.fake.list_calls("delete")
    assert {"deployment.apps/old", "secret/x"} <= {*call["words"]}


# Jobs


JOB = """\
name: demo
services:
  migrate:
    image: "python:3.13-slim"
    user: "10001"
    job: true
"""


def lay_down_job(upping, condition="Complete", **spec):
    """A stack with a job that is on the cluster; in the end it is complete."""
    (upping.folder / "stack.yaml").write_text(JOB)
    there, done = (
        {
            "kind": "Job",
            "metadata": {"name": "migrate", "uid": "u", "labels": label("migrate")},
            "status": {"conditions": [{"type": each, "status": "True"}]},
            "spec": spec,
        }
        for each in (condition, "Complete")
    )
    upping.fake.answer("get", make_list([there]), flags=["--filename=-"])
    upping.fake.show([done])


def assert_is_run_again(upping):
    words = [each["words"] for each in upping.fake.calls]
    deleted = next(i for i, each in enumerate(words) if "delete" in each)
    applied = [i for i, each in enumerate(words) if "apply" in each][-1]
    assert "migrate" in words[deleted]
    assert deleted < applied


def test_a_job_whose_template_differs_is_made_again(upping):
    lay_down_job(upping)
    err = 'The Job "migrate" is invalid: spec.template: field is immutable'
    upping.fake.answer("apply", {"err": err, "code": 1}, flags=["--dry-run=server"])

    assert upping.up() == 0
    assert_is_run_again(upping)


@pytest.mark.parametrize("condition", ["Failed", "FailureTarget"])
def test_a_job_that_failed_is_made_again(upping, condition):
    lay_down_job(upping, condition)

    assert upping.up() == 0
    assert_is_run_again(upping)


def test_a_job_that_is_the_same_is_left_alone(upping):
    lay_down_job(upping)

    assert upping.up() == 0
    assert upping.fake.list_calls("delete") == []


def test_a_job_that_was_suspended_goes_on(upping):
    lay_down_job(upping, suspend=True)

    assert upping.up() == 0
    [call] = upping.fake.list_calls("patch")
    assert {"job/migrate", '--patch={"spec":{"suspend":false}}'} <= {*call["words"]}


# What was before


def test_a_pod_that_has_failed_before_is_tried_at_once(upping):
    last = waiting("CrashLoopBackOff", restarts=5, last=end(1))
    failed = [*make_ready("cache"), *make_starting("web", last)]
    upping.fake.show(failed, both_ready())

    assert upping.up() == 0
    [call] = upping.fake.list_calls("delete", "pod")
    assert "web-h1-1" in call["words"]


def test_a_stateful_pod_that_would_hold_a_rollout_up_is_removed(upping):
    made = make_starting("cache", running(), hash="cache-old")
    made[0] |= {"kind": "StatefulSet"}
    made[0]["status"] |= {"updateRevision": "cache-new", "currentRevision": "cache-old"}
    before = [*made, *make_ready("web")]
    upping.fake.show(before, before, both_ready())

    assert upping.up() == 0
    [call] = upping.fake.list_calls("delete", "pod")
    assert "cache-cache-old-1" in call["words"]


# Secrets


def test_no_secret_is_on_a_command_line_in_an_event_or_in_a_rendered_file(upping):
    canary = "canary-5f2b"
    keys = '    secrets: {key: KEY_FILE}\n    environment: {TOKEN: "${TOKEN}"}\n'
    text = STACK.replace("    needs:", f"{keys}    needs:")
    (upping.folder / "stack.yaml").write_text(
        f"{text}secrets:\n  key: {{file: ./key.txt}}\n"
    )
    (upping.folder / "key.txt").write_text(canary)
    upping.fake.environment["TOKEN"] = f"{canary}-too"
    upping.fake.show(both_ready())

    assert upping.up() == 0
    applied = upping.fake.list_calls("apply")[0]["text"]
    assert f'"key": "{canary}"' in applied
    assert f"{canary}-too" in applied
    assert not any(canary in " ".join(each["words"]) for each in upping.fake.calls)
    assert not re.search(canary, repr(upping.events))
    left = [
        path
        for path in upping.folder.rglob("*")
        if path.is_file()
        and path.name not in {"key.txt", "calls.jsonl", "kubernetes.env"}
    ]
    assert not any(canary in path.read_text(errors="replace") for path in left)
