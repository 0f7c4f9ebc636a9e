"""What the monitors of trends share: which days have something new, points of days, limits as findings.

A day is worked out anew as a whole whenever anything of it is new: an analysis, an override, a file. So it does not
matter in which order data come, and running again changes nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from sqlalchemy import Connection, text

from archive.catalog.schema import event_analysis, fit_override
from archive.instruments.idex.limits import Limits, LimitTable
from monitors.base import Context, Finding, Metric, Monitor, Result, Severity, Trend

#: New rows looked at in one run at most; the next run goes on.
FILES, KEYS = 10_000, 500_000

#: Days worked out by one statement at most.
SPAN: Final = 31

#: Newest points read for findings: more than all monitors here have trends.
NEWEST = 1000

DAY: Final = timedelta(days=1)

#: How the names of shares begin.
SHARE: Final = "share_"

AFFECTED = text(
    """
    select distinct date_trunc('day', e.t, 'UTC') as day
    from (
        select a.event_id as id from core.event_analysis a where a.id > :analyses_after and a.id <= :analyses
        union select o.event_id from core.fit_override o where o.id > :overrides_after and o.id <= :overrides
        union select e.id from core.event e where e.file_id = any(cast(:files as bigint[]))
        union select e.id from core.event e where e.t >= :begin and e.t < :end
    ) found
    join core.event e using (id)
    join idex.event x on x.event_id = e.id
    where x.clock_set
    order by 1
    """
)

KNOWN = text(
    """
    select name, series, at, until, unit from ops.trend
    where monitor_id = :monitor and at >= :start and at < :stop and n > 0
    """
)

NEWEST_POINTS = text(
    """
    select distinct on (name, series) name, series, at, until, value, low, high, n, unit, red_low, yellow_low,
           yellow_high, red_high, message
    from ops.trend where monitor_id = :monitor and value is not null
    order by name, series, at desc limit :limit
    """
)


class TrendMonitor(Monitor):
    """A monitor whose results are trends by day.

    Attributes
    ----------
    section
        Section of the limits.
    """

    section: ClassVar[str]
    tables = ("ops.trend",)
    grace = "1h"
    max_runtime = "1h"

    @abstractmethod
    def points(self, conn: Connection, start: datetime, stop: datetime, limits: LimitTable) -> list[Trend]:
        """Return the points of the days from `start` to `stop`."""

    def judged(self, point: Trend) -> tuple[float | None, float | None]:
        """Return what of a point is held against the lower, and against the upper limits."""
        return point.value, point.value

    def run(self, context: Context) -> Result:
        """Work out the days that have something new, and hold the newest points against their limits."""
        limits = LimitTable(self.section, context.options.get("limits"))
        days, looked = affected(context)
        points: list[Trend] = []
        with context.catalog.read() as conn:
            for start, stop in spans(days):
                found = [each for each in self.points(conn, start, stop, limits) if each.at in days]
                points += found + gone(conn, context.monitor_id, start, stop, found, days)
            newest = newest_points(conn, context.monitor_id, points, limits)
        context.trends(points)
        findings = [finding for point in newest if (finding := self.told(point, newest)) is not None]
        return Result(
            message=f"{len(days)} days worked out, {len(points)} points; {len(findings)} trends beyond their limits.",
            n_in=looked,
            n_done=looked,
            metrics=[Metric(p.name, p.value, p.unit, {"of": p.series} if p.series else {}) for p in newest],
            findings=findings,
        )

    def told(self, point: Trend, newest: Sequence[Trend]) -> Finding | None:
        """Return the finding of a point that is beyond its limits."""
        del newest
        low, high = self.judged(point)
        beyond = past(low, high, point.limits)
        if beyond is None:
            return None
        severity, side, limit, found = beyond
        what = point.name.replace("_", " ") + (f" of {point.series}" if point.series else "")
        unit = f" {point.unit}" if point.unit else ""
        colour = "red" if severity == "error" else "yellow"
        message = (
            f"The {what} was {found:.4g}{unit} on {point.at:%Y-%m-%d}, {side} the {colour} limit {limit:.4g}{unit}"
            f" (from {point.n}); look at its trend, and at the events of that day."
        )
        facts = {"value": point.value, "low": point.low, "high": point.high, "limits": list(point.limits),
                 "n": point.n, "day": f"{point.at:%Y-%m-%d}"}  # fmt: skip
        return Finding(f"{side}_limit", message, severity, f"{point.name} {point.series}".strip(), facts=facts)


def past(low: float | None, high: float | None, limits: Limits) -> tuple[Severity, str, float, float] | None:
    """Return severity, ``above`` or ``below``, the limit, and what is beyond it; the graver one of two."""
    red_low, yellow_low, yellow_high, red_high = limits
    graded: tuple[tuple[Severity, float | None, float | None], ...] = (
        ("error", red_low, red_high), ("warning", yellow_low, yellow_high),
    )  # fmt: skip
    for severity, least, most in graded:
        if high is not None and most is not None and high > most:
            return severity, "above", most, high
        if low is not None and least is not None and low < least:
            return severity, "below", least, low
    return None


def news(context: Context, product: str | None = None) -> tuple[dict[str, Any], int]:
    """Return what is new to the monitor, as statements take it, and how many new things there are.

    Parameters
    ----------
    context
        Of the run; its marks move on.
    product
        Only files of this product.
    """
    files = context.new_files(instrument="idex", product=product, limit=FILES)
    analyses = context.new_keys(event_analysis, limit=KEYS)
    overrides = context.new_keys(fit_override, limit=KEYS)
    begin, end = context.window or (context.now, context.now)
    given = {
        "files": [row.id for row in files.rows],
        "analyses_after": analyses.after,
        "analyses": analyses.mark,
        "overrides_after": overrides.after,
        "overrides": overrides.mark,
        "begin": begin,
        "end": end,
    }
    return given, len(files.rows) + analyses.mark - analyses.after + overrides.mark - overrides.after


def affected(context: Context) -> tuple[list[datetime], int]:
    """Return the days, UTC, of which anything is new to the monitor, and how many new things there are."""
    given, looked = news(context, "raw")
    with context.catalog.read() as conn:
        days = list(conn.execute(AFFECTED, given).scalars())
    return days, max(looked, len(days))


def spans(days: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Yield begin and end of runs of days that follow each other, each of at most `SPAN` days."""
    start = 0
    for i in range(1, len(days) + 1):
        if i == len(days) or days[i] - days[i - 1] > DAY or i - start == SPAN:
            yield days[start], days[i - 1] + DAY
            start = i


def gone(
    conn: Connection, monitor_id: int, start: datetime, stop: datetime, found: Sequence[Trend], days: Sequence[datetime]
) -> list[Trend]:
    """Return points without value for those that were there and have no data any more."""
    there = {(point.name, point.series, point.at) for point in found}
    rows = conn.execute(KNOWN, {"monitor": monitor_id, "start": start, "stop": stop})
    return [
        Trend(row.name, row.series, row.at, row.until, None, 0, row.unit, message="Its data are gone.")
        for row in rows
        if row.at in days and (row.name, row.series, row.at) not in there
    ]


def newest_points(conn: Connection, monitor_id: int, points: Sequence[Trend], limits: LimitTable) -> list[Trend]:
    """Return the newest point of every trend, those of this run among them, with the limits that hold now."""
    fresh = {(point.name, point.series, point.at): point for point in points}
    newest: dict[tuple[str, str], Trend] = {}
    for row in conn.execute(NEWEST_POINTS, {"monitor": monitor_id, "limit": NEWEST}):
        if (row.name, row.series, row.at) not in fresh:
            newest[row.name, row.series] = Trend(
                row.name, row.series, row.at, row.until, row.value, row.n, row.unit, row.low, row.high,
                (row.red_low, row.yellow_low, row.yellow_high, row.red_high), row.message,
            )  # fmt: skip
    for point in points:
        held = newest.get((point.name, point.series))
        if point.value is not None and (held is None or held.at < point.at):
            newest[point.name, point.series] = point
    return [replace(newest[key], limits=limits.of(*key)) for key in sorted(newest)]


def spread(values: Sequence[float | None] | None) -> tuple[float | None, float | None, float | None]:
    """Return low, middle and high of an array of three quantiles; None for each without."""
    low, middle, high = values if values is not None else (None, None, None)
    return low, middle, high


def shares(name: str, series: str, day: datetime, part: int, whole: int, limits: LimitTable) -> Trend | None:
    """Return a share with its 68 % interval; None without anything to take a share of."""
    from archive.numerics.rates import share_interval

    if not whole:
        return None
    low, high = share_interval(part, whole)
    return Trend(
        name, series, day, day + DAY, part / whole, whole, "", float(low), float(high), limits.of(name, series),
        f"{part} of {whole}",
    )  # fmt: skip


def made(row: Any, name: str, series: str, unit: str, limits: LimitTable) -> Trend:
    """Return the point of three quantiles in the column of its name; `row` has ``day`` and ``n_NAME`` or ``n``."""
    low, middle, high = spread(getattr(row, name))
    count = getattr(row, f"n_{name}", None)
    return Trend(
        name, series, row.day, row.day + DAY, middle, row.n if count is None else count, unit, low, high,
        limits.of(name, series),
    )  # fmt: skip
