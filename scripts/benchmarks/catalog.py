"""The catalog: file rows per second, and the time of a point and a range query."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import insert, select, text
from sqlalchemy.engine import Connection

from archive.catalog import Catalog, bulk, files, migrate
from archive.catalog.embedded import Server
from archive.catalog.engine import make_engine
from archive.catalog.schema import file, instrument, product
from scripts.benchmarks.row import Row

EPOCH = np.datetime64("2026-01-01T00:00:00", "ns")
ROWS = 100_000
LARGE = 1_000_000
BATCH = 50_000


def measure(large: bool) -> list[Row]:
    """Load ``core.file`` with all its indexes, and ask it what the pages ask."""
    rows = LARGE if large else ROWS
    with fresh_catalog() as catalog:
        with catalog.begin() as conn:
            kind = a_product(conn)
        # As many rows first as make the indexes real; both ways then write the same number of further rows.
        write(catalog, kind, 0, rows, by_upsert)
        ours = [rate(catalog, kind, rows + i * ROWS, by_upsert) for i in range(3)]
        again = rate(catalog, kind, rows, by_upsert)
        usual = rate(catalog, kind, rows + 3 * ROWS, by_insert)
        with catalog.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            conn.execute(text("vacuum analyze core.file"))  # what autovacuum does within a minute
        count = rows + 4 * ROWS
        point, scan = latency(catalog, count), latency(catalog, count, indexed=False)
        overlap = latency(catalog, count, overlapping=True)
    note = f"({count:,} rows, median of {len(ours)})"
    return [
        Row(f"file rows, COPY + upsert {note}", median(ours), "rows/s", ">= 90 000", usual, "insertmanyvalues"),
        Row("file rows, upsert of unchanged rows", again, "rows/s", "-", usual, "insertmanyvalues"),
        Row("file by path", point * 1e3, "ms", "< 1 ms", scan * 1e3, "no index"),
        Row("files that overlap an hour", overlap * 1e3, "ms", "< 1 ms", scan * 1e3, "no index"),
    ]


@contextmanager
def fresh_catalog() -> Iterator[Catalog]:
    """Yield a migrated catalog on an embedded server of its own, as shipped (fsync on); removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="pinakes-bench-") as folder:
        Path(folder).chmod(0o711)
        server = Server(Path(folder))
        with Catalog(make_engine(server.start())) as catalog:
            migrate.upgrade(catalog)
            try:
                yield catalog
            finally:
                catalog.close()
                server.stop()


def a_product(conn: Connection) -> int:
    """Return the id of a product to hang files on."""
    owner = conn.execute(insert(instrument).values(name="bench", title="Bench").returning(instrument.c.id)).scalar_one()
    values = {
        "instrument_id": owner,
        "name": "raw",
        "level": "raw",
        "format": "ccsds",
        "title": "R",
        "description": "R",
    }
    return int(conn.execute(insert(product).values(values).returning(product.c.id)).scalar_one())


def file_columns(kind: int, first: int, count: int) -> dict[str, Any]:
    """Return `count` rows of ``core.file`` as columns: 90-character paths, one file a minute."""
    numbers = range(first, first + count)
    start = EPOCH + np.arange(first, first + count) * np.timedelta64(60, "s")
    days = np.datetime_as_string(start, unit="D").tolist()
    names = [f"bench_l0_raw_{n:010d}_v001.pkts" for n in numbers]
    return {
        "product_id": np.full(count, kind),
        "relpath": [f"files/bench/raw/{day[:4]}/{day[5:7]}/{name}" for day, name in zip(days, names, strict=True)],
        "original_name": names,
        "received": np.ones(count, bool),
        "sha256": [hashlib.sha256(name.encode()).hexdigest() for name in names],
        "size": np.arange(count, dtype=np.int64) + 1000,
        "t_start": start,
        "t_end": start + np.timedelta64(59, "s"),
        "version": np.ones(count, np.int64),
        "state": ["available"] * count,
        "header": [{"packets": n} for n in numbers],
    }


Writer = Callable[[Catalog, dict[str, Any]], object]


def by_upsert(catalog: Catalog, columns: dict[str, Any]) -> None:
    """The archive's way."""
    with catalog.begin() as conn:
        bulk.upsert(conn, file, columns, ["relpath"])


def by_insert(catalog: Catalog, columns: dict[str, Any]) -> None:
    """The established way: SQLAlchemy Core, many rows per INSERT."""
    plain = {name: values.tolist() if hasattr(values, "tolist") else values for name, values in columns.items()}
    for name in ("t_start", "t_end"):
        plain[name] = [datetime.fromtimestamp(ns / 1e9, UTC) for ns in plain[name]]
    records = [dict(zip(plain, values, strict=True)) for values in zip(*plain.values(), strict=True)]
    with catalog.begin() as conn:
        conn.execute(insert(file), records)


def write(catalog: Catalog, kind: int, first: int, count: int, writer: Writer) -> float:
    """Write rows in batches of `BATCH`, one transaction each; return the seconds, without making the rows."""
    spent = 0.0
    for start in range(first, first + count, BATCH):
        columns = file_columns(kind, start, min(BATCH, first + count - start))
        begin = time.perf_counter()
        writer(catalog, columns)
        spent += time.perf_counter() - begin
    return spent


def rate(catalog: Catalog, kind: int, first: int, writer: Writer) -> float:
    """Return rows per second."""
    return ROWS / write(catalog, kind, first, ROWS, writer)


def latency(catalog: Catalog, count: int, *, indexed: bool = True, overlapping: bool = False) -> float:
    """Return the median seconds of a query for a random file, or for the files that overlap a random hour."""
    chooser = np.random.default_rng(1)
    times = []
    with catalog.read() as conn:
        if not indexed:
            for setting in ("enable_indexscan", "enable_bitmapscan", "enable_indexonlyscan"):
                conn.execute(text(f"set local {setting} = off"))
        for number in chooser.integers(0, count, 100 if indexed else 5).tolist():
            if overlapping:
                start = (EPOCH + np.timedelta64(60 * number, "s")).astype("datetime64[us]").item().replace(tzinfo=UTC)
                end = start + timedelta(hours=1)
                query = select(file.c.id, file.c.relpath).where(files.overlapping(start, end))
            else:
                path = file_columns(0, number, 1)["relpath"][0]
                query = select(file.c.id, file.c.sha256).where(file.c.relpath == path)
            begin = time.perf_counter()
            conn.execute(query).fetchall()
            times.append(time.perf_counter() - begin)
    return median(times)
