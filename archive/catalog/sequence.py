"""New files by order of ingest: the horizon up to which nothing more can come, and what lies between it and a mark.

The order is ``core.file.id``. Keys are given out when a row is written but seen only when its transaction is committed,
so a small key can become visible after a larger one. Therefore every transaction of ingest holds a shared lock
(`hold_ingest`), and the horizon is read while holding the same lock alone: at that moment no transaction is under way
that could still bring a smaller key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Row, Select, func, select
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
_NEWEST = select(func.coalesce(func.max(file.c.id), 0))


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


def hold_ingest(conn: Connection) -> None:
    """Keep horizons from being read until this transaction ends. The first statement of every ingest transaction."""
    conn.execute(_SHARED)


def horizon(catalog: Catalog) -> int:
    """Return the key up to which every file that will ever be is visible.

    Waits for the transactions of ingest that are under way, and makes new ones wait for that moment.
    """
    with catalog.begin() as conn:
        conn.execute(_ALONE)
        found: int = conn.execute(_NEWEST).scalar_one()
    return found


def mark(conn: Connection, monitor_id: int, selector: Selector, algorithm: str) -> int:
    """Return the high-water mark of a monitor; 0 when it has none yet."""
    query = select(watermark.c.file_id).where(
        watermark.c.monitor_id == monitor_id, watermark.c.selector == selector.text, watermark.c.algorithm == algorithm
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
