"""The test cluster itself: what works in it, and that it leaves nothing behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.engine import run, run_well, wait_until
from tests.e2e.images import Images
from tests.e2e.kubernetes.cluster import SCRIPT, Cluster, Stack
from tests.e2e.stacks import PYTHON
from tests.parts import require_part

IMAGES = [PYTHON]

SETTINGS = ("net/ipv4/ip_forward", "vm/overcommit_memory", "vm/panic_on_oom")
WORDS = ("cni", "kube", "containers", "pods")
PLACES = ("/run", "/run/netns", "/var/lib", "/var/log", "/opt", "/var/tmp", "/tmp")


def call(folder: Path, *words: str, deadline: float = 300) -> str:
    return run_well(str(SCRIPT), "--dir", str(folder), *words, deadline=deadline)


@pytest.fixture
def second(cluster: Cluster) -> Iterator[Path]:
    """The folder of one more cluster, which is stopped after the test."""
    require_part(os.geteuid() == 0, "root, for a second cluster")
    with tempfile.TemporaryDirectory(prefix="kclu-") as name:
        folder = Path(name) / "cluster"
        yield folder
        call(folder, "stop")


def describe_machine() -> dict[str, object]:
    """What a cluster could leave on this machine."""
    groups = Path("/sys/fs/cgroup").rglob("composegen-cluster-*")
    return {
        "links": sorted(
            line.split(":")[1]
            for line in run_well("ip", "-o", "link").splitlines()
            if "cgcluster" in line or "cni" in line
        ),
        "rules": [
            line
            for line in run_well("iptables-save").splitlines()
            if "KUBE" in line or "CNI" in line
        ],
        "groups": sorted(
            str(path) for path in groups if path.parent.name != "kubepods"
        ),
        "mounts": sorted(
            line.split()[4]
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
            if "composegen-cluster" in line or "kubelet" in line or "netns/cni" in line
        ),
        "settings": {name: Path("/proc/sys", name).read_text() for name in SETTINGS},
        "places": {
            place: sorted(
                path.name
                for path in Path(place).glob("*")
                if any(word in path.name for word in WORDS)
            )
            for place in PLACES
        },
    }


def list_processes(folder: Path) -> list[str]:
    """The processes that have the folder in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if any(str(folder).encode() in word for word in words):
            found.append(words[0].decode())
    return [name for name in found if "python" not in name]


def test_a_second_cluster_starts_beside_the_first_and_leaves_nothing(
    cluster: Cluster, second: Path
) -> None:
    before = describe_machine()

    call(second, "start")

    kubectl = ("kubectl", "--kubeconfig", call(second, "kubeconfig").strip())
    assert "cluster-node" in run_well(*kubectl, "get", "nodes", env=cluster.env)
    assert list_processes(second)
    assert describe_machine() != before
    # The first does not notice it.
    assert "cluster-node" in cluster.kubectl("get", "nodes")

    call(second, "stop")

    assert describe_machine() == before
    assert list_processes(second) == []
    assert not second.exists()


def test_a_killed_cluster_is_gone_and_the_next_start_clears_its_rest(
    cluster: Cluster, second: Path
) -> None:
    before = describe_machine()
    call(second, "start")
    run_well("kill", "-KILL", (second / "pid").read_text().strip())
    wait_until(lambda: not list_processes(second), "all of its processes are gone")

    assert run(str(SCRIPT), "--dir", str(second), "status").returncode == 1
    call(second, "start")
    call(second, "stop")

    assert describe_machine() == before


def test_a_folder_of_another_is_left_alone(cluster: Cluster, tmp_path: Path) -> None:
    del cluster
    (tmp_path / "mine").write_text("kept")

    for command in ("start", "stop"):
        done = run(str(SCRIPT), "--dir", str(tmp_path), command, deadline=60)
        assert (done.returncode != 0) == (command == "start"), done
        assert (tmp_path / "mine").read_text() == "kept"


def test_pods_reach_services_by_name_and_nothing_listens_without_a_ready_pod(
    stack: Stack, images: Images
) -> None:
    images.have(PYTHON)
    stack.cluster.load(PYTHON)
    stack.make_namespace("privileged")
    serve = "python -m http.server 8000"
    ready = "test -e /tmp/ready"
    overrides = f"""
    {{"spec": {{"containers": [{{"name": "app", "image": "{PYTHON}",
      "command": ["sh", "-c", "{serve}"],
      "readinessProbe": {{"exec": {{"command": ["sh", "-c", "{ready}"]}},
                          "periodSeconds": 1}}}}]}}}}
    """
    stack.kubectl(
        *("run", "app", f"--image={PYTHON}", "--labels=app=app"),
        *("--override-type=strategic", f"--overrides={overrides}"),
    )
    stack.kubectl("expose", "pod", "app", "--port=8000")
    stack.kubectl("run", "client", f"--image={PYTHON}", "--", "sleep", "600")
    stack.kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=60s")
    words = ("exec", "client", "--", "python", "-c", CONNECT)

    assert stack.kubectl(*words).strip() == "refused"

    stack.kubectl("exec", "app", "--", "touch", "/tmp/ready")
    wait_until(lambda: stack.kubectl(*words).strip() == "connected", "it connects")


CONNECT = """
import socket
try:
    socket.create_connection(("app", 8000), 5).close()
    print("connected")
except ConnectionRefusedError:
    print("refused")
"""


def test_a_volume_is_free_again_and_empty_after_its_claim(stack: Stack) -> None:
    stack.make_namespace("privileged")
    before = count_free(stack)
    claim = stack.folder / "claim.yaml"
    claim.write_text(CLAIM)
    stack.kubectl("apply", "-f", str(claim))
    wait_until(lambda: count_free(stack) == before - 1, "the claim is bound")

    stack.kubectl("delete", "-f", str(claim))

    wait_until(lambda: count_free(stack) == before, "the volume is free")


def count_free(stack: Stack) -> int:
    phases = "jsonpath={.items[*].status.phase}"
    return stack.kubectl("get", "pv", "-o", phases).split().count("Available")


CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"""
