"""Coverage: which data times each product covers, and gaps that are longer than is usual or allowed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from archive.catalog import coverage
from archive.errors import SettingsError
from monitors.base import Context, Finding, Metric, Monitor, Result
from monitors.cadence import MAD_TO_SIGMA
from monitors.schedule import ScheduleError, duration

#: Gaps of a product that are told one by one; the rest is counted.
SHOWN = 5

#: Fewer gaps than this say nothing about what is usual.
FEW = 8


class Coverage(Monitor):
    """Looks at the data times of all available files.

    Options: ``days`` (30): gaps that ended longer ago are not told; ``gaps``: a table of "instrument/product" to the
    longest gap allowed, for example ``"idex/raw" = "2h"``. Products without one are measured by themselves: a gap
    longer than median + 5 * 1.4826 MAD of their gaps is told as information.
    """

    name = "coverage"
    title = "Coverage and gaps"
    schedule = "35 */6 * * *"
    grace = "30m"
    max_runtime = "20m"

    def run(self, context: Context) -> Result:
        """Merge the ranges of every product and look at what is between them."""
        allowed = lengths(context.options.get("gaps", {}), "coverage.options.gaps")
        since = context.window[0] if context.window else context.now - timedelta(
            days=float(context.options.get("days", 30)))  # fmt: skip
        findings = []
        with context.catalog.read() as conn:
            products = coverage.coverage(conn)
            usual = {name: usual_limit(gaps) for name, gaps in coverage.gap_lengths(conn).items()}
            for row in products:
                name = (row.instrument, row.product)
                declared = allowed.get("/".join(name))
                limit = declared if declared is not None else usual.get(name)
                if limit is not None:
                    gaps = coverage.gaps(conn, since, longer=limit, instrument=name[0], product=name[1], limit=200)
                    findings += told(name, gaps, limit, declared=declared is not None)
        unknown = sorted(set(allowed) - {f"{row.instrument}/{row.product}" for row in products})
        findings += [
            Finding("product_unknown", f"No file of {name!r} is known, for which gaps are declared.", "info", name)
            for name in unknown
        ]
        return Result(
            message=f"{len(products)} products, {len(findings)} findings.",
            n_in=len(products),
            metrics=[metric for row in products for metric in metrics_of(row)],
            findings=findings,
        )


def lengths(given: Any, where: str) -> dict[str, float]:
    """Read a table of "instrument/product" to a length of time; return seconds.

    Raises
    ------
    SettingsError
        When it is no such table; the entry is named.
    """
    if not isinstance(given, Mapping):
        raise SettingsError(f'monitor.{where} must be a table such as {{"idex/raw" = "2h"}}.')
    try:
        return {str(name): duration(value).total_seconds() for name, value in given.items()}
    except ScheduleError as error:
        raise SettingsError(f"monitor.{where}: {error}") from None


def usual_limit(gaps: Sequence[float]) -> float | None:
    """Return from which length on a gap is unusual, seconds; None when too few are known."""
    if len(gaps) < FEW:
        return None
    median = statistics.median(gaps)
    mad = statistics.median(abs(gap - median) for gap in gaps)
    return median + 5 * max(MAD_TO_SIGMA * mad, 0.05 * median)


def told(name: tuple[str, str], gaps: Sequence[Any], limit: float, *, declared: bool) -> list[Finding]:
    """Return the newest gaps one by one, and one finding for all the others."""
    what = "allowed" if declared else "usual"
    product = "/".join(name)
    found = [
        Finding(
            "coverage_gap",
            f"No {product} data from {gap.gap_start:%Y-%m-%d %H:%M} to {gap.gap_end:%Y-%m-%d %H:%M} UTC "
            f"({hours(gap.gap_s)}; {what}: {hours(limit)}); ask for the files and give them to `pinakes ingest`.",
            "warning" if declared else "info",
            f"{product} {gap.gap_start:%Y-%m-%dT%H:%M:%S}Z",
            facts={"seconds": gap.gap_s, "limit": limit},
        )
        for gap in gaps[:SHOWN]
    ]
    if len(gaps) > SHOWN:
        more = len(gaps) - SHOWN
        message = f"{more} earlier gaps of {product} are longer than {what} too; see the page of the instrument."
        found.append(Finding("coverage_gaps", message, found[0].severity, product, more))
    return found


def hours(seconds: float) -> str:
    """Return a length of time for people."""
    return f"{seconds / 86400:.1f} d" if seconds >= 2 * 86400 else f"{seconds / 3600:.1f} h"


def metrics_of(row: Any) -> list[Metric]:
    """Return the numbers of one product."""
    labels = {"instrument": row.instrument, "product": row.product}
    covered = row.span_s - row.gap_s
    return [
        Metric("coverage_files", row.n_files, "", labels),
        Metric("coverage_seconds", covered, "s", labels),
        Metric("coverage_share", covered / row.span_s if row.span_s else None, "", labels),
        Metric("coverage_gaps", row.n_ranges - 1, "", labels),
        Metric("coverage_longest_gap_seconds", row.longest_gap_s, "s", labels),
        Metric("coverage_last_data_timestamp_seconds", row.t_last.timestamp(), "s", labels),
    ]
