"""Bring the schema to a revision: Alembic, in one transaction, one process at a time."""

from __future__ import annotations

from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.schema import CreateSchema

from archive.catalog import Catalog, roles, views
from archive.catalog.revision import PACKAGE, READ_VERSION, VERSION_SCHEMA, VERSION_TABLE, head, revisions
from archive.errors import UsageError

__all__ = ["configuration", "current", "downgrade", "head", "revisions", "upgrade"]

BASE = "base"

#: Key of the advisory lock that lets one process migrate at a time: "pinakes" as bytes, an arbitrary constant.
LOCK = 0x70696E616B6573


def upgrade(catalog: Catalog, revision: str = "head") -> str | None:
    """Bring the schema up to `revision`, and return the revision it was at before (None: it was empty).

    The views and the roles of the duties are made anew where they are not as declared. Everything happens in one
    transaction: a process that is killed leaves the schema as it was. A second process that does the same waits, and
    then finds nothing to do.

    Raises
    ------
    UsageError
        When there is no such revision.
    DatabaseUnavailable
        When the server cannot be reached.
    """
    with catalog.begin() as conn:
        before = _prepare(conn)
        fresh = before == head() and views.up_to_date(conn)
        if not fresh:
            views.drop(conn)
        _run(conn, "upgrade", revision)
        if not fresh and _revision(conn) == head():
            views.create(conn)
        if _revision(conn) == head():
            roles.apply(conn)
    return before


def downgrade(catalog: Catalog, revision: str) -> str | None:
    """Take the schema down to `revision` (``base``: no tables), and return the revision it was at before.

    Raises
    ------
    UsageError
        When there is no such revision below the present one.
    """
    with catalog.begin() as conn:
        before = _prepare(conn)
        views.drop(conn)
        _run(conn, "downgrade", revision)
        if _revision(conn) == head():
            views.create(conn)
    return before


def current(catalog: Catalog) -> str | None:
    """Return the revision of the schema; None when there is none yet."""
    try:
        with catalog.read() as conn:
            return _revision(conn)
    except ProgrammingError:  # no such table
        return None


def configuration(conn: Connection) -> Config:
    """Return Alembic's configuration for the migrations of this distribution, on an open connection."""
    config = Config()
    location = files(PACKAGE)
    config.set_main_option("script_location", str(location).replace("%", "%%"))  # ConfigParser reads % as its own
    config.attributes["connection"] = conn
    return config


def _prepare(conn: Connection) -> str | None:
    """Take the lock, make the place of the version table, and return the revision."""
    conn.execute(text("set local lock_timeout = 0"))
    conn.execute(text("set local statement_timeout = 0"))  # an index on a large table takes what it takes
    conn.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
    conn.execute(CreateSchema(VERSION_SCHEMA, if_not_exists=True))
    exists = conn.execute(text("select to_regclass(:name)"), {"name": VERSION_TABLE}).scalar()
    return _revision(conn) if exists else None


def _revision(conn: Connection) -> str | None:
    found: str | None = conn.execute(text(READ_VERSION)).scalar()
    return found


def _run(conn: Connection, verb: str, revision: str) -> None:
    if revision not in (*revisions(), BASE, "head") and not revision.lstrip("+-").isdecimal():
        raise UsageError(f"There is no revision {revision!r}; there are {', '.join(revisions())} and {BASE}.")
    try:
        getattr(command, verb)(configuration(conn), revision)
    except CommandError as error:
        raise UsageError(f"The schema cannot be taken to {revision!r}: {error}.") from error
