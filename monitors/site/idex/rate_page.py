"""The page of rates: dust counts, exposure and rates by window, charge, mass and spin quadrant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bokeh.models import ColumnDataSource, HoverTool, Range1d
from bokeh.plotting import figure

from archive.instruments.idex.level2_windows import RATES
from archive.numerics import rates
from monitors.site import tables
from monitors.site.dashboards import Making
from monitors.site.figures import LEFT_BORDER, Plot, interactive, plain_json, time_axis
from monitors.site.idex.windows import ALL, STATEMENTS, file_table, name_of
from monitors.site.queries import Row
from monitors.site.tables import Cell, Column, Table
from monitors.site.text import NOTHING, count

PATH = "instruments/idex/rates.html"

HEIGHT: Final = 260

QUADRANTS: Final = {
    "all": "all", "0": "centred on 0°", "1": "centred on 90°", "2": "centred on 180°", "3": "centred on 270°",
    "-1": "spin phase not known",
}  # fmt: skip


def publish(making: Making, windows: Sequence[Row]) -> None:
    """Write the page; `windows` are the rows of `windows.WINDOWS`."""
    through = {"figure-rate-time": through_time(windows, "rate"), "figure-count-time": through_time(windows, "counts")}
    bars = {"figure-counts": by_bin("counts", "Dust events"), "figure-rates": by_bin("rates", "Rate (1/s)")}
    dust = sum(window["dust"] for window in windows)
    making.page(
        "idex/rates.html", PATH, "Rates",
        summary=f"{count(dust)} dust events in {count(len(windows))} windows of ten days",
        table=window_table(windows), names=[name_of(window) for window in windows][::-1], all=ALL, quadrants=QUADRANTS,
        source=windows[-1]["source"] if windows else "",
        rate_plot=Plot(plain_json({"figure-rate-time": through["figure-rate-time"]}), HEIGHT) if windows else None,
        count_plot=Plot(plain_json({"figure-count-time": through["figure-count-time"]}), HEIGHT) if windows else None,
        plot=plain_json(bars), files=file_table(making, RATES), statements=STATEMENTS,
    )  # fmt: skip


def window_table(windows: Sequence[Row]) -> Table:
    """Return the windows, newest first."""
    times = (Column("From", "UTC", "time"), Column("Accumulated to", "UTC", "time"), Column("Exposure", "h", "number"))
    numbers = [Column(label, kind="number") for label in ("Events", "Dust", "No charge", "No mass", "Unplaced")]
    rate = (Column("Rate", "1/h", "number"), Column("68 % interval", "1/h"))
    empty = "No window is accumulated yet. Run: pinakes monitor run idex-rates"
    table = Table((*times, *numbers, *rate, Column("Status")), empty=empty)
    for window in reversed(windows):
        found = _rate(window)
        table.rows.append(
            [
                tables.time(window["t_start"], digits=-1),
                tables.time(window["t_until"], digits=-1),
                tables.number(None if window["exposure"] is None else window["exposure"] / 3600, ".4g"),
                tables.number(window["events"]),
                tables.number(window["dust"]),
                tables.number(window["no_charge"]),
                tables.number(window["no_mass"]),
                tables.number(window["unplaced"], state="warning" if window["unplaced"] else None),
                tables.number(found and 3600 * found[0], ".3g"),
                Cell(f"{3600 * found[1]:.3g} to {3600 * found[2]:.3g}") if found else Cell(NOTHING),
                tables.words(
                    window["status"], state="ok" if window["status"] == "ok" else "info", title=window["reason"] or None
                ),
            ]
        )
    return table


def _rate(window: Row) -> tuple[float, float, float] | None:
    """Rate of all dust of a window with its interval, 1/s."""
    if window["quality"] != 1:
        return None
    taken_off = window["dead_time"] if window["subtracted"] else 0.0
    found = rates.rate([window["dust"]], [window["exposure"]], taken_off)
    return float(found.rate[0]), float(found.low[0]), float(found.high[0])


def through_time(windows: Sequence[Row], what: str) -> Any:
    """Return counts or rates of the windows, with their intervals; a window without exposure has no rate."""
    rows: list[dict[str, Any]] = []
    for window in windows:
        low, high = (float(limit[0]) for limit in rates.poisson_interval([window["dust"]]))
        found = (float(window["dust"]), low, high) if what == "counts" else _rate(window)
        if found is None:
            continue
        start, stop = (window[name].timestamp() * 1000 for name in ("t_start", "t_stop"))
        rows.append(
            {"start": start, "stop": stop, "middle": (start + stop) / 2, "value": found[0], "low": found[1],
             "high": found[2], "name": name_of(window), "dust": window["dust"], "exposure": window["exposure"]}
        )  # fmt: skip
    names = ("start", "stop", "middle", "value", "low", "high", "name", "dust", "exposure")
    source = ColumnDataSource(data={name: [row[name] for row in rows] for name in names})
    label = "Dust events per window" if what == "counts" else "Rate (1/s)"
    ends = [window[name].timestamp() * 1000 for window in windows for name in ("t_start", "t_stop")] or [0, 1]
    top = max((row["high"] for row in rows), default=1.0)
    plot = figure(
        height=HEIGHT, sizing_mode="stretch_width", x_axis_type="datetime", tools="", toolbar_location=None,
        x_range=Range1d(start=min(ends), end=max(ends)), y_range=Range1d(start=0, end=1.08 * top or 1.0),
        x_axis_label="Window (UTC)", y_axis_label=label, min_border_left=LEFT_BORDER, min_border_right=12,
        background_fill_color=None, border_fill_color=None,
    )  # fmt: skip
    across = plot.segment("start", "value", "stop", "value", source=source, line_width=2)
    up = plot.segment("middle", "low", "middle", "high", source=source, line_width=1.5)
    dots = plot.scatter("middle", "value", source=source, size=5)
    for part in (across, up, dots):
        part.tags = ["colour:channel-4"]
    tips = [("Window from", "@name"), (label, "@value{0.000a}"), ("68 %", "@low to @high"), ("Dust", "@dust"),
            ("Exposure (s)", "@exposure")]  # fmt: skip
    plot.add_tools(HoverTool(renderers=[dots], tooltips=tips))
    time_axis(plot)
    interactive(plot)
    return plot


def by_bin(name: str, label: str) -> Any:
    """Return empty bars with intervals, filled by the page: sources ``<name>-bars``."""
    plot = figure(
        height=300, sizing_mode="stretch_width", x_axis_type="log", tools="", toolbar_location=None, name=name,
        x_range=Range1d(start=0.1, end=1e4), y_range=Range1d(start=0, end=1), x_axis_label="Charge (pC)",
        y_axis_label=label, min_border_left=LEFT_BORDER, min_border_right=12,
        background_fill_color=None, border_fill_color=None,
    )  # fmt: skip
    names = ("left", "right", "middle", "value", "low", "high")
    source = ColumnDataSource(data={column: [] for column in names}, name=f"{name}-bars")
    bars = plot.quad(left="left", right="right", top="value", bottom=0, source=source, fill_alpha=0.5, line_width=0.5)
    up = plot.segment("middle", "low", "middle", "high", source=source, line_width=1.6)
    bars.tags, up.tags = ["colour:channel-4"], ["colour:text"]
    tips = [("From", "@left"), ("To", "@right"), (label, "@value"), ("68 %", "@low to @high")]
    plot.add_tools(HoverTool(renderers=[bars], tooltips=tips))
    interactive(plot)
    return plot
