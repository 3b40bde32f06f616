"""Every problem by its stable name, with how much it matters.

Each name has a page in ``templates/problems/``: what it means, an example that has the
problem, and its help.
"""

from __future__ import annotations

from composegen.errors import Level

# The file itself, its YAML, and the shape of its keys.
_READING = """
    alias-expansion
    bad-character
    bad-choice
    bad-condition
    bad-drill
    bad-duration
    bad-gate
    bad-health
    bad-key
    bad-later
    bad-merge
    bad-name
    bad-port
    bad-size
    bad-tool
    bad-variable
    bad-volume
    comma-in-braces
    compose-key
    computed-key
    duplicate-key
    empty-file
    file-too-large
    health-twice
    many-documents
    no-services
    not-one-line
    not-utf-8
    null-value
    recursive-alias
    tab
    too-deep
    unknown-alias
    unknown-key
    unquoted-variable
    variable-here
    variable-without-default
    wrong-type
    yaml-syntax
    yaml-tag
""".split()

# What the services say together.
_MEANING = """
    above-limit
    cycle
    finished-no-job
    healthy-unasked
    job-health
    job-restart
    left-out
    local-command
    missing-file
    missing-setting
    name-case
    name-taken
    network-mode
    no-common-network
    no-health
    no-image
    no-port
    no-probe-tool
    not-reachable-from-host
    outside-health
    placeholder-unknown
    port-twice
    random-port
    replicas-port
    replicas-volume
    same-variable
    secret-name-taken
    udp-health
    undeclared-network
    unknown-data-folder
    unknown-recipe
    unknown-service
    unknown-target
    wrong-data-folder
""".split()

_WARNINGS = """
    boot-too-short
    closed-bind-mount
    early-variable
    engine-socket
    env-file-wires
    foreign-image
    implied-need
    internal-port
    job-unwaited
    latest-image
    near-placeholder
    no-reason
    not-hardened
    old-data-folder
    open-port
    port-unpublished
    root-bind-mount
    secret-in-context
    secret-literal
    store-network
    traefik-network
    unasked
    unused-drill
    unused-health
    unused-later
    unused-network
    unused-secret
    unused-volume
    visible-password
""".split()

_NOTES = ["all-excluded", "assumed-tag", "recipe-for-image", "unknown-image"]

LEVELS: dict[str, Level] = {
    **dict.fromkeys(_READING, Level.ERROR),
    **dict.fromkeys(_MEANING, Level.ERROR),
    **dict.fromkeys(_WARNINGS, Level.WARNING),
    **dict.fromkeys(_NOTES, Level.NOTE),
}

COMMAND_ERRORS = ("lost-secret", "other-file", "other-folder")
"""Errors of commands that have a page too; no check of a stack file finds them."""


CLUSTER_PROBLEMS = (
    "name-on-cluster",
    "needs-wait-image",
    "not-on-cluster",
    "pod-security",
    "variable-on-cluster",
)
"""Errors of a stack file that only rendering it for a cluster finds."""

PAGES = tuple(sorted({*LEVELS, *COMMAND_ERRORS, *CLUSTER_PROBLEMS}))
"""Everything that has a page."""


def find_level(name: str) -> Level:
    """The level of a problem; a name that is not listed is a programming error."""
    return LEVELS[name]
