"""Rates and maps of windows of ten days as level-2B and level-2C CDF files, from what was accumulated last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.engine import Connection

from archive.catalog import analyses
from archive.catalog.analyses import Condition
from archive.catalog.schema import event, file
from archive.instruments.idex import level2_rates
from archive.instruments.idex.analysis.rates import SCIENCE_STATE, science_state
from archive.instruments.idex.lineage import Lineage
from archive.numerics.rates import UNKNOWN

_MESSAGES = text(
    "select t as at, p0, p1, p2, p3 from idex.message"
    " where message_id = :state and t >= :start and t < :stop order by t"
)


def write(conn: Connection, folder: Path, since: datetime | None = None, until: datetime | None = None) -> list[Path]:
    """Write two files for each window that begins in a range of time; return them.

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
    made = []
    for window in _rows(conn, "idex_rate_windows", None):
        if (since is None or window["t_start"] >= since) and (until is None or window["t_start"] < until):
            lineage, key = _lineage(conn, window), window["rate_window_id"]
            rates, pixels = _rows(conn, "idex_rates", key), _rows(conn, "idex_map", key)
            made.append(level2_rates.write_rates(folder, window, rates, _messages(conn, window), lineage))
            counts = _rows(conn, "idex_map_counts", key)
            made.append(level2_rates.write_map(folder, window, pixels, counts, lineage))
    return made


def _rows(conn: Connection, view: str, window: int | None) -> list[dict[str, Any]]:
    names = [column.name for column in analyses.columns(conn, view)]
    conditions = [] if window is None else [Condition("rate_window_id", "=", window)]
    return list(analyses.scalars(conn, view, names, conditions))


def _messages(conn: Connection, window: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return times and states of the messages of science going on or off."""
    values = {"state": SCIENCE_STATE, "start": window["t_start"], "stop": window["t_stop"]}
    rows = list(conn.execute(_MESSAGES, values))
    states = science_state(np.array([[row.p0, row.p1, row.p2, row.p3] for row in rows], dtype=np.int64).reshape(-1, 4))
    return [{"t": row.at, "on": int(on)} for row, on in zip(rows, states, strict=True) if on != UNKNOWN]


def _lineage(conn: Connection, window: Mapping[str, Any]) -> Lineage:
    """Return the raw files whose events lie in a window."""
    inside = select(event.c.file_id).where(event.c.t >= window["t_start"], event.c.t < window["t_stop"])
    query = (
        select(file.c.original_name, file.c.relpath, file.c.sha256).where(file.c.id.in_(inside)).order_by(file.c.sha256)
    )
    rows = conn.execute(query).all()
    names = tuple(row.original_name or row.relpath for row in rows)
    return Lineage(names, tuple(row.sha256 for row in rows), f"{window['t_start']:%Y%m%d}")
