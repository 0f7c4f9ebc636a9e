"""Reading trends: the newest points of every series of a monitor."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, func, select

from archive.catalog.schema import trend


def series(conn: Connection, monitor_id: int, *, points: int = 400, limit: int = 100_000) -> list[Row[Any]]:
    """Return the newest points of every trend of a monitor, by name, series and time.

    Parameters
    ----------
    conn, monitor_id
        Connection, and key of the monitor.
    points
        Newest points of one series at most.
    limit
        Rows at most.

    Returns
    -------
    list
        Rows of name, series, at, until, value, low, high, n, unit, red_low, yellow_low, yellow_high, red_high, message.
    """
    names = (
        "name", "series", "at", "until", "value", "low", "high", "n", "unit", "red_low", "yellow_low", "yellow_high",
        "red_high", "message",
    )  # fmt: skip
    place = func.row_number().over(partition_by=(trend.c.name, trend.c.series), order_by=trend.c.at.desc())
    newest = select(*(trend.c[name] for name in names), place.label("place"))
    held = newest.where(trend.c.monitor_id == monitor_id, trend.c.value.is_not(None)).subquery()
    query = select(*(held.c[name] for name in names)).where(held.c.place <= points)
    return list(conn.execute(query.order_by(held.c.name, held.c.series, held.c.at).limit(limit)))
