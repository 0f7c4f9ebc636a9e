"""New rows by order of ingest: the horizon up to which nothing more can come, and what lies between it and a mark.

The order is ``core.file.id``, or the key of another table that is only appended to. Keys are given out when a row is
written but seen only when its transaction is committed, so a small key can become visible after a larger one. Therefore
every transaction that appends holds a shared lock (`hold_ingest`), and the horizon is read while holding the same lock
alone: at that moment no transaction is under way that could still bring a smaller key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Row, Select, Table, func, select
from sqlalchemy.dialects.postgresql import insert

from archive.catalog.schema.core import file, instrument, product
from archive.catalog.schema.monitors import watermark

if TYPE_CHECKING:
    from uuid import UUID

    from archive.catalog import Catalog

#: Key of the advisory lock: "ingest" as bytes, an arbitrary constant.
LOCK = 0x696E67657374

_SHARED = select(func.pg_advisory_xact_lock_shared(LOCK))
_ALONE = select(func.pg_advisory_xact_lock(LOCK))


@dataclass(frozen=True, slots=True)
class Selector:
    """Which files a mark is about; None: all."""

    instrument: str | None = None
    product: str | None = None
    level: str | None = None

    @property
    def text(self) -> str:
        """Canonical JSON, equal for equal selections."""
        given = {"instrument": self.instrument, "level": self.level, "product": self.product}
        return json.dumps({name: value for name, value in given.items() if value is not None}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class NewFiles:
    """Files in order of ingest, and the mark up to which they complete the selection.

    Each row has id, relpath, instrument, product, level, format, sha256, size, t_start, t_end, version, created_at.
    """

    rows: Sequence[Row[Any]]
    mark: int


@dataclass(frozen=True, slots=True)
class NewKeys:
    """Keys of new rows: after `after`, up to `mark`; none when they are equal."""

    after: int
    mark: int


def hold_ingest(conn: Connection) -> None:
    """Keep horizons from being read until this transaction ends; comes before the first key is given out in it."""
    conn.execute(_SHARED)


def horizon(catalog: Catalog, table: Table = file) -> int:
    """Return the key of a table up to which every row that will ever be is visible.

    Waits for the transactions of ingest that are under way, and makes new ones wait for that moment.
    """
    with catalog.begin() as conn:
        conn.execute(_ALONE)
        found: int = conn.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
    return found


def rows_of(table: Table) -> str:
    """Return the selector of all rows of a table, as canonical JSON."""
    return json.dumps({"rows": table.fullname})


def new_keys(catalog: Catalog, monitor_id: int, table: Table, algorithm: str, *, limit: int | None = None) -> NewKeys:
    """Return the keys after the mark of a table that is only appended to, at most `limit` of them.

    Whoever appends to the table holds the lock (`hold_ingest`): of others the order is not kept.
    """
    end = horizon(catalog, table)
    with catalog.read() as conn:
        start = _mark(conn, monitor_id, rows_of(table), algorithm)
        if limit is not None:
            query = select(table.c.id).where(table.c.id > start, table.c.id <= end).order_by(table.c.id)
            end = conn.execute(query.offset(limit - 1).limit(1)).scalar() or end
    return NewKeys(start, max(start, end))


def mark(conn: Connection, monitor_id: int, selector: Selector, algorithm: str) -> int:
    """Return the high-water mark of a monitor; 0 when it has none yet."""
    return _mark(conn, monitor_id, selector.text, algorithm)


def _mark(conn: Connection, monitor_id: int, selector: str, algorithm: str) -> int:
    query = select(watermark.c.file_id).where(
        watermark.c.monitor_id == monitor_id, watermark.c.selector == selector, watermark.c.algorithm == algorithm
    )
    return conn.execute(query).scalar() or 0


def new_files(
    catalog: Catalog, monitor_id: int, selector: Selector, algorithm: str, *, limit: int | None = None
) -> NewFiles:
    """Return the available files after the mark, in order of ingest, at most `limit` of them."""
    end = horizon(catalog)
    with catalog.read() as conn:
        start = mark(conn, monitor_id, selector, algorithm)
        query = _files(selector).where(file.c.id > start, file.c.id <= end).order_by(file.c.id).limit(limit)
        rows = conn.execute(query).all()
    return NewFiles(rows, rows[-1].id if limit is not None and len(rows) == limit else max(start, end))


def files_in_window(
    catalog: Catalog,
    selector: Selector,
    window: tuple[datetime, datetime],
    *,
    by: Literal["received", "observed"] = "received",
    limit: int | None = None,
) -> NewFiles:
    """Return the available files received, or observed, after the start and up to the end of a window."""
    when = file.c.created_at if by == "received" else file.c.t_start
    query = _files(selector).where(when > window[0], when <= window[1]).order_by(file.c.id).limit(limit)
    with catalog.read() as conn:
        rows = conn.execute(query).all()
    return NewFiles(rows, rows[-1].id if rows else 0)


def advance(conn: Connection, monitor_id: int, marks: dict[str, int], algorithm: str, run_id: UUID) -> None:
    """Move marks forward, in the transaction that holds what was made from the files; they never move back."""
    for selector, file_id in marks.items():
        statement = insert(watermark).values(
            monitor_id=monitor_id, selector=selector, algorithm=algorithm, file_id=file_id, run_id=run_id
        )
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["monitor_id", "selector", "algorithm"],
                set_={"file_id": file_id, "run_id": run_id, "updated_at": func.now()},
                where=watermark.c.file_id < file_id,
            )
        )


def _files(selector: Selector) -> Select[Any]:
    query = (
        select(
            file.c.id, file.c.relpath, instrument.c.name.label("instrument"), product.c.name.label("product"),
            product.c.level, product.c.format, file.c.sha256, file.c.size, file.c.t_start, file.c.t_end,
            file.c.version, file.c.created_at,
        )
        .join(product, product.c.id == file.c.product_id)
        .join(instrument, instrument.c.id == product.c.instrument_id)
        .where(file.c.state == "available")
    )  # fmt: skip
    chosen = {instrument.c.name: selector.instrument, product.c.name: selector.product, product.c.level: selector.level}
    for column, value in chosen.items():
        if value is not None:
            query = query.where(column == value)
    return query
