"""Mark in the catalog what verify found: available rows become missing or corrupt."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, update

from archive.audit.verify import Finding
from archive.catalog import Catalog
from archive.catalog.schema import file

#: Kind of finding -> the state its row gets.
STATES = {
    "missing": "missing",
    "size": "corrupt",
    "hash": "corrupt",
    "unreadable": "corrupt",
    "not_a_file": "corrupt",
}


def mark_damaged(catalog: Catalog, findings: Iterable[Finding]) -> int:
    """Mark the rows of damaged files and return how many changed."""
    with catalog.begin() as conn:
        return sum(mark(conn, finding) for finding in findings)


def mark(conn: Connection, finding: Finding) -> int:
    """Mark the row of one damaged file; other findings change nothing."""
    state = STATES.get(finding.kind)
    if state is None or finding.file_id is None:
        return 0
    statement = update(file).where(file.c.id == finding.file_id, file.c.state.in_(("available", "missing", "corrupt")))
    return conn.execute(statement.where(file.c.state != state).values(state=state)).rowcount
