"""Compose's keys of a service that have other words here: the one table of them.

What is read, refused, suggested and offered for such a key is derived from it; the
lines that are offered are made in ``hints``.
"""

from __future__ import annotations

from composegen.records import record


@record(kw_only=False)
class Word:
    """One key of Compose.

    ``here`` are the keys that say it in a stack file, none where composegen decides.
    ``refusal`` is what to write instead of a raw value below ``compose``, empty where
    a raw one is allowed.
    """

    name: str
    here: tuple[str, ...] = ()
    refusal: str = ""


_TABLE = (
    Word("depends_on", ("needs",), "write the edge in `needs`"),
    Word("healthcheck", ("health",), "write it in `health`"),
    Word("ports", ("port", "publish"), "write them in `publish`"),
    Word("expose", ("port", "publish")),
    Word("scale", ("replicas",), "write `replicas`"),
    Word(
        "profiles",
        ("group", "enabled"),
        "write `group`, and include it with `--with @NAME`",
    ),
    Word("extends", (), "use an anchor and `<<`"),
    Word("deploy", ("replicas", "resources")),
    Word("cpus", ("resources",)),
    Word("mem_limit", ("resources",)),
    Word("pids_limit", ("resources",)),
    Word("read_only", ("relax",)),
    Word("cap_drop", ("relax",)),
    Word("init", ("relax",)),
    Word("container_name"),
    Word("version"),
    Word("mem_reservation"),
    Word("security_opt"),
    Word("privileged"),
)

WORDS = {word.name: word for word in _TABLE}
"""Every key of Compose that is not a key here, but has words here, by its name."""

REFUSED_RAW = {
    "secrets": "write them in `secrets`",
    **{word.name: word.refusal for word in _TABLE if word.refusal},
}
"""What may not be a raw setting of a service, and what to write instead."""


def list_said(key: str) -> tuple[str, ...]:
    """The keys of a stack file that a key says, whichever language it is of."""
    word = WORDS.get(key)
    return word.here if word is not None and word.here else (key,)
