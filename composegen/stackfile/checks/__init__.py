"""What services say together: checks on the finished stack, one function a subject.

Each check notes problems by name; keys that could not be read are not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from composegen.stackfile.checks.checked import Checked
from composegen.stackfile.checks.data import (
    check_bind_owners,
    check_replicas,
    check_volumes,
)
from composegen.stackfile.checks.drill import check_drills
from composegen.stackfile.checks.health import check_health, check_probe_tool
from composegen.stackfile.checks.host import check_engine_socket
from composegen.stackfile.checks.images import check_images, check_reasons, check_tried
from composegen.stackfile.checks.implied import check_implied_needs
from composegen.stackfile.checks.modes import check_modes
from composegen.stackfile.checks.names import (
    check_aliases,
    check_built_names,
    check_cases,
)
from composegen.stackfile.checks.needs import (
    check_conditions,
    check_cycle,
    check_excluded,
    check_jobs,
    check_later,
    check_names,
    check_unasked,
)
from composegen.stackfile.checks.paths import check_paths
from composegen.stackfile.checks.ports import (
    check_led_to,
    check_open_ports,
    check_ports,
)
from composegen.stackfile.checks.reach import (
    check_common_networks,
    check_internal_ports,
    check_networks,
    check_store_networks,
    check_unused_networks,
)
from composegen.stackfile.checks.resources import check_reservations
from composegen.stackfile.checks.secrets import check_literals, check_secrets
from composegen.stackfile.checks.variables import (
    check_early_variables,
    check_env_files,
    check_placeholders,
    check_requirements,
    check_variables,
)

CHECKS: tuple[Callable[[Checked], None], ...] = (
    check_names,
    check_cases,
    check_built_names,
    check_aliases,
    check_cycle,
    check_conditions,
    check_unasked,
    check_jobs,
    check_later,
    check_excluded,
    check_implied_needs,
    check_variables,
    check_early_variables,
    check_env_files,
    check_placeholders,
    check_requirements,
    check_literals,
    check_health,
    check_drills,
    check_open_ports,
    check_ports,
    check_led_to,
    check_replicas,
    check_volumes,
    check_bind_owners,
    check_secrets,
    check_images,
    check_reasons,
    check_tried,
    check_paths,
    check_reservations,
    check_networks,
    check_common_networks,
    check_internal_ports,
    check_modes,
    check_engine_socket,
    check_store_networks,
    check_unused_networks,
)

# What only one target needs of a stack, by the target's name.
TARGET_CHECKS: Mapping[str, tuple[Callable[[Checked], None], ...]] = {
    "compose": (check_probe_tool,),
    "kubernetes": (),
}


def check_stack(checked: Checked) -> None:
    """Run every check, and those of the target."""
    for check in (*CHECKS, *TARGET_CHECKS[checked.target]):
        check(checked)
