"""The typed rows of an instrument into its own tables, by COPY."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, delete

from archive.catalog.bulk import copy_rows, upsert
from archive.catalog.schema import metadata
from archive.ingest.events import Stored
from archive.instruments.base import Instrument
from archive.model import Rows

#: Says in which products an event lies, whichever source owns it: one row per event and product.
EVERY_SOURCE = "core.event_product"


def write(
    conn: Connection, instrument: Instrument, all_rows: Sequence[Rows], file_ids: Sequence[int], stored: Stored | None
) -> None:
    """Write typed rows.

    Parameters
    ----------
    conn
        Connection in a transaction.
    instrument
        Whose rows they are.
    all_rows
        The rows of one decode.
    file_ids
        ``core.file.id`` of the raw file and of each product, in the order of `Rows.index`; -1 for none.
    stored
        The events of the decode; rows of events that another source owns are left out.

    Raises
    ------
    LookupError, TypeError, ValueError
        When the rows do not fit their table.
    """
    if stored is not None and stored.replaced:
        _delete_replaced(conn, instrument, stored.replaced)
    files = np.asarray(file_ids, np.int64)
    for rows in all_rows:
        table = find_table(instrument, rows.table)
        owners = files if rows.owner == "file" or stored is None else stored.ids
        keep = owners[rows.index] >= 0
        if rows.owner == "event" and rows.table != EVERY_SOURCE and stored is not None:
            keep &= stored.owned[rows.index]
        columns = {name: _kept(values, keep) for name, values in rows.columns.items()}
        columns |= {name: _nullable(files, index[keep]) for name, index in rows.file_columns.items()}
        columns["file_id" if rows.owner == "file" else "event_id"] = owners[rows.index][keep]
        if rows.table == EVERY_SOURCE:
            upsert(conn, table, columns, ["event_id", "file_id"], update=())
        else:
            copy_rows(conn, table, columns)


def find_table(instrument: Instrument, name: str) -> Table:
    """Return a table by its qualified name, from the archive's schema or the instrument's own.

    Raises
    ------
    LookupError
        When neither declares it.
    """
    own = instrument.table_metadata()
    for declared in (metadata, own):
        if declared is not None and name in declared.tables:
            table: Table = declared.tables[name]
            return table
    raise LookupError(f"{instrument.name} has rows for the table {name}, which nobody declares")


def _delete_replaced(conn: Connection, instrument: Instrument, replaced: list[int]) -> None:
    """Remove the rows that the former owner of these events brought; the new one brings its own."""
    own = instrument.table_metadata()
    for table in (own if own is not None else metadata).tables.values():
        if table.schema == instrument.name and "event_id" in table.c:
            for start in range(0, len(replaced), 10_000):
                conn.execute(delete(table).where(table.c.event_id.in_(replaced[start : start + 10_000])))


def _kept(values: Any, keep: NDArray[np.bool_]) -> Any:
    if keep.all():
        return values
    return values[keep] if isinstance(values, np.ndarray) else list(compress(values, keep.tolist()))


def _nullable(files: NDArray[np.int64], index: NDArray[np.int64]) -> list[int | None]:
    """Return file ids; -1 means NULL."""
    known = files.tolist()
    return [known[i] if i >= 0 else None for i in index.tolist()]
