"""What is behind a running container whose health check does not pass.

Nothing is asked here: its ports, answers and programs were looked at before.
"""

from __future__ import annotations

from composegen.model import PROBE_IMAGE
from composegen.places.advice import quote_path
from composegen.places.cause import Cause
from composegen.places.engine.advice import (
    write_health,
    write_longer_boot,
    write_port,
)
from composegen.places.engine.asking import TOOLS
from composegen.places.engine.cause import CauseName
from composegen.places.engine.containers import Container, Probe
from composegen.places.engine.evidence import Evidence
from composegen.places.engine.reach import find_loopback
from composegen.places.engine.refused_programs import find_missing_program
from composegen.system.signals import NOT_FOUND
from composegen.values import format_duration


def look_at_check(seen: Evidence) -> Cause | None:
    """The cause of a running container whose check does not pass."""
    container = seen.container
    if not container.is_running or container.health in {"none", "healthy"}:
        return None
    if seen.has_died:
        return None  # its silence is no cause: what it died of is
    if container.asker:
        return Cause(
            CauseName.HELPER_DOWN,
            f"`{seen.noted.helper}`, the container that checks it, {container.asker}",
            f"start it again: composegen start {seen.noted.name}",
        )
    said = container.probes[-1].output if container.probes else ""
    program = find_missing_program(said)
    if program is not None or _is_tool_missing(container):
        return _explain_tool(seen, program or "its tool")
    if container.probes or not seen.is_slow:
        return _look_at_ports(seen)
    if seen.is_podman:
        return _explain_unasked(seen)
    return _look_at_ports(seen) or _explain_unasked(seen)


def _explain_unasked(seen: Evidence) -> Cause:
    """Its boot is over, and the engine has not run its check once."""
    if seen.is_podman:
        help = (
            "Podman runs health checks by timers of systemd: use it where systemd "
            f"runs, or let composegen run them: composegen restart {seen.noted.name}"
        )
    else:
        help = seen.advise(write_longer_boot(seen.noted))
    return Cause(CauseName.CHECK_NEVER_RUN, "its health check was never run", help)


def _explain_tool(seen: Evidence, missing: str) -> Cause:
    if seen.noted.helper:
        return Cause(
            CauseName.HELPER_WITHOUT_TOOL,
            f"the check calls `{missing}`, which is not in the image of "
            f"`{seen.noted.helper}`",
            f"name an image with `sh` and the `nc` of busybox at the top level of the "
            f"stack file:\nprobe_image: {PROBE_IMAGE}",
        )
    said = f"the check calls `{missing}`, which is not in the image"
    if seen.tools is None:
        found = ["wget"]
    else:
        found = [tool for tool in TOOLS if tool in seen.tools and tool != missing]
    if not found:
        return Cause(
            CauseName.NO_TOOL,
            said,
            f"install {missing} in the Dockerfile: the image has no other tool",
        )
    line = write_health(seen.noted, f"tool: {found[0]}")
    unsure = "   # or python3, node, curl, bash, php" if seen.tools is None else ""
    return Cause(CauseName.TOOL_MISSING, said, seen.advise(line + unsure))


def _is_tool_missing(container: Container) -> bool:
    return bool(container.probes) and container.probes[-1].exit_code == NOT_FOUND


def _look_at_ports(seen: Evidence) -> Cause | None:
    noted, sockets = seen.noted, seen.sockets
    port = noted.check_port or noted.port
    if port is None or sockets is None:
        return None
    hosts = find_loopback(sockets, port) if noted.helper else ()
    if hosts:
        return Cause(
            CauseName.NOT_REACHED_OUTSIDE,
            f"it listens only on {', '.join(hosts)}:{port}, where the check from "
            "outside cannot reach it",
            f"let it listen on 0.0.0.0:{port}",
        )
    if any(each.port == port for each in sockets):
        return _explain_answer(seen, port)
    others = list(dict.fromkeys(each.port for each in sockets))
    early = "" if seen.is_slow or seen.container.restarts else "if it stays so, "
    # In the network of another service, what listens there is rather the other one.
    if others and not noted.shares:
        led_to = {
            int(each.target.partition("/")[0]) for each in seen.container.published
        }
        best = next((other for other in others if other in led_to), others[0])
        return Cause(
            CauseName.OTHER_PORT,
            f"it listens on port {', '.join(map(str, others))}, not on {port}",
            early + seen.advise(*write_port(noted, best)),
        )
    return _explain_silence(seen, port)


def _explain_silence(seen: Evidence, port: int) -> Cause:
    """Nothing listens; only one that never died can be slow, when its boot is over."""
    boot = format_duration(seen.noted.boot)
    if seen.container.restarts:
        said = f"nothing listens on port {port} since it was restarted"
        return Cause(CauseName.SILENT_AGAIN, said)
    if not seen.is_slow:
        said = f"nothing listens on port {port} yet; its boot, {boot}, is not over"
        return Cause(CauseName.BOOT_NOT_OVER, said)
    return Cause(
        CauseName.SLOW_BOOT,
        f"nothing listens on port {port} yet: it takes longer than its boot, {boot}, "
        "or it hangs",
        seen.advise(write_longer_boot(seen.noted)),
    )


def _explain_answer(seen: Evidence, port: int) -> Cause | None:
    """It listens where it is asked, and the health check fails."""
    noted, probes = seen.noted, seen.container.probes
    if not probes and not seen.is_slow:
        return None  # it has not been asked yet
    status = seen.answers.get(noted.path, 0)
    was_silent = probes[-1:] == (Probe(exit_code=1, output=""),)
    better = [path for path, code in seen.answers.items() if 200 <= code < 400]
    if 400 <= status < 500 and better:
        return Cause(
            CauseName.PATH_NOT_FOUND,
            f"GET {noted.path} answers {status}, and {better[0]} answers "
            f"{seen.answers[better[0]]}",
            seen.advise(write_health(noted, f"http: {quote_path(better[0])}")),
        )
    if status >= 400 or (not status and noted.is_http and was_silent):
        shown = str(status) if status else f"port {port} with no status that is wanted"
        return Cause(
            CauseName.BAD_STATUS,
            f"GET {noted.path} answers {shown}, and the check wants 200 to 399",
            f"let the program answer {noted.path} with 200 once it is ready, or name "
            f"another path in the `health` of `{noted.name}`; its log may say more: "
            f"composegen logs {noted.name}",
        )
    if not probes:
        return None
    help = "look at what the check got"
    if not seen.container.restarts:
        longer = seen.advise(write_longer_boot(noted))
        help += f"; if it only needs more time, {longer}"
    return Cause(
        CauseName.CHECK_FAILS,
        f"it listens on port {port}, but its health check fails",
        help,
    )
