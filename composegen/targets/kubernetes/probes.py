"""The probes of a container, from the health check of its service.

The kubelet asks a port by itself, at the address of the pod. A startup probe asks each
second for as long as the service may boot; then a readiness probe says whether it gets
requests. Nothing restarts a service that is only unhealthy: Compose does not either.
"""

from __future__ import annotations

from composegen.health import Health, HealthKind
from composegen.model import Raw, Service
from composegen.targets.kubernetes.quantities import write_seconds
from composegen.targets.kubernetes.scene import Path, Scene

_STARTUP_PERIOD = 1


def make_probes(scene: Scene, service: Service) -> dict[str, Raw]:
    """The keys of a container that say how it is probed; none for a job."""
    health = service.health
    if health is None or service.job:
        return {}
    asked = _make_question(scene, service, health)
    if asked is None:
        return {}
    timeout = write_seconds(health.timeout.seconds)
    startup = {
        **asked,
        "periodSeconds": _STARTUP_PERIOD,
        "timeoutSeconds": timeout,
        "failureThreshold": write_seconds(health.boot.seconds),
    }
    readiness = {
        **asked,
        "periodSeconds": write_seconds(health.interval.seconds),
        "timeoutSeconds": timeout,
        "failureThreshold": health.retries,
    }
    scene.losses.note(
        "`boot` runs out", "the container is restarted, and tries again", service.name
    )
    return {"startupProbe": startup, "readinessProbe": readiness}


def _make_question(
    scene: Scene, service: Service, health: Health
) -> dict[str, Raw] | None:
    """What a probe does; None where nothing is asked."""
    path = ("services", service.name, "health")
    port = health.port
    if health.kind is HealthKind.NONE:
        return None
    if health.kind is HealthKind.IMAGE:
        return _replace_own_check(scene, service)
    if health.kind is HealthKind.COMMAND:
        return {"exec": {"command": _make_command(scene, health, path)}}
    if health.kind is HealthKind.TCP:
        return {"tcpSocket": {"port": port}}
    get: dict[str, Raw] = {"path": scene.fill(health.path, path), "port": port}
    if health.host:
        host = scene.fill(health.host, path)
        get["httpHeaders"] = [{"name": "Host", "value": host}]
    return {"httpGet": get}


def _make_command(scene: Scene, health: Health, path: Path) -> list[Raw]:
    # The kubelet replaces `$(NAME)` in the command of a probe too.
    if isinstance(health.command, str):
        return ["sh", "-c", scene.escape(health.command, path)]
    return [scene.escape(word, path) for word in health.command]


def _replace_own_check(scene: Scene, service: Service) -> dict[str, Raw] | None:
    what = "the health check of the image"
    if service.port is None:
        scene.losses.note(what, "it is ready as soon as it runs", service.name)
        return None
    scene.losses.note(what, "it is ready when its port is open", service.name)
    return {"tcpSocket": {"port": service.port}}
