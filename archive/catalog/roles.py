"""A database role for each duty, and what each may do.

Roles belong to the whole server, not to one database: they may be there already, made for another archive, and they
carry nothing but their name; what they may do is granted per database. They cannot log in. A person's own login is made
a member of one (``grant pinakes_analyst to alice``), and `pinakes sql` steps into the analyst's role for its query: a
guard against accidents, not against somebody who holds the archive's own password.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from archive import log
from archive.catalog.views import SCHEMA as ANALYSIS

Duty = Literal["owner", "ingest", "monitor", "analyst"]

PREFIX = "pinakes_"

DUTIES: dict[Duty, str] = {
    "owner": "Pinakes: may do everything in an archive''s database, tables included.",
    "ingest": "Pinakes: brings in files and events; reads and writes every table, makes none.",
    "monitor": "Pinakes: watches; reads every table, writes ops and counts, registers the files it makes.",
    "analyst": "Pinakes: reads the views of the schemas analysis and ivoa, nothing else.",
}

#: Schemas an analyst sees; the second comes with the first table of an observatory standard.
FOR_ANALYSTS = (ANALYSIS, "ivoa")

#: Tables that monitors write beside schema ops: the pages and previews they make are files with lineage.
MONITOR_WRITES = ("core.file", "core.file_parent", "core.file_problem", "core.code_version")

#: Tables of instruments that monitors keep up: what they count over many events.
MONITOR_COUNTS = ("idex.rate_window", "idex.rate_count", "idex.rate", "idex.map_pixel", "idex.map_count")

#: Tables of the present state, from which monitors remove what is there no more.
MONITOR_REMOVES = ("ops.scan_folder",)

#: Seconds an analyst's statement may take.
ANALYST_TIMEOUT = 60


def role(duty: Duty) -> str:
    """Return the name of the role for a duty."""
    return PREFIX + duty


def apply(conn: Connection) -> list[Duty]:
    """Make the roles where they are missing and grant each what its duty needs; doing it again changes nothing.

    Returns
    -------
    list of str
        The duties that have their role now. A login that may not make roles leaves out those that are missing and says
        so in the log; everything else works without them.
    """
    done: list[Duty] = []
    for duty in DUTIES:
        try:
            with conn.begin_nested():
                _make(conn, duty)
            with conn.begin_nested():
                _run(conn, _grants(conn, duty))
        except DBAPIError as error:
            reason = str(error.orig).splitlines()[0]
            log.get("catalog").warning("the database role %s was left as it is: %s", role(duty), reason)
            continue
        done.append(duty)
    return done


def available(conn: Connection, duty: Duty) -> bool:
    """Say whether this connection may step into the role of a duty and that role was granted its rights here."""
    query = text(
        "select case when to_regrole(:role) is null then false else pg_has_role(to_regrole(:role), 'member') "
        "and has_schema_privilege(:role, :schema, 'usage') end"
    )
    return bool(conn.execute(query, {"role": role(duty), "schema": ANALYSIS}).scalar())


def _make(conn: Connection, duty: Duty) -> None:
    """Create the role when it is missing, and let this login step into it."""
    name = role(duty)
    if conn.execute(text("select to_regrole(:role)"), {"role": name}).scalar() is None:
        _run(conn, [f"create role {name} nologin", f"comment on role {name} is '{DUTIES[duty]}'"])
    member = text("select pg_has_role(to_regrole(:role), 'member')")
    if not conn.execute(member, {"role": name}).scalar():
        _run(conn, [f"grant {name} to current_user"])


def _grants(conn: Connection, duty: Duty) -> list[str]:
    """Return the statements that give a duty its rights in this database."""
    name = role(duty)
    schemas = _schemas(conn)
    tables = [schema for schema in schemas if schema not in FOR_ANALYSTS]
    views = [schema for schema in schemas if schema in FOR_ANALYSTS]
    usage = [f"grant usage on schema {', '.join(views if duty == 'analyst' else schemas)} to {name}"]
    read = [f"grant select on all tables in schema {', '.join(views if duty == 'analyst' else schemas)} to {name}"]
    match duty:
        case "owner":
            everywhere = ", ".join(schemas)
            return [
                f"grant all on schema {everywhere} to {name}",
                f"grant all on all tables in schema {everywhere} to {name}",
                f"grant all on all sequences in schema {everywhere} to {name}",
            ]
        case "ingest":
            where = ", ".join(tables)
            return [
                *usage,
                *read,
                f"grant insert, update, delete on all tables in schema {where} to {name}",
                f"grant usage on all sequences in schema {where} to {name}",
            ]
        case "monitor":
            return [
                *usage,
                *read,
                f"grant insert, update on all tables in schema ops to {name}",
                f"grant insert, update on {', '.join(MONITOR_WRITES)} to {name}",
                *(f"grant insert, update on {table} to {name}" for table in MONITOR_COUNTS if _there(conn, table)),
                *(f"grant delete on {table} to {name}" for table in MONITOR_REMOVES if _there(conn, table)),
                f"grant usage on all sequences in schema {', '.join(tables)} to {name}",
            ]
        case "analyst":
            database = conn.dialect.identifier_preparer.quote(
                conn.execute(text("select current_database()")).scalar_one()
            )
            return [
                *usage,
                *read,
                # For logins that inherit nothing from their role but are told to use these by their administrator.
                f"alter role {name} in database {database} set default_transaction_read_only = on",
                f"alter role {name} in database {database} set statement_timeout = '{ANALYST_TIMEOUT}s'",
            ]


def _there(conn: Connection, table: str) -> bool:
    """Say whether a table is there: roles are also given in a database of an earlier revision."""
    return bool(conn.execute(text("select to_regclass(:table) is not null"), {"table": table}).scalar())


def _schemas(conn: Connection) -> list[str]:
    """Return our schemas: those that hold a table or view with a comment of ours, and the ones for analysts."""
    query = text(
        "select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public') "
        "and obj_description(oid, 'pg_namespace') is not null order by nspname"
    )
    return list(conn.execute(query).scalars())


def _run(conn: Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        conn.exec_driver_sql(statement)
