"""The typed tables of instruments, read for many events at once; what their columns mean, from their comments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, any_, bindparam, select
from sqlalchemy.types import ARRAY, BigInteger

from archive.errors import NotFound
from archive.instruments.base import instrument as installed

#: A comment that ends in ", UNIT." names the unit of its column.
UNIT = re.compile(r", ([^\s,.]{1,6})\.$")

SPELLED = {"us": "µs", "degC": "°C"}


@cache
def event_tables(instrument: str) -> tuple[Table, ...]:
    """Return the instrument's tables that have rows for events, in order of declaration."""
    try:
        metadata = installed(instrument).table_metadata()
    except NotFound:
        return ()
    if not isinstance(metadata, MetaData):
        return ()
    return tuple(t for t in metadata.tables.values() if t.schema == instrument and "event_id" in t.primary_key.columns)


def read(conn: Connection, instrument: str, events: Sequence[int]) -> dict[int, dict[str, dict[str, Any]]]:
    """Return typed rows by event and table name; `events` are keys of ``core.event``."""
    found: dict[int, dict[str, dict[str, Any]]] = {event: {} for event in events}
    for table in event_tables(instrument):
        wanted = bindparam("events", list(events), ARRAY(BigInteger))
        columns = [column for column in table.columns if column.name != "event_id"]
        names = [column.name for column in columns]
        for row in conn.execute(select(table.c.event_id, *columns).where(table.c.event_id == any_(wanted))):
            found[row[0]][table.name] = dict(zip(names, row[1:], strict=True))
    return found


def fields(instrument: str) -> dict[str, Any]:
    """Return for each table its title and ``{column: [unit, description]}``."""
    return {table.name: {"title": _title(table), "fields": _columns(table)} for table in event_tables(instrument)}


def _title(table: Table) -> str:
    words = table.name.removeprefix("event").strip("_").replace("_", " ")
    return words.capitalize() if words else "Event"


def _columns(table: Table) -> dict[str, list[str]]:
    return {column.name: list(described(column)) for column in table.columns if column.name != "event_id"}


def described(column: Column[Any]) -> tuple[str, str]:
    """Return unit and meaning of a column, from its comment."""
    comment = column.comment or ""
    unit = UNIT.search(comment)
    return (SPELLED.get(unit[1], unit[1]), UNIT.sub(".", comment)) if unit else ("", comment)
