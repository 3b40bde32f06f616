"""Pods take what the strictest level of Pod Security wants, or say why they cannot."""

from __future__ import annotations

import pytest

from composegen.targets.files import Cluster
from tests.clusters import (
    USER,
    list_refusals,
    name_stack,
    read_app,
    read_app_pod,
    read_pod,
    refuse,
)

BARE = "image: example.org/app:1\nport: 8000\nhealth: {tcp: true}\n"
BASELINE = Cluster(pod_security="baseline")
PRIVILEGED = Cluster(pod_security="privileged")


def test_a_pod_runs_as_its_user_with_nothing_that_it_does_not_need() -> None:
    assert read_app_pod()["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "fsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert read_app()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_token_of_the_api_and_the_addresses_of_others_stay_out() -> None:
    pod = read_app_pod()

    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False


@pytest.mark.parametrize(
    ("user", "ids"), [("1000", (1000, 1000)), ('"1000:2000"', (1000, 2000))]
)
def test_the_user_is_always_a_number(user: str, ids: tuple[int, int]) -> None:
    context = read_pod(name_stack(app=f"{BARE}user: {user}\n"))["securityContext"]

    assert (context["runAsUser"], context["runAsGroup"]) == ids
    assert context["fsGroup"] == ids[1]


def test_a_variable_says_the_user_by_its_default() -> None:
    pod = read_pod(name_stack(app=f'{BARE}user: "${{ID:-1000}}"\n'))

    assert pod["securityContext"]["runAsUser"] == 1000


def test_the_facts_about_an_image_give_its_user() -> None:
    pod = read_pod("name: shop\nservices: {db: {use: redis}}\n", "db")

    assert pod["securityContext"]["runAsUser"] == 999


@pytest.mark.parametrize("user", ["", "user: root\n", 'user: "0:0"\n'])
def test_root_is_refused_with_the_user_to_set_and_the_flag(user: str) -> None:
    stack = name_stack(app=BARE + user)
    (problem,) = refuse(stack)

    assert problem.name == "pod-security"
    assert "runs as root" in problem.message
    assert 'user: "10001:10001"' in problem.help
    assert "--pod-security baseline" in problem.help
    context = read_pod(stack, cluster=BASELINE)["securityContext"]
    assert not {"runAsNonRoot", "runAsUser", "fsGroup"} & context.keys()


def test_the_name_of_a_user_is_refused_since_the_kubelet_cannot_judge_it() -> None:
    stack = name_stack(app=f"{BARE}user: app\n")
    (problem,) = refuse(stack)

    assert (problem.name, problem.location.line) == ("pod-security", 7)
    assert "`app` runs as `app`" in problem.message
    read_pod(stack, cluster=BASELINE)


@pytest.mark.parametrize(
    ("keys", "flag"),
    [
        ("relax: {cap_drop: why}", "baseline"),
        ("relax: {no_new_privileges: why}", "baseline"),
        ("cap_add: [CHOWN]", "baseline"),
        ("cap_add: [CHOWN, SYS_ADMIN]", "privileged"),
        ("cap_add: [cap_net_admin]", "privileged"),
    ],
)
def test_what_a_level_does_not_take_names_the_one_that_does(
    keys: str, flag: str
) -> None:
    stack = name_stack(app=f"{BARE}{USER}{keys}\n")
    (problem,) = refuse(stack)

    assert (problem.name, problem.location.line) == ("pod-security", 8)
    assert f"--pod-security {flag}" in problem.help
    read_pod(stack, cluster=Cluster(pod_security=flag))
    if flag == "privileged":
        assert list_refusals(stack, cluster=BASELINE) == [("pod-security", 8)]


def test_binding_a_low_port_is_taken_by_every_level() -> None:
    app = read_app("cap_add: [NET_BIND_SERVICE]\n")

    assert app["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["NET_BIND_SERVICE"],
    }


def test_what_is_relaxed_is_left_out_where_the_level_takes_it() -> None:
    app = read_app(
        "relax: {read_only: why, cap_drop: why, no_new_privileges: why}\n",
        cluster=PRIVILEGED,
    )

    assert app["securityContext"] == {}


def test_further_groups_are_numbers() -> None:
    pod = read_app_pod('group_add: ["44", "${G:-45}"]\n')

    assert pod["securityContext"]["supplementalGroups"] == [44, 45]
    stack = name_stack(app=f"{BARE}{USER}group_add: [video]\n")
    assert list_refusals(stack) == [("not-on-cluster", 8)]
