"""Rates and maps of windows of ten days as level-2B and level-2C CDF files, from what was accumulated last."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Connection

from archive.analysis import accumulated
from archive.instruments.base import instrument
from archive.instruments.idex.level2_windows import IdexWindowProducts, write_files


def write(conn: Connection, folder: Path, since: datetime | None = None, until: datetime | None = None) -> list[Path]:
    """Write two files for each window that begins in a range of time, by their established names; return them.

    Parameters
    ----------
    conn
        Connection.
    folder
        Where to write; made when it is not there. Files that are there are an error, never overwritten.
    since, until
        Windows that begin from this time on, and before that one, UTC; all without them.

    Raises
    ------
    FileExistsError
        When a file is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    owner, products = instrument("idex"), IdexWindowProducts()
    made = []
    for start in accumulated.starts(conn, products):
        if (since is None or start >= since) and (until is None or start < until):
            found = accumulated.read(conn, owner, products, start)
            made += write_files(found.window, folder) if found is not None else []
    return made
