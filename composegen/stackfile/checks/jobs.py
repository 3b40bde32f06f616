"""Whether a service looks like a job: its command prepares something, then ends."""

from __future__ import annotations

import re

from composegen.model import Service
from composegen.patterns import make_pattern

_PREPARES = make_pattern(
    r"\b(?:migrat(?:e|ions?)|makemigrations|collectstatic|createsuperuser|loaddata"
    r"|db:(?:migrate|setup|seed|prepare|create)|migrations?:\w+|alembic|flyway|liquibase"
    r"|goose|dbmate|sqitch|db (?:upgrade|push|seed|init)|upgrade head|seed|pg_restore"
    r"|mc (?:mb|alias)|create[-_]?(?:buckets?|topics?|users?|db))\b",
    re.IGNORECASE,
)
_NAME = make_pattern(
    r"(?:^|[-_])(?:migrat(?:e|or|ions?)|seed(?:er)?|init|setup|bootstrap)(?:$|[-_])"
)
_NEXT = make_pattern(r"&&|\|\||;|\n")


def looks_like_job(service: Service) -> bool:
    """Whether it seems to end by itself, by its last command, else by its name.

    A service with a port serves something, whatever its name is.
    """
    if service.port is not None or service.job:
        return False
    said = service.passed.get("command") or service.passed.get("entrypoint")
    if not said:
        return bool(_NAME.search(service.name))
    text = " ".join(map(str, said)) if isinstance(said, list) else str(said)
    last = [part for part in _NEXT.split(text) if part.strip(" \"'")][-1:]
    return any(_PREPARES.search(part) for part in last)
