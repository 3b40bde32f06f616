"""The login of a data store: which user, database and password it is given."""

from __future__ import annotations

from collections.abc import Mapping

from composegen.model import Login, Service
from composegen.records import field, record

GENERATED_BYTES = 24
"""How many random bytes a generated secret holds."""


@record
class Credentials:
    """A service's login: None where it is not known, a secret's name if it is one."""

    user: str | None = None
    password: str | None = None
    password_secret: str = ""
    database: str | None = None
    wanted: Mapping[str, str] = field(default_factory=dict)


_NO_LOGIN = Credentials(wanted={"database": ""})
"""Those of a service of which no recipe says how it is reached."""


def name_password(service: str) -> str:
    """The name that is proposed for the secret of a service's password."""
    return f"{service.replace('.', '-')}-password"


def name_url_secret(service: str) -> str:
    """The secret that holds a service's URL."""
    return f"{service}-url"


def find_credentials(service: Service) -> Credentials:
    """What a service's own variables say about its login."""
    access = service.access
    if not (access.logins or access.database or access.database_default):
        return _NO_LOGIN
    files = {
        variable: use.name for use in service.secrets for variable in use.variables
    }
    login = _choose_login(service, files)
    wanted: dict[str, str] = {}
    user = password = None
    secret = ""
    if login is not None:
        user = _find_value(service, login.user)
        if user is None and not _is_in_file(service, files, login.user):
            user = login.user_default or None
        password = _find_value(service, login.password)
        if password is None:
            secret = next(
                (
                    files[f"{name}_FILE"]
                    for name in login.password
                    if f"{name}_FILE" in files
                ),
                "",
            )
            if not secret and not _is_in_file(service, files, login.password):
                password = login.password_default
        wanted["user"] = " or ".join(login.user)
        wanted["password"] = " or ".join(login.password)
    database = _find_value(service, access.database)
    if database is None and not _is_in_file(service, files, access.database):
        default = access.database_default
        database = (user if default == "{user}" else default) or None
    wanted["database"] = " or ".join(access.database)
    return Credentials(
        user=user,
        password=password,
        password_secret=secret,
        database=database,
        wanted=wanted,
    )


def _choose_login(service: Service, files: Mapping[str, str]) -> Login | None:
    for login in service.access.logins:
        if not login.when or (
            _is_set(service, files, login.when)
            and (not login.password or _is_set(service, files, login.password))
        ):
            return login
    return None


def _is_set(service: Service, files: Mapping[str, str], names: tuple[str, ...]) -> bool:
    """Whether one of the variables has a value, or a file that holds it."""
    return _find_value(service, names) is not None or _is_in_file(service, files, names)


def _find_value(service: Service, names: tuple[str, ...]) -> str | None:
    """The value of the first variable that is set; one that is passed on is its own."""
    for name in names:
        value = service.environment.get(name, "")
        if value is None:
            return f"${{{name}}}"
        if value:
            return value
    return None


def _is_in_file(
    service: Service, files: Mapping[str, str], names: tuple[str, ...]
) -> bool:
    return any(
        f"{name}_FILE" in files or f"{name}_FILE" in service.environment
        for name in names
    )
