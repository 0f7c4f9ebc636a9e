"""``idex-tof-quality``: signal-to-noise, mass scales, and rates of failed fits and saturation of dust events by day."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from archive.instruments.idex.limits import LimitTable
from monitors.base import Trend
from monitors.checks.idex.trends import SHARE, TrendMonitor, made, shares

#: What `_EVENTS` measures, with its unit.
MEASURED = {
    "merged_snr": "",
    "stretch": "us",
    "shift": "us",
    "scale_rms": "us",
    "kappa": "u",
    "kappa_rms": "u",
}

#: Edges of the bins of signal-to-noise in which kappa is shown.
SNR_BINS = (0, 10, 30, 100, 300)

CHANNELS = text(
    """
    select date_trunc('day', a.t, 'UTC') as day, c.channel, count(*) as n, count(c.snr) as n_snr,
           count(*) filter (where c.saturated) as saturated,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by c.snr) as snr
    from analysis.idex_analysed a
    join idex.channel_analysis c on c.event_analysis_id = a.event_analysis_id
        and 'missing' <> all(string_to_array(c.status, ' '))
    where a.t >= :start and a.t < :stop and a.dust_hit
    group by 1, 2 order by 1, 2
    """
)

EVENTS = text(
    """
    select date_trunc('day', a.t, 'UTC') as day, count(*) as n,
           count(*) filter (where s.status <> 'ok') as scale_not_ok,
           count(*) filter (where s.status ~ 'mass_scale_default|no_scale|no_lines') as scale_default,
           count(*) filter (where s.status ~ 'ambiguous') as scale_ambiguous,
           count(s.merged_snr) as n_merged_snr,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by s.merged_snr) as merged_snr,
           count(*) filter (where s.status = 'ok') as n_stretch,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by s.coefficients[2])
               filter (where s.status = 'ok') as stretch,
           count(*) filter (where s.status = 'ok') as n_shift,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by s.coefficients[1])
               filter (where s.status = 'ok') as shift,
           count(s.rms) filter (where s.status = 'ok') as n_scale_rms,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by s.rms)
               filter (where s.status = 'ok') as scale_rms,
           count(s.kappa) filter (where s.status = 'ok') as n_kappa,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by s.kappa)
               filter (where s.status = 'ok') as kappa,
           count(s.kappa_rms) filter (where s.status = 'ok') as n_kappa_rms,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by s.kappa_rms)
               filter (where s.status = 'ok') as kappa_rms
    from analysis.idex_analysed a
    join idex.spectrum_analysis s on s.event_analysis_id = a.event_analysis_id
    where a.t >= :start and a.t < :stop and a.dust_hit
    group by 1 order by 1
    """
)

BY_SNR = text(
    """
    select date_trunc('day', a.t, 'UTC') as day,
           width_bucket(s.merged_snr, cast(:edges as double precision[])) as bin, count(*) as n,
           percentile_cont(array[0.16, 0.5, 0.84]) within group (order by s.kappa_rms) as kappa_by_snr
    from analysis.idex_analysed a
    join idex.spectrum_analysis s on s.event_analysis_id = a.event_analysis_id
    where a.t >= :start and a.t < :stop and a.dust_hit
        and s.status = 'ok' and s.kappa_rms is not null and s.merged_snr >= 0
    group by 1, 2 order by 1, 2
    """
)

FITS = text(
    """
    select date_trunc('day', a.t, 'UTC') as day, f.channel, count(*) as n,
           count(*) filter (where string_to_array(f.status, ' ') && array['too_few', 'nonfinite', 'no_signal'])
               as failed,
           count(*) filter (where string_to_array(f.status, ' ')
               && array['max_iter', 'bad_chi2', 'singular', 'at_bound', 'sigma_at_bound', 'mu_at_edge']) as doubtful
    from analysis.idex_analysed a
    join core.fit f on f.event_analysis_id = a.event_analysis_id
    where a.t >= :start and a.t < :stop and a.dust_hit
    group by 1, 2 order by 1, 2
    """
)


class TofQuality(TrendMonitor):
    """Trends of the quality of spectra and fits.

    Points of numbers are medians of the dust events of a day, with the 16th and 84th percentiles; those of shares have
    their 68 % interval, and the interval has to be beyond a limit, not the share. Option ``limits``: see
    `archive.instruments.idex.limits`.
    """

    name = "idex-tof-quality"
    title = "IDEX spectrum quality"
    schedule = "35 */3 * * *"
    section = "quality"

    def judged(self, point: Trend) -> tuple[float | None, float | None]:
        """Hold the near end of its interval against the limits of a share: one event of two is no trend."""
        if point.name.startswith(SHARE):
            return point.high, point.low
        return super().judged(point)

    def points(self, conn: Connection, start: datetime, stop: datetime, limits: LimitTable) -> list[Trend]:
        """Return the points of days with dust events."""
        span = {"start": start, "stop": stop}
        found: list[Trend | None] = []
        for row in conn.execute(CHANNELS, span).all():
            found += [made(row, "snr", row.channel, "", limits)] if row.n_snr else []
            found.append(shares("share_saturated", row.channel, row.day, row.saturated, row.n, limits))
        for row in conn.execute(EVENTS, span).all():
            found += [made(row, name, "", unit, limits) for name, unit in MEASURED.items() if getattr(row, name)]
            found += [
                shares(f"share_{name}", "", row.day, getattr(row, name), row.n, limits)
                for name in ("scale_not_ok", "scale_default", "scale_ambiguous")
            ]
        for row in conn.execute(BY_SNR, {**span, "edges": list(SNR_BINS)}).all():
            found.append(made(row, "kappa_by_snr", bin_name(row), "u", limits))
        for row in conn.execute(FITS, span).all():
            found.append(shares("share_fits_failed", row.channel, row.day, row.failed, row.n, limits))
            found.append(shares("share_fits_doubtful", row.channel, row.day, row.doubtful, row.n, limits))
        return [point for point in found if point is not None]


def bin_name(row: Any) -> str:
    """Return the name of a bin of the signal-to-noise ratio."""
    low = SNR_BINS[row.bin - 1]
    return f"SNR {low} to {SNR_BINS[row.bin]}" if row.bin < len(SNR_BINS) else f"SNR from {low}"
