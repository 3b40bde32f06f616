"""What a drill asks of a service can be asked, and is asked at some time."""

from __future__ import annotations

from composegen.stackfile.checks.checked import Checked


def check_drills(checked: Checked) -> None:
    """A request needs a port, and a service is asked for what it needs."""
    for service in checked.stack.services.values():
        place = ("services", service.name, "drill")
        drill = service.drill
        if place not in checked.stack.places or drill.skip is not None:
            continue
        asks_http = drill.ask is not None and bool(drill.ask.path)
        is_read = not checked.is_broken(service.name, "port", "publish", "use", "drill")
        if asks_http and service.port is None and is_read:
            checked.add(
                "no-port",
                f"`drill` of `{service.name}` has no port to ask",
                place,
                f"give `{service.name}` a port: port: 8080",
            )
        is_read = not checked.is_broken(service.name, "needs", "job", "drill")
        if service.job and is_read:
            checked.add(
                "unused-drill",
                f"`{service.name}` is a job: a drill leaves jobs alone",
                place,
                "remove `drill`, or `job` if the service goes on running",
            )
        elif not service.needs and is_read:
            checked.add(
                "unused-drill",
                f"`{service.name}` needs no service, so a drill asks it nothing",
                place,
                "ask a service that needs others",
            )
