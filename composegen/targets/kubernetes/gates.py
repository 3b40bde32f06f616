"""Init containers that hold a pod back until what its service needs is ready.

A Service of Kubernetes has an endpoint only while a pod of it is ready, and refuses
connections otherwise: that it takes one says that the service is healthy by its own
check. The program that tries is one of the dependent service's own image. Only a job,
which has no Service, and a service without a port are waited for through the API.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from composegen.health import DEFAULT_BOOT
from composegen.model import Raw, Service
from composegen.needs import Condition
from composegen.planning.addressing import ContainerAddressing, name_on_cluster
from composegen.planning.asking import GATE_TOOLS, choose_gate_tool
from composegen.planning.plan import Gate, Step
from composegen.records import record
from composegen.targets.kubernetes.scene import Scene, escape_text, name_service
from composegen.targets.kubernetes.volumes import TOKEN_VOLUME, is_stateful
from composegen.targets.quoting import Lines

GRACE = 30
"""Seconds that a gate waits beyond the boot of an optional service.

``composegen up`` decides at the end of the boot; without it, the gate does later.
"""

# Where kubectl looks for it, whatever is mounted for the stack.
_TOKEN_FOLDER = f"/var{ContainerAddressing.secret_folder}/kubernetes.io/serviceaccount"

# Each ends at SIGTERM by itself: the kernel spares process 1 of a container, and a pod
# would take the 30 s of its grace period to go. PHP can only where it has pcntl.
_PYTHON = """\
import signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
host, port, bound = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
end = time.monotonic() + bound
while True:
    try:
        socket.create_connection((host, port), 1).close()
        break
    except OSError as why:
        if bound and time.monotonic() >= end:
            said = f"{host} is not ready after {bound:g} s ({why})"
            print(f"{said}: not waiting any longer", file=sys.stderr)
            break
    time.sleep(0.2)
"""
_NODE = """\
process.on("SIGTERM", () => process.exit(143));
const [host, port, bound] = process.argv.slice(1);
const end = Date.now() + bound * 1000;
function ask() {
  const socket = require("net").connect({ host, port: Number(port) });
  let isOver = false;
  function retry(why) {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    if (Number(bound) && Date.now() >= end) {
      const said = `${host} is not ready after ${bound} s (${why})`;
      console.error(`${said}: not waiting any longer`);
      process.exit(0);
    }
    setTimeout(ask, 200);
  }
  socket.setTimeout(1000, () => retry("no answer"));
  socket.on("connect", () => process.exit(0));
  socket.on("error", (error) => retry(error.code));
}
ask();
"""
_BASH = """\
trap 'exit 143' TERM
until timeout 1 bash -c ': <>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null; do
  if (($3 && SECONDS >= $3)); then
    echo "$1 is not ready after $3 s: not waiting any longer" >&2
    break
  fi
  sleep 0.2
done
"""
_PHP = """\
if (function_exists("pcntl_async_signals")) {
  pcntl_async_signals(true);
  pcntl_signal(15, fn() => exit(143));
}
[, $host, $port, $bound] = $argv;
$end = microtime(true) + $bound;
while (!@fsockopen($host, (int) $port, $number, $why, 1)) {
  if ($bound && microtime(true) >= $end) {
    $said = "$host is not ready after $bound s ($why)";
    fwrite(STDERR, "$said: not waiting any longer\\n");
    break;
  }
  usleep(200000);
}
"""
_NC = """\
trap 'exit 143' TERM
end=$(($(date +%s) + $3))
until nc -w 1 "$1" "$2" -e true 2>/dev/null; do
  if [ "$3" -gt 0 ] && [ "$(date +%s)" -ge "$end" ]; then
    echo "$1 is not ready after $3 s: not waiting any longer" >&2
    break
  fi
  sleep 0.2
done
"""
_WAIT = """\
trap 'exit 143' TERM
"$@" &
wait $! || echo "$0 is not ready: not waiting any longer" >&2
"""

_CALLS: Mapping[str, tuple[str, ...]] = {
    "python3": ("python3", "-I", "-c", _PYTHON),
    "python": ("python", "-I", "-c", _PYTHON),
    "node": ("node", "-e", _NODE, "--"),
    "bash": ("bash", "-c", _BASH, "wait"),
    "php": ("php", "-r", _PHP, "--"),
    "nc": ("sh", "-c", _NC, "wait"),
}


def list_words(tool: str) -> tuple[str, ...]:
    """The program of a gate; host, port and bound in seconds follow."""
    return _CALLS[tool]


@record
class Waited:
    """An object of the cluster that a pod asks the API about."""

    kind: str
    group: str
    resource: str
    name: str


@record
class Gates:
    """What holds a pod back: its init containers, without what all of them share.

    ``waited`` are the objects that some of them ask about; a pod without any needs no
    account and no token.
    """

    containers: tuple[Mapping[str, Raw], ...] = ()
    waited: tuple[Waited, ...] = ()


def make_gates(scene: Scene, step: Step, image: str) -> Gates:
    """The gates of a step; ``image`` is the one of its service."""
    containers: list[Mapping[str, Raw]] = []
    waited: list[Waited] = []
    for gate in step.gates:
        needed = scene.plan.stack.services[gate.service]
        if not gate.waits_on_cluster:
            continue
        if gate.condition is Condition.STARTED:
            scene.losses.note(
                f"waits until `{gate.service}` has started",
                "both start at the same time",
                step.name,
            )
            continue
        tool = choose_gate_tool(step.service)
        is_asked = gate.condition is Condition.HEALTHY and needed.port is not None
        if is_asked and tool:
            containers.append(_make_connecting(scene, gate, needed, tool, image))
            continue
        found = _find_object(scene, needed, gate)
        waited.append(found)
        if scene.cluster.wait_image:
            containers.append(_make_waiting(scene, gate, needed, found))
        else:
            _refuse(scene, step, gate, needed)
    return Gates(containers=tuple(containers), waited=tuple(waited))


def find_bound(scene: Scene, gate: Gate) -> int:
    """The seconds after which a gate lets its pod start all the same; 0 for never."""
    if not gate.is_optional:
        return 0
    step = next(step for step in scene.plan.steps if step.name == gate.service)
    ready = step.worst_ready
    if math.isinf(ready):
        health = step.service.health
        ready = (health.boot if health is not None else DEFAULT_BOOT).seconds
    return math.ceil(ready) + GRACE


def _name_gate(needed: Service) -> str:
    return f"wait-{name_service(needed)}"


def _make_connecting(
    scene: Scene, gate: Gate, needed: Service, tool: str, image: str
) -> dict[str, Raw]:
    """A gate that waits until the Service takes a connection."""
    words = [*list_words(tool), name_on_cluster(needed.host_name), str(needed.port)]
    words.append(str(find_bound(scene, gate)))
    return {
        "name": _name_gate(needed),
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": [*map(_write_word, words)],
    }


def _write_word(word: str) -> str:
    escaped = escape_text(word)
    return Lines(escaped) if "\n" in escaped else escaped


def _find_object(scene: Scene, needed: Service, gate: Gate) -> Waited:
    """The object whose state says that a service is ready or has finished."""
    name = name_service(needed)
    if gate.condition is Condition.FINISHED:
        return Waited(kind="job", group="batch", resource="jobs", name=name)
    if is_stateful(scene, needed):
        return Waited(
            kind="statefulset", group="apps", resource="statefulsets", name=name
        )
    return Waited(kind="deployment", group="apps", resource="deployments", name=name)


_READY = {
    "job": "condition=complete",
    "deployment": "condition=Available",
    "statefulset": "jsonpath={.status.readyReplicas}=1",
}


def _make_waiting(
    scene: Scene, gate: Gate, needed: Service, waited: Waited
) -> dict[str, Raw]:
    """A gate that asks the API, by kubectl."""
    bound = find_bound(scene, gate)
    words = [
        "wait",
        f"--for={_READY[waited.kind]}",
        f"--timeout={bound}s" if bound else "--timeout=-1s",
        f"{waited.kind}/{waited.name}",
    ]
    container: dict[str, Raw] = {
        "name": _name_gate(needed),
        "image": scene.cluster.wait_image,
        "imagePullPolicy": "IfNotPresent",
    }
    if bound:
        # kubectl ends with 1 when the time is up, and the pod is to start all the same.
        container["command"] = ["sh", "-c", _write_word(_WAIT), waited.name, "kubectl"]
    container["args"] = [*words]
    container["volumeMounts"] = [
        {"name": TOKEN_VOLUME, "mountPath": _TOKEN_FOLDER, "readOnly": True}
    ]
    return container


def _refuse(scene: Scene, step: Step, gate: Gate, needed: Service) -> None:
    if gate.condition is Condition.FINISHED:
        why = f"waits until `{needed.name}` has finished, which only the API says"
    elif needed.port is None:
        why = f"waits for `{needed.name}`, which has no port to connect to"
    else:
        why = (
            f"waits for `{needed.name}`, and no program is known in its image that "
            f"opens a connection ({', '.join(GATE_TOOLS)})"
        )
    scene.faults.add(
        "needs-wait-image",
        f"`{step.name}` {why}",
        ("services", step.name, "needs", gate.service),
        "name an image that runs kubectl, with --wait-image IMAGE; or let the pod "
        "start at once, where the program waits by itself:\n"
        f"needs: {{{gate.service}: {{gate: none}}}}",
    )


def make_token_volume() -> dict[str, Raw]:
    """The volume with the token that asks the API, for the gates that need it alone."""
    sources: list[Raw] = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {
            "configMap": {
                "name": "kube-root-ca.crt",
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            }
        },
        {
            "downwardAPI": {
                "items": [
                    {
                        "path": "namespace",
                        "fieldRef": {
                            "apiVersion": "v1",
                            "fieldPath": "metadata.namespace",
                        },
                    }
                ]
            }
        },
    ]
    return {
        "name": TOKEN_VOLUME,
        "projected": {"defaultMode": 0o440, "sources": sources},
    }
