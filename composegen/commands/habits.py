"""What to type in place of options of `docker compose` that composegen has not.

It is read when the command line has an error, and only then.
"""

from __future__ import annotations

from collections.abc import Mapping

import click

_ENGINE = "docker compose -p {name}{file} {command} {option} (on the engine)"
_GRACE = "`stop_grace_period` of a service says how long it may take to stop"
_INDEX = "`composegen exec --index NUMBER` chooses a container; " + _ENGINE
_LEAVE = "leave it out: "
_PLAIN = _LEAVE + "there is no colour without a terminal, or with NO_COLOR=1"
_PULL = (
    "`pull_policy` in the stack file, or composegen render && "
    "docker compose -p {name}{file} pull"
)
_QUIET = _LEAVE + "what `up` shows of images is short"
_STAY = "`composegen up --stay` keeps showing what happens; composegen logs -f"
_TRY = "composegen plan shows what would start; composegen render --check, what changed"
_ONE_OFF = (
    "`composegen run` starts the stack as processes; one container more: " + _ENGINE
)


def _name(*options: str, use: str) -> dict[str, str]:
    return dict.fromkeys(options, use)


_ACTING = {
    **_name("-t", "--timeout", use=_GRACE),
    **_name("--no-deps", use=_LEAVE + "only what is named is stopped and started"),
    **_name("--dry-run", use="composegen status shows what runs"),
}

HABITS: Mapping[str, Mapping[str, str]] = {
    "composegen": {
        **_name("-f", "--file", use="type it after the command: composegen up -f FILE"),
        **_name(
            *("-p", "--project-name"),
            use="`name` in the stack file, or COMPOSE_PROJECT_NAME=NAME before it",
        ),
        **_name("--profile", use="composegen up --with @GROUP, or --with SERVICE"),
        **_name("--project-directory", use="composegen up -f FOLDER/stack.yaml, or cd"),
        **_name("--env-file", use="variables are read from .env and the environment"),
        **_name("--ansi", use=_PLAIN),
        **_name("--progress", use=_LEAVE + "without a terminal there are plain lines"),
        **_name(
            "--parallel",
            "--compatibility",
            "--all-resources",
            use=_LEAVE + "`up` starts what is ready to start, all at once",
        ),
        **_name("--dry-run", use=_TRY),
    },
    "up": {
        **_name("--wait-timeout", use="composegen up --wait TIME, such as --wait 2m"),
        **_name(
            "--remove-orphans", use=_LEAVE + "`up` without services removes them anyway"
        ),
        **_name(
            *("--force-recreate", "--always-recreate-deps", "-V"),
            *("--renew-anon-volumes",),
            use="composegen down, then composegen up",
        ),
        **_name("--no-recreate", "--no-start", "--no-deps", use=_ENGINE),
        **_name("--pull", use=_PULL),
        **_name("--quiet-pull", "--quiet-build", use=_QUIET),
        **_name("--scale", use="`replicas` of the service in the stack file"),
        **_name("-t", "--timeout", use=_GRACE),
        **_name(
            *("--attach", "--attach-dependencies", "--no-attach", "--menu"),
            *("--timestamps", "--no-log-prefix"),
            use=_STAY,
        ),
        **_name(
            *("--abort-on-container-exit", "--abort-on-container-failure"),
            "--exit-code-from",
            use="`up` fails by itself if a service cannot become ready; " + _ENGINE,
        ),
        **_name("--no-color", use=_PLAIN),
        **_name("-w", "--watch", use=_ENGINE),
        **_name("-y", "--yes", use=_LEAVE + "`up` asks no question here"),
        **_name("--dry-run", use=_TRY),
    },
    "down": {
        **_name(
            "--remove-orphans", use=_LEAVE + "`down` removes all of the project anyway"
        ),
        **_name("-t", "--timeout", use=_GRACE),
        **_name("--rmi", use=_ENGINE),
        **_name("--dry-run", use="composegen status shows what runs"),
    },
    "logs": {
        **_name("--since", "--until", use="composegen logs -n COUNT; " + _ENGINE),
        **_name("-t", "--timestamps", use=_ENGINE),
        **_name(
            "--no-log-prefix",
            use="name one service: its lines stand alone. composegen logs SERVICE",
        ),
        **_name("--index", use=_INDEX),
        **_name("--no-color", use=_PLAIN),
        **_name("--dry-run", use=_LEAVE + "`logs` changes nothing"),
    },
    "exec": {
        **_name(
            *("-d", "--detach", "-e", "--env", "--privileged"),
            *("-u", "--user", "-w", "--workdir"),
            use=_ENGINE,
        ),
        **_name("--dry-run", use=_LEAVE + "`exec` runs one command as it is typed"),
    },
    "run": {
        **_name(
            *("--rm", "-i", "--interactive", "-T", "--no-TTY", "-d", "--detach"),
            *("-e", "--env", "--env-from-file", "--entrypoint", "-u", "--user"),
            *("-w", "--workdir", "--volume", "-p", "--publish", "-P"),
            *("--service-ports", "--use-aliases", "--name", "-l", "--label"),
            *("--cap-add", "--cap-drop", "--no-deps", "--build", "--pull", "-q"),
            *("--quiet", "--quiet-build", "--quiet-pull", "--remove-orphans", "-t"),
            *("--tty", "-it"),
            use=_ONE_OFF,
        ),
        **_name("--dry-run", use=_TRY),
    },
    "status": {
        **_name("-a", "--all", use=_LEAVE + "`status` shows every service"),
        **_name("-q", "--quiet", "--services", use="composegen status --format json"),
        **_name("--filter", "--status", use="composegen status --format json"),
        **_name("--no-trunc", "--orphans", use=_ENGINE.replace("{command}", "ps")),
        **_name("--dry-run", use=_LEAVE + "`status` changes nothing"),
    },
    "stop": _ACTING,
    "restart": _ACTING,
    "start": {
        **_name("--wait", use=_LEAVE + "`start` always waits until they are ready"),
        **_name("--wait-timeout", use="`boot` of a service says how long it may take"),
        **_name("--dry-run", use="composegen status shows what runs"),
    },
}
"""What to type, by the command and by its option of `docker compose`."""

_WORDS = {
    "down": "composegen stop {words}; `down` ends everything",
    "status": "leave them out: `status` shows every service",
    "check": "composegen check -f FILE, if it is a file; `check` reads the whole stack",
    "render": "composegen render --with SERVICE, --without SERVICE, or -f FILE",
    "plan": "composegen plan --with SERVICE, --without SERVICE, or -f FILE",
}
"""What to type where a command takes no names, by the command."""

_EXTRA = "Got unexpected extra argument"


def explain_usage(error: click.UsageError, path: str) -> tuple[str, str]:
    """The message and the help of a usage error; ``path`` is the command as typed."""
    usual = error.format_message(), f"see {path} --help"
    if error.ctx is None:
        return usual
    command = error.ctx.info_name or ""
    if isinstance(error, click.NoSuchOption):
        use = HABITS.get(command, {}).get(error.option_name)
        if use is None:
            return usual
        owner = path if command == "composegen" else f"`{command}`"
        message = f"{owner} has no option `{error.option_name}`"
        return message, _fill(use, command, option=error.option_name)
    words = usual[0].removeprefix(_EXTRA).removeprefix("s").partition("(")[2]
    if usual[0].startswith(_EXTRA) and command in _WORDS:
        named = words.rpartition(")")[0]
        return f"`{command}` takes no services: {named}", _fill(
            _WORDS[command], command, words=named
        )
    return usual


def _fill(text: str, command: str, **words: str) -> str:
    """The text with what was typed; the project is looked up only where it is named."""
    from composegen.commands.hints import find_project, name_file

    name = find_project() if "{name}" in text else ""
    file = name_file() if "{file}" in text else ""
    return text.format(name=name, file=file, command=command, **words)
