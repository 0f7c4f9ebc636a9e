"""Reading events: lists, one event, and where it lies in files and products."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, select
from sqlalchemy.engine import Connection

from archive.catalog.files import LIMIT, Row
from archive.catalog.schema import event, event_product, event_source, file, instrument, product
from archive.errors import NotFound

EVENT_COLUMNS = (
    event.c.id,
    instrument.c.name.label("instrument"),
    event.c.identity,
    event.c.kind,
    event.c.seq,
    event.c.t,
    event.c.t_end,
    event.c.tick,
    event.c.flags,
    event.c.file_id,
    file.c.relpath,
)


def listing(
    conn: Connection,
    *,
    instrument_name: str | None = None,
    kind: str | None = None,
    file_id: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    flags: int = 0,
    limit: int = 50,
    newest_first: bool = True,
) -> list[Row]:
    """Return events in the order of their time.

    Parameters
    ----------
    conn
        Connection.
    instrument_name, kind
        Keep only events of this instrument or kind.
    file_id
        Keep only events that this file holds: a raw file that carries them, or a product.
    since, until
        Keep only events from this time on, and before that one, UTC.
    flags
        Keep only events that have all of these bits set.
    limit
        Most rows to return, at most `LIMIT`.
    newest_first
        Whether the order is backwards in time.
    """
    query = _events()
    wanted = {instrument.c.name: instrument_name, event.c.kind: kind}
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if file_id is not None:
        held = select(event_source.c.event_id).where(event_source.c.file_id == file_id)
        query = query.where(
            event.c.id.in_(held.union(select(event_product.c.event_id).where(event_product.c.file_id == file_id)))
        )
    if since is not None:
        query = query.where(event.c.t >= since)
    if until is not None:
        query = query.where(event.c.t < until)
    if flags:
        query = query.where(event.c.flags.op("&")(flags) == flags)
    order = (event.c.t.desc(), event.c.id.desc()) if newest_first else (event.c.t, event.c.id)
    return _rows(conn, query.order_by(*order).limit(min(limit, LIMIT)))


def get(conn: Connection, key: int | str) -> Row:
    """Return one event by its id or its identity.

    Raises
    ------
    NotFound
        When there is none.
    """
    text = str(key)
    ways = [event.c.identity == text]
    if text.isdecimal() and len(text) < 19:
        ways.insert(0, event.c.id == int(text))
    for way in ways:
        found = _rows(conn, _events().where(way).order_by(event.c.id).limit(1))
        if found:
            return found[0]
    raise NotFound(f"The catalog has no event {text!r}; `pinakes events list` shows what there is.")


def products(conn: Connection, event_id: int, *, name: str | None = None) -> list[Row]:
    """Return where an event lies in product files: file_id, product, level, format, relpath, sha256, state, record.

    `record` is the index in the product, from 0. The products of the best copy of the event come first, and of those
    the one written last.
    """
    query = (
        select(
            event_product.c.file_id,
            product.c.name.label("product"),
            product.c.level,
            product.c.format,
            file.c.relpath,
            file.c.sha256,
            file.c.state,
            event_product.c.record,
        )
        .join(file, file.c.id == event_product.c.file_id)
        .join(product, product.c.id == file.c.product_id)
        .where(event_product.c.event_id == event_id)
        .order_by(file.c.id.desc())
        .limit(LIMIT)
    )
    return _rows(conn, query if name is None else query.where(product.c.name == name))


def sources(conn: Connection, event_id: int) -> list[Row]:
    """Return the raw files that carry an event or part of it, the best first."""
    best = and_(event.c.id == event_source.c.event_id, event.c.file_id == event_source.c.file_id)
    query = (
        select(event_source, file.c.relpath, event.c.id.is_not(None).label("is_best"))
        .join(file, file.c.id == event_source.c.file_id)
        .outerjoin(event, best)
        .where(event_source.c.event_id == event_id)
        .order_by(event.c.id.is_(None), event_source.c.parts.desc(), event_source.c.id)
        .limit(LIMIT)
    )
    return _rows(conn, query)


def neighbours(conn: Connection, event_id: int) -> tuple[int | None, int | None]:
    """Return the ids of the event before and the event after one in time, of the same instrument."""
    here = select(event.c.instrument_id, event.c.t, event.c.id).where(event.c.id == event_id).subquery()
    position = (event.c.t > here.c.t) | ((event.c.t == here.c.t) & (event.c.id > here.c.id))
    same = select(event.c.id).join(here, here.c.instrument_id == event.c.instrument_id)
    after = conn.execute(same.where(position).order_by(event.c.t, event.c.id).limit(1)).scalar()
    before = conn.execute(
        same.where(~position, event.c.id != here.c.id).order_by(event.c.t.desc(), event.c.id.desc()).limit(1)
    ).scalar()
    return before, after


def _events() -> Select[Any]:
    return (
        select(*EVENT_COLUMNS)
        .select_from(event)
        .join(instrument, instrument.c.id == event.c.instrument_id)
        .join(file, file.c.id == event.c.file_id)
    )


def _rows(conn: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in conn.execute(query).mappings()]
