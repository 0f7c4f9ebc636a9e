"""Reading windows of time that have been accumulated: their rows, what they rest on, and a hash of all of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, func, select, table, union
from sqlalchemy import column as plain

from archive.analysis.derived import libraries
from archive.catalog import analyses
from archive.catalog.analyses import Condition
from archive.catalog.reference import instrument_ids
from archive.catalog.schema import event, file
from archive.catalog.views import SCHEMA
from archive.instruments.base import Instrument, WindowProducts
from archive.jobs.requests import digest
from archive.model import Accumulated

#: Column of the view of windows that says when the row was written: it does not count.
WRITTEN: Final = "created_at"

Rows = list[Mapping[str, Any]]


def starts(conn: Connection, products: WindowProducts) -> list[datetime]:
    """Return the begin of every window that is accumulated, ascending."""
    held = table(products.windows, plain("t_start"), schema=SCHEMA)
    return sorted(conn.execute(select(held.c.t_start)).scalars())


class Found(NamedTuple):
    """A window, and the keys of the files that were counted in it."""

    window: Accumulated
    parents: list[int]


def read(conn: Connection, owner: Instrument, products: WindowProducts, start: datetime) -> Found | None:
    """Return the window that begins at a time, as it was accumulated last; None when there is none."""
    whole = _newest(conn, products, start)
    while whole is not None:
        found = _read(conn, owner, products, whole)
        now = _newest(conn, products, start)
        if now == whole:
            return found
        whole = now  # it was accumulated anew while we read: views show rows of the newest only
    return None


def _newest(conn: Connection, products: WindowProducts, start: datetime) -> Mapping[str, Any] | None:
    return next(iter(_rows(conn, products.windows, [Condition("t_start", "=", start)])), None)


def _read(conn: Connection, owner: Instrument, products: WindowProducts, whole: Mapping[str, Any]) -> Found:
    key, start, stop = whole[products.key], whole["t_start"], whole["t_stop"]
    row = {name: value for name, value in whole.items() if name not in (products.key, WRITTEN)}
    tables: dict[str, Rows] = {
        view: [
            {name: value for name, value in each.items() if name != products.key}
            for each in _rows(conn, view, [Condition(products.key, "=", key)])
        ]
        for view in products.views
    }
    for view in products.timed:
        held = _rows(conn, view, since=start, until=stop)
        tables[view] = [{name: value for name, value in each.items() if name != "file_id"} for each in held]
    files = _sources(conn, owner, products, start, stop)
    sources = tuple((name, sha) for _, name, sha in files)
    told = {"window": _plain(row), "tables": {view: _in_order(held) for view, held in tables.items()}}
    state = digest({**told, "sources": sources, **made_by(products)})
    return Found(Accumulated(start, stop, row, tables, sources, state), [key for key, *_ in files])


def made_by(products: WindowProducts) -> dict[str, Any]:
    """Return the versions of the code whose change may change the bytes of equal windows."""
    return {"version": products.version, "libraries": libraries()}


def _sources(
    conn: Connection, owner: Instrument, products: WindowProducts, start: datetime, stop: datetime
) -> list[tuple[int, str, str]]:
    """Return key, name and hash of the files whose events or rows lie in a window, in order of the hashes."""
    mine = event.c.instrument_id == instrument_ids(conn).get(owner.name)
    counted = [select(event.c.file_id).where(mine, event.c.t >= start, event.c.t < stop)]
    for view in products.sources:
        held = table(view, plain("file_id"), plain("t"), schema=SCHEMA)
        counted.append(select(held.c.file_id).where(held.c.t >= start, held.c.t < stop))
    query = (
        select(file.c.id, func.coalesce(file.c.original_name, file.c.relpath), file.c.sha256)
        .where(file.c.id.in_(union(*counted)))
        .order_by(file.c.sha256, file.c.id)
    )
    return [(key, str(name), str(sha)) for key, name, sha in conn.execute(query)]


def _rows(
    conn: Connection, view: str, conditions: Sequence[Condition] = (), since: datetime | None = None,
    until: datetime | None = None,
) -> Rows:  # fmt: skip
    names = [each.name for each in analyses.columns(conn, view)]
    return list(analyses.scalars(conn, view, names, conditions, since=since, until=until))


def _in_order(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return rows as texts in an order that follows from what they say: a view has none of its own."""
    return sorted(json.dumps(_plain(row), sort_keys=True) for row in rows)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, datetime | Decimal) else value for name, value in row.items()}
