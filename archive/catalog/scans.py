"""Walks over the file system in the catalog: what the last one found, and writing what a new one did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Row, Table, delete, func, insert, select, update
from sqlalchemy.sql import distinct, exists

from archive.catalog.bulk import copy_rows, upsert
from archive.catalog.schema.base import name
from archive.catalog.schema.core import file, instrument, product
from archive.catalog.schema.filesystem import (
    scan_area,
    scan_count,
    scan_device,
    scan_difference,
    scan_element,
    scan_folder,
    scan_growth,
    scan_run,
    scan_unrecognised,
)

#: Rows of folders read at a time.
BATCH = 5_000

Columns = Mapping[str, Sequence[Any]]

_PER_RUN = {table.name: table for table in (scan_device, scan_area, scan_count, scan_element, scan_unrecognised)}


def newest(conn: Connection, *, mode: str | None = None, complete: bool = False) -> Row[Any] | None:
    """Return the newest walk, or the newest of a mode, or the newest that looked at everything."""
    query = select(scan_run).order_by(scan_run.c.at.desc()).limit(1)
    query = query if mode is None else query.where(scan_run.c.mode == mode)
    return conn.execute(query.where(scan_run.c.complete) if complete else query).first()


def files_by_area(conn: Connection, run_id: Any) -> dict[str, int]:
    """Return how many files a walk found in each area."""
    query = select(scan_area.c.area, scan_area.c.n_files).where(scan_area.c.run_id == run_id)
    return {row.area: row.n_files for row in conn.execute(query)}


def optical_elements(
    conn: Connection, owner: str, keys: Sequence[str], observation: Sequence[str]
) -> list[tuple[str, int]]:
    """Return (element, observations) by name of the element, from the headers of an instrument's available files.

    Parameters
    ----------
    conn
        Connection.
    owner
        Short name of the instrument.
    keys
        Keys of ``core.file.header`` whose values, joined by ``/``, are the element. Files without the first are left
        out, and values that are not there are left out of the name.
    observation
        Keys that together name an observation. Each counts once for each element; files without the first are left out.
    """
    values = [file.c.header[key].astext for key in keys]
    element = func.concat_ws("/", *(func.nullif(value, "") for value in values)).label("element")
    one = func.row(*(file.c.header[key].astext for key in observation))
    query = (
        select(element, func.count(distinct(one)))
        .join(product, product.c.id == file.c.product_id)
        .join(instrument, instrument.c.id == product.c.instrument_id)
        .where(instrument.c.name == owner, file.c.state == "available")
        .where(func.nullif(values[0], "").is_not(None), file.c.header[observation[0]].astext.is_not(None))
        .group_by(element)
        .order_by(element.collate("C"))
    )
    return [(row[0], row[1]) for row in conn.execute(query)]


def folders(conn: Connection) -> Iterator[Row[Any]]:
    """Yield every row of ``ops.scan_folder``."""
    yield from conn.execution_options(yield_per=BATCH).execute(select(scan_folder))


def demand_full(conn: Connection) -> int:
    """Have the next walk list every folder; return how many that are."""
    return int(conn.execute(update(scan_folder).values(reusable=False)).rowcount)


def store(conn: Connection, run: Mapping[str, Any], tables: Mapping[str, Columns]) -> None:
    """Write one walk: its row, and the columns of the tables that belong to it, by name of the table."""
    conn.execute(insert(scan_run).values(**run))
    for table, columns in tables.items():
        rows = len(next(iter(columns.values()), ()))
        copy_rows(conn, _PER_RUN[table], {"run_id": [str(run["run_id"])] * rows, **columns})


def store_folders(
    conn: Connection, listed: Columns, gone: Sequence[tuple[str, str]], at: datetime, changed: Columns
) -> None:
    """Bring the folders to what a walk found.

    Parameters
    ----------
    conn
        Connection in a transaction.
    listed
        Columns of ``ops.scan_folder`` of every folder that was listed.
    gone
        (area, path) of the folders that are there no more.
    at
        Start of the walk.
    changed
        area, path, n_files and n_bytes of every folder whose size is another than before.
    """
    upsert(conn, scan_folder, listed, ["area", "path"])
    day = at.date()
    paths = list(zip(changed["area"], changed["path"], strict=True))
    growth = {**changed, "day": [day] * len(paths)}
    if gone:
        left = Table("scan_gone", MetaData(), name("area", ""), name("path", ""), prefixes=["temporary"])
        left.create(conn)
        copy_rows(conn, left, {"area": [area for area, _ in gone], "path": [path for _, path in gone]})
        same = (scan_folder.c.area == left.c.area) & (scan_folder.c.path == left.c.path)
        conn.execute(delete(scan_folder).where(exists().where(same)))
        left.drop(conn)
        growth = {
            "area": [*changed["area"], *(area for area, _ in gone)],
            "path": [*changed["path"], *(path for _, path in gone)],
            "n_files": [*changed["n_files"], *(0 for _ in gone)],
            "n_bytes": [*changed["n_bytes"], *(0 for _ in gone)],
            "day": [day] * (len(paths) + len(gone)),
        }
    upsert(conn, scan_growth, growth, ["area", "path", "day"])


def open_folders(conn: Connection, *, limit: int = 100_000) -> list[str]:
    """Return the folders, below the home, that hold files with an open difference."""
    folder = func.regexp_replace(scan_difference.c.relpath, "/[^/]*$", "")
    query = select(folder).where(scan_difference.c.closed_at.is_(None)).distinct().limit(limit)
    return list(conn.execute(query).scalars())


_CURRENT_COLUMNS = ("kind", "relpath", "file_id", "disk_bytes", "catalog_bytes", "file_state")


def store_differences(conn: Connection, found: Columns, at: datetime, *, whole: bool) -> None:
    """Bring the open differences to what a comparison found.

    Parameters
    ----------
    conn
        Connection in a transaction.
    found
        Columns kind, relpath, file_id, disk_bytes, catalog_bytes, file_state.
    at
        Time of the comparison.
    whole
        Whether everything was compared and all is in `found`: differences that are not are closed.
    """
    of = scan_difference.c
    copies = (Column(column, of[column].type) for column in _CURRENT_COLUMNS)
    now = Table("scan_current", MetaData(), *copies, prefixes=["temporary"])
    now.create(conn)
    copy_rows(conn, now, found)
    same = (of.closed_at.is_(None), of.kind == now.c.kind, of.relpath == now.c.relpath)
    values = {column: now.c[column] for column in _CURRENT_COLUMNS[2:]}
    conn.execute(update(scan_difference).where(*same).values(last_seen=at, **values))
    fresh = select(*(now.c[column] for column in _CURRENT_COLUMNS), _at(at), _at(at)).where(~exists().where(*same))
    conn.execute(insert(scan_difference).from_select([*_CURRENT_COLUMNS, "first_seen", "last_seen"], fresh))
    if whole:
        gone = ~exists().where(now.c.kind == of.kind, now.c.relpath == of.relpath)
        conn.execute(update(scan_difference).where(of.closed_at.is_(None), gone).values(closed_at=at))
    now.drop(conn)


def _at(at: datetime) -> Any:
    from sqlalchemy import literal

    return literal(at, scan_difference.c.first_seen.type)
