"""Database URLs: what a person may write, the one form we use, and the form that may be shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from archive import log
from archive.errors import SettingsError

if TYPE_CHECKING:
    from archive.config import Settings

DRIVER = "postgresql+psycopg2"
ACCEPTED = ("postgresql", "postgres", DRIVER)

#: Query parameters of libpq that hold secrets: never kept in a text that is shown.
SECRETS = ("password", "sslpassword")


def normalise(text: str, password: str | None = None) -> URL:
    """Return a user's URL with the driver named.

    A bare ``postgresql://`` would choose whatever driver SQLAlchemy prefers, which changed between its versions.

    Parameters
    ----------
    text
        ``postgresql://``, ``postgres://`` or ``postgresql+psycopg2://`` URL. A socket folder may stand in the query
        (``?host=/run/x``) or, as libpq allows, percent-encoded in place of the host.
    password
        Replaces the password of the URL.

    Raises
    ------
    SettingsError
        When it is not such a URL. The message never repeats the text: it may hold a password.
    """
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise SettingsError(
            "The setting database.url is not a URL of the form postgresql://user@host:port/database."
        ) from None
    if url.drivername not in ACCEPTED:
        raise SettingsError(f"The setting database.url begins with {url.drivername!r}; only postgresql:// works here.")
    url = url.set(drivername=DRIVER)
    in_query = url.query.get("password")
    if isinstance(in_query, str):  # moved to where masking finds it
        url = url.difference_update_query(["password"]).set(password=url.password or in_query)
    if url.host and "%2f" in url.host.lower():
        url = url.set(host="").update_query_dict({"host": unquote(url.host)})
    if password is not None:
        url = url.set(password=password)
    log.hide(str(url.password or ""))
    return url


def from_settings(settings: Settings) -> URL:
    """Return the URL of the server that the settings name, with the password from its file when one is named.

    Raises
    ------
    SettingsError
        When the URL or the password file cannot be used.
    """
    path = settings.database.password_file
    return normalise(settings.database.url.get_secret_value(), None if path is None else _first_line(path))


def text(url: URL) -> str:
    """Return the URL with its password, for connecting; never for showing."""
    return url.render_as_string(hide_password=False)


def for_libpq(url: URL) -> tuple[str, dict[str, str]]:
    """Return the URL for PostgreSQL's own programs, and the environment that carries the password.

    Arguments of a program can be seen by every user of the machine; its environment cannot.
    """
    password = {"PGPASSWORD": str(url.password)} if url.password else {}
    return text(url.set(drivername="postgresql")._replace(password=None)), password


def masked(url: URL) -> str:
    """Return the URL for messages: no password, wherever it stood."""
    shown = url.difference_update_query(SECRETS)
    return shown.render_as_string(hide_password=True)


def _first_line(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as stream:
            return stream.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError(f"The password file {path} (database.password_file) cannot be read: {reason}.") from None
