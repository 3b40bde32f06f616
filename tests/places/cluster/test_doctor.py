"""Whether a cluster can run a stack; policies are tried, never believed."""

import pytest

from composegen.errors import Level
from composegen.places.cluster.boot import Outside
from composegen.places.cluster.contexts import Where
from composegen.places.cluster.doctor import Question, examine_cluster
from composegen.places.cluster.policies import Pair, Trial, choose_pair
from composegen.planning.plan import make_plan
from composegen.stackfile.load import load_stack
from tests.clusterfakes import SERVER, FakeKubectl, make_list

WHERE = Where(context="lab", server=SERVER, namespace="demo")
PAIR = Pair(image="python:3.13-slim", tool="python")
STACK = """\
services:
  db: {image: "postgres:17", port: 5432, health: none, volumes: ["data:/data"]}
  web: {image: "python:3.13-slim", port: 8000, health: /}
volumes: {data: }
"""


@pytest.fixture
def fake(tmp_path):
    made = FakeKubectl(tmp_path)
    (tmp_path / "stack.yaml").write_text(STACK)
    version = {
        "clientVersion": {"gitVersion": "v1.37.2"},
        "serverVersion": {"gitVersion": "v1.37.1"},
    }
    made.answer("version", version)
    made.answer("auth can-i", "yes\n")
    named = {"name": "fast", "annotations": {}}
    named["annotations"]["storageclass.kubernetes.io/is-default-class"] = "true"
    made.answer("get storageclass", make_list([{"metadata": named}]))
    pod = {"kind": "Pod", "status": {"podIP": "10.0.0.9"}}
    made.answer("get pod asked", pod)
    return made


def load(fake):
    path = fake.folder.parent / "stack.yaml"
    return make_plan(load_stack(path, str(path)).stack)


def examine(fake, *, pair=PAIR, unpushed=(), ask=None):
    question = Question(where=WHERE, pair=pair, unpushed=unpushed, ask=ask)
    return list(examine_cluster(load(fake), question, fake.environment))


def try_it(fake):
    now = [0.0]

    def pause(seconds):
        now[0] += 10 * seconds

    outside = Outside(clock=lambda: now[0], pause=pause)
    return Trial(WHERE, fake.environment, PAIR, outside=outside).carry_out()


def test_a_cluster_that_can_run_it_is_described(fake):
    messages = [each.message for each in examine(fake)]

    assert messages[0].endswith("answers: Kubernetes v1.37.1, kubectl v1.37.2")
    assert "this user may apply objects in demo" in messages
    assert "claims get their volumes from fast" in messages


def test_a_cluster_that_does_not_answer_is_the_only_finding(fake):
    fake.refuse("version", "Unable to connect to the server: i/o timeout")
    [found] = examine(fake)

    assert found.level is Level.ERROR
    assert "does not answer" in found.message


def test_missing_rights_are_an_error_that_names_them(fake):
    fake.answer("auth can-i patch jobs.batch", {"out": "no\n", "code": 1}, first=True)
    found = next(each for each in examine(fake) if each.level is Level.ERROR)

    assert found.message == "this user may not change jobs.batch in demo"


def test_without_a_default_class_the_services_with_volumes_are_named(fake):
    fake.answer("get storageclass", make_list([]), first=True)
    found = next(each for each in examine(fake) if "storage class" in each.message)

    assert found.message.endswith("db may get no volume")


def test_images_that_were_not_pushed_are_named(fake):
    found = next(each for each in examine(fake, unpushed=("a:1",)) if each.level)

    assert found.message == "images that are built here were not pushed: a:1"


def test_policies_are_not_tried_without_a_yes(fake):
    asked = []
    examine(fake, ask=lambda text: bool(asked.append(text)))

    assert (
        "two pods of python:3.13-slim in the namespace composegen-doctor-" in (asked[0])
    )
    assert fake.list_calls("create") == []


def test_a_policy_that_closes_the_way_is_enforced(fake):
    fake.answer("exec", {"code": 0}, {"code": 1})

    assert try_it(fake).is_enforced is True


def test_a_policy_that_closes_nothing_is_not_enforced(fake):
    assert try_it(fake).is_enforced is False


def test_a_way_that_was_never_open_proves_nothing(fake):
    fake.answer("exec", {"code": 1})
    tried = try_it(fake)

    assert tried.is_enforced is None
    assert "does not reach another" in tried.words
    assert not any("NetworkPolicy" in each["text"] for each in fake.calls)


def test_pods_that_do_not_start_say_why(fake):
    fake.refuse("wait", "error: timed out waiting for the condition")
    state = {"state": {"waiting": {"reason": "ErrImagePull", "message": "no such"}}}
    pod = {"kind": "Pod", "status": {"containerStatuses": [state]}}
    fake.answer("get pods", make_list([pod]))

    assert try_it(fake).words == (
        "its pods do not start with the image python:3.13-slim: no such"
    )


@pytest.mark.parametrize("frames", [[{"code": 0}], [{"code": 1}]])
def test_whatever_comes_of_it_the_namespace_is_removed(fake, frames):
    fake.answer("exec", *frames)
    try_it(fake)

    [call] = fake.list_calls("delete")
    assert {"namespace", "--wait=false"} <= {*call["words"]}
    assert any(word.startswith("composegen-doctor-") for word in call["words"])


def test_the_image_is_one_of_the_plan_s_own_with_a_tool(fake):
    images = {"db": "postgres:17", "web": "python:3.13-slim"}

    assert choose_pair(load(fake), images) == PAIR
    assert choose_pair(load(fake), {"db": "postgres:17"}) is None
