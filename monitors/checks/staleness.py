"""Staleness: products of which nothing came for longer than declared, or than is usual for them."""

from __future__ import annotations

from typing import Any

from archive.catalog import coverage
from monitors.base import Context, Finding, Metric, Monitor, Result
from monitors.cadence import cadence
from monitors.checks.coverage import hours, lengths


class Staleness(Monitor):
    """Compares the age of the newest file of each product with its cadence.

    Options: ``products``: a table of "instrument/product" to the longest time without a new file, for example
    ``"idex/raw" = "1d"``; ``apart_s`` (600): files that came closer together than this are one delivery. Products
    without a declared time are measured by themselves (median and MAD of their deliveries), as advice.
    """

    name = "staleness"
    title = "Staleness of products"
    schedule = "25 * * * *"
    grace = "20m"
    max_runtime = "10m"

    def run(self, context: Context) -> Result:
        """Look at when each product last came."""
        declared = lengths(context.options.get("products", {}), "staleness.options.products")
        with context.catalog.read() as conn:
            rows = coverage.deliveries(conn, apart=float(context.options.get("apart_s", 600)))
        findings, metrics, seen = [], [], set()
        for row in rows:
            name = f"{row.instrument}/{row.product}"
            seen.add(name)
            age = max(0.0, (context.now - row.newest).total_seconds())
            usual = cadence(row.deliveries)
            limit = declared.get(name, usual.limit.total_seconds() if usual else None)
            labels = {"instrument": row.instrument, "product": row.product}
            metrics += [
                Metric("product_age_seconds", age, "s", labels),
                Metric("product_age_limit_seconds", limit, "s", labels),
                Metric("product_usual_seconds", usual.usual.total_seconds() if usual else None, "s", labels),
            ]
            if limit is not None and age > limit:
                findings.append(stale(name, age, limit, row, declared=name in declared))
        for name in sorted(set(declared) - seen):
            message = f"No file of {name} has ever come, and one is declared to come every {hours(declared[name])}."
            findings.append(Finding("product_absent", message, "warning", name))
        return Result(
            message=f"{len(rows)} products, {len(findings)} of them stale.",
            n_in=len(rows),
            metrics=metrics,
            findings=findings,
        )


def stale(name: str, age: float, limit: float, row: Any, *, declared: bool) -> Finding:
    """Return the finding about one product; what is only unusual is information."""
    rule = "declared" if declared else "usual"
    message = (
        f"Nothing of {name} came for {hours(age)} ({rule}: {hours(limit)}), last on {row.newest:%Y-%m-%d %H:%M} UTC; "
        "look at its source, at incoming/ and at `pinakes monitor history ingest`."
    )
    facts = {"age_s": age, "limit_s": limit}
    return Finding("product_stale", message, "warning" if declared else "info", name, facts=facts)
