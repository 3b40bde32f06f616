"""What a cluster does not carry is listed, a line each, and nothing else is."""

from __future__ import annotations

import pytest

from tests.clusters import APP, USER, list_lost, name_stack, render_files

NOTHING = f"""\
image: python:3.13-slim
{USER}
health: {{none: a worker}}
resources: {{pids: none}}
relax: {{init: brings its own}}
compose: {{logging: null}}
"""
LOGS = "log rotation of 3 files of 10 MB"


def test_a_stack_from_which_nothing_is_lost_has_no_list() -> None:
    objects, _ = render_files(name_stack(app=NOTHING))

    assert objects.lost == ()
    assert "does not carry" not in objects.text


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            "resources: {pids: 99}",
            "pids: 99 -> the limit that the kubelet sets for a pod",
        ),
        ("ulimits: {nofile: 1024}", "`ulimits` -> those of the node hold"),
        ("dns: [192.0.2.1]", "`dns` -> the DNS of the cluster answers"),
        (
            "stop_signal: SIGINT",
            "`stop_signal` -> the signal of the image, SIGTERM by default",
        ),
        ("develop: {watch: []}", "`develop` -> nothing follows changes of the sources"),
        ("restart: on-failure:3", "restart: on-failure:3 -> it is always restarted"),
        ('restart: "no"', "restart: no -> it is always restarted"),
        ("extra_hosts: [box=host-gateway]", "the host as `box` -> a pod knows no host"),
        (
            'labels: {"a key": x}',
            "the label `a key` -> it cannot be an annotation",
        ),
        ("tmpfs: ['/x:size=50%']", "the size of /x -> the memory limit holds for it"),
        (
            "pull_policy: daily",
            "pull_policy: daily -> the image is always pulled",
        ),
    ],
)
def test_a_loss_is_one_line_with_what_stands_instead(keys: str, line: str) -> None:
    base = NOTHING
    if keys.startswith("resources"):
        base = base.replace("resources: {pids: none}\n", "")

    assert list_lost(name_stack(app=f"{base}{keys}\n")) == [f"app: {line}"]


@pytest.mark.parametrize(
    ("without", "line"),
    [
        (
            "relax: {init: brings its own}\n",
            "init -> process 1 of the image has to reap its children",
        ),
        (
            "compose: {logging: null}\n",
            f"{LOGS} -> that of the kubelet, by default 5 files of 10 MiB",
        ),
    ],
)
def test_what_every_service_has_by_default_is_listed(without: str, line: str) -> None:
    assert list_lost(name_stack(app=NOTHING.replace(without, ""))) == [f"app: {line}"]


def test_a_raw_restart_and_a_container_name_are_listed() -> None:
    raw = "compose: {logging: null, restart: 'no', container_name: web}"
    stack = name_stack(app=NOTHING.replace("compose: {logging: null}", raw))

    assert list_lost(stack) == [
        "app: restart: no -> it is always restarted",
        "app: container_name: web -> the cluster names the pods",
    ]


def test_a_job_is_not_restarted_here_or_there() -> None:
    job = NOTHING.replace("health: {none: a worker}", "job: true")

    assert list_lost(name_stack(app=job)) == []


def test_a_restart_with_the_fallback_is_listed() -> None:
    stack = name_stack(
        app=f"{NOTHING}needs: {{cache: {{otherwise: {{later: restart}}}}}}\n",
        cache=f"{APP}resources: {{pids: none}}\n",
    )

    assert (
        "app: `later: restart` of `cache` -> it is not restarted when that one fails"
        in list_lost(stack)
    )


def test_a_line_of_all_services_names_none_and_one_of_some_names_them() -> None:
    stack = name_stack(
        a=NOTHING.replace("resources: {pids: none}\n", ""),
        b=NOTHING.replace("resources: {pids: none}\n", "stop_signal: SIGINT\n"),
        c=f"{NOTHING}stop_signal: SIGINT\n".replace(
            "resources: {pids: none}", "resources: {pids: 512}"
        ),
    )

    assert list_lost(stack) == [
        "pids: 512 -> the limit that the kubelet sets for a pod",
        "b, c: `stop_signal` -> the signal of the image, SIGTERM by default",
    ]


def test_the_list_stands_in_the_header_too() -> None:
    objects, _ = render_files(name_stack(app=APP))

    assert objects.lost
    for line in objects.lost:
        assert f"#   {line}\n" in objects.text
