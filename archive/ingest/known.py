"""What came in before: this very source, or another with its bytes, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from archive.catalog.schema import file, job

#: Kind of the jobs that bring sources in; their keys are the signatures of the sources.
KIND = "ingest"


@dataclass(frozen=True, slots=True)
class Known:
    """A received file that the catalog has."""

    file_id: int
    relpath: str
    state: str
    size: int

    @property
    def held(self) -> bool:
        """Whether the archive has its bytes."""
        return self.state == "available"

    @property
    def lost(self) -> bool:
        """Whether the archive had its bytes and lost them."""
        return self.state in ("missing", "corrupt")


def find(conn: Connection, sha256: str) -> Known | None:
    """Return the received file of that hash that is not retired; there can be only one."""
    query = select(file.c.id, file.c.relpath, file.c.state, file.c.size).where(
        file.c.sha256 == sha256, file.c.received, file.c.state != "retired"
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else Known(row.id, row.relpath, row.state, row.size)


def came_in(conn: Connection, keys: Sequence[str]) -> list[Row[Any]]:
    """Return the jobs of sources with these signatures, with the files that they brought in, in order of the jobs.

    Columns: id, key, state, args, result, file_id, and of the file file_state, relpath, sha256.
    """
    query = (
        select(
            job.c.id, job.c.key, job.c.state, job.c.args, job.c.result, job.c.file_id,
            file.c.state.label("file_state"), file.c.relpath, file.c.sha256,
        )
        .outerjoin(file, file.c.id == job.c.file_id)
        .where(job.c.kind == KIND, job.c.key.in_(keys))
        .order_by(job.c.id)
    )  # fmt: skip
    return list(conn.execute(query))
