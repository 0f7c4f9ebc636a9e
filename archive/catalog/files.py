"""Reading files: lists, one file, what is wrong with it, what it was made from, what packets it holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal_column, not_, or_, select
from sqlalchemy.engine import Connection

from archive.catalog.schema import file, file_apid, file_parent, file_problem, instrument, packet_gap, product
from archive.catalog.schema.core import LONG_FILE_DAYS, LONG_FILE_SPAN
from archive.errors import NotFound

Row = dict[str, Any]

#: Lists are bounded: a page or a terminal never gets a million rows by accident.
LIMIT = 1000

FILE_COLUMNS = (
    file.c.id,
    instrument.c.name.label("instrument"),
    product.c.name.label("product"),
    product.c.level,
    product.c.format,
    file.c.relpath,
    file.c.original_name,
    file.c.received,
    file.c.sha256,
    file.c.size,
    file.c.t_start,
    file.c.t_end,
    file.c.version,
    file.c.state,
    file.c.created_at,
    file.c.verified_at,
)


def listing(
    conn: Connection,
    *,
    instrument_name: str | None = None,
    product_name: str | None = None,
    level: str | None = None,
    state: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 50,
    before_id: int | None = None,
) -> list[Row]:
    """Return files, the newest row first.

    Parameters
    ----------
    conn
        Connection.
    instrument_name, product_name, level, state
        Keep only files of this instrument, product, level or state.
    since, until
        Keep only files whose data overlap this time, UTC.
    limit
        Most rows to return, at most `LIMIT`.
    before_id
        Keep only files with a smaller id: the next page.
    """
    query = _files()
    wanted = {
        instrument.c.name: instrument_name,
        product.c.name: product_name,
        product.c.level: level,
        file.c.state: state,
    }
    query = query.where(*(column == value for column, value in wanted.items() if value is not None))
    if since is not None or until is not None:
        query = query.where(overlapping(since, until))
    if before_id is not None:
        query = query.where(file.c.id < before_id)
    return _rows(conn, query.order_by(file.c.id.desc()).limit(min(limit, LIMIT)))


def get(conn: Connection, key: int | str) -> Row:
    """Return one file, with its header.

    Parameters
    ----------
    conn
        Connection.
    key
        Its id, its sha256 (or the first 8 or more digits of it), its relpath, its file name, or the name it came with.
        Where several files answer, the one written last counts.

    Raises
    ------
    NotFound
        When there is none.
    """
    word = str(key)
    ways: list[ColumnElement[bool]] = []
    if word.isdecimal() and len(word) < 19:
        ways.append(file.c.id == int(word))
    if len(word) == 64:
        ways.append(has_bytes(word.lower()))
    ways += [
        file.c.relpath == word,
        or_(file.c.original_name == word, file.c.relpath.endswith(f"/{word}", autoescape=True)),
    ]
    if 8 <= len(word) < 64 and all(digit in "0123456789abcdef" for digit in word.lower()):
        ways.append(file.c.sha256.startswith(word.lower()))
    for way in ways:  # the quick ones first; each is asked only when those before it found nothing
        found = _rows(conn, _files().add_columns(file.c.header).where(way).order_by(file.c.id.desc()).limit(1))
        if found:
            return found[0]
    raise NotFound(f"The catalog has no file {word!r}; `pinakes files list` shows what there is.")


def overlapping(since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    """Return the condition that a file's data overlap a time, in the form that the indexes answer.

    Both ends are inclusive; None leaves an end open.
    """
    if since is None:
        return file.c.t_start <= until
    # Not coalesce(): an index answers each of the two.
    after = or_(file.c.t_end >= since, and_(file.c.t_end.is_(None), file.c.t_start >= since))
    if until is None:
        return after
    nearby = file.c.t_start.between(since - timedelta(days=LONG_FILE_DAYS), until)
    is_long = file.c.t_end - file.c.t_start > literal_column(LONG_FILE_SPAN)
    return or_(and_(nearby, after), and_(is_long, file.c.t_range.op("&&")(func.tstzrange(since, until, "[]"))))


def has_bytes(sha256: str) -> ColumnElement[bool]:
    """Return the condition that a file has this sha256, in the form that the two indexes by hash answer."""
    same = file.c.sha256 == sha256
    retired = file.c.state == "retired"
    return or_(and_(same, file.c.received, not_(retired)), and_(same, not_(file.c.received)), and_(same, retired))


def problems(
    conn: Connection, file_id: int | None = None, *, severity: str | None = None, limit: int = 100
) -> list[Row]:
    """Return what is wrong with a file in the order of its bytes; without a file the newest problems of all."""
    query = select(file_problem, file.c.relpath).outerjoin(file, file.c.id == file_problem.c.file_id)
    if severity is not None:
        query = query.where(file_problem.c.severity == severity)
    if file_id is not None:
        query = query.where(file_problem.c.file_id == file_id)
        query = query.order_by(file_problem.c.byte_offset.nulls_first(), file_problem.c.id)
    else:
        query = query.order_by(file_problem.c.created_at.desc(), file_problem.c.id.desc())
    return _rows(conn, query.limit(min(limit, LIMIT)))


def packets(conn: Connection, file_id: int) -> list[Row]:
    """Return the packets per APID of a packet file (at most 2048 rows)."""
    return _rows(conn, select(file_apid).where(file_apid.c.file_id == file_id).order_by(file_apid.c.apid))


def gaps(conn: Connection, file_id: int, *, limit: int = 100) -> list[Row]:
    """Return the jumps of the sequence counters of a packet file, in the order of its bytes."""
    query = select(packet_gap).where(packet_gap.c.file_id == file_id)
    return _rows(conn, query.order_by(packet_gap.c.byte_offset, packet_gap.c.id).limit(min(limit, LIMIT)))


def ancestors(conn: Connection, file_id: int, *, limit: int = LIMIT) -> list[Row]:
    """Return the files a file was made from, at any distance: columns of a file, with depth (1: parent) and role."""
    return _lineage(conn, file_id, file_parent.c.file_id, file_parent.c.parent_id, limit)


def descendants(conn: Connection, file_id: int, *, limit: int = LIMIT) -> list[Row]:
    """Return the files made from a file, at any distance: columns of a file, with depth (1: child) and role."""
    return _lineage(conn, file_id, file_parent.c.parent_id, file_parent.c.file_id, limit)


def _lineage(conn: Connection, start: int, near: Any, far: Any, limit: int) -> list[Row]:
    """Walk the lineage from one file; a view of all pairs could not use that there is one."""
    first = select(far.label("file_id"), select(1).scalar_subquery().label("depth"), file_parent.c.role)
    found = first.where(near == start).cte("found", recursive=True)
    # UNION, not UNION ALL: rows that come by two ways are walked once.
    found = found.union(
        select(far, found.c.depth + 1, file_parent.c.role).where(near == found.c.file_id, found.c.depth < 100)
    )
    depth = func.min(found.c.depth).label("depth")
    nearest = select(found.c.file_id, depth, func.min(found.c.role).label("role")).group_by(found.c.file_id).subquery()
    query = _files().add_columns(nearest.c.depth, nearest.c.role).join(nearest, nearest.c.file_id == file.c.id)
    return _rows(conn, query.order_by(nearest.c.depth, file.c.id).limit(min(limit, LIMIT)))


def _files() -> Select[Any]:
    return (
        select(*FILE_COLUMNS)
        .select_from(file)
        .join(product, product.c.id == file.c.product_id)
        .join(instrument, instrument.c.id == product.c.instrument_id)
    )


def _rows(conn: Connection, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in conn.execute(query).mappings()]
