"""Mass scales of many events at once, and the default scale that they give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.engine import Connection

from archive.catalog import analyses
from archive.catalog.analyses import Condition
from archive.catalog.schema import event_product, event_source
from archive.errors import NotFound

#: Columns of ``event_summary`` that tell a mass scale.
COLUMNS = (
    "event_id", "identity", "t", "scale_origin", "coefficients", "shift", "stretch", "matched", "rms", "kappa",
    "kappa_rms", "scale_status", "scale_reason",
)  # fmt: skip

#: Least number of events that a default scale rests on.
LEAST = 3


def scales(
    conn: Connection, *, event_id: int | None = None, file_id: int | None = None, since: datetime | None = None,
    until: datetime | None = None, limit: int | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the mass scales of the current analyses, in order of time: columns `COLUMNS`.

    Parameters
    ----------
    conn
        Connection.
    event_id, file_id
        Keep only this event, or events that this raw file or product holds.
    since, until, limit
        Keep only events from this time on, and before that one, UTC; most rows.
    """
    conditions = [] if event_id is None else [Condition("event_id", "=", event_id)]
    rows = list(analyses.scalars(conn, "event_summary", COLUMNS, conditions, since=since, until=until))
    if file_id is not None:
        parts = [select(each.c.event_id).where(each.c.file_id == file_id) for each in (event_source, event_product)]
        held = {key for query in parts for key in conn.execute(query).scalars()}
        rows = [row for row in rows if row["event_id"] in held]
    return rows[:limit]


def default_scale(conn: Connection, rows: Sequence[dict[str, Any]], nominal: float = 3000.0) -> dict[str, Any]:
    """Return the values of a calibration record ``mass_scale`` from the scales that are beyond doubt.

    The stretch is the median of stretch sqrt(U/`nominal`), U the target voltage, and the offset the median of the shift
    from the fitted impact (IDEX science definition, section 15.3).

    Raises
    ------
    NotFound
        When there are fewer than three such scales.
    """
    good = beyond_doubt(rows)
    if len(good) < LEAST:
        raise NotFound(f"{len(good)} mass scales are beyond doubt; a default needs {LEAST} at least.")
    ids = [row["event_id"] for row in good]
    voltage = {row["event_id"]: row["target_voltage"]
               for row in analyses.of_events(conn, "idex_housekeeping", ["target_voltage"], ids)}  # fmt: skip
    wanted = ["channel", "time_of_impact", "charge"]
    impact = {row["event_id"]: row["time_of_impact"] for row in analyses.of_events(conn, "pulse", wanted, ids)
              if row["channel"] == "Target_High" and row["charge"] is not None}  # fmt: skip
    stretch = [
        row["stretch"] * math.sqrt(u / nominal) for row in good if (u := voltage.get(row["event_id"]) or 0.0) > 0
    ]
    offset = [
        row["shift"] - (impact[row["event_id"]] - row["scale_origin"]) for row in good if row["event_id"] in impact
    ]
    return {
        "stretch": float(np.median(stretch)) if stretch else None,
        "stretch_spread": _spread(stretch),
        "offset": float(np.median(offset)) if offset else None,
        "offset_spread": _spread(offset),
        "target_voltage": nominal,
        "events": len(good),
    }


def beyond_doubt(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the scales whose status is ok: those that a default rests on."""
    return [row for row in rows if row["scale_status"] == "ok" and row["stretch"] is not None]


def _spread(values: Sequence[float]) -> float | None:
    """Return 1.4826 times the median absolute deviation; None for fewer than two."""
    if len(values) < 2:
        return None
    return float(1.4826 * np.median(np.abs(np.asarray(values) - np.median(values))))
