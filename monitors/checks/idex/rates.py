"""``idex-rates``: counts, exposure, rates and pointing maps by windows of ten days, kept up with whatever comes in."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Any

from monitors.base import Context, Monitor, Result, Trend


class Rates(Monitor):
    """Accumulates the windows that have something new.

    A window is counted anew as a whole and appended when anything that is counted has changed; the newest row of a
    window counts. The same transaction asks for the level-2B and level-2C files of the window. Options: those of
    `archive.instruments.idex.analysis.rates.Settings`.
    """

    name = "idex-rates"
    title = "IDEX counts, rates and maps"
    schedule = "55 */3 * * *"
    grace = "1h"
    max_runtime = "1h"
    tables = (
        "idex.rate_window",
        "idex.rate_count",
        "idex.rate",
        "idex.map_pixel",
        "idex.map_count",
        "ops.trend",
        "ops.job",
    )

    def run(self, context: Context) -> Result:
        """Count every window that has something new, that has come to its end, or whose settings are others."""
        from archive.instruments.idex.analysis import rates
        from archive.jobs.requests import digest
        from monitors.checks.idex import rate_products, rate_rows, rate_windows

        settings = rate_windows.settings_of(context.options)
        mark = digest({"version": rates.VERSION, **asdict(settings)})
        points: list[Trend] = []
        changed, looked = 0, 0
        held_up: list[Any] = []
        for window in rate_windows.windows(context, mark):
            looked += 1
            with context.catalog.read() as conn:
                found = rate_rows.held(conn, window, settings)
                before = rate_windows.newest(conn).get(window.start)
            done = rates.accumulate(
                window, found.dust, found.messages, found.pointing, settings, events=found.events,
                dead_time=found.dead_time,
            )  # fmt: skip
            held_up.append(done.window)
            if before is not None and (before.settings_hash, before.input_hash) == (mark, found.input_hash):
                continue
            changed += 1
            more = {"version": rates.VERSION, "settings_hash": mark, "settings": asdict(settings),
                    "input_hash": found.input_hash}  # fmt: skip
            context.at_close(partial(rate_windows.store, done, more))
            points += rate_windows.trends(done)
        context.trends(points)
        starts = [window["t_start"] for window in held_up]
        context.at_close(partial(rate_products.ask, starts, context.settings.ingest.max_attempts))
        context.afterwards(partial(rate_products.make, context.settings))
        with context.catalog.read() as conn:
            state = rate_windows.counted(conn, held_up)
            without_clock = int(conn.execute(rate_rows.WITHOUT_CLOCK).scalar_one())
        return Result(
            message=f"{looked} windows looked at, {changed} counted anew.",
            n_in=looked,
            n_done=changed,
            n_skipped=looked - changed,
            metrics=rate_windows.metrics(state, without_clock),
            findings=rate_windows.findings(state, without_clock),
        )
