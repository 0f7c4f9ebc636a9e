"""Schema ``analysis``: views for people, with the names they use and a comment on every column.

Views hold no data, so they are not migrated: they are dropped before the migrations run and made anew, from what is
declared here, after them. A migration is then never hindered by a view, and a view changes where it is written.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import text
from sqlalchemy.engine import Connection

from archive.catalog.engine import AS_IT_STANDS
from archive.catalog.views import events, files, filesystem, fits, idex, monitors, tags, work
from archive.catalog.views.base import SCHEMA, View
from archive.errors import ArchiveError

__all__ = ["SCHEMA", "VIEWS", "View", "create", "drop", "fingerprint", "up_to_date"]

#: In the order they are made: a view may use those before it.
VIEWS: tuple[View, ...] = (
    *files.VIEWS,
    *events.VIEWS,
    *tags.VIEWS,
    *work.VIEWS,
    *monitors.VIEWS,
    *filesystem.VIEWS,
    *idex.VIEWS,
    *fits.VIEWS,
)

PURPOSE = "Views for people"


def create(conn: Connection) -> None:
    """Make every view, comment its columns, and note in the comment of the schema which declaration it was.

    Raises
    ------
    ArchiveError
        When a column has no comment.
    """
    for view in VIEWS:
        _run(conn, f"create view {view.qualified} as {view.sql}")
        _run(conn, f"comment on view {view.qualified} is {_literal(view.comment)}")
        for name, comment in _comments(conn, view).items():
            _run(conn, f"comment on column {view.qualified}.{name} is {_literal(comment)}")
    _run(conn, f"comment on schema {SCHEMA} is {_literal(f'{PURPOSE} ({fingerprint()}).')}")


def drop(conn: Connection) -> None:
    """Drop every view of ours that is there, in whatever version.

    Raises
    ------
    ArchiveError
        When a view that somebody else made depends on one of ours; it is named, and nothing is dropped.
    """
    ours = {view.name for view in VIEWS} | _noted(conn)
    foreign = [
        name for name, uses in _dependents(conn) if name not in {f"{SCHEMA}.{own}" for own in ours} and uses in ours
    ]
    if foreign:
        raise ArchiveError(
            f"The view {foreign[0]} depends on views of the schema {SCHEMA}, which have to be made anew; drop it, "
            "upgrade, and create it again."
        )
    for name in sorted(ours):
        _run(conn, f"drop view if exists {SCHEMA}.{name} cascade")
    if conn.execute(text("select to_regnamespace(:schema)"), {"schema": SCHEMA}).scalar():
        _run(conn, f"comment on schema {SCHEMA} is '{PURPOSE}.'")


def up_to_date(conn: Connection) -> bool:
    """Say whether the views there are the ones declared here."""
    found = conn.execute(text("select obj_description(to_regnamespace(:schema))"), {"schema": SCHEMA}).scalar()
    return found == f"{PURPOSE} ({fingerprint()})."


def fingerprint() -> str:
    """Return a short text that changes with any declaration of a view."""
    return hashlib.sha256(repr(VIEWS).encode()).hexdigest()[:12]


def _run(conn: Connection, statement: str) -> None:
    conn.exec_driver_sql(statement, execution_options=AS_IT_STANDS)


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _comments(conn: Connection, view: View) -> dict[str, str]:
    """Return the comment of each column: the view's own word, else that of a column of the same name it is made of."""
    query = text(
        "select a.attname, col_description(a.attrelid, a.attnum) from pg_attribute a "
        "where a.attrelid = to_regclass(:relation) and a.attnum > 0 and not a.attisdropped order by a.attnum"
    )
    inherited: dict[str, str] = {}
    for relation in view.like:
        for name, comment in conn.execute(query, {"relation": relation}):
            inherited.setdefault(name, comment)
    names = [row.attname for row in conn.execute(query, {"relation": view.qualified})]
    missing = [name for name in names if name not in view.columns and name not in inherited]
    if missing:
        raise ArchiveError(f"The view {view.qualified} has no comment for the column {missing[0]!r}.")
    return {name: view.columns.get(name) or inherited[name] for name in names}


def _noted(conn: Connection) -> set[str]:
    """Return the views of the schema that an earlier version of Pinakes made: those that our owner commented."""
    query = text(
        "select relname from pg_class where relkind = 'v' and relnamespace = to_regnamespace(:schema) "
        "and obj_description(oid, 'pg_class') like '%' || :mark"
    )
    return set(conn.execute(query, {"schema": SCHEMA, "mark": View.mark}).scalars())


def _dependents(conn: Connection) -> list[tuple[str, str]]:
    """Return (dependent view, our view it uses) for every view that uses one of the schema."""
    query = text(
        "select distinct r.ev_class::regclass::text, c.relname from pg_depend d join pg_rewrite r on r.oid = d.objid "
        "join pg_class c on c.oid = d.refobjid where d.classid = 'pg_rewrite'::regclass "
        "and c.relnamespace = to_regnamespace(:schema) and r.ev_class <> c.oid"
    )
    return [(row[0], row[1]) for row in conn.execute(query, {"schema": SCHEMA})]
