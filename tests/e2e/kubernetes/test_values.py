"""What reaches the containers on a cluster is what reaches them under Compose."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.e2e.engine import run
from tests.e2e.kubernetes.cluster import Stack, make_service
from tests.e2e.stacks import PYTHON, SERVE

IMAGES = [PYTHON]
CANARY = "canary-7f3a-of-a-secret"
OTHER = "canary-5b1c-of-the-environment"

DOLLARS = (
    *("$$(OTHER)", "$$$$(OTHER)", "$$OTHER", "$$$$OTHER", "$$$$$$$$", "$$(cat /f)"),
    *("$$(UNDEFINED)", "a$$", "$$$$(OTHER)$$(OTHER)", "$${OTHER}"),
)
"""Strings of a stack file, with Compose's rule that `$$` is a `$`."""

TELL = "import json, os, sys; print(json.dumps([sys.argv[2:], dict(os.environ)]))"


def make_teller(**keys: Any) -> dict[str, Any]:
    """A service that first prints its arguments and variables as JSON."""
    return make_service(f"{TELL}\n{SERVE}", "8000", **keys)


def read_told(stack: Stack, service: str = "app") -> tuple[list[str], dict[str, str]]:
    arguments, variables = json.loads(stack.read_logs(service).splitlines()[0])
    return arguments, variables


def test_ten_strings_with_dollars_arrive_as_under_compose(stack: Stack) -> None:
    app = make_teller(
        environment={f"V{i}": text for i, text in enumerate(DOLLARS)}
        | {"OTHER": "val"},
    )
    app["command"] += DOLLARS
    stack.write({"app": app}, name="dollars")
    stack.render()
    stack.up_well()

    under_compose = [text.replace("$$", "$") for text in DOLLARS]
    arguments, variables = read_told(stack)
    assert arguments == under_compose
    assert [variables[f"V{i}"] for i in range(len(DOLLARS))] == under_compose


def test_two_gigabytes_are_those_of_compose(stack: Stack) -> None:
    app = make_service(resources={"memory": "2G"})
    stack.write({"app": app}, name="memory")
    stack.render()
    stack.up_well()

    paths = "/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes"
    found = stack.exec("app", "sh", "-c", f"cat {paths} 2>/dev/null || true")
    assert found.split() == ["2147483648"]


def test_a_value_is_in_no_file_pod_event_or_log(stack: Stack) -> None:
    app = make_service(
        secrets={"token": "TOKEN_FILE"},
        environment={"MODE": "${MODE}", "URL": "http://x/?k=${KEY}"},
    )
    stack.write({"app": app}, name="canary", secrets={"token": {"generate": True}})
    folder = stack.folder / ".secrets"
    folder.mkdir(mode=0o700)
    (folder / "token").write_text(CANARY)
    (folder / "token").chmod(0o600)
    values = {"MODE": OTHER, "KEY": OTHER}
    stack.render(**values)

    done = stack.up_well(**values)

    told = "import os; print(open(os.environ['TOKEN_FILE']).read(), os.environ['MODE'])"
    assert stack.exec("app", "python", "-c", told).split() == [CANARY, OTHER]
    kinds = "pods,deployments,replicasets,events,configmaps,services,networkpolicies"
    shown = {
        "what composegen says": done.said,
        "its objects": stack.kubectl("get", kinds, "-o", "yaml"),
        "their description": stack.kubectl("describe", kinds),
        "its logs": stack.read_logs("app"),
        **{
            str(path): path.read_text()
            for path in list_files(stack.folder)
            if ".secrets" not in path.parts
        },
    }
    for value in (CANARY, OTHER):
        assert [name for name, text in shown.items() if value in text] == []


def list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_four_services_with_two_processors_each_fit_two(stack: Stack) -> None:
    names = [f"app{number}" for number in range(4)]
    stack.write(
        {name: make_service(resources={"cpus": 2}) for name in names}, name="four"
    )
    stack.render()
    stack.up_well()

    assert stack.are_ready(*names)


def test_a_pod_is_hardened_and_writes_where_its_stack_says(stack: Stack) -> None:
    app = make_service(tmpfs=["/cache"])
    stack.write({"app": app}, name="hardened")
    stack.render()
    stack.up_well()

    assert stack.exec("app", "id", "-u").strip() != "0"
    stack.exec(
        "app", "sh", "-c", "echo written >/cache/file && echo written >/tmp/file"
    )
    pod = stack.find_pod("app")["metadata"]["name"]
    own = ("kubectl", "--namespace", stack.namespace, "exec", pod, "--")
    refused = run(*own, "sh", "-c", "echo x >/usr/file", env=stack.cluster.env)
    assert refused.returncode != 0
    assert re.search("[Rr]ead-only", refused.stderr)
