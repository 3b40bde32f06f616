"""How a value is written that has the wrong type, as an example to copy."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.patterns import make_pattern
from composegen.stackfile.hints.inline import write_inline

_EXAMPLES: Mapping[str, str] = {
    "NAME=value": "[MODE=fast]",
    "`cope` or `restart`": "restart",
    "`inside` or `outside`": "outside",
    "`true`": "true",
    "a condition": "healthy",
    "a duration": "30s",
    "a file": "app.env",
    "a folder": "./web",
    "a folder or a mapping": "./web",
    "a host name": "example.com",
    "a list": "[one, two]",
    "a list of logins": "[{user: [DB_USER], password: [DB_PASSWORD]}]",
    "a list of names": "[one, two]",
    "a list of networks or a mapping": "[front]",
    "a list of secrets or a mapping": "[db-password]",
    "a list of services": "[one, two]",
    "a list of services or a mapping": "[db]",
    "a list of texts": "[one, two]",
    "a list of variants": "[{tag: alpine, user: root}]",
    "a list of volumes": '["data:/data"]',
    "a mapping": "{name: value}",
    "a mapping of Compose's keys": "{container_name: web}",
    "a mapping of a recipe's keys": '{image: "redis:8"}',
    "a mapping of networks": "{front: {internal: true}}",
    "a mapping of options": "{internal: true}",
    "a mapping of secrets": "{token: {env: TOKEN}}",
    "a mapping of services": "{web: {use: nginx}}",
    "a mapping of volumes": "{data: {name: data}}",
    "a mapping or `none`": "{memory: 512M}",
    "a mapping or a list of NAME=value": "{MODE: fast}",
    "a mapping or a reason": "{read_only: it writes to /app}",
    "a mapping with a `path`": "{path: app.env, required: false}",
    "a mapping with a `tag`": "{tag: alpine}",
    "a method": "POST",
    "a name": "web",
    "a network mode": "host",
    "a note": "sessions are kept in memory",
    "a number of processes": "100",
    "a number of processors": "0.5",
    "a path": "/health",
    "a path or a mapping": "/health",
    "a policy": "always",
    "a port": "8080",
    "a port in the short form": '"8080:80"',
    "a restart policy": "unless-stopped",
    "a size": "512M",
    "a text": "text",
    "a text or a list of texts": "[one, two]",
    "a text or a list of words": "[sleep, infinity]",
    "a tool": "curl",
    "a variant with a `tag`, `images` or `version`": "{tag: alpine}",
    "a volume": '"data:/data"',
    "a volume with a `target`": "{type: volume, source: data, target: /data}",
    "soft and hard": "{soft: 1024, hard: 4096}",
    "the keys of a service": "{use: nginx}",
    "the name of a file": "compose.yaml",
    "the name of a group": "monitoring",
    "the name of a network": "front",
    "the name of a recipe": "postgres",
    "the name of a secret": "db-password",
    "the name of a service": "db",
    "the name of a variable": "DB_URL",
    "the name of a variable or a mapping": "DB_URL",
    "the name of an image": "postgres:17",
    "the path of a file": "./token.txt",
    "the reason": "it has no shell",
    "true or false": "true",
    'versions, as in "<18" or ">=18"': '"<18"',
    "{env: VAR}, {file: path} or {generate: true}": "{env: TOKEN}",
}
"""An example for each type that a key can want."""
_NUMBER = make_pattern(r"a whole number from (-?[\d,]+)")
_FEWEST = 2


def suggest_type(wanted: str, written: str | list[str] | None) -> str:
    """How a value of the wanted type is written, close to what was written.

    ``written`` is a text, the texts of a list, or None for an empty value.
    """
    example = _find_example(wanted)
    if not example:
        return f"write {wanted}"
    if isinstance(written, str) and example.startswith("[") and "list" in wanted:
        return f"write a list: {write_inline([written])}"
    if isinstance(written, list) and len(written) == 1 and example[0] not in "[{":
        return f"write it without a list: {write_inline(written[0])}"
    empty = "write one or remove it; " if written is None else ""
    return f"{empty}for example: {example}"


def _find_example(wanted: str) -> str:
    number = _NUMBER.match(wanted)
    if number is None:
        return _EXAMPLES.get(wanted, "")
    least = int(number[1].replace(",", ""))
    return str(max(_FEWEST, least))
