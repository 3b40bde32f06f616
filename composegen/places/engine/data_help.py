"""Help that is about data: whose it is, how it is kept, and how it is deleted, last.

No text proposes to delete data before it has said what else helps, and whose it is.
"""

from __future__ import annotations

import shlex

from composegen.places.engine.containers import (
    Container,
    Folder,
    Maker,
    Volume,
    format_time,
)
from composegen.text import escape_control

_POSTGRES = "POSTGRES_PASSWORD"
_ALTER = "ALTER USER CURRENT_USER PASSWORD :'p'"
_PSQL = 'psql -U "${POSTGRES_USER:-postgres}" -d postgres -v p="$0"'


def describe_volume(volume: Volume, users: tuple[Maker, ...]) -> str:
    """Whose a volume is: its project, the folders whose containers mount it, its age.

    The engine notes no folder on a volume itself.
    """
    folders = list(dict.fromkeys(each.folder for each in users if each.folder))
    where = (
        f"used by the containers of {', '.join(map(escape_control, folders))}"
        if folders
        else "no container uses it, so the folder that made it is not known"
    )
    project = escape_control(volume.project) or "none"
    made = (format_time(volume.created_at) or "")[:19].replace("T", " ")
    return f"project {project}; {where}" + (f"; made {made} UTC" if made else "")


def suggest_deletion(volume: str, whose: str) -> str:
    """The last lines of a help: how the data of a volume is removed."""
    return (
        f"or delete the data of the volume {volume} ({whose}); "
        "this cannot be undone:\n"
        f"composegen down && docker volume rm {shlex.quote(volume)}"
    )


def suggest_password(store: Container, file: str, volume: str, whose: str) -> str:
    """What to do where a store refuses a password that is newer than its data."""
    path = shlex.quote(file)
    lines = [f"put the old password back into {file}, then: composegen up"]
    command = find_password_command(store.variables, store.name, path)
    if command:
        lines += ["or give the database the new one, and keep its data:", command]
        lines.append("composegen up")
    return "\n".join([*lines, suggest_deletion(volume, whose)])


def find_password_command(variables: tuple[str, ...], container: str, path: str) -> str:
    """The command that sets the password of a database to that in a file.

    It needs no password: inside its own container, PostgreSQL trusts its socket. Empty
    for a database that asks for the old password first.
    """
    if not {_POSTGRES, f"{_POSTGRES}_FILE"} & set(variables):
        return ""
    return (
        f'echo "{_ALTER}" | docker exec -i {container} '
        f"sh -c '{_PSQL}' \"$(cat {path})\""
    )


def suggest_folder_owner(
    container: Container, source: str, target: str, folder: Folder | None
) -> str:
    """How a folder of this machine becomes one that its service may write.

    Docker makes a missing folder as root's. Nothing in a folder of another owner than
    root is given away before the other way was named.
    """
    owner = container.user or "0"
    is_recursive = folder is None or not folder.is_empty
    command = (
        "docker run --rm --user 0 --entrypoint chown "
        f"-v {shlex.quote(source)}:{target} {shlex.quote(container.image)} "
        f"{'-R ' * is_recursive}{owner} {target}"
    )
    give = f"give it to user {owner}" + ", with all that is in it" * is_recursive
    if folder is None or not folder.user or not is_recursive:
        return f"{give}:\n{command}"
    return (
        f"run it as the owner of the folder, under `{container.service}` in the stack "
        f'file:\nuser: "{folder.user}:{folder.group}"\nor {give}:\n{command}'
    )


def suggest_volume_owner(
    container: Container, volume: str, target: str, whose: str
) -> str:
    """How a volume gets the owner that its service needs, with all that is in it."""
    owner = container.user or "0"
    command = (
        "docker run --rm --user 0 --entrypoint chown "
        f"-v {shlex.quote(volume)}:{target} "
        f"{shlex.quote(container.image)} -R {owner} {target}"
    )
    return "\n".join(
        [
            f"give it to user {owner}, with its data:",
            command,
            f"or let the image make {target} with that owner, for a new volume:",
            suggest_deletion(volume, whose),
        ]
    )
