"""Ask for analyses: one job for each product that an instrument's analysis reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from archive.catalog.schema import event, event_product, file, file_parent, instrument, job, product
from archive.instruments.base import Analysis, Instrument, analysis_of
from archive.jobs import ledger

ANALYSE = "analyse"


def digest(values: Mapping[str, Any]) -> str:
    """Return a short hash that is equal for equal JSON-able values."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def key(analysis: Analysis, relpath: str) -> str:
    """Return the signature of an analysis of one product, by the installed version with its settings."""
    return f"{relpath}:{analysis.name}.{analysis.version}:{digest(analysis.settings())}"


def analyse_products_of(
    conn: Connection, owner: Instrument, raw_id: int, *, parent_id: int | None, max_attempts: int
) -> int:
    """Ask for the analysis of every product that was made from a raw file; return how many jobs are new."""
    made = select(file_parent.c.file_id).where(file_parent.c.parent_id == raw_id)
    return _ask(conn, owner, [file.c.id.in_(made)], parent_id=parent_id, max_attempts=max_attempts)


def analyse_everything(
    conn: Connection, owner: Instrument, *, max_attempts: int,
    times: tuple[datetime | None, datetime | None] | None = None,
) -> list[int]:  # fmt: skip
    """Ask for the analysis of all products anew, also of those that were analysed; return the jobs.

    A job leaves out events that have their analysis, so that asking again costs little.

    Parameters
    ----------
    times
        Only products that hold an event of this time on, and before that one; None: without limit.
    """
    where = [] if times is None else [file.c.id.in_(_holding(times))]
    _ask(conn, owner, where, parent_id=None, max_attempts=max_attempts)
    analysis = analysis_of(owner)
    if analysis is None:
        return []
    keys = [key(analysis, row.relpath) for row in _products(conn, owner, analysis, where)]
    found: list[int] = []
    for start in range(0, len(keys), ledger.BATCH):
        query = select(job.c.id).where(job.c.kind == ANALYSE, job.c.key.in_(keys[start : start + ledger.BATCH]))
        found += conn.execute(query.order_by(job.c.id)).scalars()
    ledger.revive(conn, found, max_attempts, ("done", "failed"))
    return found


def _holding(times: tuple[datetime | None, datetime | None]) -> Select[tuple[int]]:
    begin, end = times
    query = select(event_product.c.file_id).join(event, event.c.id == event_product.c.event_id)
    if begin is not None:
        query = query.where(event.c.t >= begin)
    return query if end is None else query.where(event.c.t < end)


def _ask(conn: Connection, owner: Instrument, where: Sequence[Any], *, parent_id: int | None, max_attempts: int) -> int:
    analysis = analysis_of(owner)
    if analysis is None:
        return 0
    jobs = [
        (key(analysis, row.relpath), {"file_id": row.id, "instrument": owner.name})
        for row in _products(conn, owner, analysis, where)
    ]
    return ledger.enqueue(conn, ANALYSE, jobs, max_attempts=max_attempts, parent_id=parent_id)


def _products(conn: Connection, owner: Instrument, analysis: Analysis, where: Sequence[Any]) -> Sequence[Row[Any, Any]]:
    query = (
        select(file.c.id, file.c.relpath)
        .join(product, product.c.id == file.c.product_id)
        .join(instrument, instrument.c.id == product.c.instrument_id)
        .where(instrument.c.name == owner.name, product.c.name == analysis.product, file.c.state == "available", *where)
    )
    return conn.execute(query.order_by(file.c.relpath)).all()
