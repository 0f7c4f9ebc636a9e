"""A question to the catalog as SQL that a reader can run, and how long it took."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

#: A row of a result: column name -> value.
Row = Mapping[str, Any]

#: Name of a file ``f`` for people: what it was called where it came from, else its own name.
NAME = "coalesce(f.original_name, regexp_replace(f.relpath, '^.*/', ''))"

_TIMES = "site_query_seconds"


@dataclass(frozen=True, slots=True)
class Query:
    """A statement with named parameters (``:name``). `name` is what its time is recorded under."""

    name: str
    sql: str

    def rows(self, conn: Connection, **parameters: Any) -> list[Row]:
        """Run it and return all rows."""
        with timed(conn, self.name, self.sql) as timing:
            rows: list[Row] = [dict(row) for row in conn.execute(text(self.sql), parameters).mappings()]
        timing.rows += len(rows)
        return rows

    def shown(self, **parameters: Any) -> str:
        """Return the statement with the parameters written out, for people to copy."""
        return re.sub(r"(?<!:):([a-z_]+)", lambda m: _literal(parameters[m[1]]), self.sql).strip() + ";"


@dataclass(slots=True)
class Timing:
    """What the queries of one name took together."""

    calls: int = 0
    rows: int = 0
    total_s: float = 0.0
    longest_s: float = 0.0
    statement: str = ""


@contextmanager
def timed(conn: Connection, name: str, statement: str = "") -> Iterator[Timing]:
    """Add the time of the block to what the queries of that name took on this connection."""
    found: Timing = conn.info.setdefault(_TIMES, {}).setdefault(name, Timing(statement=statement))
    start = time.perf_counter()
    try:
        yield found
    finally:
        seconds = time.perf_counter() - start
        found.calls += 1
        found.total_s += seconds
        found.longest_s = max(found.longest_s, seconds)


def times(conn: Connection) -> dict[str, Timing]:
    """Return what the queries of each name have taken on this connection, and begin anew."""
    found: dict[str, Timing] = conn.info.pop(_TIMES, {})
    return found


def _literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return f"'{value.isoformat()}'"
    return "'" + str(value).replace("'", "''") + "'"
