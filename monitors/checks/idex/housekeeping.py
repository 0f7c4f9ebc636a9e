"""``idex-housekeeping``: readings of the event headers by day, and what the stimulus pulser says about the factors."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from archive.instruments.idex.limits import LimitTable
from monitors.base import Trend
from monitors.checks.idex.trends import TrendMonitor


class Housekeeping(TrendMonitor):
    """Trends of the readings of the event headers, and of the response to the pulser.

    A point of a reading is the median of the events of a day, with the least and the greatest value, which both have
    to be within the limits; high voltages count while they are on. ``flight_time_scale`` is what the target voltage
    does to flight times: the root of nominal over measured. ``share_out_of_segment`` is the share of events whose
    count lies where the conversion says nothing. ``pulser_charge`` and ``pulser_area`` are what the fits make of the
    stimulus: they change when the factors from counts to charge are no longer right. Option ``limits``: see
    `archive.instruments.idex.limits`.
    """

    name = "idex-housekeeping"
    title = "IDEX housekeeping"
    schedule = "45 */3 * * *"
    section = "housekeeping"

    def judged(self, point: Trend) -> tuple[float | None, float | None]:
        """Hold the least and the greatest reading against the limits, of pulser and shares what is typical."""
        from monitors.checks.idex.housekeeping_rows import READINGS

        if point.name in READINGS:
            return point.low, point.high
        if point.name == "share_out_of_segment":
            return point.high, point.value
        return super().judged(point)

    def points(self, conn: Connection, start: datetime, stop: datetime, limits: LimitTable) -> list[Trend]:
        """Return the points of days with events."""
        from monitors.checks.idex import housekeeping_rows

        return housekeeping_rows.points(conn, start, stop, limits)
