"""Which windows of ten days ``idex-rates`` counts anew, and what it says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from archive.catalog.reference import code_version_id
from archive.errors import SettingsError
from archive.instruments.idex.analysis import rates
from monitors.base import Context, Finding, Metric, Trend
from monitors.checks.idex import rate_rows
from monitors.checks.idex.trends import news

#: What the channels of the setting ``source`` may be.
SOURCES = ("Target_Low", "Target_High", "Ion_Grid", "best")

#: Newest windows that metrics and findings are about: a year.
SHOWN = 37

#: Before this the clock of the instrument was never set.
SET_FROM = datetime(2015, 1, 1, tzinfo=UTC)


def store(done: rates.Accumulated, more: dict[str, Any], conn: Connection) -> None:
    """Append the rows of a window, with the code that made them."""
    rate_rows.store(conn, done, {**more, "code_version_id": code_version_id(conn)})


def settings_of(options: Mapping[str, Any]) -> rates.Settings:
    """Return the settings with the options of the monitor.

    Raises
    ------
    SettingsError
        For an option that is not there, or one that cannot be.
    """
    known = {field.name for field in fields(rates.Settings)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise SettingsError(f"idex-rates has no option {unknown[0]!r}; it has {', '.join(sorted(known))}.")
    settings = rates.Settings(**options)
    if settings.source not in SOURCES:
        raise SettingsError(f"The option source of idex-rates is one of {', '.join(SOURCES)}.")
    longest = settings.longest_pointing
    if isinstance(longest, bool) or not isinstance(longest, int | float) or not longest > 0:
        raise SettingsError("The option longest_pointing of idex-rates is a positive number of seconds.")
    if not isinstance(settings.subtract_dead_time, bool):
        raise SettingsError("The option subtract_dead_time of idex-rates is true or false.")
    return settings


def newest(conn: Connection) -> dict[datetime, Any]:
    """Return the newest accumulation of every window by its begin."""
    return {row.t_start: row for row in conn.execute(rate_rows.NEWEST)}


def windows(context: Context, mark: str) -> Iterator[rates.Window]:
    """Yield the windows to look at, in order of time."""
    new, _ = news(context)
    given = {**new, "state": rates.SCIENCE_STATE, "set_from": SET_FROM}
    now = max(context.now, new["begin"])
    with context.catalog.read() as conn:
        starts = {rates.window_of(day) for day in conn.execute(rate_rows.AFFECTED, given).scalars() if day <= now}
        for row in newest(conn).values():
            if row.settings_hash != mark or (row.t_until < row.t_stop <= now):
                starts.add((row.t_start, row.t_stop))
        for start, stop in sorted(starts):
            span = {"start": start, "stop": stop, "state": rates.SCIENCE_STATE}
            if conn.execute(rate_rows.HOLDS, span).scalar():
                yield rates.Window(start, stop, rate_rows.window_until(conn, start, stop, now))


def trends(done: rates.Accumulated) -> list[Trend]:
    """Return rate, exposure and counts of a window as points."""
    window, total = done.window, done.rates["binning"].index("total")
    span = (window["t_start"], window["t_stop"])
    per_day = 86400.0

    def daily(name: str) -> float | None:
        value = done.rates[name][total]
        return None if value is None else value * per_day

    exposure = window["exposure"]
    return [
        Trend("dust_rate", "", *span, daily("rate"), window["dust"], "1/d", daily("rate_low"), daily("rate_high")),
        Trend("exposure", "", *span, None if exposure is None else exposure / per_day, window["messages"], "d"),
        Trend("dust_events", "", *span, window["dust"], window["events"], "", done.rates["counts_low"][total],
              done.rates["counts_high"][total]),
        Trend("unplaced_events", "", *span, window["unplaced"], window["dust"]),
    ]  # fmt: skip


def counted(conn: Connection, done: list[Any]) -> list[dict[str, Any]]:
    """Return the newest windows, those of this run as they will be, newest first."""
    rows = {row["t_start"]: dict(row) for row in conn.execute(rate_rows.LATELY, {"limit": SHOWN}).mappings()}
    rows |= {row["t_start"]: dict(row) for row in done}
    return [rows[start] for start in sorted(rows, reverse=True)[:SHOWN]]


def metrics(state: list[dict[str, Any]], without_clock: int) -> list[Metric]:
    """Return the sums of the newest windows."""
    sums = {name: sum(row[name] for row in state) for name in ("dust", "unplaced", "unanalysed", "no_charge")}
    exposures = [row["exposure"] for row in state if row["exposure"] is not None]
    return [
        Metric("windows", len(state)),
        Metric("windows_without_exposure", sum(row["quality"] == 0 for row in state)),
        Metric("exposure_seconds", sum(exposures) if exposures else None, "s"),
        Metric("events_without_clock", without_clock),
        *(Metric(f"dust_{name}" if name != "dust" else "dust_events_counted", value) for name, value in sums.items()),
    ]


def findings(state: list[dict[str, Any]], without_clock: int) -> list[Finding]:
    """Return what keeps rates and maps from being whole, in the newest windows."""
    found = []
    dark = [row for row in state if row["quality"] == 0 and row["dust"]]
    if dark:
        message = (
            f"{len(dark)} windows with dust have no exposure, newest that of {dark[0]['t_start']:%Y-%m-%d}: no message "
            "of science going on or off, so that there is no rate; bring in the files with the event messages."
        )
        found.append(Finding("no_exposure", message, "warning", "", len(dark)))
    late = sum(row["unanalysed"] for row in state)
    if late:
        message = f"{late} dust events are not analysed and have no charge; run `pinakes work`."
        found.append(Finding("unanalysed", message, "warning", "", late))
    unplaced, dust = sum(row["unplaced"] for row in state), sum(row["dust"] for row in state)
    if unplaced:
        message = (
            f"{unplaced} of {dust} dust events have no geometry and are in no pixel; bring in level-1B files, which "
            "have the pointing."
        )
        found.append(Finding("unplaced", message, "info", "", unplaced))
    if without_clock:
        message = f"{without_clock} events were recorded before the clock was set; they are in no window."
        found.append(Finding("without_clock", message, "info", "", without_clock))
    return found
