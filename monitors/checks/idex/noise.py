"""``idex-noise``: level, noise, spectral line and correlation of each channel, day by day, from noise captures."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from archive.instruments.idex.limits import LimitTable
from monitors.base import Trend
from monitors.checks.idex.trends import TrendMonitor, made

#: Trends; those in None have the unit of the channel.
UNITS = {
    "noise_median": None,
    "noise_robust": None,
    "noise_sigma": None,
    "noise_lag1": "",
    "line_frequency": "MHz",
    "line_amplitude": None,
    "line_excess": "",
}

BY_DAY = text(
    """
    select date_trunc('day', a.t, 'UTC') as day, c.channel, c.unit, count(*) as n,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by c.noise_median) as noise_median,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by c.noise_robust) as noise_robust,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by c.noise_sigma) as noise_sigma,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by c.noise_lag1) as noise_lag1,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by c.line_frequency) as line_frequency,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by c.line_amplitude) as line_amplitude,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by c.line_excess) as line_excess
    from analysis.idex_analysed a
    join idex.channel_analysis c on c.event_analysis_id = a.event_analysis_id and c.noise_window = 'record'
    where a.t >= :start and a.t < :stop and a.noise
    group by 1, 2, 3 order by 1, 2
    """
)


class Noise(TrendMonitor):
    """Trends of the noise of all six channels.

    A point is the median of the noise captures of a day, with the 16th and 84th percentiles. Option ``limits``: see
    `archive.instruments.idex.limits`.
    """

    name = "idex-noise"
    title = "IDEX noise"
    schedule = "25 */3 * * *"
    section = "noise"

    def points(self, conn: Connection, start: datetime, stop: datetime, limits: LimitTable) -> list[Trend]:
        """Return seven points for each channel and day with noise captures."""
        rows = conn.execute(BY_DAY, {"start": start, "stop": stop}).all()
        return [
            made(row, name, row.channel, row.unit if unit is None else unit, limits)
            for row in rows
            for name, unit in UNITS.items()
        ]
