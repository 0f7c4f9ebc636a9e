"""Known bytes: has a file of this hash come in before, and what became of it?"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from archive.catalog.schema import file


@dataclass(frozen=True, slots=True)
class Known:
    """A received file that the catalog has."""

    file_id: int
    relpath: str
    state: str
    size: int


def find(conn: Connection, sha256: str) -> Known | None:
    """Return the received file of that hash that is not retired; there can be only one."""
    query = select(file.c.id, file.c.relpath, file.c.state, file.c.size).where(
        file.c.sha256 == sha256, file.c.received, file.c.state != "retired"
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else Known(row.id, row.relpath, row.state, row.size)
