"""Many rows at once: COPY, and COPY into a temporary table followed by one INSERT ... ON CONFLICT."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from psycopg2 import sql
from sqlalchemy import Table
from sqlalchemy.engine import Connection

from archive.catalog.encode import column_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Columns = Mapping[str, Sequence[Any] | NDArray[Any]]

#: Rows turned into text at a time: bounds the memory of a load, and is long enough to be fast.
CHUNK = 20_000


def copy_rows(conn: Connection, table: Table, columns: Columns) -> int:
    """Append rows with COPY, inside the connection's transaction.

    Parameters
    ----------
    conn
        Connection in a transaction.
    table
        The table; columns that are not given take their default.
    columns
        Column name -> ``n`` values (see `archive.catalog.encode.column_texts`).

    Returns
    -------
    int
        Number of rows written.

    Raises
    ------
    ValueError
        When the columns differ in length or the table lacks one of them.
    TypeError
        For a value that has no text form.
    """
    return _copy(conn, table, _qualified(table), columns)


def upsert(
    conn: Connection, table: Table, columns: Columns, key: Sequence[str], update: Sequence[str] | None = None
) -> int:
    """Insert rows, and update those whose key is there already where something differs.

    Of several rows with one key the last counts, as if they had been written one after the other.

    Parameters
    ----------
    conn, table, columns
        As for `copy_rows`.
    key
        Columns of a unique constraint of the table.
    update
        Columns to update; None: all given ones except the key; empty: rows that are there stay as they are.

    Returns
    -------
    int
        Number of rows inserted or changed.

    Raises
    ------
    ValueError, TypeError
        As `copy_rows`.
    """
    changing = [name for name in columns if name not in key] if update is None else list(update)
    columns = _last_of_each(columns, key)
    if not _length(columns):
        return 0
    stage = sql.Identifier(f"stage_{table.name}")
    target = _qualified(table)
    names = _names(columns)
    action = sql.SQL("nothing")
    if changing:
        # Without the WHERE an unchanged row would be rewritten: dead rows, index work, WAL.
        action = sql.SQL("update set ({}) = row({}) where row({}) is distinct from row({})").format(
            _names(changing), _names(changing, "excluded"), _names(changing, "kept"), _names(changing, "excluded")
        )
    with _cursor(conn) as cursor:
        cursor.execute(
            sql.SQL("create temporary table {} on commit drop as select {} from {} with no data").format(
                stage, names, target
            )
        )
        _copy(conn, table, stage, columns)
        cursor.execute(
            sql.SQL("insert into {} as kept ({}) select {} from {} on conflict ({}) do {}").format(
                target, names, names, stage, _names(key), action
            )
        )
        written = int(cursor.rowcount)
        cursor.execute(sql.SQL("drop table {}").format(stage))
    return written


def _copy(conn: Connection, table: Table, target: sql.Composable, columns: Columns) -> int:
    rows = _length(columns)
    unknown = [name for name in columns if name not in table.c]
    if unknown:
        raise ValueError(f"The table {table.fullname} has no column {unknown[0]!r}.")
    if not rows:
        return 0
    statement = sql.SQL("copy {} ({}) from stdin").format(target, _names(columns))
    with _cursor(conn) as cursor:
        for chunk in _chunks(table, columns, rows):
            cursor.copy_expert(statement, io.BytesIO(chunk), size=1 << 20)
    return rows


def _chunks(table: Table, columns: Columns, rows: int) -> Iterator[bytes]:
    """Yield the rows in COPY text format."""
    for start in range(0, rows, CHUNK):
        texts = [column_texts(values[start : start + CHUNK], table.c[name].type) for name, values in columns.items()]
        lines = map("\t".join, zip(*texts, strict=True))
        yield ("\n".join(lines) + "\n").encode("utf-8")


def _length(columns: Columns) -> int:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"The columns differ in length: {lengths}.")
    return next(iter(lengths.values()), 0)


def _last_of_each(columns: Columns, key: Sequence[str]) -> Columns:
    """Drop all but the last row of each key; PostgreSQL refuses to change one row twice in a statement."""
    rows = _length(columns)
    keys = list(zip(*(_plain(columns[name]) for name in key), strict=True))
    last = {entry: row for row, entry in enumerate(keys)}
    if len(last) == rows:
        return columns
    chosen = [row for row, entry in enumerate(keys) if last[entry] == row or None in entry]
    return {name: [column[row] for row in chosen] for name, column in columns.items()}


def _plain(values: Any) -> Sequence[Any]:
    plain: Sequence[Any] = values.tolist() if hasattr(values, "tolist") else values
    return plain


def _cursor(conn: Connection) -> closing[Any]:
    """Return the driver's own cursor: COPY is not part of SQLAlchemy."""
    return closing(conn.connection.cursor())


def _qualified(table: Table) -> sql.Composable:
    return sql.Identifier(*(part for part in (table.schema, table.name) if part))


def _names(columns: Iterable[str], table: str | None = None) -> sql.Composable:
    """Return the column names, quoted, with commas between them."""
    return sql.SQL(", ").join(sql.Identifier(table, name) if table else sql.Identifier(name) for name in columns)
